"""Draws by the No-U-Turn Sampler, for posteriors that no bell-shaped proposal covers."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from clvmodels.errors import ConvergenceWarning
from clvmodels.inference.compat import (
    calling_back_into_python,
    energy_information,
    import_arviz,
    sampling_diagnostics,
)
from clvmodels.inference.density import LogDensity
from clvmodels.inference.posterior import Posterior
from clvmodels.inference.pymc_model import pymc_model, variable_names
from clvmodels.kernels.base import FloatArray

# Rank-normalised R-hat and effective sizes: Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021),
# the latter for four chains. BFMI: Betancourt (2016).
MOST_R_HAT, LEAST_EFFECTIVE, LEAST_BFMI = 1.01, 400.0, 0.3

_TUNE = 500
# Shorter steps than the sampler's own choice: tails of few customers are what it is called for.
_ACCEPT = 0.9
# Chains start this many standard deviations around the mode, so that R-hat has something to judge.
_START_SPREAD = 2.0
# In coordinates, where the curvature at the mode gives no standard deviation.
_UNKNOWN_SPREAD = 0.5


def nuts_posterior(
    density: LogDensity,
    mode: FloatArray,
    covariance: FloatArray,
    *,
    draws: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    progress: bool | None = None,
) -> Posterior:
    """Draws from a density with its prior: its PyMC model, sampled by nutpie.

    Parameters
    ----------
    mode : (k,)
        Where the chains start from, in coordinates.
    covariance : (k, k)
        How widely they start around it.
    draws
        Of each chain.
    progress
        Whether to show a bar; by default only on a terminal.

    Warns
    -----
    ConvergenceWarning
        If a diagnostic misses its published threshold, with its value.
    """
    names = variable_names(density.kernel)
    trace = _sample(density, _starts(names, mode, covariance), draws, chains, seed, progress)
    z = np.stack([np.asarray(trace.posterior[name]) for name in names], axis=-1)
    diagnostics = _diagnose(density, z, trace)
    posterior = Posterior(
        kernel=density.kernel,
        coordinates=z.reshape(-1, z.shape[-1]),
        scale=density.scale,
        method="nuts",
        chains=chains,
        diagnostics=diagnostics,
    )
    complaints = unmet_thresholds(diagnostics)
    if complaints:
        warnings.warn(
            ConvergenceWarning(
                f"NUTS has not explored the posterior of {density.kernel.name} well: "
                f"{'; '.join(complaints)}. Draw more, or look at the data: there may be too few "
                "customers or repeat purchases."
            ),
            stacklevel=2,
        )
    return posterior


def unmet_thresholds(diagnostics: dict[str, Any]) -> list[str]:
    """What the diagnostics miss, in words; nothing if the draws can be relied on."""
    r_hat, divergences = diagnostics["r_hat"], diagnostics["divergences"]
    bulk, tail, bfmi = (diagnostics[name] for name in ("ess_bulk", "ess_tail", "bfmi"))
    # Written so that a NaN fails.
    met = {
        f"R-hat is {r_hat:.3f}, not below {MOST_R_HAT}": r_hat < MOST_R_HAT,
        f"the bulk has {bulk:.0f} effective draws, not {LEAST_EFFECTIVE:.0f}": (
            bulk > LEAST_EFFECTIVE
        ),
        f"the tails have {tail:.0f} effective draws, not {LEAST_EFFECTIVE:.0f}": (
            tail > LEAST_EFFECTIVE
        ),
        f"{divergences} transitions diverged": divergences == 0,
        f"BFMI is {bfmi:.2f}, not above {LEAST_BFMI}": bfmi > LEAST_BFMI,
    }
    return [complaint for complaint, good in met.items() if not good]


def _starts(names: list[str], mode: FloatArray, covariance: FloatArray) -> dict[str, Any]:
    """Starting points of the chains, drawn around the mode when sampling begins."""
    import_arviz()
    import pymc as pm

    variance = np.diag(covariance)
    known = np.isfinite(variance) & (variance > 0.0)
    sd = np.where(known, _START_SPREAD * np.sqrt(np.where(known, variance, 0.0)), _UNKNOWN_SPREAD)
    return {name: pm.Normal.dist(mode[i], sd[i]) for i, name in enumerate(names)}


def _sample(
    density: LogDensity,
    starts: dict[str, Any],
    draws: int,
    chains: int,
    seed: int,
    progress: bool | None,
) -> Any:
    import_arviz()
    import nutpie

    with calling_back_into_python():
        compiled = nutpie.compile_pymc_model(
            pymc_model(density),
            initial_points=starts,
            jitter_rvs=set(),
            var_names=[],
        )
    sampler = nutpie.sample(
        compiled,
        draws=draws,
        tune=_TUNE,
        chains=chains,
        seed=seed,
        target_accept=_ACCEPT,
        save_warmup=False,
        progress_bar=sys.stderr.isatty() if progress is None else progress,
        blocking=False,
    )
    try:
        return sampler.wait()
    except BaseException:
        # Waiting in the foreground, nutpie would take an interruption for a shorter run.
        sampler.cancel()
        raise


def _diagnose(density: LogDensity, z: FloatArray, trace: Any) -> dict[str, Any]:
    """The worst of each diagnostic over coordinates and natural parameters; z is (chains, n, k)."""
    flat = z.reshape(-1, z.shape[-1]).T
    theta = density.kernel.from_coordinates(flat, density.scale).T.reshape(z.shape)
    judged = [
        sampling_diagnostics(values[..., i]) for values in (z, theta) for i in range(z.shape[-1])
    ]
    r_hat, bulk, tail = (np.array(column) for column in zip(*judged, strict=True))
    statistics = trace.sample_stats
    return {
        "r_hat": float(r_hat.max()),
        "ess_bulk": float(bulk.min()),
        "ess_tail": float(tail.min()),
        "divergences": int(np.asarray(statistics["diverging"]).sum()),
        "bfmi": float(energy_information(np.asarray(statistics["energy"])).min()),
        "chains": z.shape[0],
        "draws": z.shape[1],
    }
