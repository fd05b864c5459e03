"""Work on a stream that is done ahead of whoever reads it, in the stream's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def fetched_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next of which is fetched by a thread while one is looked at."""

    def fetched() -> list[Item]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(fetched)
        while item := coming.result():
            coming = thread.submit(fetched)
            yield from item


def worked_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int = 2, waiting: int = 1
) -> Iterator[Result]:
    """Results in the order of the items; each thread works on one, and some wait beside them."""
    ahead: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) == threads + waiting:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
