"""Opening what a log can come from: files, data frames, Arrow streams, DuckDB relations."""

from __future__ import annotations

import codecs
import glob
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from clvmodels.errors import InputError
from clvmodels.transactions.database import LINE_ENDS, Database, failures, first_line
from clvmodels.transactions.sql import identifier, literal

_MOST_NAMES, _LONGEST_NAME = 30, 60
_PARQUET_SUFFIXES = {".parquet", ".pq", ".parq"}


@dataclass(frozen=True)
class CsvOptions:
    """How the CSV files are written; None leaves it to DuckDB's sniffing.

    Parameters
    ----------
    delimiter, quote : str, optional
        One character.
    decimal_separator : str, optional
        ``","`` for 12,50. Default ``"."``.
    encoding : str, optional
        ``"utf-8"``, ``"utf-16"`` or ``"latin-1"``. Default UTF-8, or UTF-16 where a file starts
        with its mark.
    date_format : str, optional
        As for ``strptime``, such as ``"%d.%m.%Y"``; used for any date column of text or digits.
    """

    delimiter: str | None = None
    quote: str | None = None
    decimal_separator: str | None = None
    encoding: str | None = None
    date_format: str | None = None


@dataclass(frozen=True)
class Source:
    """A group of inputs that one SQL relation reads.

    Attributes
    ----------
    name : str
        What messages and the quarantine call it: a base name, or ``frame``.
    relation : str
        What stands after FROM.
    kinds : dict of str to str
        DuckDB type of each column.
    files : tuple of Path
        The files behind it, none for frames.
    date_format : str or None
        Format that the user gave for dates of text or digits.
    rejects : str or None
        Name under which DuckDB collects the rows of a CSV file that have no sound structure.
    sniffed_formats : dict of str to str
        Date format by column, where DuckDB recognised one.
    """

    name: str
    relation: str
    kinds: dict[str, str]
    files: tuple[Path, ...] = ()
    date_format: str | None = None
    rejects: str | None = None
    sniffed_formats: dict[str, str] = field(default_factory=dict)

    @property
    def kept_rejects(self) -> str:
        """Table of the rows without sound structure, which outlives the scan."""
        return f"{self.rejects}_kept"

    def per_file(self) -> list[tuple[str, str]]:
        """Name and relation of each file on its own, with the columns and types of them all."""
        if len(self.files) <= 1:
            return [(self.name, self.relation)]
        column = "clvmodels_file"
        relation = _parquet_relation(self.files, f", filename = {literal(column)}")
        return [
            (path.name, f"(FROM {relation} WHERE {column} = {literal(str(path))})")
            for path in self.files
        ]


