"""How far the total of the base has strayed before: common shocks, learned from earlier windows.

A window is as long as the horizon, and the history before it at least as long as the window, so
that no window is forecast from less than it looks ahead. Shorter windows would say nothing about
what a longer horizon brings, and are not used: a log without a single such window rests on the
assumed shock. The assumption also stays in what is learned, worth four windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ArtefactError, DurationError, InputError, ParameterError
from clvmodels.evaluation.origins import FEWEST_REPEATERS
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.showing import ShownAsText
from clvmodels.storage import plain, read_json, write_json
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog, as_date
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import Duration
from clvmodels.value.plug_in import look_ahead
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import ValueGroups, expected_totals

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
MOST_WINDOWS = 3
# A total of zero has no logarithm: half a purchase stands in for it, and half an order's amount.
_LEAST = 0.5


@dataclass(frozen=True)
class ShockWindow:
    """What was forecast for the customers known at the origin, and what they did until the end.

    Spend is undiscounted and before margin; None where there are no amounts.
    """

    origin: date
    end: date
    customers: int
    predicted_purchases: float
    actual_purchases: float
    purchases_log_error: float
    predicted_spend: float | None = None
    actual_spend: float | None = None
    spend_log_error: float | None = None

    @classmethod
    def of(
        cls,
        origin: date,
        end: date,
        customers: int,
        predicted: tuple[float, float],
        actual: tuple[float, float],
    ) -> ShockWindow:
        """Compare purchases and spend; a spend of NaN is not known.

        Examples
        --------
        >>> from datetime import date
        >>> from clvmodels.evaluation.shocks import ShockWindow
        >>> days = date(2024, 6, 30), date(2024, 12, 31)
        >>> window = ShockWindow.of(*days, 50, (20.0, float("nan")), (0.0, float("nan")))
        >>> window.purchases_log_error == math.log(0.5 / 20.0)
        True
        """
        (purchases, spend), (bought, spent) = predicted, actual
        counts = (purchases, bought, _log_error(bought, purchases, _LEAST))
        if not (math.isfinite(spend) and math.isfinite(spent)):
            return cls(origin, end, customers, *counts)
        order = spend / purchases
        return cls(
            origin, end, customers, *counts, spend, spent, _log_error(spent, spend, _LEAST * order)
        )


@dataclass(frozen=True)
class LearnedShocks(ShownAsText, CommonShocks):
    """Common shocks for one horizon, with the windows that they were learned from."""

    horizon: str = "1y"
    windows: tuple[ShockWindow, ...] = ()

    @classmethod
    def of_windows(cls, windows: tuple[ShockWindow, ...], horizon: str) -> LearnedShocks:
        """Learn from the errors of windows; assumed where there is none."""
        spend = [w.spend_log_error for w in windows if w.spend_log_error is not None]
        purchases = [w.purchases_log_error for w in windows]
        shocks = (CommonShock.of_errors(purchases), CommonShock.of_errors(spend))
        return cls(*shocks, horizon=horizon, windows=windows)

    def to_frame(self) -> pd.DataFrame:
        """Give the windows, one row each."""
        import pandas as pd

        return pd.DataFrame([asdict(window) for window in self.windows])

    def to_dict(self) -> dict[str, Any]:
        """Give everything as ``run.json`` and ``model/shock.json`` have it."""
        sizes = {
            name: {
                "sd": shock.sd,
                "degrees_of_freedom": shock.degrees_of_freedom,
                "windows": shock.windows,
                "assumed": shock.assumed,
            }
            for name, shock in (("purchases", self.purchases), ("value", self.value))
        }
        windows = [asdict(window) for window in self.windows]
        content: dict[str, Any] = plain({"horizon": self.horizon, **sizes, "windows": windows})
        return content

    def save(self, path: Path) -> None:
        """Write the windows; the sizes follow from them."""
        write_json(path, self.to_dict(), schema=SCHEMA)

    @classmethod
    def load(cls, path: Path) -> LearnedShocks:
        """Read what `save` wrote.

        Raises
        ------
        ArtefactError
            If the file is missing, damaged or of another version.
        """
        content = read_json(path, schema=SCHEMA)
        try:
            windows = tuple(_read_window(window) for window in content["windows"])
            return cls.of_windows(windows, str(Duration.parse(content["horizon"])))
        except (DurationError, KeyError, TypeError, ValueError) as error:
            msg = f"{path.name} is damaged ({type(error).__name__}: {error}). Fit again."
            raise ArtefactError(msg) from error

    def __repr__(self) -> str:
        lines = [
            f"Common shocks over {self.horizon}",
            f"  {'purchases':<10}{_in_words(self.purchases)}",
            f"  {'value':<10}{_in_words(self.value)}",
        ]
        for window in self.windows:
            off = math.expm1(window.purchases_log_error)
            lines.append(
                f"  {window.origin} to {window.end}: {window.predicted_purchases:,.0f} purchases "
                f"forecast, {window.actual_purchases:,.0f} happened ({off:+.0%})"
            )
        return "\n".join(lines)


def common_shocks(
    log: TransactionLog,
    horizon: str | Duration = "1y",
    *,
    model: str = "bgnbd",
    observation_end: date | str | None = None,
    windows: int = MOST_WINDOWS,
) -> LearnedShocks:
    """Learn how far totals of the base stray, from earlier windows as long as the horizon.

    Before each window the models are fitted to what was known then, and the total of the
    customers known then is held against what they did.

    Parameters
    ----------
    log
        The log, from `read_transactions`.
    horizon
        How far ahead the totals look that will carry the shock.
    model
        Name of the purchase model, such as ``"bgnbd"``.
    observation_end
        Last day observed; nothing later is seen. Default: the log's last day.
    windows
        How many windows at most, the latest first; they do not overlap.

    Returns
    -------
    LearnedShocks
        To be given to `CustomerValue.total` as ``shock``. Marked as assumed where no window fits
        into the log, and for a lifetime, which no log can hold.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.load_cdnow("sample")
    >>> clv.common_shocks(log, "20w").purchases.windows
    2
    """
    if model not in PURCHASE_MODELS:
        raise ParameterError("model", model, f"one of {', '.join(PURCHASE_MODELS)}")
    if windows < 0:
        raise ParameterError("windows", windows, "at least 0")
    end = log.last_date if observation_end is None else as_date(observation_end, "observation_end")
    ahead = Duration.parse(horizon)
    spans = _spans(log.first_date, end, ahead, windows)
    found = (_window(log, *span, model) for span in spans)
    known = tuple(window for window in found if window is not None)
    return LearnedShocks.of_windows(known, str(ahead))


def _spans(first: date, end: date, horizon: Duration, most: int) -> Iterator[tuple[date, date]]:
    """Origin and end of each window, in the order of time."""
    if horizon.is_lifetime:
        return
    days = max(round(horizon.days), 1)
    fit = ((end - first).days + 1) // days - 1
    for back in range(min(fit, most), 0, -1):
        last = end - timedelta(days=days * (back - 1))
        yield last - timedelta(days=days), last


def _window(log: TransactionLog, origin: date, end: date, model: str) -> ShockWindow | None:
    """One window; None where hardly anybody had bought again before it."""
    try:
        customers = log.before(origin).summarize(time_unit="day")
    except InputError:
        # Whatever was bought up to the origin had been returned by then.
        return None
    triples = customers.triples()
    if triples.weights[triples.frequency > 0].sum() < FEWEST_REPEATERS:
        return None
    purchases = PURCHASE_MODELS[model]().fit(customers, method="map")
    spend = None
    if log.has_amount and len(customers.orders()):
        spend = GammaGammaModel().fit(customers, method="map")
    horizon = Duration.parse(f"{(end - origin).days}d")
    terms = ValueTerms(horizon, annual_discount_rate=0.0)
    groups = _groups(customers)
    ahead = look_ahead(purchases, groups.columns, terms)
    _, count, money, _ = expected_totals(groups, spend, terms, ahead).tolist()
    return ShockWindow.of(
        origin, end, len(customers), (count, money), _happened(log.before(end), origin)
    )


def _groups(customers: CustomerSummary) -> ValueGroups:
    """Customers grouped batch by batch, so that a large base is never held whole."""
    unit = customers.time_unit
    batches = customers.batches()
    return ValueGroups.merged(
        [ValueGroups.of(CustomerColumns.from_days(batch, unit)) for batch in batches]
    )


def _happened(log: TransactionLog, origin: date) -> tuple[float, float]:
    """Purchases and spend after the origin of those who were customers by then."""
    by_day = log.purchases_by_day(cohort_end=origin)
    after = by_day.column("day").to_numpy() > np.datetime64(origin)
    bought = float(by_day.column("repeat_purchases").to_numpy()[after].sum())
    if not log.has_amount:
        return bought, math.nan
    return bought, float(by_day.column("amount").to_numpy()[after].sum())


def _log_error(actual: float, predicted: float, least: float) -> float:
    return math.log(max(actual, least) / max(predicted, least)) if least > 0.0 else 0.0


def _read_window(fields: Mapping[str, Any]) -> ShockWindow:
    days = {name: date.fromisoformat(fields[name]) for name in ("origin", "end")}
    window = ShockWindow(**{**fields, **days})
    for name, value in asdict(window).items():
        if name not in days and value is not None and not math.isfinite(value):
            raise ValueError(name)
    return window


def _in_words(shock: CommonShock) -> str:
    if shock.assumed:
        return f"{shock.sd:.0%}, assumed: no earlier window is long enough to measure it"
    windows = f"{shock.windows} earlier window{'s' * (shock.windows != 1)}"
    factor = f"alone it makes the 90% interval of a total ×/÷ {shock.factor(0.9):.2f}"
    return f"{shock.sd:.0%}, from {windows}; {factor}"
