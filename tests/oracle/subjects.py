"""Every purchase model with its oracle and the cases on which the two are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from clvmodels.kernels.base import PurchaseKernel
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.modified_beta_geo import ModifiedBetaGeo
from clvmodels.kernels.nbd import NBD
from clvmodels.kernels.pareto_nbd import ParetoNBD
from tests.oracle import beta_geo, cases, nbd, pareto_nbd
from tests.oracle.cases import Case, random_cases
from tests.oracle.purchases import PurchaseOracle


@dataclass(frozen=True)
class Subject:
    """A kernel, its oracle, its published parameters and where to look."""

    kernel: PurchaseKernel
    oracle: PurchaseOracle
    published: tuple[float, ...]
    extreme: dict[str, Case]
    within: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def name(self) -> str:
        return self.kernel.name

    def __str__(self) -> str:
        return self.name


_ALL = (
    Subject(
        BetaGeo(), beta_geo.BETA_GEO, cases.BETA_GEO, cases.BETA_GEO_EXTREME, cases.BETA_GEO_RANGE
    ),
    Subject(
        ModifiedBetaGeo(),
        beta_geo.MODIFIED_BETA_GEO,
        cases.MODIFIED_BETA_GEO,
        cases.BETA_GEO_EXTREME,
        cases.BETA_GEO_RANGE,
    ),
    Subject(
        NBD(),
        nbd.NBDOracle(),
        cases.NBD,
        {
            name: replace(case, theta=case.theta[:2])
            for name, case in cases.BETA_GEO_EXTREME.items()
        },
        cases.NBD_RANGE,
    ),
    Subject(
        ParetoNBD(),
        pareto_nbd.ParetoNBDOracle(),
        cases.PARETO_NBD,
        cases.PARETO_NBD_EXTREME,
        cases.PARETO_NBD_RANGE,
    ),
)
SUBJECTS = {subject.name: subject for subject in _ALL}

every_subject = pytest.mark.parametrize("subject", _ALL, ids=str)


def each_case(quick: int, slow: int, seed: int, frozen: Sequence[dict[str, Any]] = ()) -> Any:
    """Parametrise over every model's extremes and random cases; the ``slow`` ones are marked.

    Models whose values are in the ``frozen`` rows are left out.
    """
    left_out = {row["model"] for row in frozen}
    return pytest.mark.parametrize(
        ("subject", "case"),
        [
            pytest.param(
                subject,
                case,
                id=f"{subject.name}-{case}",
                marks=pytest.mark.slow if i >= quick else (),
            )
            for subject in _ALL
            if subject.name not in left_out
            for i, case in enumerate(
                [
                    *subject.extreme.values(),
                    *random_cases(subject.within, quick + slow, seed),
                ],
                start=-len(subject.extreme),
            )
        ],
    )
