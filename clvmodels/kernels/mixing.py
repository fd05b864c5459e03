"""Expectations over the dropout probability p ~ Beta(a, b′)."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, hyp2f1

from clvmodels.kernels.base import FloatArray

# Where both shapes that bound the decay are large, scipy loses digits of the hypergeometric
# function here and there (four are left at a = 22.5, b' = 25.1, power 29.5, z = 7,300), and from 30
# on both Pfaff forms can overflow; where b' is large and z too, from b' = 27 on.
_LARGE_SHAPE, _LARGE_B, _LARGE_Z = 10.0, 20.0, 30.0
_NODES, _CELLS_AT_ONCE = 200, 4096


def mean_power_decay(a: float, b_prime: FloatArray, power: FloatArray, z: FloatArray) -> FloatArray:
    """E[(1 + p z)^-power] for p ~ Beta(a, b′), that is ₂F₁(power, a; a + b′; -z).

    Parameters
    ----------
    a
        First shape, above 0.
    b_prime, power : broadcastable to the shape of z
        Second shape and power, above 0.
    z : array
        Non-negative. The result has its shape.
    """
    b_prime, power, z = np.broadcast_arrays(b_prime, power, z)
    w = z / (1.0 + z)
    # Either of Pfaff's transformations is exact; the one with the smaller exponent overflows last.
    smaller = np.minimum(a, power)
    other = np.where(a <= power, a + b_prime - power, b_prime)
    with np.errstate(over="ignore", invalid="ignore"):
        result: FloatArray = (1.0 + z) ** -smaller * hyp2f1(smaller, other, a + b_prime, w)
    hard = (smaller > _LARGE_SHAPE) | ((b_prime > _LARGE_B) & (z > _LARGE_Z))
    cells = np.flatnonzero((hard & (z > 0.0)) | ~np.isfinite(result))
    b_flat, power_flat, z_flat = b_prime.ravel(), power.ravel(), z.ravel()
    for start in range(0, len(cells), _CELLS_AT_ONCE):
        part = cells[start : start + _CELLS_AT_ONCE]
        result.flat[part] = _by_trapezoid(a, b_flat[part], power_flat[part], z_flat[part])
    return result


def _by_trapezoid(a: float, b_prime: FloatArray, power: FloatArray, z: FloatArray) -> FloatArray:
    # On the logit scale the rule converges geometrically. The map sinh keeps its nodes dense
    # around the integrand's mode, which solves a quadratic, and reaches the slow tails of small
    # shapes in few steps. All terms are positive.
    quadratic = z * (power - a - b_prime)
    linear = z * (a - power) - a - b_prime
    mode = 2.0 * a / (np.sqrt(linear**2 - 4.0 * quadratic * a) - linear)
    q, zp = np.maximum(1.0 - mode, 1e-16), z * mode
    curvature = mode * q * (a + b_prime)
    curvature += power * zp * q * (1.0 - mode * (2.0 + zp)) / (1.0 + zp) ** 2
    width = 1.0 / np.sqrt(np.maximum(curvature, 0.25))
    left = np.arcsinh(10.0 + 50.0 / (a * width))
    right = np.arcsinh(10.0 + 50.0 / (b_prime * width))
    step = (left + right) / (_NODES - 1)
    t = step[:, None] * np.arange(_NODES) - left[:, None]
    eta = np.log(mode / q)[:, None] + width[:, None] * np.sinh(t)
    log_p, log_q = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
    log_density = a * log_p + b_prime[:, None] * log_q - betaln(a, b_prime)[:, None]
    values = np.exp(log_density - power[:, None] * np.log1p(z[:, None] * np.exp(log_p)))
    total: FloatArray = width * step * (values * np.cosh(t)).sum(axis=1)
    return total
