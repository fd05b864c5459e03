"""Work ahead of its reader changes neither order nor errors, and no more of it than asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from clvmodels.ahead import fetched_ahead, worked_ahead


def failing(items: int) -> Iterator[int]:
    yield from range(items)
    message = "no more"
    raise ValueError(message)


@pytest.mark.parametrize("items", [0, 1, 2, 100])
def test_items_come_in_their_order(items: int) -> None:
    assert list(fetched_ahead(iter(range(items)))) == list(range(items))
    assert list(worked_ahead(lambda item: -item, range(items))) == [-i for i in range(items)]


def test_slow_work_does_not_change_the_order() -> None:
    def work(item: int) -> int:
        time.sleep(0.01 * (item % 3))
        return item

    assert list(worked_ahead(work, range(20), threads=3, waiting=2)) == list(range(20))


def test_an_error_comes_where_it_happened() -> None:
    found = []
    with pytest.raises(ValueError, match="no more"):
        found.extend(fetched_ahead(failing(3)))
    stream = worked_ahead(lambda item: 1 // (2 - item), range(9))
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_no_more_is_begun_than_threads_and_waiting() -> None:
    begun = []

    def items() -> Iterator[int]:
        for item in range(50):
            begun.append(item)
            yield item

    stream = worked_ahead(lambda item: item, items(), threads=2, waiting=3)
    assert next(stream) == 0
    assert len(begun) == 5
    stream.close()
    assert len(begun) == 5


def test_nothing_runs_on_after_the_reader_left() -> None:
    before = threading.active_count()
    stream = fetched_ahead(iter(range(100)))
    assert next(stream) == 0
    stream.close()
    assert threading.active_count() == before
