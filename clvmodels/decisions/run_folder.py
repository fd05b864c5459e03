"""What every run left in its folder: the record, the terms and models behind its scores."""

from __future__ import annotations

import glob
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from clvmodels.config.economics import EconomicsConfig
from clvmodels.errors import ArtefactError, ClvError
from clvmodels.models import GammaGammaModel, PurchaseModel
from clvmodels.models.saved import load_models
from clvmodels.storage import RECORD, read_json
from clvmodels.transactions.database import Database
from clvmodels.transactions.sql import literal
from clvmodels.units import Duration
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.wording import printable

RECORD_SCHEMA = 1
# Folders that are no runs may hold anything under that name.
_LONGEST_RECORD = 32 << 20


@dataclass(frozen=True)
class RunFolder:
    """A run or a scoring job, as its record tells of it.

    Parameters
    ----------
    folder
        With ``run.json`` and ``scores/``.
    record
        What its ``run.json`` holds.
    model
        Folder of the models that scored it.
    """

    folder: Path
    record: dict[str, Any]
    model: Path

    @classmethod
    def read(cls, folder: str | Path, model: str | Path | None = None) -> Self:
        """Read the record of a folder; its models lie in it, or where they are said to.

        Raises
        ------
        ArtefactError
            If there is no record, or it is damaged or of another version.
        """
        folder = Path(folder)
        path = folder / RECORD
        if path.is_file() and path.stat().st_size > _LONGEST_RECORD:
            msg = f"{RECORD} is longer than any record. Give the folder of a run."
            raise ArtefactError(msg)
        record = read_json(path, schema=RECORD_SCHEMA)
        return cls(folder, record, folder / "model" if model is None else Path(model))

    @property
    def name(self) -> str:
        """What its folder is called, short enough to show."""
        return printable(self.folder.resolve().name)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the job."""
        with self.reading("config"):
            return dict(self.record["config"])

    @property
    def trusted(self) -> str | None:
        """The verdict; None where nobody judged."""
        told = self.record.get("trusted")
        return None if told is None else str(told)

    @property
    def observation_end(self) -> date:
        """Day that the scores are as of."""
        with self.reading("period"):
            return date.fromisoformat(self.record["period"]["observation_end"])

    @property
    def draws(self) -> int:
        """Over how many points of the posterior its numbers are averaged."""
        totals = self.record.get("totals")
        averaging = totals.get("averaging") if isinstance(totals, dict) else None
        if not averaging:
            return 1
        with self.reading("totals"):
            return max(int(averaging["draws_used"]), 1)

    def terms(self) -> ValueTerms:
        """What value meant to it."""
        with self.reading("config"):
            known = {
                name: self.config[name]
                for name in EconomicsConfig.model_fields
                if name in self.config
            }
            economics = EconomicsConfig.model_validate(known)
            return ValueTerms(Duration.parse(self.config["horizon"]), **economics.value_terms())

    def models(self) -> tuple[PurchaseModel, GammaGammaModel | None]:
        """The models that scored it; spend is None where its scores have no money.

        Raises
        ------
        ArtefactError
            If they are missing or damaged, or others have taken their place since.
        """
        purchases, spend = load_models(self.model)
        told = self._parameters("spend")
        spend = None if told is None else spend
        if self._parameters("purchases") != purchases.params_ or told != (spend and spend.params_):
            msg = (
                f"The models of {self.name} are not those that scored it: they have been replaced "
                "since, by another fit into the same folder. Score again, or give the folder of "
                "those that scored it."
            )
            raise ArtefactError(msg)
        return purchases, spend

    def shocks(self) -> CommonShocks:
        """What strikes all customers at once, as it had it; assumed where it does not say."""
        told = self.record.get("common_shocks")
        if not told:
            return CommonShocks()
        with self.reading("common_shocks"):
            return CommonShocks(*(_shock(told[name]) for name in ("purchases", "value")))

    def _parameters(self, part: str) -> Any:
        models = self.record.get("models")
        found = models.get(part) if isinstance(models, dict) else None
        return found.get("parameters") if isinstance(found, dict) else None

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn whatever a damaged field raises into the error that names it."""
        try:
            yield
        except ArtefactError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, ClvError) as error:
            msg = f"{RECORD} of {self.name} is damaged ({name}). Restore it, or run the job again."
            raise ArtefactError(msg) from error


def _shock(told: Any) -> CommonShock:
    # A shock that is known for certain has infinitely many, which JSON has as null.
    freedom = told["degrees_of_freedom"]
    return CommonShock(
        float(told["sd"]), math.inf if freedom is None else float(freedom), int(told["windows"])
    )


def score_files(folder: Path) -> str:
    """The score files in a folder, for ``read_parquet``; its path may hold wildcards."""
    return literal(f"{glob.escape(str(folder))}/*.parquet")


def summing_database(memory_limit: str | None) -> Database:
    """A database that adds score files up to the last digit alike every time.

    Several threads would change the order of the rows, and so the rounding of their sums.
    """
    return Database(memory_limit, threads=1)
