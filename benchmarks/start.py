"""Start-up of the command line and the whole demo, against what importing a peer costs.

``python -m benchmarks.start``
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

_REPEATS = 5


def _seconds(*command: str) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> str:
    """Print and return the table."""
    program = str(Path(sys.executable).with_name("clvmodels"))
    floor = _seconds(sys.executable, "-c", "pass")
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "python -c pass (floor)": floor,
            "clvmodels --help": _seconds(program, "--help"),
            "clvmodels demo": _seconds(program, "demo", "--out", folder),
            "import lifetimes": _seconds(sys.executable, "-W", "ignore", "-c", "import lifetimes"),
        }
    table = "\n".join(
        [
            f"Best of {_REPEATS}, whole processes:",
            "",
            "| command | seconds | over the floor |",
            "|---|---|---|",
            *(f"| `{name}` | {took:.2f} | {took / floor:.0f} |" for name, took in rows.items()),
        ]
    )
    print(table)
    return table


if __name__ == "__main__":
    main()
