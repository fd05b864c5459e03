"""A run as it lies in its folder: terms, models and score files, read as far as a question asks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from clvmodels.config.decisions import ActionRule, action_rules, checked_actions, read_actions
from clvmodels.decisions.run_folder import RunFolder, score_files
from clvmodels.decisions.stake import Basis, score_columns
from clvmodels.errors import ArtefactError, InputError
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.database import Database, Parameters
from clvmodels.transactions.sources import path_literal
from clvmodels.units import check_time_unit
from clvmodels.wording import plural, printable

_FACTS = (
    'customer_id, frequency, recency, "T", monetary_value, last_purchase, probability_alive, '
    "clv, potential_value, segment"
)
# An id from outside may be as long as it likes; what is shown of it is not.
_SHOWN = 40


@dataclass(frozen=True)
class SavedRun(RunFolder):
    """A run with its scores and its models, ready to be asked about customers."""

    @classmethod
    def open(cls, folder: str | Path, model: str | Path | None = None) -> Self:
        """Open the folder of a run, or of scores made with a ``model`` folder elsewhere.

        Raises
        ------
        ArtefactError
            If something is missing, damaged or of another version.
        """
        run = cls.read(folder, model)
        if not any((run.folder / "scores").glob("*.parquet")):
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
    def currency(self) -> str | None:
        """What money is shown in."""
        currency = self.config.get("currency")
        return None if currency is None else str(currency)

    def actions(self, file: str | Path | None = None) -> dict[str, ActionRule]:
        """Every known action, with what the job's configuration says of it, or another file.

        Raises
        ------
        ConfigurationError
            If the file cannot be read, or an action has a value that cannot be used.
        """
        if file is not None:
            return action_rules(read_actions(Path(file)))
        return action_rules(checked_actions(self.config.get("actions") or {}))

    @cached_property
    def basis(self) -> Basis:
        """What the scores rest on."""
        with self.reading("config"):
            interval = float(self.config.get("interval") or 0.9)
            seed = int(self.config.get("seed") or 0)
        return Basis(self.models(), self.terms(), interval, seed, self.draws)

    @cached_property
    def database(self) -> Database:
        """Where the score files are looked into, within the memory that the job was given."""
        return Database(self.config.get("memory_limit"), self.config.get("threads"))

    @property
    def scores(self) -> str:
        """The score files, for ``read_parquet``."""
        return score_files(self.folder / "scores")

    def ask(self, query: str, parameters: Parameters = None) -> pa.Table:
        """Ask the score files.

        Raises
        ------
        ArtefactError
            If one of them cannot be read, or lacks a column.
        """
        try:
            return self.database.table(query, parameters)
        except (InputError, duckdb.BinderException) as error:
            msg = (
                f"{self._unreadable()} of {self.name} cannot be read: damaged, or of another "
                "version. Restore it, or score again."
            )
            raise ArtefactError(msg) from error

    @cached_property
    def id_type(self) -> str:
        """Type of the ids, in DuckDB's words."""
        described = self.ask(f"DESCRIBE SELECT customer_id FROM read_parquet({self.scores})")
        return str(described["column_type"][0])

    def customer(self, wanted: Any) -> dict[str, Any]:
        """Scores of one customer, whose id may be given as text or in its own type.

        Raises
        ------
        InputError
            If there is none, with the ids that look like it.
        """
        text = str(wanted)
        cast = self.ask(f"SELECT TRY_CAST(? AS {self.id_type})", [text])[0][0].as_py()
        # A value and not an expression: only then are row groups skipped by their bounds.
        query = f"SELECT {_FACTS} FROM read_parquet({self.scores}) WHERE customer_id = ?"
        found = self.ask(query, [cast]) if cast is not None else None
        if found is None or not found.num_rows:
            raise InputError(self._unknown(text))
        row: dict[str, Any] = found.to_pylist()[0]
        return row

    def customers(self, texts: list[str]) -> pa.Table:
        """Scores of those customers who are there, with their id as text in ``asked``."""
        name = self.database.add_frame(pa.table({"asked": pa.array(texts, pa.string())}))
        try:
            return self.ask(
                f"SELECT asked, {_FACTS} FROM read_parquet({self.scores}) AS s JOIN (SELECT asked, "
                f"TRY_CAST(asked AS {self.id_type}) AS id FROM {name}) AS a ON s.customer_id = a.id"
            )
        finally:
            self.database.drop_frame(name)

    def segments(self) -> list[str]:
        """Names of the segments, the largest first; none where the run has no segments."""
        found = self.ask(
            f"SELECT segment FROM read_parquet({self.scores}) WHERE segment IS NOT NULL "
            "GROUP BY segment ORDER BY count(*) DESC, segment"
        )
        return [str(name) for name in found["segment"].to_pylist()]

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
        with self.reading("config"):
            unit = check_time_unit(self.config["time_unit"])
        return score_columns(table, unit)

    def _unknown(self, text: str) -> str:
        """Say that a customer is not there, and who was perhaps meant."""
        near = self.ask(
            "WITH ids AS (SELECT customer_id::VARCHAR AS id FROM "
            f"read_parquet({self.scores})) SELECT id FROM ids WHERE ltrim(lower(trim(id)), '0') = "
            "ltrim(lower(trim(?::VARCHAR)), '0') ORDER BY id LIMIT 3",
            [text],
        )
        every = self.ask(
            "SELECT any_value(customer_id::VARCHAR) AS id, count(*) AS customers "
            f"FROM read_parquet({self.scores})"
        ).to_pylist()[0]
        shown = [repr(printable(name, _SHOWN)) for name in near["id"].to_pylist()]
        hint = f"Did you mean {' or '.join(shown)}? " if shown else ""
        kind = "text, compared exactly" if self.id_type == "VARCHAR" else self.id_type
        return (
            f"There is no customer {printable(text, _SHOWN)!r} among the "
            f"{plural(every['customers'], 'customer')} of {self.name}. {hint}Ids are {kind}, such "
            f"as {printable(every['id'], _SHOWN)!r}. Whoever first bought after "
            f"{self.observation_end} is not in this run."
        )

    def _unreadable(self) -> str:
        """Name of the first score file that cannot be read by itself."""
        for file in sorted((self.folder / "scores").glob("*.parquet")):
            try:
                relation = f"read_parquet({path_literal(file)})"
                self.database.run(f"SELECT bit_xor(hash({_FACTS})) FROM {relation}")
            except (InputError, duckdb.BinderException):
                return f"scores/{printable(file.name)}"
        return "scores/"
