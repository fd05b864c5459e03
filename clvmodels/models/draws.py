"""Draws of the posterior on disk: one NetCDF file beside the models of a folder."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np

from clvmodels.errors import ArtefactError
from clvmodels.kernels.base import FloatArray
from clvmodels.storage import aside

FILE = "posterior.nc"
_ADVICE = "Fit the model again, or restore the file."


def fingerprint(draws: FloatArray) -> str:
    """Hash of draws that ties a model to its own."""
    return hashlib.sha256(np.ascontiguousarray(draws, dtype="<f8").tobytes()).hexdigest()


def write_draws(folder: Path, name: str, draws: FloatArray | None) -> None:
    """Put the draws (draws, k) of one model into the file; those of other models stay in it.

    A model without draws (None) leaves none behind, and the last one no file.
    """
    from scipy.io import netcdf_file

    path = folder / FILE
    try:
        known = _read(path)
    except ArtefactError:
        known = {}  # missing, or no use to anybody
    known.pop(name, None)
    if draws is not None:
        known[name] = draws
    if not known:
        path.unlink(missing_ok=True)
        return
    with aside(path) as file, netcdf_file(str(file), "w") as content:
        for model, values in sorted(known.items()):
            dimensions = (f"{model}_draw", f"{model}_coordinate")
            for dimension, size in zip(dimensions, values.shape, strict=True):
                content.createDimension(dimension, size)
            content.createVariable(model, ">f8", dimensions)[:] = values


def read_draws(folder: Path, name: str, expected: str) -> FloatArray:
    """Draws (draws, k) of one model, bit by bit as they were written.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged, or if the draws do not have the expected fingerprint.
    """
    draws = _read(folder / FILE).get(name)
    if draws is None or draws.ndim != 2 or fingerprint(draws) != expected:
        msg = f"{FILE} does not hold the draws that belong to {name}.json. {_ADVICE}"
        raise ArtefactError(msg)
    return draws


def _read(path: Path) -> dict[str, FloatArray]:
    from scipy.io import netcdf_file

    try:
        # From bytes, so that a damaged size cannot ask for memory that the file never filled.
        with netcdf_file(BytesIO(path.read_bytes()), "r") as content:
            return {
                name: np.array(variable[:], dtype=np.float64)
                for name, variable in content.variables.items()
            }
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"There is no {path.name} in {path.parent}, which has the draws. {_ADVICE}"
        raise ArtefactError(msg) from error
    # Whatever a parser meets in bytes that are not its own.
    except (OSError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        msg = f"{path.name} is damaged ({error!r}). {_ADVICE}"
        raise ArtefactError(msg) from error
