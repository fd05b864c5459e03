"""A run as it lies in its folder: terms, models and score files, read as far as a question asks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from clvmodels.decisions.stake import Basis, score_columns
from clvmodels.decisions.words import plural, printable
from clvmodels.errors import ArtefactError, DurationError, InputError, ParameterError
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel, PurchaseModel
from clvmodels.models.base import SCHEMA as MODEL_SCHEMA
from clvmodels.storage import RECORD, read_json
from clvmodels.transactions import sql
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.database import Database, failures
from clvmodels.units import Duration, check_time_unit
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import ValueTerms

RECORD_SCHEMA = 1
_FACTS = (
    'customer_id, frequency, recency, "T", monetary_value, last_purchase, probability_alive, '
    "clv, potential_value, segment"
)
# An id from outside may be as long as it likes; what is shown of it is not.
_SHOWN = 40


@dataclass(frozen=True)
class SavedRun:
    """What a run left, opened to read.

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
    def open(cls, folder: str | Path, model: str | Path | None = None) -> SavedRun:
        """Open the folder of a run, or of scores made with a ``model`` folder elsewhere.

        Raises
        ------
        ArtefactError
            If something is missing, damaged or of another version.
        """
        folder = Path(folder)
        record = read_json(folder / RECORD, schema=RECORD_SCHEMA)
        run = cls(folder, record, folder / "model" if model is None else Path(model))
        if not any((folder / "scores").glob("*.parquet")):
            msg = f"{run.name} has no scores: there were no customers, or it is not a run."
            raise ArtefactError(msg)
        if not (run.model / "purchases.json").exists():
            msg = (
                f"{run.name} has no saved model, so nothing is known about chances. Give the "
                "folder that scored it: --model DIR/model."
            )
            raise ArtefactError(msg)
        return run

    @property
    def name(self) -> str:
        """What the folder is called."""
        return printable(self.folder.resolve().name, _SHOWN)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration of the job."""
        return dict(self._field("config"))

    @cached_property
    def terms(self) -> ValueTerms:
        """What value means in this run."""
        names = ("margin", "annual_discount_rate", "cost_per_order", "cost_per_customer_year")
        try:
            horizon = Duration.parse(self.config["horizon"])
            return ValueTerms(horizon, **{name: float(self.config[name]) for name in names})
        except (KeyError, TypeError, ValueError, DurationError, ParameterError) as error:
            raise self._damaged("config") from error

    @property
    def interval(self) -> float:
        """Probability of the intervals."""
        return float(self.config.get("interval") or 0.9)

    @property
    def currency(self) -> str | None:
        """What money is shown in."""
        currency = self.config.get("currency")
        return None if currency is None else str(currency)

    @property
    def trusted(self) -> str | None:
        """The verdict."""
        return self.record.get("trusted")

    @cached_property
    def observation_end(self) -> date:
        """Day that the scores are as of."""
        try:
            return date.fromisoformat(self.record["period"]["observation_end"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged("period") from error

    @cached_property
    def shocks(self) -> CommonShocks:
        """What strikes all customers at once, as the run learned it."""
        told = self.record.get("common_shocks")
        if not told:
            return CommonShocks()
        try:
            return CommonShocks(
                *(
                    CommonShock(
                        float(told[name]["sd"]),
                        float(told[name]["degrees_of_freedom"] or np.inf),
                        int(told[name]["windows"]),
                    )
                    for name in ("purchases", "value")
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged("common_shocks") from error

    @cached_property
    def models(self) -> tuple[PurchaseModel, GammaGammaModel | None]:
        """The models that scored it; spend is None where the scores have no money."""
        saved = self.model / "purchases.json"
        name = read_json(saved, schema=MODEL_SCHEMA).get("model")
        if name not in PURCHASE_MODELS:
            msg = f"{saved.name} has an unknown model {name!r}. Fit again with this version."
            raise ArtefactError(msg)
        spend = self.model / "spend.json"
        priced = spend.exists() and (self.record.get("models") or {}).get("spend") is not None
        return PURCHASE_MODELS[name].load(saved), GammaGammaModel.load(spend) if priced else None

    @cached_property
    def basis(self) -> Basis:
        """What the scores rest on."""
        averaging = (self.record.get("totals") or {}).get("averaging") or {}
        draws = int(averaging.get("draws_used") or 1)
        seed = int(self.config.get("seed") or 0)
        return Basis(self.models, self.terms, self.interval, seed, draws)

    @cached_property
    def database(self) -> Database:
        """Where the score files are looked into, within the memory that the job was given."""
        return Database(self.config.get("memory_limit"), self.config.get("threads"))

    @cached_property
    def scores(self) -> str:
        """The score files as a relation."""
        return f"read_parquet({sql.literal(str(self.folder / 'scores' / '*.parquet'))})"

    @cached_property
    def id_type(self) -> str:
        """Type of the ids, in DuckDB's words."""
        with failures(f"{self.name}/scores"):
            described = self.database.run(f"DESCRIBE SELECT customer_id FROM {self.scores}")
        return str(described[0][1])

    def customer(self, wanted: Any) -> dict[str, Any]:
        """Scores of one customer, whose id may be given as text or in its own type.

        Raises
        ------
        InputError
            If there is none, with the ids that look like it.
        """
        text = str(wanted)
        cast = self.database.run(f"SELECT TRY_CAST(? AS {self.id_type})", [text])[0][0]
        # A value and not an expression: only then are row groups skipped by their bounds.
        query = f"SELECT {_FACTS} FROM {self.scores} WHERE customer_id = ?"
        found = self.database.table(query, [cast]) if cast is not None else None
        if found is None or not found.num_rows:
            raise InputError(self._unknown(text))
        row: dict[str, Any] = found.to_pylist()[0]
        return row

    def customers(self, texts: list[str]) -> pa.Table:
        """Scores of those customers who are there, with their id as text in ``asked``."""
        name = self.database.add_frame(pa.table({"asked": pa.array(texts, pa.string())}))
        try:
            return self.database.table(
                f"SELECT asked, {_FACTS} FROM {self.scores} AS s JOIN (SELECT asked, "
                f"TRY_CAST(asked AS {self.id_type}) AS id FROM {name}) AS a ON s.customer_id = a.id"
            )
        finally:
            self.database.drop_frame(name)

    def segments(self) -> list[str]:
        """Names of the segments, the largest first; none where the run has no segments."""
        rows = self.database.run(
            f"SELECT segment FROM {self.scores} WHERE segment IS NOT NULL "
            "GROUP BY segment ORDER BY count(*) DESC, segment"
        )
        return [str(row[0]) for row in rows]

    def segment(self, wanted: str) -> str:
        """The segment of a name, whatever its capitals.

        Raises
        ------
        InputError
            If there is none, with those that there are.
        """
        names = self.segments()
        if not names:
            msg = f"{self.name} has no segments. Score again with this version, or give --customer."
            raise InputError(msg)
        for name in names:
            if name.casefold() == wanted.strip().casefold():
                return name
        close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
        hint = f" Did you mean {printable(close[0])!r}?" if close else ""
        listed = ", ".join(printable(name, _SHOWN) for name in names)
        raise InputError(
            f"There is no segment {printable(wanted, _SHOWN)!r} in {self.name}.{hint} "
            f"There are {listed}."
        )

    def columns(self, table: pa.Table) -> CustomerColumns:
        """Customers of a table of scores as the models take them."""
        return score_columns(table, check_time_unit(str(self.config.get("time_unit"))))

    def _unknown(self, text: str) -> str:
        """Say that a customer is not there, and who was perhaps meant."""
        near = self.database.run(
            "WITH ids AS (SELECT customer_id::VARCHAR AS id FROM "
            f"{self.scores}) SELECT id FROM ids WHERE ltrim(lower(trim(id)), '0') = "
            "ltrim(lower(trim(?::VARCHAR)), '0') ORDER BY id LIMIT 3",
            [text],
        )
        some = self.database.run(f"SELECT customer_id::VARCHAR FROM {self.scores} LIMIT 1")
        count = self.database.run(f"SELECT count(*) FROM {self.scores}")[0][0]
        shown = [repr(printable(row[0], _SHOWN)) for row in near]
        hint = f"Did you mean {' or '.join(shown)}? " if shown else ""
        kind = "text, compared exactly" if self.id_type == "VARCHAR" else self.id_type
        return (
            f"There is no customer {printable(text, _SHOWN)!r} among the "
            f"{plural(count, 'customer')} of {self.name}. {hint}Ids are {kind}, such as "
            f"{printable(some[0][0], _SHOWN)!r}. Whoever first bought after "
            f"{self.observation_end} is not in this run."
        )

    def _field(self, name: str) -> Any:
        if not isinstance(self.record.get(name), dict):
            raise self._damaged(name)
        return self.record[name]

    def _damaged(self, name: str) -> ArtefactError:
        msg = f"{RECORD} of {self.name} is damaged ({name}). Restore it, or run the job again."
        return ArtefactError(msg)
