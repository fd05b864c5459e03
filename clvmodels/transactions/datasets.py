"""Public logs that the installed ``lifetimes`` package carries."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from clvmodels.errors import InputError, ParameterError
from clvmodels.transactions.account import InputFile
from clvmodels.transactions.database import Database
from clvmodels.transactions.frames import open_frame
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.scan import LogOptions, scan
from clvmodels.transactions.sources import digest

_FILES = {"master": ("CDNOW_master.txt", 1), "sample": ("CDNOW_sample.txt", 0)}
_FIELDS = {"master": (0, 1, 3), "sample": (1, 2, 4)}


def load_cdnow(which: Literal["master", "sample"] = "master") -> TransactionLog:
    """Read CDNOW's log: purchases of CDs from 1997 to mid 1998 by one cohort of new customers.

    Parameters
    ----------
    which : {"master", "sample"}
        All 23,570 customers (69,659 rows), or the published 1-in-10 sample of 2,357.

    Returns
    -------
    TransactionLog
        Ids are text with leading zeros (the sample's own ids, 0001 to 2357). The known oddities
        of these data, duplicates and zero amounts, are in ``check()`` and give no warning.

    Raises
    ------
    InputError
        If ``lifetimes`` is not installed.

    Examples
    --------
    >>> len(load_cdnow("sample").summarize("1997-09-30", time_unit="week"))
    2357
    """
    if which not in _FILES:
        raise ParameterError("which", which, "'master' or 'sample'")
    name, header_lines = _FILES[which]
    path = _lifetimes_folder() / "datasets" / name
    rows = [line.split() for line in path.read_text("ascii").splitlines()[header_lines:]]
    customer, day, dollars = ([row[position] for row in rows if row] for position in _FIELDS[which])
    table = pa.table(
        {
            "customer_id": pa.array(customer, pa.string()),
            "date": pa.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in day]).cast(pa.date32()),
            "amount": pa.array(dollars).cast(pa.float64()),
        }
    )
    database = Database()
    scanned = scan(database, [open_frame(database, table, None)], LogOptions())
    return TransactionLog(replace(scanned, inputs=[InputFile(name, len(table), digest(path))]))


def _lifetimes_folder() -> Path:
    # find_spec of a top-level package locates it without running it, which would take seconds.
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        msg = "The CDNOW log comes with the package 'lifetimes', which is not installed."
        raise InputError(msg)
    return Path(spec.submodule_search_locations[0])
