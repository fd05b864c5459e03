"""Pareto-smoothed importance sampling (Vehtari, Simpson, Gelman, Yao & Gabry 2024).

ArviZ has it too, and takes seconds to import.
"""

from __future__ import annotations

import math

import numpy as np

from clvmodels.kernels.base import FloatArray

# Fewer tail weights than this tell nothing about the tail.
_SMALLEST_TAIL = 5
# Keeps the profile of a few rows' tails in the processor's cache.
_CELLS_AT_ONCE = 1 << 16


def smooth_weights(log_ratios: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights of importance draws with their tail smoothed, and how heavy that tail is.

    Parameters
    ----------
    log_ratios : (n,) or (m, n)
        Log of target over proposal density at each draw, up to a constant; or of m targets, one
        per row.

    Returns
    -------
    log_weights : (n,) or (m, n)
        Logarithms of weights that sum to 1.
    pareto_k : () or (m,)
        Shape of the tail: the weights can be relied on up to about 0.7; infinite if there is no
        tail to judge.
    """
    log_weights = np.atleast_2d(log_ratios - log_ratios.max(axis=-1, keepdims=True))
    m, n = log_weights.shape
    tail_length = math.ceil(min(n / 5.0, 3.0 * math.sqrt(n)))
    pareto_k = np.full(m, np.inf)
    if tail_length >= _SMALLEST_TAIL:
        last = n - tail_length - 1
        cutoff = np.partition(log_weights, last, axis=1)[:, last]
        cutoff = np.maximum(cutoff, math.log(np.finfo(np.float64).tiny))
        in_tail = log_weights > cutoff[:, None]
        # Draws that repeat themselves leave shorter tails.
        length = in_tail.sum(axis=1)
        for some in np.unique(length[length >= _SMALLEST_TAIL]).tolist():
            rows = np.flatnonzero(length == some)
            columns = np.nonzero(in_tail[rows])[1].reshape(len(rows), some)
            block = max(_CELLS_AT_ONCE // (some * _grid_size(some)), 1)
            for start in range(0, len(rows), block):
                part = slice(start, start + block)
                at = rows[part, None], columns[part]
                log_weights[at], pareto_k[rows[part]] = _smooth(
                    log_weights[at], cutoff[rows[part], None]
                )
    weights = np.exp(log_weights)
    log_weights -= np.log(weights.sum(axis=1))[:, None]
    return log_weights.reshape(log_ratios.shape), pareto_k.reshape(log_ratios.shape[:-1])


def _smooth(tail: FloatArray, cutoff: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quantiles of a Pareto in place of tails (m, n) above their cutoffs (m, 1), and its shape."""
    order = np.argsort(tail, axis=1, kind="stable")
    start = np.exp(cutoff)
    k, scale = _fit_pareto(np.exp(np.take_along_axis(tail, order, axis=1)) - start)
    level = (np.arange(tail.shape[1]) + 0.5) / tail.shape[1]
    # No weight beyond the largest that was seen.
    quantiles = np.minimum(np.log(_quantile(level, k[:, None], scale[:, None]) + start), 0.0)
    smoothed = np.empty_like(tail)
    np.put_along_axis(smoothed, order, quantiles, axis=1)
    return np.where(np.isfinite(k)[:, None], smoothed, tail), k


def _grid_size(n: int) -> int:
    return 30 + int(math.sqrt(n))


def _fit_pareto(excess: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shapes and scales of generalised Pareto distributions (Zhang & Stephens 2009), ascending.

    The shape is drawn towards 0.5 by ten observations' worth, as in the source of the method.
    """
    n = excess.shape[1]
    grid = _grid_size(n)
    quartile = excess[:, int(n / 4.0 + 0.5) - 1, None]
    b = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3.0 * quartile) + 1.0 / excess[:, -1:]
    shape = np.log1p(-b[:, :, None] * excess[:, None, :]).mean(axis=2)
    log_profile = n * (np.log(-b / shape) - shape - 1.0)
    weight = np.exp(log_profile - log_profile.max(axis=1, keepdims=True))
    weight[weight < 10.0 * np.finfo(np.float64).eps * weight.sum(axis=1, keepdims=True)] = 0.0
    b_mean = (b * weight).sum(axis=1) / weight.sum(axis=1)
    k = np.log1p(-b_mean[:, None] * excess).mean(axis=1)
    return (n * k + 10.0 * 0.5) / (n + 10.0), -k / b_mean


def _quantile(level: FloatArray, k: FloatArray, scale: FloatArray) -> FloatArray:
    exponential = np.abs(k) < np.finfo(np.float64).eps
    safe = np.where(exponential, 1.0, k)
    log_beyond = np.log1p(-level)
    quantile: FloatArray = scale * np.where(
        exponential, -log_beyond, np.expm1(-safe * log_beyond) / safe
    )
    return quantile
