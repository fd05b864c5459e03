"""The run before this one: where it is, and what it left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from clvmodels.config.economics import EconomicsConfig
from clvmodels.errors import ArtefactError, ClvError
from clvmodels.evaluation.shocks import LearnedShocks
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel, PurchaseModel
from clvmodels.models.base import SCHEMA as MODEL_SCHEMA
from clvmodels.storage import RECORD, read_json
from clvmodels.units import Duration
from clvmodels.value.shock import CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.wording import printable

RECORD_SCHEMA = 1
# Folders beside a run that are looked into, and the longest record that is read.
_MOST_SIBLINGS, _LONGEST_RECORD = 200, 32 << 20
# What two runs must share to be about the same customers and the same money.
_SAME = ("customer_id", "amount", "currency")


@dataclass(frozen=True)
class Predecessor:
    """A run that scored a base before.

    Attributes
    ----------
    folder : Path
        Where it is.
    record : mapping
        Its ``run.json``.
    observation_end : date
        Its last day observed.
    """

    folder: Path
    record: Mapping[str, Any]
    observation_end: date

    @classmethod
    def read(cls, folder: Path) -> Predecessor:
        """Read the record of a run that scored.

        Raises
        ------
        ArtefactError
            If there is none, it is damaged or of another schema, or it scored nobody.
        """
        path = folder / RECORD
        try:
            too_long = path.stat().st_size > _LONGEST_RECORD
        except OSError:
            too_long = False
        if too_long:
            msg = f"{RECORD} is longer than any record."
            raise ArtefactError(msg)
        record = read_json(path, schema=RECORD_SCHEMA)
        try:
            end = date.fromisoformat(record["period"]["observation_end"])
            totals = record["totals"]
            known = isinstance(record["config"], dict) and int(record["customers"]) > 0
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{RECORD} is damaged ({type(error).__name__}: {error})."
            raise ArtefactError(msg) from error
        if not known or not isinstance(totals, dict):
            msg = "That job scored nobody."
            raise ArtefactError(msg)
        return cls(folder, record, end)

    @property
    def name(self) -> str:
        """What its folder is called, short enough to show."""
        return printable(self.folder.resolve().name)

    @property
    def customers(self) -> int:
        """How many it scored."""
        return int(self.record["customers"])

    @property
    def trusted(self) -> str:
        """Its verdict."""
        return str(self.record.get("trusted"))

    @property
    def draws(self) -> int:
        """Over how many points of the posterior its numbers are averaged."""
        try:
            return max(int(self.record["totals"]["averaging"]["draws_used"]), 1)
        except (KeyError, TypeError, ValueError):
            return 1

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

    def terms(self) -> ValueTerms:
        """What value meant to it.

        Raises
        ------
        ArtefactError
            If its configuration cannot be understood.
        """
        config = self.record["config"]
        known = {name: config[name] for name in EconomicsConfig.model_fields if name in config}
        try:
            economics = EconomicsConfig.model_validate(known)
            return ValueTerms(Duration.parse(config["horizon"]), **economics.value_terms())
        except (KeyError, ValueError, ClvError) as error:
            msg = f"Its configuration cannot be understood ({type(error).__name__})."
            raise ArtefactError(msg) from error

    def models(self) -> tuple[PurchaseModel, GammaGammaModel | None]:
        """The models that scored it.

        Raises
        ------
        ArtefactError
            If they are missing or damaged, or others have taken their place since.
        """
        folder = self.folder / "model"
        saved = folder / "purchases.json"
        kind = read_json(saved, schema=MODEL_SCHEMA).get("model")
        if kind not in PURCHASE_MODELS:
            msg = f"Its model {printable(kind)!r} is not known."
            raise ArtefactError(msg)
        purchases = PURCHASE_MODELS[kind].load(saved)
        spend = None
        if self._described("spend") is not None:
            spend = GammaGammaModel.load(folder / "spend.json")
        for part, model in (("purchases", purchases), ("spend", spend)):
            if model is not None and self._described(part) != model.params_:
                msg = "Its models have been replaced since, by another fit into the same folder."
                raise ArtefactError(msg)
        return purchases, spend

    def shocks(self) -> CommonShocks:
        """What strikes everybody at once, as it had it; assumed where that is not known."""
        try:
            return LearnedShocks.load(self.folder / "model" / "shock.json")
        except ClvError:
            return CommonShocks()

    def _described(self, part: str) -> Any:
        models = self.record.get("models")
        found = models.get(part) if isinstance(models, dict) else None
        return found.get("parameters") if isinstance(found, dict) else None


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
