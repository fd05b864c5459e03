"""Everything that the present version writes, kept for later versions to read.

    python -m tests.schemas.record

It simulates a shop of 300 customers, runs the job on it, asks and reviews a decision, and packs
the files into ``VERSION.zip`` beside this module. To be run again for a version that is not
released yet; what a released version wrote stays as it is.
"""

import csv
import zipfile
from contextlib import chdir
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import clvmodels as clv
from tests.jobs import clvmodels, read, scores

FOLDER = Path(__file__).parent
# Draws are what takes the room, and these are enough to be read.
DRAWS = 400
CONFIG = """\
margin = 0.35
currency = "EUR"
cac = 8.0
origins = 2

[actions.refund]
cost = 5.0
keeps = 0.3

[scenarios.referrals]
referrals_per_year = { low = 0.1, likely = 0.2, high = 0.4, source = "a guess" }
conversion = { low = 0.05, likely = 0.1, high = 0.2, source = "a guess" }
"""
# Rendered for people, and rows that broke a rule.
NOT_KEPT = {".html", ".pdf"}


def done(*arguments) -> str:
    """Standard output of a command that must not fail."""
    ended = clvmodels(*arguments)
    assert ended.status in (0, 4), ended.stderr
    return ended.stdout


def write_all() -> None:
    """Write every kind of file into the working directory."""
    done("simulate", "--customers", 300, "--seed", 7, "--out", "orders.csv", "--quiet")
    Path("clv.toml").write_text(CONFIG, "utf-8")
    with patch("clvmodels.inference.laplace.DRAWS", DRAWS):
        done("run", "orders.csv", "--config", "clv.toml", "--out", "run", "--quiet")
    table = scores(Path("run")).to_pandas().set_index("customer_id")
    who = table["clv"].idxmax()
    asked = done("decide", "run", "--customer", who, "--json")
    Path("decision.json").write_text(asked, "utf-8")
    end = date.fromisoformat(read(Path("run", "run.json"))["period"]["observation_end"])
    with Path("decisions.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["date", "customer", "action", "cost"])
        rows.writerow([end + timedelta(days=9), who, "refund", 5])
    done("decisions", "review", "decisions.csv", "--run", "run", "--out", "review.json", "--quiet")


def pack(archive: Path) -> None:
    """Pack the files of the working directory; the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(Path().rglob("*")):
            kept = path.is_file() and path.suffix not in NOT_KEPT
            if kept and not any(part.startswith(".") for part in path.parts):
                entry = zipfile.ZipInfo(path.as_posix())
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, path.read_bytes(), compresslevel=9)


def main() -> None:
    """Record the present version."""
    archive = FOLDER / f"{clv.__version__}.zip"
    with TemporaryDirectory() as scratch, chdir(scratch):
        write_all()
        pack(archive)


if __name__ == "__main__":
    main()
