"""A Spark cluster of this machine alone: a master and workers that the tests start and stop."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clvmodels.transactions.spark_session import open_session

LOOPBACK = "127.0.0.1"
_START = 180.0
_SOON = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_SMALL = {
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.executor.memory": "800m",
    "spark.executor.cores": "1",
    "spark.sql.shuffle.partitions": "4",
    # Compiling takes longer than running on so few rows, and so does planning twice.
    "spark.driver.extraJavaOptions": _SOON,
    "spark.executor.extraJavaOptions": _SOON,
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def environment() -> dict[str, str]:
    """What Spark's processes have to know; setting only options of the session is not enough."""
    import importlib.util

    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None or shutil.which("java") is None:
        missing = "PySpark or Java 17 is not installed (the extra spark; Debian's openjdk-17-jre)."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return {
        "SPARK_HOME": str(Path(spec.origin).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "SPARK_DAEMON_JAVA_OPTS": _SOON,
        # Not UTC, and not what the tests' own stamps are in.
        "TZ": "America/New_York",
    }


@contextmanager
def standalone(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[int]]]:
    """Run a master and workers of one core; gives the master's address and the workers' ids."""
    variables = os.environ | environment()
    program = Path(variables["SPARK_HOME"], "bin", "spark-class")
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        command = [program, f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]
        with log.open("wb") as out:
            started.append(
                subprocess.Popen(
                    command, stdout=out, stderr=subprocess.STDOUT, env=variables, cwd=folder
                )
            )
        return log

    try:
        ports = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")
        log = start("master", "master.Master", *ports)
        address = waited_for(log, r"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            work = str(folder / f"work-{number}")
            size = ("--cores", "1", "--memory", "900m", "--work-dir", work)
            log = start(f"worker-{number}", "worker.Worker", *ports, *size, address)
            waited_for(log, "Successfully registered with master")
        yield address, [process.pid for process in started[1:]]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


def waited_for(log: Path, pattern: str) -> str:
    """Text of a log that matches, once it is there."""
    end = time.monotonic() + _START
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return found.group(found.re.groups)
        time.sleep(0.1)
    msg = f"{log.name} does not say {pattern}: {log.read_text(errors='replace')[-2000:]}"
    raise TimeoutError(msg)


@contextmanager
def session(master: str, folder: Path) -> Iterator[Any]:
    """A session on a cluster, with settings for small data and an unusual time zone."""
    before = dict(os.environ)
    lines = [f"{name} {value}" for name, value in _SMALL.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    os.environ.update(environment(), SPARK_CONF_DIR=str(folder))
    time.tzset()
    spark = None
    try:
        spark = open_session(master)
        spark.sparkContext.setLogLevel("ERROR")
        yield spark
    finally:
        if spark is not None:
            spark.stop()
            gateway = spark.sparkContext._gateway
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait(30)
        os.environ.clear()
        os.environ.update(before)
        time.tzset()


def executors(workers: list[int]) -> list[int]:
    """Ids of the executor processes below workers."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent in workers and "CoarseGrainedExecutorBackend" in command:
            found.append(int(entry.name))
    return sorted(found)


def kill(process: int) -> None:
    """End an executor as the kernel would."""
    os.kill(process, signal.SIGKILL)
