"""Mean and mean square of purchases ahead: against their distribution and against the oracle."""

import numpy as np
import pytest

from clvmodels.evaluation.moments import purchase_moments
from clvmodels.evaluation.training_period import _DAYS
from clvmodels.kernels.counts import count_reach
from tests.oracle.subjects import every_subject

WEEKS = _DAYS / 7.0


def from_the_counts(kernel, theta, x, age, end):
    """The same two from the distribution of the count; None where it reaches too far."""
    one, own = np.array([x]), np.array([age])
    reach = int(count_reach(kernel, theta, one, own, end, 1e-13)[0])
    if reach > 1_500:
        return None
    pmf = kernel.alive_pmf(theta, one, own, end, reach)[0]
    count = np.arange(reach + 1.0)
    return count @ pmf, count**2 @ pmf


@every_subject
def test_moments_are_those_of_the_counts(subject):
    kernel, theta = subject.kernel, np.array(subject.published)
    x, age = np.array([0, 0, 1, 3, 12, 60]), np.array([0.0, 30.0, 8.0, 20.0, 38.0, 100.0])
    mean, square = purchase_moments(kernel, theta, x, age, WEEKS)
    for day in (0, 5, 11, 17, 22):
        for one in range(len(x)):
            expected = from_the_counts(kernel, theta, x[one], age[one], WEEKS[day])
            found = mean[day, one], square[day, one]
            assert found == pytest.approx(expected, rel=5e-8)


@every_subject
def test_moments_of_extremes_are_those_of_the_counts(subject):
    compared = 0
    for case in subject.extreme.values():
        theta, x, age = np.array(case.theta), np.array([case.x]), np.array([case.age])
        mean, square = purchase_moments(subject.kernel, theta, x, age, WEEKS)
        for day in (0, 8, 15):
            expected = from_the_counts(subject.kernel, theta, case.x, case.age, WEEKS[day])
            if expected is not None:
                found = mean[day, 0], square[day, 0]
                assert found == pytest.approx(expected, rel=2e-6), case
                compared += 1
    assert compared > 50


@every_subject
def test_moments_are_those_of_the_oracle(subject):
    theta = list(subject.published)
    for x, age, end in ((0, 0.0, 0.5), (3, 20.0, 1.0)):
        square, count, term = 0.0, 1, 1.0
        while term > 1e-12:
            survival = subject.oracle.alive_survival(theta, x, age, end, count)
            term = float((2 * count - 1) * survival)
            square, count = square + term, count + 1
        ends = np.array([0.1, end])
        found = purchase_moments(
            subject.kernel, np.array(theta), np.array([x]), np.array([age]), ends
        )
        assert found[1][-1, 0] == pytest.approx(square, rel=1e-9)
