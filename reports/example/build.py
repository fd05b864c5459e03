"""Run the job twice on a simulated shop and keep the report of the second run in this folder.

``python -m reports.example.build``: the shop has a margin, wins customers through three channels
and has entered what referrals and a bad experience would mean (``clv.toml``), so that every part
of the report has something to tell.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import shutil
import tempfile
import zlib
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from clvmodels import pipeline
from clvmodels.config import JobConfig, resolve_config
from clvmodels.progress import NoProgress, PlainProgress, Progress
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.simulate import simulate_log

HERE = Path(__file__).resolve().parent
KEPT = ("report.html", "report.json", "report.pdf", "staff-card.html", "staff-card.pdf")
# The second run sees half a year more than the first.
ENDS = ("2025-06-30", "2025-12-31")
_CUSTOMERS = 3_000
_CHANNELS = ("search", "search", "social", "friends")


def run_twice(folder: Path, customers: int, progress: Progress) -> Path:
    """Simulate the shop in a folder, run the job as of both ends, and give where the runs are."""
    log, labels, run = Path("shop.parquet"), Path("customers.csv"), Path("run")
    # Paths stand in the report, which should name no folder of the machine that built it.
    with contextlib.chdir(folder):
        simulate_log(_shop(customers), log)
        _write_labels(log, labels)
        for end in ENDS:
            config = _config(labels, end)
            pipeline.run(partial(pipeline.open_log, [str(log)], config), config, run, progress)
    return folder / run


def _shop(customers: int) -> SimulatedShop:
    return SimulatedShop(
        customers=customers,
        model="bgnbd",
        parameters={"r": 0.9, "alpha": 80.0, "a": 0.9, "b": 3.2},
        spend={"p": 6.0, "q": 4.0, "gamma": 26.0},
        span="1096d",
        season=0.15,
        returns=0.03,
        order_ids=True,
        seed=20,
    )


def _write_labels(log: Path, labels: Path) -> None:
    """Give every customer a channel, always the same one."""
    ids = pq.read_table(log, columns=["customer_id"])["customer_id"].unique().to_pylist()
    with labels.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "channel"))
        for customer in sorted(ids):
            place = zlib.crc32(str(customer).encode()) % len(_CHANNELS)
            writer.writerow((customer, _CHANNELS[place]))


def _config(labels: Path, end: str) -> JobConfig:
    return resolve_config(HERE / "clv.toml", {"labels": str(labels), "observation_end": end})


def main() -> None:
    """Build the example into this folder, or into ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=_CUSTOMERS, help="how many to simulate")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    given = parser.parse_args()
    progress = NoProgress() if given.quiet else PlainProgress()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run = run_twice(Path(scratch), given.customers, progress)
        for name in KEPT:
            shutil.copyfile(run / name, given.out / name)


if __name__ == "__main__":
    main()