def listed(names: Iterable[str]) -> str:
    """Column names for a message: not all of thousands, and none of them at any length."""
    shown = [repr(n if len(n) <= _LONGEST_NAME else f"{n[:_LONGEST_NAME]}…") for n in names]
    more = len(shown) - _MOST_NAMES
    return ", ".join(shown[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def describe(database: Database, relation: str) -> dict[str, str]:
    """Columns of a relation with their DuckDB types."""
    rows = database.run(f"DESCRIBE SELECT * FROM {relation}")
    return {str(name): str(kind) for name, kind, *_ in rows}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_paths(database: Database, given: Iterable[str | Path], csv: CsvOptions) -> list[Source]:
    """Open files, globs and DuckDB tables; a file that is named twice counts once.

    Raises
    ------
    InputError
        If there is none, or one is missing, empty or unreadable.
    """
    tables = [str(item) for item in given if "::" in str(item) and not Path(item).exists()]
    files = [file for item in given if str(item) not in tables for file in expand(item)]
    files = list({file.resolve(): file for file in files}.values())
    if not files and not tables:
        msg = "The list of files is empty. Give at least one CSV or Parquet file."
        raise InputError(msg)
    sources = _open_database_tables(database, list(dict.fromkeys(tables)), csv.date_format)
    parquet = [file for file in files if is_parquet(file)]
    sources += [_open_csv(database, file, csv) for file in files if file not in parquet]
    if parquet:
        sources.append(_open_parquet(database, parquet, csv.date_format))
    return sources


def expand(item: str | Path) -> list[Path]:
    """Files that a path or a glob names, none of them empty."""
    path = Path(item)
    if path.is_dir():
        msg = f"{path} is a directory. Name its files, such as {path}/*.parquet."
        raise InputError(msg)
    if path.exists():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(str(item), recursive=True))  # noqa: PTH207
        found = [file for file in found if file.is_file()]
    if not found:
        msg = f"{item}: no such file. Check the path; globs such as 'orders/*.parquet' are fine."
        raise InputError(msg)
    for file in found:
        if file.stat().st_size == 0:
            msg = f"{file} is empty (0 bytes)."
            raise InputError(msg)
        with file.open("rb") as opened:
            if opened.read(12)[8:] == b"DUCK":
                msg = f"{file} is a DuckDB file. Name a table of it, as in {file}::orders."
                raise InputError(msg)
    return found


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its name or its first bytes."""
    if path.suffix.lower() in _PARQUET_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def path_literal(path: Path) -> str:
    """Quote a path so that DuckDB takes its wildcard characters as they stand."""
    return literal(glob.escape(str(path)))


def _open_parquet(database: Database, paths: list[Path], date_format: str | None) -> Source:
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} Parquet files"
    relation = _parquet_relation(paths)
    with failures(name):
        kinds = describe(database, relation)
    return Source(name, relation, kinds, tuple(paths), date_format)


def _parquet_relation(paths: Sequence[Path], arguments: str = "") -> str:
    files = "[" + ", ".join(path_literal(path) for path in paths) + "]"
    if len(paths) > 1:
        arguments += ", union_by_name = true"
    return f"read_parquet({files}, hive_partitioning = false{arguments})"


def _csv_arguments(path: Path, csv: CsvOptions) -> str:
    with path.open("rb") as file:
        marked = "utf-16" if file.read(2) == codecs.BOM_UTF16_LE else None
    given = {"delim": csv.delimiter, "quote": csv.quote, "encoding": csv.encoding or marked}
    return "".join(f", {key} = {literal(value)}" for key, value in given.items() if value)


def _ends_lines_differently(path: Path) -> bool:
    """Whether the start of a file has lines with and without a carriage return."""
    with path.open("rb") as file:
        start = file.read(1_000_000)
    return b"\r\n" in start and start.count(b"\n") > start.count(b"\r\n")


def _open_csv(database: Database, path: Path, csv: CsvOptions) -> Source:
    arguments = f"{path_literal(path)}, header = true{_csv_arguments(path, csv)}"
    try:
        with database.cursor() as cursor:
            sniffed = cursor.execute(
                f"SELECT Columns, DateFormat, TimestampFormat "
                f"FROM sniff_csv({arguments}, ignore_errors = true)"
            ).fetchone()
    except duckdb.OutOfMemoryException:
        with failures(path.name):
            raise
    except duckdb.Error as error:
        msg = (
            f"{path.name} cannot be read as CSV: {first_line(error).rstrip('. ')}. Give the "
            "delimiter, quote or encoding (utf-8, utf-16 or latin-1), or use Parquet."
        )
        if _ends_lines_differently(path):
            msg = f"{path.name} cannot be read as CSV: {LINE_ENDS}"
        raise InputError(msg) from error
    if sniffed is None:
        msg = f"{path.name} has no header line."
        raise InputError(msg)
    found = {column["name"]: column["type"] for column in sniffed[0]}
    formats = {"DATE": sniffed[1], "TIMESTAMP": sniffed[2]}
    sniffed_formats = {name: formats[kind] for name, kind in found.items() if formats.get(kind)}
    rejects = database.new_name("rejects")
    relation = (
        f"read_csv({arguments}, all_varchar = true, store_rejects = true, "
        f"rejects_table = {literal(rejects)}, rejects_scan = {literal(rejects + '_scan')})"
    )
    return Source(
        path.name,
        relation,
        dict.fromkeys(found, "VARCHAR"),
        (path,),
        csv.date_format,
        rejects,
        sniffed_formats,
    )


def _open_database_tables(
    database: Database, given: Sequence[str], date_format: str | None
) -> list[Source]:
    sources = []
    for item in given:
        file, _, table = item.partition("::")
        path = Path(file)
        if not path.is_file():
            msg = f"{file}: no such file. A DuckDB table is written as 'shop.duckdb::orders'."
            raise InputError(msg)
        try:
            names = [database.attach(path), *(identifier(part) for part in table.split("."))]
            relation = ".".join(names)
            kinds = describe(database, relation)
        except (duckdb.Error, InputError) as error:
            msg = f"{path.name} has no table {table!r} that can be read: {first_line(error)}"
            raise InputError(msg) from error
        sources.append(Source(path.name, relation, kinds, (path,), date_format))
    return sources
