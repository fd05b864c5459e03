"""Writing and reading artefacts: whole or not at all, and with a schema number.

A job holds the lock of its folder, writes into a hidden folder inside, and moves everything in at
the end. A job killed at any moment leaves what was there before, or a publication that the next
job, or whoever reads next, completes.
"""

from clvmodels.storage.files import aside, plain, read_json, write_json, write_text
from clvmodels.storage.folders import RECORD, settle, staged
from clvmodels.storage.lock import locked
from clvmodels.storage.parts import (
    GROUPS_PER_PART,
    ROWS_PER_GROUP,
    regrouped,
    write_part,
    write_parts,
)
from clvmodels.storage.scratch import Scratch

__all__ = [
    "GROUPS_PER_PART",
    "RECORD",
    "ROWS_PER_GROUP",
    "Scratch",
    "aside",
    "locked",
    "plain",
    "read_json",
    "regrouped",
    "settle",
    "staged",
    "write_json",
    "write_part",
    "write_parts",
    "write_text",
]
