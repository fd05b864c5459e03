"""What score files say: equal histories, and who moved between the segments of two runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvmodels.decisions.run_folder import score_files
from clvmodels.errors import ArtefactError, InputError
from clvmodels.transactions.database import Database
from clvmodels.transactions.sql import day_literal
from clvmodels.units import DAYS_PER_UNIT, TimeUnit
from clvmodels.wording import printable

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a matrix of moves: far more than eight segments make.
_MOST_MOVES = 100


@dataclass(frozen=True)
class Moves:
    """Customers of two runs by their segments then and now.

    Attributes
    ----------
    stayed_customers, gone, late, new : int
        In both runs; only in the first; only in the second although they came before the first
        run's end; and who came since.
    rows : list of dict
        ``from``, ``to``, ``customers``, ``value_before``, ``value_now``: the most customers first.
    left_out : int
        Rows beyond the most that are listed.
    same : float or None
        Share of customers of both runs whose segment is the same; None without segments.
    segments : list of str
        Those that occur.
    """

    stayed_customers: int
    gone: int
    late: int
    new: int
    rows: list[dict[str, Any]]
    left_out: int
    same: float | None
    segments: list[str]


def score_histories(database: Database, folder: Path, unit: TimeUnit) -> pa.Table:
    """Equal histories of the customers of a run, as `histories` gives them; in days.

    Raises
    ------
    ArtefactError
        If the scores are missing or damaged.
    """
    days = f"round({{}} * {DAYS_PER_UNIT[unit]!r})::BIGINT"
    told = "CASE WHEN monetary_value > 0 THEN frequency ELSE 0 END"
    mean = "CASE WHEN monetary_value > 0 THEN monetary_value ELSE 0 END"
    query = (
        f"SELECT frequency, {days.format('recency')} AS recency, "  # noqa: S608
        f'{days.format(chr(34) + "T" + chr(34))} AS "T", {told} AS n, count(*) AS weight, '
        f"sum({mean})::DOUBLE AS sum_mean, sum({mean} * {mean})::DOUBLE AS sum_square "
        f"FROM {_scores(folder)} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    return _asked(database, query)


def moves(database: Database, before: Path, now: Path, first_end: date) -> Moves:
    """Hold the scores of two runs against each other, customer by customer, in the database.

    Parameters
    ----------
    before, now
        Folders of the score files.
    first_end
        Observation end of the first run.

    Raises
    ------
    ArtefactError
        If scores are missing or damaged.
    """
    columns = "customer_id{kind} AS id, segment, coalesce(clv, expected_purchases) AS value"
    types = [
        _asked(
            database,
            f"SELECT typeof(customer_id) AS t FROM {_scores(path)} LIMIT 1",  # noqa: S608
        )
        for path in (before, now)
    ]
    kinds = {table["t"][0].as_py() for table in types if len(table)}
    chosen = columns.format(kind="::VARCHAR" if len(kinds) > 1 else "")
    # Sums of decimals don't depend on the order of threads.
    money = "sum({}.value::DECIMAL(38, 6))::DOUBLE"
    query = (
        f"SELECT o.segment AS was, n.segment AS became, o.id IS NULL AS unknown, "  # noqa: S608
        "n.id IS NULL AS gone, "
        f"coalesce(n.first_purchase > {day_literal(first_end)}, false) AS fresh, "
        f"count(*) AS customers, {money.format('o')} AS value_before, "
        f"{money.format('n')} AS value_now "
        f"FROM (SELECT {chosen} FROM {_scores(before)}) AS o "
        f"FULL JOIN (SELECT {chosen}, first_purchase FROM {_scores(now)}) AS n ON o.id = n.id "
        "GROUP BY ALL ORDER BY customers DESC, was, became, unknown, gone, fresh"
    )
    return _counted(_asked(database, query).to_pylist())


def _counted(found: list[dict[str, Any]]) -> Moves:
    both = [row for row in found if not row["unknown"] and not row["gone"]]
    has_segments = any(row["was"] is not None for row in found) and any(
        row["became"] is not None for row in found
    )
    pairs: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for row in found:
        ends = (_short(row["was"]), _short(row["became"]))
        into = pairs.setdefault(
            ends,
            {"from": ends[0], "to": ends[1], "customers": 0, "value_before": 0.0, "value_now": 0.0},
        )
        into["customers"] += row["customers"]
        for side in ("value_before", "value_now"):
            into[side] += row[side] or 0.0
    rows = sorted(pairs.values(), key=lambda row: -row["customers"]) if has_segments else []
    stayed = sum(row["customers"] for row in both)
    same = sum(row["customers"] for row in both if row["was"] == row["became"])
    names = {end for pair in pairs for end in pair if end is not None}
    return Moves(
        stayed_customers=stayed,
        gone=sum(row["customers"] for row in found if row["gone"]),
        late=sum(row["customers"] for row in found if row["unknown"] and not row["fresh"]),
        new=sum(row["customers"] for row in found if row["unknown"] and row["fresh"]),
        rows=rows[:_MOST_MOVES],
        left_out=max(len(rows) - _MOST_MOVES, 0),
        same=same / stayed if has_segments and stayed else None,
        segments=sorted(names) if has_segments else [],
    )


def _short(name: str | None) -> str | None:
    return None if name is None else printable(name)


def _scores(folder: Path) -> str:
    return f"read_parquet({score_files(folder)})"


def _asked(database: Database, query: str) -> pa.Table:
    try:
        return database.table(query)
    except InputError as error:
        msg = "The scores are missing or damaged."
        raise ArtefactError(msg) from error
    except Exception as error:
        # Columns that are not there: scores of another version.
        if type(error).__module__.split(".")[0] not in ("duckdb", "_duckdb"):
            raise
        msg = "The scores are of another version."
        raise ArtefactError(msg) from error
