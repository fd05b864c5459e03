"""The private DuckDB database behind each log: settings, cursors and readable failures."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from clvmodels.errors import ConfigurationError, InputError, ResourceError
from clvmodels.storage import Scratch

if TYPE_CHECKING:
    import pyarrow as pa

LINE_ENDS = (
    "its lines end in more than one way, or one has a lone carriage return. Write them all alike, "
    "or use Parquet."
)
# What a job at ten million customers needs beside DuckDB, measured, in mebibytes.
_OUR_SHARE = 900.0
# The units in which DuckDB states a limit.
_MEBIBYTES = {"bytes": 2.0**-20, "KiB": 2.0**-10, "MiB": 1.0, "GiB": 2.0**10, "TiB": 2.0**20}
Parameters = list[Any] | dict[str, Any] | None


class Database:
    """An in-memory database that spills to a private directory and never touches the network.

    Parameters
    ----------
    memory_limit : str, optional
        Such as ``"2GB"``, for the whole job: DuckDB gets what our own arrays leave of it, at least
        half, and spills to disk beyond. Default: DuckDB's own, 80 % of the machine.
    threads : int, optional
        Default: one for each core.
    """

    def __init__(self, memory_limit: str | None = None, threads: int | None = None) -> None:
        self._spill = Scratch()
        self._frames: dict[str, pa.Table] = {}
        self._catalogs: dict[Path, str] = {}
        self._names = 0
        options: dict[str, Any] = {
            "temp_directory": str(self._spill.path),
            # What a stage is done with does not stay for the next one's peak.
            "allocator_background_threads": True,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
        }
        if memory_limit is not None:
            options["memory_limit"] = memory_limit
        if threads is not None:
            options["threads"] = threads
        try:
            self._connection = duckdb.connect(":memory:", config=options)
            if memory_limit is not None:
                _leave_room(self._connection)
        except duckdb.Error as error:
            self._spill.close()
            msg = f"memory_limit={memory_limit!r}, threads={threads!r}: {first_line(error)}"
            raise ConfigurationError(msg) from error
        self._finalizer = weakref.finalize(self, _release, self._connection, self._spill)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a connection of its own to the same tables, so that streams don't disturb others."""
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute("SET enable_progress_bar = false")
        for name, frame in self._frames.items():
            cursor.register(name, frame)
        return cursor

    def add_frame(self, frame: pa.Table) -> str:
        """Make an Arrow table visible to every later cursor; gives its name."""
        name = self.new_name("frame")
        self._frames[name] = frame
        return name

    def drop_frame(self, name: str) -> None:
        """Forget a frame; other names are none."""
        self._frames.pop(name, None)

    def attach(self, path: Path) -> str:
        """Open a DuckDB file to read, once however often it is asked for; gives its catalog."""
        path = path.resolve()
        if path not in self._catalogs:
            name = self.new_name("attached")
            quoted = str(path).replace("'", "''")
            self.run(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
            self._catalogs[path] = name
        return self._catalogs[path]

    def new_name(self, stem: str) -> str:
        """Give a table name that nothing else uses."""
        self._names += 1
        return f"{stem}_{self._names}"

    def run(self, query: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Execute one statement and give its rows."""
        with failures("The log"), self.cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def start(self, *statements: str) -> Future[None]:
        """Execute statements as one transaction, on a thread of their own."""

        def work() -> None:
            with failures("The log"), self.cursor() as cursor:
                for statement in ("BEGIN", *statements, "COMMIT"):
                    cursor.execute(statement)

        thread = ThreadPoolExecutor(1)
        future = thread.submit(work)
        thread.shutdown(wait=False)
        return future

    def table(self, query: str, parameters: Parameters = None) -> pa.Table:
        """Give the result of a query as an Arrow table."""
        with failures("The log"), self.cursor() as cursor:
            return cursor.sql(query, params=parameters).to_arrow_table()

    def batches(
        self, query: str, rows: int, parameters: Parameters = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream the result of a query in batches of at most ``rows``."""
        with failures("The log"), self.cursor() as cursor:
            yield from cursor.sql(query, params=parameters).to_arrow_reader(rows)


def _leave_room(connection: duckdb.DuckDBPyConnection) -> None:
    """Take what the rest of a job needs off the limit that DuckDB was given."""
    query = "SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'"
    number, unit = str(connection.execute(query).fetchall()[0][0]).split()
    limit = float(number) * _MEBIBYTES[unit]
    connection.execute(f"SET memory_limit = '{max(limit - _OUR_SHARE, 0.5 * limit):.0f}MiB'")


def _release(connection: duckdb.DuckDBPyConnection, spill: Scratch) -> None:
    connection.close()
    spill.close()


def first_line(error: BaseException) -> str:
    """First line of a message, without DuckDB's class in front."""
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("Invalid Input Error: ") if lines else type(error).__name__


@contextmanager
def failures(subject: str) -> Iterator[None]:
    """Turn DuckDB's exceptions into those of the package; ``subject`` opens the message.

    Queries that cannot be understood stay what they are: a defect of ours.
    """
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
        raise
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in str(error):
            msg = (
                f"{subject} needs more memory or disk than it may use: {first_line(error)} Give a "
                "higher memory_limit, fewer threads, or room in the temporary directory."
            )
            raise ResourceError(msg) from error
        msg = f"{subject} cannot be read: {first_line(error)}"
        if "state machine" in msg:
            msg = f"{subject} cannot be read as CSV: {LINE_ENDS}"
        raise InputError(msg) from error
