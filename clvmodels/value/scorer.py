"""From a batch of customers to a batch of scores: the one function behind notebook and job."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.averaging import Averaging, Averagings
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import PREDICTIONS, Ahead, PlugIn, mixed_outlook, take
from clvmodels.value.simple_formula import simple_formula_per_customer
from clvmodels.value.simulated import SimulatedOutlook
from clvmodels.value.terms import ValueTerms, check_interval

# Customers times points of the posterior that are worked on at once.
_CELLS_AT_ONCE = 1 << 21


class Scorer:
    """Scores batches of customers with fixed models and terms.

    Where the models know their parameters as draws, and this matters, every score is one of the
    mixture over representative draws; otherwise of the mode.

    Parameters
    ----------
    purchases, spend
        Fitted models; without ``spend`` every column in money is NaN.
    terms
        What value means.
    interval
        Probability of the predictive intervals.
    seed
        For what has to be simulated.
    averagings
        Decisions on averaging to share with others; by default it takes its own.
    """

    def __init__(
        self,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        terms: ValueTerms,
        interval: float,
        seed: int = 0,
        averagings: Averagings | None = None,
    ) -> None:
        self.purchases, self.spend, self.terms = purchases, spend, terms
        self.levels, self.seed = check_interval(interval), seed
        self._averagings = averagings or Averagings()
        self._plug_in = PlugIn(purchases, spend, terms, self.levels, seed)

    @cached_property
    def averaging(self) -> Averaging:
        """Over how many points of the posterior the scores are averaged, and the error left."""
        return self._averagings.of(self.purchases, self.spend, self.terms, self.levels)

    @cached_property
    def parts(self) -> list[PlugIn]:
        """The sets of parameters behind the scores, equally likely; one where the mode serves."""
        return [self._plug_in] if self.averaging.draws_used == 1 else self._parts

    @cached_property
    def _parts(self) -> list[PlugIn]:
        pairs = parameter_pairs(self.purchases, self.spend, self.averaging.draws_used)
        return [PlugIn(*pair, self.terms, self.levels, self.seed) for pair in pairs]

    def prepare(self, columns: CustomerColumns) -> None:
        """Work out what is shared by customers of equal (x, T), all at once.

        Not needed for a result, but a base that is scored by batches is scored faster: the work
        is then done for whole groups of customers instead of what each batch adds to them.
        """
        if self.averaging.draws_used == 1:
            self._plug_in.prepare(columns)
            return
        x, age = columns.frequency, columns.age
        if not self.terms.horizon.is_lifetime:
            for part in self._parts:
                part.tables.rows(x, age, x)
        if self._simulated is not None:
            self._simulated.rows(x, age, x)

    def score(self, columns: CustomerColumns) -> dict[str, FloatArray]:
        """Predictions for each customer by column name, NaN where there is none."""
        draws = self.averaging.draws_used
        if draws == 1:
            return self._plug_in.score(columns)
        size = max(_CELLS_AT_ONCE // draws, 1)
        scores = [
            self._mixed(take(columns, slice(start, start + size)))
            for start in range(0, max(len(columns), 1), size)
        ]
        return {name: np.concatenate([part[name] for part in scores]) for name in PREDICTIONS}

    def mixture(self, columns: CustomerColumns) -> Mixture:
        """The distributions behind the scores of some customers."""
        if self.averaging.draws_used == 1:
            return Mixture(self.parts, columns, self._plug_in.simulated)
        return Mixture(self.parts, columns, self._simulated)

    def _mixed(self, columns: CustomerColumns) -> dict[str, FloatArray]:
        lower, median, upper = self.levels
        terms = self.terms
        mixture = self.mixture(columns)
        scores = dict.fromkeys(PREDICTIONS, np.full(len(columns), np.nan))
        scores["probability_alive"] = mixture.alive.mean(axis=0)
        if not terms.horizon.is_lifetime:
            scores["expected_purchases"] = mixture.expected_purchases.mean(axis=0)
            for name, level in (("purchases_lower", lower), ("purchases_upper", upper)):
                scores[name] = mixture.purchases_quantile(level).astype(np.float64)
        if self.spend is not None:
            fixed = terms.fixed_cost
            scores["expected_spend"] = mixture.spend.mean(axis=0)
            scores["clv"] = mixture.value.mean(axis=0) - fixed
            for name, level in (("lower", lower), ("median", median), ("upper", upper)):
                scores[f"clv_{name}"] = mixture.value_quantile(level) - fixed
            scores["potential_value"] = mixture.if_alive.mean(axis=0) - fixed
            scores["clv_simple_formula"] = simple_formula_per_customer(columns, terms)
        return scores

    @cached_property
    def _simulated(self) -> SimulatedOutlook | None:
        return mixed_outlook(self._parts)

    def ahead(self, columns: CustomerColumns) -> Ahead:
        """P(alive) and the purchases to expect while active, at the mode."""
        return self._plug_in.ahead(columns)

    def ahead_at(self, model: PurchaseModel, columns: CustomerColumns) -> Ahead:
        """The same at other parameters; what customers share is kept for the next who ask."""
        return self._plug_in.ahead(columns, model)

    def mean_square_purchases(self, columns: CustomerColumns) -> FloatArray:
        """E[(purchases within the horizon)² | active], (n,); NaN for a lifetime."""
        return self._plug_in.mean_square_purchases(columns)

    def mean_square_values(
        self, columns: CustomerColumns, ahead: Ahead
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[S²], E[S N], E[N²] given active, as in `Outlook.mean_squares`, (n,) each."""
        return self._plug_in.mean_square_values(columns, ahead)
