"""What a table of customers says about them: further columns, kept as text to group by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clvmodels.errors import InputError
from clvmodels.transactions import sql
from clvmodels.transactions.account import InputFile, LogWarning
from clvmodels.transactions.database import Database, failures
from clvmodels.transactions.frames import open_frame
from clvmodels.transactions.scan import column_problem
from clvmodels.transactions.sources import CsvOptions, Source, digest, listed, open_paths

# Names that mean something else beside a customer, in a summary or in the scores.
TAKEN = (
    *sql.SUMMARY_COLUMNS,
    "weight",
    "probability_alive",
    "expected_purchases",
    "purchases_lower",
    "purchases_upper",
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_median",
    "clv_upper",
    "potential_value",
    "clv_simple_formula",
    "segment",
    "segment_probability",
)
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True)
class Labels:
    """Labels of a summary's customers, in its database.

    Attributes
    ----------
    table : str
        Table with ``id``, a customer's id as text, and a column of text for each name: ``l0``,
        ``l1`` and so on.
    names : tuple of str
        What the columns are called.
    inputs : tuple of InputFile
        Where they came from.
    warnings : tuple of LogWarning
        What in them deserves a look.
    """

    table: str
    names: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    warnings: tuple[LogWarning, ...]

    def query(self, customers: str) -> str:
        """Labels of customers, ordered by their id; null for those who have none."""
        # A label may have the name of any column here, so that each needs its table before it.
        names = map(sql.identifier, self.names)
        columns = ", ".join(f"l.l{number} AS {name}" for number, name in enumerate(names))
        return (
            f"SELECT {columns} FROM {customers} AS c LEFT JOIN {self.table} AS l "
            "ON c.customer_id::VARCHAR = l.id ORDER BY c.customer_id"
        )


def read_labels(
    database: Database, source: Any, customer_id: str, csv: CsvOptions, customers: str
) -> Labels:
    """Copy a table of customers into the database of a summary, and hold it against them.

    Parameters
    ----------
    source
        A path or a glob (CSV, Parquet, ``shop.duckdb::table``), or a frame.
    customer_id : str
        Its column of ids.
    customers : str
        Relation of the summary.

    Raises
    ------
    InputError
        If there is no such column or no other, a name is taken, a customer has several rows, or
        the table cannot be read.
    """
    if isinstance(source, str | Path):
        sources = open_paths(database, [source], csv)
    else:
        sources = [open_frame(database, source, None)]
    name = ", ".join(part.name for part in sources)
    try:
        names = _label_names(sources, customer_id)
        table, unreadable = _copy(database, sources, customer_id, names, name)
    finally:
        for part in sources:
            database.drop_frame(part.relation)
    try:
        _check(database, table, name, unreadable)
        inputs = _inputs(database, sources, table)
        warnings = (
            *_nameless(database, table, name),
            *_strangers(database, table, name, customers),
        )
    except BaseException:
        database.run(f"DROP TABLE {table}")
        raise
    return Labels(table, names, inputs, warnings)


def _label_names(sources: Sequence[Source], customer_id: str) -> tuple[str, ...]:
    """Columns of all sources besides that of the ids, in order."""
    problems = [p for part in sources for p in column_problem(part, "customer_id", customer_id)]
    if problems:
        raise InputError(f"{' '.join(problems)} Found: {listed(sources[0].kinds)}.")
    # DuckDB doesn't tell names apart by their case, and neither do those who read them.
    names: dict[str, str] = {}
    for part in sources:
        for column in part.kinds:
            if column != customer_id:
                names.setdefault(column.casefold(), column)
    if not names:
        msg = f"{sources[0].name} has no column besides {customer_id!r}, and so no label."
        raise InputError(msg)
    taken = {column.casefold() for column in TAKEN}
    clashes = [column for folded, column in names.items() if folded in taken]
    if clashes:
        msg = (
            f"{sources[0].name} has the column(s) {listed(clashes)}, which the "
            "scores have too. Give the label(s) another name, such as "
            f"{f'given_{clashes[0]}'!r}."
        )
        raise InputError(msg)
    return tuple(names.values())


def _copy(
    database: Database, sources: Sequence[Source], customer_id: str, names: Sequence[str], name: str
) -> tuple[str, int]:
    """Read all rows into a table that spills; gives it and the rows without sound structure."""
    table = database.new_name("labels")
    places = [(part, *place) for part in sources for place in part.per_file()]
    union = " UNION ALL ".join(
        _read(part.kinds, relation, customer_id, names, place)
        for place, (part, _, relation) in enumerate(places)
    )
    unreadable = 0
    with failures(name), database.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} AS {union}")
        for part in sources:
            if part.rejects is not None:
                query = f"SELECT count(DISTINCT line) FROM {part.rejects}"
                unreadable += cursor.execute(query).fetchall()[0][0]
    return table, unreadable


def _read(
    kinds: dict[str, str], relation: str, customer_id: str, names: Sequence[str], place: int
) -> str:
    """Ids and labels of one file as text, null where there is none."""
    columns = {column.casefold(): column for column in kinds if column != customer_id}
    labels = ""
    for number, name in enumerate(names):
        column = columns.get(name.casefold())
        value = "NULL::VARCHAR" if column is None else sql.text(column, kinds[column])
        labels += f", {value} AS l{number}"
    kind = kinds[customer_id]
    missing = sql.id_missing(customer_id, kind)
    text = f"{sql.customer_id(customer_id, kind)}::VARCHAR"
    return (
        f"SELECT {place} AS place, CASE WHEN NOT {missing} THEN {text} END AS id{labels} "
        f"FROM {relation}"
    )


def _check(database: Database, table: str, name: str, unreadable: int) -> None:
    problems = []
    rows = database.run(f"SELECT count(*) FROM {table}")[0][0]
    repeated = (
        f"SELECT id, count(*) AS n FROM {table} WHERE id IS NOT NULL GROUP BY id HAVING n > 1"
    )
    ids, lines, example = database.run(f"SELECT count(*), sum(n), min(id) FROM ({repeated})")[0]
    if not rows + unreadable:
        problems.append("it has no rows")
    if unreadable:
        problems.append(f"{unreadable:,} rows don't have the fields of the header")
    if ids:
        problems.append(
            f"{ids:,} customers have more than one row ({int(lines):,} rows), such as "
            f"{_shown(example)}; keep one row for each"
        )
    if problems:
        raise InputError(f"The labels in {name} cannot be used: {'; '.join(problems)}.")


def _nameless(database: Database, table: str, name: str) -> tuple[LogWarning, ...]:
    count = database.run(f"SELECT count(*) FROM {table} WHERE id IS NULL")[0][0]
    if not count:
        return ()
    message = f"{count:,} rows in {name} name no customer; their labels are nobody's."
    return (LogWarning("labels_without_id", message, count),)


def _strangers(database: Database, table: str, name: str, customers: str) -> tuple[LogWarning, ...]:
    """Warn of labels that no customer takes; a difference in how ids are written shows in it."""
    known = f"(SELECT customer_id::VARCHAR AS id FROM {customers})"
    count, example = database.run(
        f"SELECT count(*), min(id) FROM {table} ANTI JOIN {known} USING (id) WHERE id IS NOT NULL"
    )[0]
    if not count:
        return ()
    total, labelled = database.run(
        f"SELECT count(*), count(l.id) FROM {known} AS k LEFT JOIN {table} AS l USING (id)"
    )[0]
    message = (
        f"{count:,} customers in {name} are not among those summarised, such as {_shown(example)}; "
        f"{labelled:,} of {total:,} customers have labels."
    )
    return (LogWarning("labels_without_customer", message, count),)


def _inputs(database: Database, sources: Sequence[Source], table: str) -> tuple[InputFile, ...]:
    counts = dict(database.run(f"SELECT place, count(*) FROM {table} GROUP BY place"))
    places = [(part, name) for part in sources for name, _ in part.per_file()]
    files = [path for part in sources for path in part.files]
    if not files:
        return (InputFile(places[0][1], counts.get(0, 0)),)
    return tuple(
        InputFile(name, counts.get(place, 0), digest(path))
        for place, ((_, name), path) in enumerate(zip(places, files, strict=True))
    )


def _shown(text: str) -> str:
    cut = text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}…"
    return repr(cut)
