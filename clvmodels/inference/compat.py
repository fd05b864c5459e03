"""What differs between the releases of PyMC and ArviZ: all of it is here.

Python 3.11 has PyMC 5.28 with ArviZ 0.23; from 3.12 on it is PyMC 6 with ArviZ 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray

# Share of the draws beyond which ArviZ's tail size looks, unless it is told otherwise.
_TAIL = (0.05, 0.95)


def import_arviz() -> Any:
    """ArviZ, also for packages that import it themselves; 0.23 announces 1.0 once a day."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=r"\s*ArviZ is undergoing a major refactor", category=FutureWarning
        )
        import arviz
    return arviz


@contextmanager
def calling_back_into_python() -> Iterator[None]:
    """Compile quietly what calls Python from compiled code, as every kernel's likelihood does."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Numba will use object mode to run", category=UserWarning
        )
        yield


def pull_back(op: type) -> type:
    """Give PyTensor 2 the gradient that an Op of PyTensor 3 calls ``pullback``."""
    from pytensor.graph.op import Op

    if not hasattr(Op, "pullback"):
        op.L_op = op.pullback  # type: ignore[attr-defined]
    return op


def sampling_diagnostics(draws: FloatArray) -> tuple[float, float, float]:
    """Rank-normalised R-hat, bulk and tail effective sample size of draws (chains, n)."""
    arviz = import_arviz()
    return (
        float(arviz.rhat(draws, method="rank")),
        float(arviz.ess(draws, method="bulk")),
        float(arviz.ess(draws, method="tail", prob=_TAIL)),
    )


def energy_information(energy: FloatArray) -> FloatArray:
    """BFMI of each chain from its energies (chains, n)."""
    bfmi: FloatArray = np.asarray(import_arviz().bfmi(energy), dtype=np.float64)
    return bfmi


def labelled_groups(
    groups: Mapping[str, Mapping[str, NDArray[Any]]],
    dims: Mapping[str, Sequence[str]],
    coords: Mapping[str, Any],
) -> Any:
    """Arrays by group and name as ArviZ holds them: InferenceData, or DataTree from ArviZ 1 on.

    The arrays of draws are (chains, draws, …).
    """
    arviz = import_arviz()
    labels = {"dims": {name: list(axes) for name, axes in dims.items()}, "coords": dict(coords)}
    if arviz.__version__.startswith("0."):
        return arviz.from_dict(**groups, **labels)
    return arviz.from_dict(dict(groups), **labels)
