"""What every fitted model shares: its parameters, how it shows itself, how it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from clvmodels.errors import ArtefactError, NoDrawsError, NotFittedError, ParameterError
from clvmodels.inference.fit import Fit
from clvmodels.inference.posterior import Posterior
from clvmodels.kernels.base import FloatArray, Kernel
from clvmodels.models.analysis import Analysed
from clvmodels.models.draws import fingerprint, read_draws, write_draws
from clvmodels.storage import read_json, write_json
from clvmodels.units import TimeUnit, check_time_unit

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1


class Model(Analysed):
    """Parameters of a kernel in a known time unit.

    Attributes
    ----------
    fit_ : Fit
        Everything that was learned.
    time_unit_ : {"day", "week"}
        Unit of the parameters.
    fingerprint_ : str or None
        Hash of the data of the fit.
    """

    kernel: ClassVar[Kernel]

    fit_: Fit
    time_unit_: TimeUnit
    fingerprint_: str | None

    @classmethod
    def from_params(cls, params: Mapping[str, float], *, time_unit: str) -> Self:
        """Model with known parameters instead of a fit; they are taken as exact.

        Raises
        ------
        ParameterError
            If a parameter is missing, unknown or out of bounds.
        """
        names = cls.kernel.parameters
        if set(params) != set(names):
            raise ParameterError("params", sorted(params), f"exactly {', '.join(names)}")
        for name, value in params.items():
            if not 0.0 < value < np.inf:
                raise ParameterError(name, value, "above 0 and finite")
        theta = np.array([float(params[name]) for name in names])
        with np.errstate(invalid="ignore"):
            coordinates = cls.kernel.to_coordinates(theta, 1.0)
        if not np.isfinite(coordinates).all():
            raise ParameterError("params", dict(params), cls._domain())
        model = cls()
        model.time_unit_ = check_time_unit(time_unit)
        model.fingerprint_ = None
        model.fit_ = Fit(
            kernel=cls.kernel,
            method="given",
            parameters=theta,
            coordinates=coordinates,
            coordinate_covariance=np.zeros((len(names), len(names))),
            scale=1.0,
            log_likelihood=float("nan"),
            customers=0.0,
            diagnostics={"converged": True, "held_at_bound": []},
        )
        return model

    @classmethod
    def _domain(cls) -> str:
        return "inside the model's domain"

    @property
    def params_(self) -> dict[str, float]:
        """Estimated parameters by name."""
        return self._named(self._theta)

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard errors of the parameters by name, from the curvature at the mode."""
        return self._named(self._fitted.standard_errors)

    @property
    def covariance_(self) -> pd.DataFrame:
        """Covariance of the parameters."""
        import pandas as pd

        names = list(self.kernel.parameters)
        return pd.DataFrame(self._fitted.covariance, index=names, columns=names)

    @property
    def posterior_(self) -> pd.DataFrame:
        """Equally weighted draws of the parameters given the data, one row each.

        Raises
        ------
        NoDrawsError
            If the model comes from ``method="map"``, ``"mle"`` or known parameters.
        """
        import pandas as pd

        draws = self._draws.parameters
        return pd.DataFrame(draws, columns=list(self.kernel.parameters)).rename_axis("draw")

    @property
    def log_likelihood_(self) -> float:
        """Log-likelihood of the data as given, without the prior."""
        return self._fitted.log_likelihood

    @property
    def diagnostics_(self) -> dict[str, Any]:
        """Evidence of convergence, and that the draws can be relied on."""
        return dict(self._fitted.diagnostics)

    def at(self, coordinates: FloatArray) -> Self:
        """Copy of the model with its parameters at other coordinates, to see what they change.

        It is a point and has no draws.
        """
        other = copy(self)
        theta = self.kernel.from_coordinates(coordinates, self._fitted.scale)
        other.fit_ = replace(
            self._fitted, coordinates=coordinates, parameters=theta, posterior=None
        )
        return other

    def summary(self) -> pd.DataFrame:
        """Table of the parameters: the mode with its standard errors, and what the draws say."""
        import pandas as pd

        table = pd.DataFrame(
            {"estimate": self.params_, "standard_error": self.standard_errors_},
            index=pd.Index(self.kernel.parameters, name="parameter"),
        )
        if self._fitted.posterior is not None:
            draws = self.posterior_
            table["mean"], table["sd"] = draws.mean(), draws.std()
            table["5%"], table["95%"] = draws.quantile(0.05), draws.quantile(0.95)
        return table

    def save(self, path: str | Path) -> None:
        """Write the model as JSON, its draws into ``posterior.nc`` beside it.

        Models in one folder share that file. Each file appears whole or not at all.
        """
        fit, path = self._fitted, Path(path)
        draws = fit.posterior
        write_draws(path.parent, path.stem, None if draws is None else draws.coordinates)
        write_json(
            path,
            {
                "model": self.kernel.name,
                "method": fit.method,
                "time_unit": self.time_unit_,
                "parameters": self.params_,
                "coordinates": fit.coordinates.tolist(),
                "coordinate_covariance": fit.coordinate_covariance.tolist(),
                "scale": fit.scale,
                "log_likelihood": fit.log_likelihood,
                "customers": fit.customers,
                "data_fingerprint": self.fingerprint_,
                "diagnostics": fit.diagnostics,
                "posterior": None if draws is None else _described(draws),
            },
            schema=SCHEMA,
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote; its predictions and draws are bit-identical.

        Raises
        ------
        ArtefactError
            If the file is missing, damaged, of another schema version or another model.
        """
        path = Path(path)
        content, name = read_json(path, schema=SCHEMA), path.name
        if content.get("model") != cls.kernel.name:
            msg = f"{name} holds {content.get('model')!r}, not {cls.kernel.name!r}."
            raise ArtefactError(msg)
        try:
            fit = Fit(
                kernel=cls.kernel,
                method=content["method"],
                parameters=_vector(content["parameters"], cls.kernel.parameters),
                coordinates=np.array(content["coordinates"], dtype=np.float64),
                coordinate_covariance=_matrix(content["coordinate_covariance"]),
                scale=float(content["scale"]),
                log_likelihood=_number(content["log_likelihood"]),
                customers=float(content["customers"]),
                diagnostics=dict(content["diagnostics"]),
            )
            # Models that were saved before there were draws have none.
            told = content.get("posterior")
            if told is not None:
                fit = replace(fit, posterior=_draws_of(path, fit, told))
            if not ((fit.parameters > 0.0) & np.isfinite(fit.parameters)).all():
                msg = f"parameters {content['parameters']}"
                raise ValueError(msg)
            model = cls()
            model.fit_ = fit
            model.time_unit_ = check_time_unit(content["time_unit"])
            model.fingerprint_ = content["data_fingerprint"]
        except (KeyError, TypeError, ValueError, ParameterError) as error:
            msg = f"{name} is damaged ({error!r}). Fit the model again, or restore the file."
            raise ArtefactError(msg) from error
        return model

    @property
    def _fitted(self) -> Fit:
        if not hasattr(self, "fit_"):
            raise NotFittedError(type(self).__name__)
        return self.fit_

    @property
    def _draws(self) -> Posterior:
        if self._fitted.posterior is None:
            raise NoDrawsError(self._fitted.method)
        return self._fitted.posterior

    @property
    def _theta(self) -> FloatArray:
        return self._fitted.parameters

    def _unit_of(self, data: object) -> TimeUnit | None:
        """Unit in which to read data that do not know theirs: the model's own."""
        _ = self._fitted
        return None if hasattr(data, "time_unit") else self.time_unit_

    def _named(self, values: FloatArray) -> dict[str, float]:
        return dict(zip(self.kernel.parameters, values.tolist(), strict=True))

    def __repr__(self) -> str:
        if not hasattr(self, "fit_"):
            return f"{type(self).__name__}() (not fitted)"
        errors = self.standard_errors_
        lines = [f"{type(self).__name__} ({self._provenance()})"]
        lines += [
            f"  {name:<6}{value:>12.5g}   ± {errors[name]:.3g}"
            for name, value in self.params_.items()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not hasattr(self, "fit_"):
            return f"<p>{type(self).__name__}: not fitted</p>"
        table = self.summary().to_html(float_format=lambda value: f"{value:.5g}")
        return f"<p><b>{type(self).__name__}</b>: {self._provenance()}</p>{table}"

    def _provenance(self) -> str:
        fit = self._fitted
        if fit.method == "given":
            return f"known parameters, per {self.time_unit_}"
        state = "converged" if fit.diagnostics["converged"] else "NOT CONVERGED"
        # A fit from elsewhere may come without its customers.
        told = [f"{fit.customers:,.0f} customers"] if fit.customers else []
        told.append(f"per {self.time_unit_}")
        if np.isfinite(fit.log_likelihood):
            told.append(f"log-likelihood {fit.log_likelihood:,.2f}")
        return ", ".join([fit.method, *told, state])


def _described(draws: Posterior) -> dict[str, Any]:
    """What the JSON file says about the draws beside it."""
    return {
        "method": draws.method,
        "chains": draws.chains,
        "diagnostics": draws.diagnostics,
        "fingerprint": fingerprint(draws.coordinates),
    }


def _draws_of(path: Path, fit: Fit, told: Mapping[str, Any]) -> Posterior:
    draws = read_draws(path.parent, path.stem, told["fingerprint"])
    if draws.shape[1] != len(fit.coordinates):
        msg = f"draws of {draws.shape[1]} coordinates"
        raise ValueError(msg)
    return Posterior(
        kernel=fit.kernel,
        coordinates=draws,
        scale=fit.scale,
        method=told["method"],
        chains=int(told["chains"]),
        diagnostics=dict(told["diagnostics"]),
    )


def _vector(values: Mapping[str, float], names: tuple[str, ...]) -> FloatArray:
    return np.array([values[name] for name in names], dtype=np.float64)


def _matrix(rows: list[list[float | None]]) -> FloatArray:
    return np.array([[_number(value) for value in row] for row in rows])


def _number(value: float | None) -> float:
    """Undo JSON's null, which stands for a number that does not exist."""
    return float("nan") if value is None else float(value)
