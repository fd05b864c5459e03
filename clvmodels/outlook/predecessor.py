"""The run before this one: where it is, and what it left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from clvmodels.decisions.run_folder import RunFolder
from clvmodels.errors import ArtefactError, ClvError
from clvmodels.storage import RECORD
from clvmodels.wording import printable

# Folders beside a run that are looked into.
_MOST_SIBLINGS = 200
# What two runs must share to be about the same customers and the same money.
_SAME = ("customer_id", "amount", "currency")


@dataclass(frozen=True)
class Predecessor(RunFolder):
    """A run that scored a base before."""

    @classmethod
    def read(cls, folder: str | Path, model: str | Path | None = None) -> Self:
        """Read the record of a run that scored.

        Raises
        ------
        ArtefactError
            If there is none, it is damaged or of another schema, or it scored nobody.
        """
        run = super().read(folder, model)
        with run.reading("customers"):
            scored = run.customers > 0 and isinstance(run.record["totals"], dict)
        if not scored:
            msg = "That job scored nobody."
            raise ArtefactError(msg)
        # Who compares asks for these first: better here than in the middle of it.
        _ = run.config, run.observation_end
        return run

    @property
    def customers(self) -> int:
        """How many it scored."""
        return int(self.record["customers"])

    def total(self, quantity: str) -> float | None:
        """Its expected total; None where there is none."""
        found = self.record["totals"].get(quantity)
        value = found.get("expected") if isinstance(found, dict) else None
        return float(value) if isinstance(value, int | float) else None

    @property
    def customer_costs(self) -> float:
        """What was taken off its value for costs of customers' own."""
        value = self.record["totals"].get("customer_costs")
        return float(value) if isinstance(value, int | float) else 0.0


def find_predecessor(
    out: Path, current: Mapping[str, Any], previous: Path | None = None
) -> tuple[Predecessor | None, str | None]:
    """Find the run to compare with.

    That is the one asked for, or else the latest among the results that the job is about to replace
    and the runs in folders beside it that read a file of the same name. A run of an earlier day
    goes before one of the same day.

    Parameters
    ----------
    out
        Folder of the job; its results of last time are still in it.
    current
        Record of the job so far: ``config``, ``inputs`` and ``period``.
    previous
        Folder of the run that was asked for.

    Returns
    -------
    tuple
        The run, or None with the reason; both are None where there is simply none.
    """
    end = _day(current["period"]["observation_end"])
    if previous is not None:
        try:
            asked = Predecessor.read(previous)
        except (ClvError, OSError) as error:
            told = _without(str(error), previous)
            return None, f"The run {printable(previous.name)!r} cannot be compared with: {told}"
        problem = _problem(asked, current, end)
        return (asked, None) if problem is None else (None, problem)
    reason, found = None, []
    for place, folder in enumerate([out, *_siblings(out)]):
        if not (folder / RECORD).is_file():
            continue
        try:
            run = Predecessor.read(folder)
        except (ClvError, OSError) as error:
            if place == 0:
                told = _without(str(error), folder)
                reason = f"The results of last time cannot be compared with: {told}"
            continue
        problem = _problem(run, current, end)
        if problem is None and (place == 0 or _names(run.record) & _names(current)):
            found.append((run.observation_end < end, run.observation_end, -place, run))
        elif place == 0:
            reason = problem
    if not found:
        return None, reason
    return max(found, key=lambda each: each[:3])[3], None


def without_path(error: Exception, run: Predecessor) -> str:
    """What went wrong, with the name of a run's folder in place of where it lies."""
    return _without(str(error), run.folder)


def _without(text: str, folder: Path) -> str:
    return text.replace(str(folder), printable(folder.name))


def _problem(run: Predecessor, current: Mapping[str, Any], end: date) -> str | None:
    """Why two runs are not about the same thing, if they are not."""
    if run.observation_end > end:
        return (
            f"The run {run.name!r} looks at a later day ({run.observation_end}) than this one "
            f"({end})."
        )
    config, now = run.record["config"], current["config"]
    for name in _SAME:
        if config.get(name) != now.get(name):
            return (
                f"The run {run.name!r} has {name.replace('_', ' ')} "
                f"{printable(config.get(name))!r}, this one {printable(now.get(name))!r}."
            )
    return None


def _siblings(out: Path) -> Iterator[Path]:
    own = out.resolve()
    try:
        beside = sorted(path for path in own.parent.iterdir() if path.is_dir() and path != own)
    except OSError:
        return
    # The newest last by name, as dates in names are sorted.
    yield from beside[-_MOST_SIBLINGS:]


def _names(record: Mapping[str, Any]) -> set[str]:
    inputs = record.get("inputs")
    if not isinstance(inputs, list):
        return set()
    return {str(file.get("name")) for file in inputs if isinstance(file, dict)}


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
