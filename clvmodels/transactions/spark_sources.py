"""Opening what a log on a cluster comes from: CSV and Parquet by path, and Spark data frames."""

from __future__ import annotations

import csv as python_csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from clvmodels.errors import InputError
from clvmodels.transactions.database import first_line
from clvmodels.transactions.sources import CsvOptions, Source, expand, is_parquet
from clvmodels.transactions.spark_database import SparkDatabase
from clvmodels.transactions.spark_session import as_it_stands, spark_failures
from clvmodels.transactions.sql import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_CSV_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.bz2")
_ENCODINGS = {"latin-1": "ISO-8859-1"}
# DuckDB looks at so many rows to tell how a file is written.
_SNIFFED_ROWS = 20_480
FRAME = "frame"
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class SparkSource:
    """A group of inputs on the cluster.

    Attributes
    ----------
    source : Source
        What the driver knows of it: an empty relation with its columns and types.
    frame : pyspark.sql.DataFrame
        Its columns as ``c0``, ``c1`` and so on, then ``path``, ``row`` and ``raw``: the file and
        the data row, where Spark knows them, and the text of a row without sound structure.
    header : tuple of str or None
        For CSV what the first row of each file must say; None for all else.
    many : bool
        Whether there may be several files that only Spark can list.
    """

    source: Source
    frame: DataFrame
    header: tuple[str, ...] | None = None
    many: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names for a batch of the frame: those of the log, then three that are free."""
        names = list(self.source.kinds)
        taken = {name.casefold() for name in names}
        for own in ("clv_path", "clv_row", "clv_raw"):
            free = own
            while free.casefold() in taken:
                free += "_"
            names.append(free)
        return tuple(names)

    def narrowed(self, wanted: set[str | None]) -> SparkSource:
        """The same rows with some of the columns; CSV needs them all to tell broken rows."""
        if self.header is not None:
            return self
        kinds = {name: kind for name, kind in self.source.kinds.items() if name in wanted}
        places = [f"c{number}" for number, name in enumerate(self.source.kinds) if name in wanted]
        columns = ", ".join(map(identifier, kinds))
        narrow = replace(
            self.source, kinds=kinds, relation=f"(SELECT {columns} FROM {self.source.relation})"
        )
        return replace(self, source=narrow, frame=self.frame.select(*places, "path", "row", "raw"))


def open_spark_frame(database: SparkDatabase, frame: Any, date_format: str | None) -> SparkSource:
    """Open a Spark data frame, whose rows have no place."""
    nothing = [_null(kind) for kind in ("string", "bigint", "string")]
    return _opened(database, FRAME, frame, nothing, (), date_format)


def open_spark_paths(
    database: SparkDatabase, given: Iterable[str | Path], csv: CsvOptions
) -> list[SparkSource]:
    """Open files and globs: local ones, and those of any file system that Spark knows.

    Raises
    ------
    InputError
        If there is none, or one is missing, empty or unreadable.
    """
    parquet: dict[str, Path | None] = {}
    texts: dict[tuple[str, ...], tuple[Path, ...]] = {}
    for item in map(str, given):
        if "://" in item:
            if item.lower().endswith(_CSV_SUFFIXES):
                texts[(item,)] = ()
            else:
                parquet[item] = None
            continue
        if "::" in item and not Path(item).exists():
            msg = f"{item} is a table of a DuckDB file, which Spark cannot read. Use engine duckdb."
            raise InputError(msg)
        files = [file.resolve() for file in expand(item)]
        parquet |= {as_it_stands(file): file for file in files if is_parquet(file)}
        rest = tuple(file for file in files if not is_parquet(file))
        known = {file for group in texts.values() for file in group}
        rest = tuple(file for file in rest if file not in known)
        if rest:
            texts[tuple(map(as_it_stands, rest))] = rest
    if not parquet and not texts:
        msg = "The list of files is empty. Give at least one CSV or Parquet file."
        raise InputError(msg)
    sources = [_open_csv(database, paths, files, csv) for paths, files in texts.items()]
    if parquet:
        local = tuple(file for file in parquet.values() if file is not None)
        sources.append(_open_parquet(database, list(parquet), local, csv.date_format))
    return sources


def _open_parquet(
    database: SparkDatabase, paths: list[str], files: tuple[Path, ...], date_format: str | None
) -> SparkSource:
    name = paths[0].rpartition("/")[2] if len(paths) == 1 else f"{len(paths)} Parquet files"
    if len(files) == len(paths) == 1:
        name = files[0].name
    with spark_failures(name):
        frame = database.spark.read.option("mergeSchema", len(paths) > 1).parquet(*paths)
        about = frame.metadataColumn("_metadata")
        place = [about["file_path"], about["row_index"] + 1, _null("string")]
        return _opened(database, name, frame, place, files, date_format)


def _null(kind: str) -> Any:
    from pyspark.sql import functions as f

    return f.lit(None).cast(kind)


def _open_csv(
    database: SparkDatabase, paths: Sequence[str], files: tuple[Path, ...], csv: CsvOptions
) -> SparkSource:
    name = files[0].name if files else paths[0].rpartition("/")[2]
    with spark_failures(name):
        written = _sniffed(database, name, paths[0], files, csv)
        columns = [f"c{number}" for number in range(len(written.kinds))]
        schema = ", ".join(f"{column} string" for column in [*columns, "raw"])
        reader = database.spark.read.options(
            header=False,
            sep=written.delimiter,
            quote=written.quote,
            escape=written.quote,
            multiLine=True,
            columnNameOfCorruptRecord="raw",
            encoding=_ENCODINGS.get(csv.encoding or "", csv.encoding or "UTF-8"),
        )
        frame = reader.schema(schema).csv(list(paths))
        path = frame.metadataColumn("_metadata")["file_path"]
        placed = frame.select(*columns, path, _null("bigint"), "raw").toDF(
            *columns, "path", "row", "raw"
        )
    relation = _empty_relation(database, placed.select(*columns), list(written.kinds))
    source = Source(
        name if len(files) <= 1 else f"{len(files)} CSV files",
        relation,
        dict.fromkeys(written.kinds, "VARCHAR"),
        files,
        csv.date_format,
        None,
        written.formats,
    )
    return SparkSource(source, placed, written.header, many=not files)


@dataclass(frozen=True)
class _Written:
    """How a CSV file is written, as DuckDB tells it from its head."""

    kinds: tuple[str, ...]
    delimiter: str
    quote: str
    formats: dict[str, str]
    header: tuple[str, ...]


def _sniffed(
    database: SparkDatabase, name: str, path: str, files: tuple[Path, ...], csv: CsvOptions
) -> _Written:
    if files:
        return _sniff(database, name, files[0], csv)
    rows = database.spark.read.text(path).limit(_SNIFFED_ROWS).collect()
    with tempfile.TemporaryDirectory(prefix="clvmodels-") as folder:
        head = Path(folder, "head.csv")
        head.write_text("\n".join(row.value for row in rows) + "\n", "utf-8")
        return _sniff(database, name, head, csv)


def _sniff(database: SparkDatabase, name: str, path: Path, csv: CsvOptions) -> _Written:
    given = {"delim": csv.delimiter, "quote": csv.quote, "encoding": csv.encoding}
    arguments = "".join(f", {key} = {literal(value)}" for key, value in given.items() if value)
    query = (
        "SELECT Delimiter, Quote, Columns, DateFormat, TimestampFormat FROM "
        f"sniff_csv({literal(str(path))}, header = true{arguments}, ignore_errors = true)"
    )
    try:
        with database.cursor() as cursor:
            found = cursor.execute(query).fetchone()
    except duckdb.Error as error:
        msg = (
            f"{name} cannot be read as CSV: {first_line(error).rstrip('. ')}. Give the delimiter, "
            "quote or encoding (utf-8, utf-16 or latin-1), or use Parquet."
        )
        raise InputError(msg) from error
    if found is None:
        msg = f"{name} has no header line."
        raise InputError(msg)
    delimiter, quote, columns, date_format, stamp_format = found
    quote = '"' if quote in ("", "(empty)", None) else quote
    with path.open(encoding=csv.encoding or "utf-8-sig", errors="replace", newline="") as file:
        head = io.StringIO(file.read(_HEAD_BYTES))
    header = next(python_csv.reader(head, delimiter=delimiter, quotechar=quote))
    formats = {"DATE": date_format, "TIMESTAMP": stamp_format}
    kinds = {column["name"]: column["type"] for column in columns}
    return _Written(
        tuple(kinds),
        delimiter,
        quote,
        {column: formats[kind] for column, kind in kinds.items() if formats.get(kind)},
        tuple(header),
    )


def _opened(
    database: SparkDatabase,
    name: str,
    frame: DataFrame,
    place: list[Any],
    files: tuple[Path, ...],
    date_format: str | None,
) -> SparkSource:
    columns = [f"c{number}" for number in range(len(frame.columns))]
    relation = _empty_relation(database, frame, frame.columns)
    source = Source(name, relation, _kinds(database, relation), files, date_format)
    placed = frame.select("*", *place).toDF(*columns, "path", "row", "raw")
    return SparkSource(source, placed, many=name != FRAME and not files)


def _empty_relation(database: SparkDatabase, frame: DataFrame, names: list[str]) -> str:
    """A relation without rows on the driver, with the columns and types that executors see."""
    table = frame.limit(0).toArrow()
    return database.add_frame(table.rename_columns(names))


def _kinds(database: SparkDatabase, relation: str) -> dict[str, str]:
    with database.cursor() as cursor:
        rows = cursor.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in rows}
