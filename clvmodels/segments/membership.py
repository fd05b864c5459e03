"""How likely a segment's claim about a customer is to be true.

Not read off from thresholds on expectations: each probability is one of the predictive distribution
of the customer's own state and future, the same that the scores come from.
"""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.segments.kinds import CODES
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR
from clvmodels.value.plug_in import take
from clvmodels.value.scorer import Scorer

_TINY = 1e-300
_NEEDED = ("probability_alive", "clv", "expected_purchases")
_GONE, _TIERED = (
    np.isin(np.arange(len(CODES)), [CODES[kind] for kind in kinds])
    for kinds in (("fading", "lapsed"), ("champions", "loyal", "at_risk"))
)


class Claims:
    """Probabilities that the claims of segments are true.

    Parameters
    ----------
    scorer
        Where the predictive distributions are.
    tier, limit
        Score that the value tier looks at, and from which number on it is the top one.
    """

    def __init__(self, scorer: Scorer, tier: str, limit: float) -> None:
        self._scorer, self._tier, self._limit = scorer, tier, limit
        self._by_day = np.empty(0)

    def probability(
        self, columns: CustomerColumns, scores: dict[str, FloatArray], codes: IntArray
    ) -> FloatArray:
        """Membership probability of each customer, (n,); NaN where no distribution tells it."""
        alive = scores["probability_alive"]
        result: FloatArray = np.where(_GONE[codes], 1.0 - alive, alive)
        once = np.flatnonzero(codes == CODES["one_time"])
        result[once] = self._stays_away(take(columns, once))
        tiered = np.flatnonzero(_TIERED[codes])
        code, active = codes[tiered], alive[tiered]
        needed = {name: scores[name][tiered] for name in _NEEDED if name in scores}
        above = self._active_above(take(columns, tiered), needed)
        tiers = np.where(code == CODES["champions"], above, active - above)
        at_risk = np.flatnonzero(code == CODES["at_risk"])
        tiers[at_risk] = above[at_risk] / np.maximum(active[at_risk], _TINY)
        result[tiered] = np.clip(tiers, 0.0, 1.0)
        return result

    def _stays_away(self, columns: CustomerColumns) -> FloatArray:
        """P(no purchase within the horizon) of customers with one purchase, by their age."""
        day = _whole_days(columns)
        if day is None:
            ages, which = np.unique(columns.age, return_inverse=True)
            return self._away(ages)[which]
        # Other threads may add days too: each works on what it found.
        known = self._by_day
        missing = int(day.max(initial=0)) + 1 - len(known)
        if missing > 0:
            ages = np.arange(len(known), len(known) + missing) / DAYS_PER_UNIT[columns.time_unit]
            self._by_day = known = np.append(known, self._away(ages))
        return known[day]

    def _away(self, age: FloatArray) -> FloatArray:
        """The same for customers of these ages; within a year where the horizon has no end."""
        scorer, none, zero = self._scorer, np.zeros(len(age), dtype=np.int64), np.zeros(len(age))
        horizon = scorer.terms.horizon
        days = DAYS_PER_YEAR if horizon.is_lifetime else horizon.days
        ahead = np.full(len(age), days / DAYS_PER_UNIT[scorer.purchases.time_unit_])
        away = np.zeros(len(age))
        for part in scorer.parts:
            kernel, theta = part.purchases.kernel, part.purchases.fit_.parameters
            alive = kernel.probability_alive(theta, none, zero, age)
            away += 1.0 - alive + alive * kernel.alive_idle(theta, none, age, ahead)
        return away / len(scorer.parts)

    def _active_above(self, columns: CustomerColumns, scores: dict[str, FloatArray]) -> FloatArray:
        """P(active, and worth at least the limit), (n,)."""
        scorer, limit = self._scorer, self._limit
        if self._tier == "discounted_purchases":
            return np.full(len(columns), np.nan)
        if self._tier == "expected_purchases":
            most = np.full(len(columns), max(int(np.ceil(limit)) - 1, 0), dtype=np.int64)
            if len(scorer.parts) > 1:
                return 1.0 - scorer.mixture(columns).purchases_cdf(most)
            tables, (n, _) = scorer.parts[0].tables, spend_evidence(columns)
            rows = tables.rows(columns.frequency, columns.age, n)
            return scores["probability_alive"] * (1.0 - tables.purchases_cdf(rows, most))
        gross = limit + scorer.terms.fixed_cost
        if len(scorer.parts) == 1 and scorer.parts[0].simulated is None:
            return self._exactly_above(columns, scores, gross)
        mixture = scorer.mixture(columns)
        # Who has left is worth exactly 0, which no limit above 0 counts.
        left = (1.0 - mixture.alive.mean(axis=0)) * (gross <= 0.0)
        below = np.nextafter(gross, -np.inf) if gross <= 0.0 else gross
        above: FloatArray = 1.0 - mixture.value_cdf(np.full(len(columns), below)) - left
        return above

    def _exactly_above(
        self, columns: CustomerColumns, scores: dict[str, FloatArray], gross: float
    ) -> FloatArray:
        """The same with one set of parameters, from its tables and what the scores say already."""
        scorer, alive = self._scorer, scores["probability_alive"]
        if gross <= 0.0 or scorer.spend is None:
            return alive
        tables = scorer.parts[0].tables
        p, q, _ = scorer.spend.fit_.parameters.tolist()
        n, _ = spend_evidence(columns)
        # Value is total spend over γ′ times a factor, and its mean is known.
        expected = np.maximum(scores["expected_purchases"], _TINY)
        mean = np.maximum(scores["clv"] + scorer.terms.fixed_cost, _TINY) / expected
        rows = tables.rows(columns.frequency, columns.age, n)
        log_y = np.log(gross * p / (mean * (p * n + (q - 1.0))))
        below, _ = tables.totals_cdf(rows, log_y)
        return alive * (1.0 - below)


def _whole_days(columns: CustomerColumns) -> IntArray | None:
    """Ages in days; None where one is no whole number of them."""
    per_unit = DAYS_PER_UNIT[columns.time_unit]
    day: IntArray = np.rint(columns.age * per_unit).astype(np.int64)
    return day if (day / per_unit == columns.age).all() else None
