"""From the raw log of millions of customers to scored Parquet, against DuckDB's time to read it.

The floor is ``SELECT customer_id, min, max, count, sum … GROUP BY customer_id`` of DuckDB alone
over the same file. ``python -m benchmarks.scale [--customers N ...] [--memory-limit SIZE]``
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contest import Outcome, measure

# Rows a customer: about 2.9 over two years.
_PARAMETERS = {"r": 1.0, "alpha": 138.0, "a": 0.496, "b": 2.222}
_FLOOR = """
    CREATE TABLE summary AS
    SELECT customer_id, min(date), max(date), count(*), sum(amount)
    FROM '{path}' GROUP BY customer_id"""
_SIZES = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
# The largest base that also runs within the limit, and whose stages are listed.
_LISTED = 10_000_000
# What each stage should cost at ten million customers, in seconds or nanoseconds a customer.
_SHOULD = {
    "read and summarise": "1.8 to 2.1 times the floor's CPU",
    "triples": "0.4 s",
    "fit": "3.1 s",
    "fit spend": "1 s",
    "score": "115 to 290 ns a customer",
    "totals": "",
}


@dataclass
class Stages:
    """Seconds, and seconds of all processors, by stage."""

    taken: dict[str, tuple[float, float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start, used = time.perf_counter(), _processors()
        yield
        self.taken[name] = time.perf_counter() - start, _processors() - used


def _processors() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def log(customers: int, path: Path) -> tuple[float, None]:
    """Save the log of a simulated shop in the order of time, as shops write theirs."""
    import duckdb

    from clvmodels.simulation.shop import SimulatedShop
    from clvmodels.simulation.simulate import simulate_log

    plain = path.with_name("by-customer.parquet")
    simulate_log(SimulatedShop(customers=customers, parameters=_PARAMETERS), plain)
    with duckdb.connect(config={"temp_directory": str(path.parent)}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"COPY (FROM '{plain}' ORDER BY date, hash(customer_id)) TO '{path}' "
            "(COMPRESSION zstd, ROW_GROUP_SIZE 100000)"
        )
    for file in plain.parent.glob("by-customer*"):
        file.unlink()
    return 0.0, None


def floor(path: Path) -> tuple[float, Any]:
    """Group by customer, nothing else."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        start, used = time.perf_counter(), _processors()
        connection.execute(_FLOOR.format(path=path))
        seconds, used = time.perf_counter() - start, _processors() - used
        found = connection.execute("SELECT count(*) FROM summary").fetchone()
    return seconds, {"customers": found and found[0], "processors": used, "stages": {}}


def job(path: Path, memory_limit: str | None) -> tuple[float, Any]:
    """Read, check, summarise, fit, score with intervals and add up."""
    start, used = time.perf_counter(), _processors()
    warnings.simplefilter("ignore")
    import clvmodels as clv
    from clvmodels.engines.duckdb import write_scores
    from clvmodels.value.totals import value_totals

    stages = Stages()
    with stages.stage("read and summarise"):
        transactions = clv.read_transactions(path, memory_limit=memory_limit)
        summary = transactions.summarize()
        # By id, on a thread of its own, as a job does.
        summary.sort_ahead()
    with stages.stage("triples"):
        summary.triples()
    with stages.stage("fit"):
        purchases = clv.BetaGeoModel().fit(summary)
    with stages.stage("fit spend"):
        spend = clv.GammaGammaModel().fit(summary)
    scorer = clv.CustomerValue(purchases, spend, margin=0.3).scorer("1y", 0.9)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with stages.stage("score"):
            scored = write_scores(summary, scorer, Path(folder) / "scores", [].append)
        with stages.stage("totals"):
            value_totals(scored.groups, scorer, 0.9)
    answer = {
        "customers": len(summary),
        "processors": _processors() - used,
        "stages": stages.taken,
    }
    return time.perf_counter() - start, answer


def _line(customers: int, name: str, outcome: Outcome, least: Outcome) -> str:
    used, floor_used = outcome.answer["processors"], least.answer["processors"]
    return (
        f"| {customers:,} | {name} | {outcome.seconds:.1f} "
        f"| {outcome.seconds / least.seconds:.1f} | {used:.1f} | {used / floor_used:.1f} "
        f"| {1e6 * outcome.seconds / customers:.2f} | {outcome.megabytes:,.0f} |"
    )


def main(customers: tuple[int, ...] = _SIZES, limit: str | None = "1GB") -> str:
    """Print and return tables of the best of two; one base runs once more within the limit."""
    lines = [
        "| customers | | seconds | ratio | CPU seconds | ratio | µs a customer | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    listed = max((size for size in customers if size <= _LISTED), default=min(customers))
    stages: dict[str, Any] = {}
    each: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        for size in customers:
            measure(log, size, path)
            least = measure(floor, path, repeats=2)
            found = measure(job, path, None, repeats=2)
            lines += [
                _line(size, "DuckDB, GROUP BY alone", least, least),
                _line(size, "clvmodels, log to scores", found, least),
            ]
            each.append(found.seconds / size)
            if size == listed:
                stages = found.answer["stages"]
                if limit is not None:
                    small = measure(job, path, limit)
                    lines.append(_line(size, f"the same, memory_limit={limit}", small, least))
            counts = {outcome.answer["customers"] for outcome in (least, found)}
            if len(counts) != 1:
                message = f"the contenders found different customers: {counts}"
                raise SystemExit(message)
            print("\n".join(lines[-3:]), flush=True)
    usual = sum(each) / len(each)
    spread = max(abs(one / usual - 1.0) for one in each)
    lines += [
        "",
        f"Seconds per customer are within {spread:.0%} of their mean over these bases.",
        "",
        f"Stages at {listed:,} customers:",
        "",
        "| stage | seconds | CPU seconds | µs of CPU a customer | should be, at ten million |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {seconds:.1f} | {used:.1f} | {1e6 * used / listed:.2f} | {_SHOULD[name]} |"
            for name, (seconds, used) in stages.items()
        ),
    ]
    table = "\n".join(lines)
    print("\n".join(lines[lines.index("") :]))
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=list(_SIZES))
    parser.add_argument("--memory-limit", default="1GB")
    given = parser.parse_args()
    main(tuple(given.customers), given.memory_limit)
