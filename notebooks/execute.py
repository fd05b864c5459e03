"""Execute every notebook from a clean state, in place or to check the committed outputs.

``python -m notebooks.execute`` rewrites the notebooks; ``--check`` leaves them alone and fails
where a fresh run prints something else than what is committed. Names of notebooks may follow.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

HERE = Path(__file__).parent
_SECONDS_PER_CELL = 300
_TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
# Another processor or library version may round differently; a change of substance is larger.
_RELATIVE = 1e-4


def find_notebooks(names: list[str]) -> list[Path]:
    """Give the notebooks of this folder in order, or those that are named."""
    return [HERE / Path(name).name for name in names] or sorted(HERE.glob("*.ipynb"))


def execute(path: Path) -> Any:
    """Give the notebook as a fresh kernel leaves it, without traces of time or machine.

    Raises
    ------
    CellExecutionError
        If a cell fails.
    """
    notebook = _read(path)
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as folder:
        # Sockets in a folder of our own: nobody else on the machine can talk to the kernel.
        NotebookClient(
            notebook,
            config=Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"}),
            kernel_name="python3",
            timeout=_SECONDS_PER_CELL,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata = nbformat.NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    return notebook


def differences(committed: Any, fresh: Any) -> list[str]:
    """Say where committed outputs are stale: other text, other numbers, other kinds of output.

    Figures are compared by being there, not by their pixels.
    """
    found = []
    cells = zip(committed.cells, fresh.cells, strict=True)
    for number, (old, new) in enumerate(cells, start=1):
        if old.cell_type != "code":
            continue
        if old.execution_count != new.execution_count:
            found.append(f"cell {number}: executed as {old.execution_count}, not in order")
        before, after = texts(old), texts(new)
        if [kind for kind, _ in before] != [kind for kind, _ in after]:
            found.append(f"cell {number}: other outputs than a fresh run gives")
            continue
        for (kind, was), (_, now) in zip(before, after, strict=True):
            if not same_text(was, now):
                found.append(f"cell {number}, {kind}: committed\n{was}\nand now\n{now}")
    return found


def complaints(notebook: Any) -> list[str]:
    """Say what a reader should not meet in an executed notebook: warnings and messages."""
    return [
        f"cell {number} writes to standard error: {output.text.strip()}"
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def same_text(was: str, now: str) -> bool:
    """Whether two texts agree but for white space and the rounding of numbers."""
    was, now = " ".join(was.split()), " ".join(now.split())
    if _NUMBER.sub("#", was) != _NUMBER.sub("#", now):
        return False
    numbers = zip(_NUMBER.findall(was), _NUMBER.findall(now), strict=True)
    return all(_close(a, b) for a, b in numbers)


def _close(was: str, now: str) -> bool:
    if was == now:
        return True
    mantissa = re.split("e", was, flags=re.IGNORECASE)[0]
    if "." not in mantissa:
        # Counts are counts; only a rounded total of many digits may move in its last one.
        return len(mantissa.replace(",", "")) > 4 and _isclose(was, now, 1.0)
    return _isclose(was, now, 1.01 * 10.0 ** -len(mantissa.split(".")[1]))


def _isclose(was: str, now: str, last_digit: float) -> bool:
    a, b = float(was.replace(",", "")), float(now.replace(",", ""))
    return math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=last_digit)


def _read(path: Path) -> Any:
    return nbformat.reads(path.read_text("utf-8"), as_version=4)


def texts(cell: Any) -> list[tuple[str, str]]:
    """Kinds of a cell's outputs with their text, empty for figures."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append((output.name, output.text))
        else:
            data = output.get("data", {})
            found += [(kind, data[kind] if kind in _TEXTS else "") for kind in sorted(data)]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Execute or check; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.execute", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NOTEBOOK", help="default: all of them")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    failed = False
    for path in find_notebooks(options.names):
        start = time.perf_counter()
        try:
            fresh = execute(path)
        except CellExecutionError as error:
            problems = [str(error)]
        else:
            problems = complaints(fresh)
            if options.check:
                problems += differences(_read(path), fresh)
            elif not problems:
                path.write_text(nbformat.writes(fresh) + "\n", "utf-8")
        failed |= bool(problems)
        state = "failed" if problems else "up to date" if options.check else "executed"
        lines = [f"{path.name}: {state} ({time.perf_counter() - start:.1f} s)", *problems]
        sys.stdout.write("\n".join(lines) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
