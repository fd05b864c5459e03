"""What tests need besides Python packages: skipped where it is missing, but never in CI."""

from __future__ import annotations

import importlib
import os
import shutil

import pytest


def need(module):
    """Import a module that needs native libraries."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        return _missing(f"{module} cannot be used here: {error}")


def need_program(*names):
    """Give the path of the first of these programs."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or _missing(f"None of {', '.join(names)} is installed.")


def _missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} In CI it has to be there.")
    pytest.skip(reason)
