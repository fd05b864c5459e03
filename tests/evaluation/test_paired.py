"""Differences between methods: the bootstrap covers, whatever the size of the base."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.evaluation import paired
from clvmodels.evaluation.paired import paired_differences


def losses(n: int, rng: np.random.Generator, gap: float = 0.1) -> dict[str, np.ndarray]:
    """Two skewed losses that share most of what makes them large."""
    hard = rng.gamma(0.5, 2.0, n)
    return {"a": hard + rng.gamma(1.0, 0.5, n), "b": hard + gap + rng.gamma(1.0, 0.5, n)}


@pytest.mark.parametrize("customers", [200, 1_500])
def test_intervals_cover_the_true_difference(customers, monkeypatch):
    """Also where customers are drawn in groups: here at most 200 of them."""
    monkeypatch.setattr(paired, "_MOST_GROUPS", 200)
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        (found,) = paired_differences({"mae": losses(customers, rng)}, 0.9, rng)
        inside += found.lower <= 0.1 <= found.upper
    assert 0.84 <= inside / 200 <= 0.96


def test_groups_of_customers_vary_as_customers_do(monkeypatch):
    rng = np.random.default_rng(1)
    both = losses(1_000, rng)
    (each,) = paired_differences({"mae": both}, 0.9, np.random.default_rng(2))
    monkeypatch.setattr(paired, "_MOST_GROUPS", 250)
    (grouped,) = paired_differences({"mae": both}, 0.9, np.random.default_rng(2))
    assert grouped.upper - grouped.lower == pytest.approx(each.upper - each.lower, rel=0.2)
    assert grouped.difference == each.difference


def test_pairing_removes_what_the_methods_share():
    rng = np.random.default_rng(3)
    both = losses(1_000, rng)
    (found,) = paired_differences({"mae": both}, 0.9, rng)
    unpaired = 1.645 * np.sqrt(both["a"].var() / 1_000 + both["b"].var() / 1_000)
    assert (found.upper - found.lower) / 2.0 < 0.6 * unpaired
    assert found.difference == pytest.approx(both["b"].mean() - both["a"].mean())
    assert (found.method, found.against) == ("b", "a")


def test_all_pairs_of_each_measure_and_the_share_that_is_better():
    rng = np.random.default_rng(4)
    base = rng.random(300)
    found = paired_differences(
        {"mae": {"a": base, "b": base + 1.0, "c": base}, "crps": {"a": base, "b": base}}, 0.8, rng
    )
    assert [(d.measure, d.method, d.against) for d in found] == [
        ("mae", "b", "a"), ("mae", "c", "a"), ("mae", "c", "b"), ("crps", "b", "a"),
    ]  # fmt: skip
    assert [d.better for d in found] == [0.0, 0.0, 1.0, 0.0]
    assert found[1].lower == found[1].upper == 0.0
    assert {d.interval for d in found} == {0.8}
