"""What a simulated shop is like: the frozen configuration of a simulation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from clvmodels.errors import ParameterError
from clvmodels.showing import ShownAsFacts
from clvmodels.units import DAYS_PER_UNIT, Duration, TimeUnit, check_time_unit

if TYPE_CHECKING:
    from clvmodels.models.gamma_gamma import GammaGammaModel
    from clvmodels.models.purchases import PurchaseModel

# Where the centre of the scale-free priors is put if no parameters are given.
_DAYS_BETWEEN_PURCHASES = 180.0
_MEAN_SPEND = 50.0
_LONGEST = "100y"
_MONTH_DAY = re.compile(r"\d\d-\d\d", re.ASCII)
# Numbers and what they must be: least, most, whether the most itself is allowed, in words.
_BOUNDS: dict[str, tuple[float, float, bool, str]] = {
    "customers": (1, 1e12, True, "a whole number of at least 1"),
    "season": (0.0, 1.0, False, "at least 0 and below 1"),
    "trend": (-0.99, 10.0, True, "between -0.99 and 10, as a fraction: 0.2 is 20 % a year"),
    "event_factor": (1e-6, 1e4, True, "above 0 and at most 10000"),
    "shock": (0.0, 3.0, True, "between 0 and 3"),
    "shock_windows": (1, 1000, True, "a whole number from 1 to 1000"),
    "subscriptions": (0.0, 1.0, True, "a share between 0 and 1"),
    "bursts": (0.0, 1.0, True, "a share between 0 and 1"),
    "returns": (0.0, 1.0, True, "a share between 0 and 1"),
    "line_items": (1.0, 100.0, True, "between 1 and 100"),
    "dirt": (0.0, 1.0, False, "a share of at least 0 and below 1"),
    "seed": (0, 2.0**64, False, "a whole number of at least 0"),
}
_WHOLE = ("customers", "shock_windows", "seed")


@dataclass(frozen=True, kw_only=True, repr=False)
class SimulatedShop(ShownAsFacts):
    """A shop to simulate: its models, its time, and in what it departs from the models.

    Without any option but ``customers`` the log obeys the purchase model and Gamma-Gamma exactly,
    apart from the rounding to calendar days and cents: a purchase on a day on which its customer
    has already bought moves on to the next. Season, trend, events and shock set the pace of
    repeat purchases and of new customers alike.

    Parameters
    ----------
    customers : int
        How many customers there are.
    model : str
        Name of the purchase model, such as ``"bgnbd"`` or ``"pareto_nbd"``.
    parameters, spend : mapping, optional
        Parameters of the purchase model and of Gamma-Gamma by name. The default is the centre of
        the models' priors, scaled to about two purchases a year of about 50 each.
    time_unit : {"day", "week"}
        Unit of ``parameters``.
    start : date
        First day of the log.
    span : str
        Length of the log, such as ``"2y"``.
    arrivals : str, optional
        How long new customers keep coming, from the first day on (with ``history``: from its
        first day); by default until the end of the log.
    history : str, optional
        How long the shop has existed when the log begins; what happened then is not in the log.
    season : float
        Swing of a yearly wave: 0.5 is half as many purchases again at its height, half at its low.
    season_peak : str
        Month and day of the height, such as ``"12-15"``.
    trend : float
        Growth of purchases and of new customers per year, as a fraction.
    events : tuple of str
        Days of every year, such as ``("11-29",)``, on which there is ``event_factor`` times as
        much to do.
    event_factor : float
        See ``events``.
    shock : float
        Standard deviation of the log of one common factor on all purchases within the last
        ``shock_window`` of the log.
    shock_window : str
        See ``shock``.
    shock_windows : int
        How many windows of this length, counted back from the last, have a factor of their own.
    subscriptions : float
        Share of customers who buy every ``subscription_gap``, give or take a tenth.
    subscription_gap : str
        See ``subscriptions``.
    bursts : float
        Share of purchases that are followed by one or more within days.
    returns : float
        Share of orders that come back later, whole or in part, as a row with a negative amount.
    line_items : float
        Mean number of rows of an order.
    order_ids : bool
        Whether there is a column ``order_id``; a return has the id of its order.
    dirt : float
        Share of rows that break a rule of the data contract. They come on top of the good ones,
        and make the date and the amount text.
    seed : int
        Decides every draw. Each feature draws from streams of its own: returns, for instance,
        leave the purchases as they were.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    DurationError
        If a span of time has no unit.

    Examples
    --------
    >>> import clvmodels as clv
    >>> shop = clv.SimulatedShop(customers=1_000, season=0.4, returns=0.05)
    >>> shop.last_day
    datetime.date(2024, 12, 30)
    >>> shop.purchase_model().params_["r"]
    1.0
    """

    customers: int
    model: str = "bgnbd"
    parameters: Mapping[str, float] | None = None
    spend: Mapping[str, float] | None = None
    time_unit: TimeUnit = "day"
    start: date = date(2023, 1, 1)
    span: str = "2y"
    arrivals: str | None = None
    history: str | None = None
    season: float = 0.0
    season_peak: str = "12-15"
    trend: float = 0.0
    events: tuple[str, ...] = ()
    event_factor: float = 10.0
    shock: float = 0.0
    shock_window: str = "26w"
    shock_windows: int = 1
    subscriptions: float = 0.0
    subscription_gap: str = "30d"
    bursts: float = 0.0
    returns: float = 0.0
    line_items: float = 1.0
    order_ids: bool = False
    dirt: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, bounds in _BOUNDS.items():
            _check_number(name, getattr(self, name), bounds)
        check_time_unit(self.time_unit)
        for name, days in (("season_peak", (self.season_peak,)), ("events", self.events)):
            for day in days:
                _check_month_day(name, day)
        self._check_length("span", _LONGEST)
        self._check_length("history", _LONGEST)
        self._check_length("arrivals", f"{self.days}d")
        self._check_length("subscription_gap", _LONGEST)
        if self.shock:
            self._check_length("shock_window", self.span)
        try:
            _ = self.first_day, self.last_day
        except OverflowError:
            bound = "such that the years of the log lie between 1 and 9999"
            raise ParameterError("start", self.start.isoformat(), bound) from None
        self.purchase_model()
        self.spend_model()

    def _facts(self) -> dict[str, str]:
        told = {"customers": f"{self.customers:,}", "days": f"{self.start} to {self.last_day}"}
        told |= {"model": self.purchase_model().kernel.name, "seed": str(self.seed)}
        for found in fields(self):
            value = getattr(self, found.name)
            if found.name not in {*told, "start", "span"} and value != found.default:
                told[found.name.replace("_", " ")] = str(value)
        return told

    def _check_length(self, name: str, longest: str) -> None:
        value = getattr(self, name)
        if value is not None and not 1.0 <= _days(value) <= _days(longest) + 0.5:
            raise ParameterError(name, value, f"at least a day and at most {longest}")

    @property
    def opening(self) -> int:
        """Days that the shop has existed before the log begins."""
        return 0 if self.history is None else round(_days(self.history))

    @property
    def days(self) -> int:
        """Days of the shop's life, history included."""
        return self.opening + round(_days(self.span))

    @property
    def first_day(self) -> date:
        """First day of the shop's life, which is the log's without a history."""
        return self.start - timedelta(days=self.opening)

    @property
    def last_day(self) -> date:
        """Last day of the log."""
        return self.first_day + timedelta(days=self.days - 1)

    def purchase_model(self) -> PurchaseModel:
        """Model of purchases with the parameters of this shop."""
        from clvmodels.models import PURCHASE_MODELS

        if self.model not in PURCHASE_MODELS:
            raise ParameterError("model", self.model, f"one of {', '.join(PURCHASE_MODELS)}")
        kind = PURCHASE_MODELS[self.model]
        scale = _DAYS_BETWEEN_PURCHASES / DAYS_PER_UNIT[self.time_unit]
        given = _centre(kind, scale) if self.parameters is None else self.parameters
        return kind.from_params(given, time_unit=self.time_unit)

    def spend_model(self) -> GammaGammaModel:
        """Model of spend with the parameters of this shop."""
        from clvmodels.models.gamma_gamma import GammaGammaModel

        given = _centre(GammaGammaModel, _MEAN_SPEND) if self.spend is None else self.spend
        return GammaGammaModel.from_params(given, time_unit=self.time_unit)

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, with the parameters that are used."""
        used = {"parameters": self.purchase_model().params_, "spend": self.spend_model().params_}
        return asdict(self) | used


def _check_number(name: str, value: object, bounds: tuple[float, float, bool, str]) -> None:
    least, most, with_most, words = bounds
    kinds = (int,) if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
        raise ParameterError(name, value, words)
    if not (least <= value < most or (with_most and value == most)):
        raise ParameterError(name, value, words)


def _check_month_day(name: str, day: str) -> None:
    try:
        known = bool(_MONTH_DAY.fullmatch(day)) and date.fromisoformat(f"2024-{day}")
    except ValueError:
        known = False
    if not known:
        raise ParameterError(name, day, "a month and a day such as '12-24'")


def _days(duration: str) -> float:
    return Duration.parse(duration).days


def _centre(kind: Any, scale: float) -> dict[str, float]:
    """Parameters at the centre of a model's prior."""
    import numpy as np

    theta = kind.kernel.from_coordinates(np.array(kind.kernel.prior_mean), scale)
    return dict(zip(kind.kernel.parameters, theta.tolist(), strict=True))
