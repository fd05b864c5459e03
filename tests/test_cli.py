"""The command line: what it prints where, its exit statuses, and its end when it is stopped."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from clvmodels import __version__, cli, options
from clvmodels.errors import ClvWarning
from tests.jobs import (
    COMMAND,
    Done,
    clvmodels,
    clvmodels_process,
    day,
    digests,
    read,
    scores,
    shop,
    write_csv,
)

HEADER = "customer_id,date,amount"
STAGES = [
    "read", "summarise", "fit", "sample", "back-test", "shocks", "segments", "score", "totals",
    "segment totals", "segment evidence", "outlook", "change", "gates", "decisions", "report",
]  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    shop(250).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(log, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "fit"
    assert clvmodels("fit", log, "--out", out, "--quiet") == Done(0, "", "")
    return out


def assert_failed(done: Done, status: int, told: str) -> None:
    """One clear message on standard error, and nothing else."""
    assert done.status == status, done.stderr
    assert told in done.stderr
    messages = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1
    assert messages[0].endswith((".", "?", ")"))
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


# --- usage and configuration: 2 ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["forecast"], "No such command 'forecast'. See clvmodels --help."),
        (["run"], "Missing argument 'LOG'. See clvmodels run --help."),
        (["run", "LOG"], "Missing option '--out'"),
        (["run", "LOG", "--out"], "'--out' requires an argument"),
        (["run", "LOG", "--out", "OUT", "--margn", "1"], "No such option: --margn"),
        (["run", "LOG", "--out", "OUT", "--previous", "none"], "previous = 'none' is no run"),
        (["run", "LOG", "--out", "OUT", "--threads", "two"], "'--threads'"),
        (["run", "LOG", "--out", "OUT", "--threads", "0"], "threads = 0: it must be greater"),
        (["run", "LOG", "--out", "OUT", "--margin", "1.5"], "margin = 1.5: it must be less than"),
        (["run", "LOG", "--out", "OUT", "--horizon", "12"], "horizon = '12'"),
        (["run", "LOG", "--out", "OUT", "--holdout", "lifetime"], "a hold-out needs an end"),
        (["run", "LOG", "--out", "OUT", "--observation-end", "soon"], "it must be a day such as"),
        (["run", "LOG", "--out", "OUT", "--model", "pareto"], "model = 'pareto' is not known"),
        (
            ["fit", "LOG", "--out", "OUT", "--model", "pareto"],
            "there is bgnbd, mbgnbd, nbd, pareto_nbd",
        ),
        (["run", "LOG", "--out", "OUT", "--time-zone", "Mars/Base"], "'Mars/Base'"),
        (["run", "LOG", "--out", "OUT", "--memory-limit", "much"], "memory_limit='much'"),
        (["run", "LOG", "--out", "LOG"], "it is a file. Choose another place."),
        (["run", "LOG", "--out", "LOG/run"], "Not a directory. Choose another place."),
        (["run", "LOG", "--out", "OUT", "--config", "OUT.toml"], "Cannot read the configuration"),
        (["score", "LOG", "--out", "OUT"], "Missing option '--model'"),
        (["score", "LOG", "--out", "OUT", "--model", "M", "--method", "mle"], "No such option"),
        (["validate", "LOG", "--out", "OUT"], "No such option: --out"),
        (["report"], "Missing argument 'RUN_DIR'"),
        (["demo", "--margin", "0.5"], "No such option: --margin"),
        (
            ["run", "LOG", "--out", "OUT", "--horizon", "lifetime", "--annual-discount-rate", "0"],
            "Give an annual discount rate above 0 or a finite horizon.",
        ),
    ],
)
def test_wrong_usage(log, tmp_path, arguments, told):
    out = tmp_path / "out"
    places = {"LOG": log, "OUT": out}
    given = [re.sub("LOG|OUT", lambda name: str(places[name[0]]), each) for each in arguments]
    assert_failed(clvmodels(*given), 2, told)
    assert not out.exists()
    as_json = clvmodels(*given, "--json") if given[-1] != "--out" else clvmodels("--json", *given)
    assert as_json.status == 2
    if given[-1] != "--out":
        assert as_json.record["exit_status"] == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("margin = ", "is not valid TOML"),
        ("margn = 0.5", "margn is no option; did you mean margin?"),
        ("horizon = 12", "horizon = 12"),
        ("interval = 2\nthreads = 'two'", "threads = 'two'"),
    ],
)
def test_a_configuration_that_cannot_be_used(log, tmp_path, content, told):
    (tmp_path / "clv.toml").write_text(content)
    config = ("--config", tmp_path / "clv.toml")
    assert_failed(clvmodels("run", log, "--out", tmp_path / "out", *config), 2, told)
    assert_failed(clvmodels("validate", log, *config), 2, told)


def test_the_command_line_wins_over_the_file(log, fitted, tmp_path):
    (tmp_path / "clv.toml").write_text('margin = 0.25\ninterval = 0.5\ncurrency = "EUR"\n')
    done = clvmodels(
        *("score", log, "--model", fitted / "model", "--out", tmp_path / "s", "--json"),
        *("--config", tmp_path / "clv.toml", "--margin", "0.5"),
    )
    config = done.record["config"]
    assert (config["margin"], config["interval"], config["currency"]) == (0.5, 0.5, "EUR")
    frame = scores(tmp_path / "s").to_pandas()
    ratio = frame.clv / (frame.expected_purchases * frame.expected_spend)
    assert ratio.between(0.4, 0.5).all()


# --- input: 3 ---------------------------------------------------------------------------------

ROWS = [("a", day(0), 5), ("b", day(1), 5)]
INPUTS = {
    "missing file": (None, "no such file"),
    "empty file": ("", "is empty (0 bytes)"),
    "header only": (HEADER + "\n", "log.csv has no rows."),
    "no usable row": (HEADER + "\n,2024-01-01,5\n", "missing_customer_id 1"),
    "bytes": ("\x00\x01\x02" * 99, "log.csv"),
    "no column": ("customer,date,amount\na,2024-01-01,5\n", "Did you mean 'customer'?"),
}


@pytest.mark.parametrize("case", INPUTS)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_input_that_cannot_be_used(tmp_path, command, case):
    content, told = INPUTS[case]
    log = tmp_path / "log.csv"
    if content is not None:
        log.write_text(content)
    out = ["--out", tmp_path / "out"] if command == "run" else []
    assert_failed(clvmodels(command, log, *out), 3, told)
    assert not (tmp_path / "out").exists()
    done = clvmodels(command, log, *out, "--json", "--quiet")
    assert done.record["exit_status"] == done.status == 3
    assert told in done.record["error"]


def test_a_named_column_that_is_missing(log):
    done = clvmodels("validate", log, "--amount", "amuont", "--order-id", "receipt")
    assert_failed(done, 3, "Did you mean 'amount'?")
    for found in ("'customer_id'", "'date'", "'receipt'", "log.csv"):
        assert found in done.stderr


def test_an_observation_that_ends_before_the_first_purchase(log, tmp_path):
    done = clvmodels("run", log, "--out", tmp_path / "o", "--observation-end", "1990-01-01")
    assert_failed(done, 3, "before the first purchase on 2023-01-0")


def test_a_file_that_may_not_be_read(log, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(log))

    monkeypatch.setattr(Path, "open", refuse)
    assert_failed(clvmodels("validate", log), 3, f"Permission denied: {log}.")


@pytest.mark.parametrize("command", ["report", "score"])
def test_a_folder_without_a_job(log, tmp_path, command):
    if command == "report":
        assert_failed(clvmodels("report", tmp_path / "no"), 3, "There is no run.json in")
    else:
        done = clvmodels("score", log, "--model", tmp_path / "no", "--out", tmp_path / "out")
        assert_failed(done, 3, "There is no purchases.json in")
    assert list(tmp_path.iterdir()) == []


# --- done, and not to be trusted: 4 -----------------------------------------------------------

THIN = {
    "one customer": [("a", day(0), 5)],
    "one repeat customer": [("a", day(0), 5), ("a", day(9), 7)],
    "everybody once": [(f"c{n}", day(n % 300), 3 + n % 7) for n in range(200)],
    "all on one day": [(f"c{n % 90}", day(0), 3 + n % 7) for n in range(200)],
}


@pytest.mark.parametrize("case", THIN)
def test_a_log_that_teaches_nothing_is_written_and_marked(tmp_path, case):
    log = write_csv(tmp_path / "log.csv", THIN[case], HEADER)
    done = clvmodels("run", log, "--out", tmp_path / "run", "--json")
    assert done.status == 4, done.stderr
    assert done.record["trusted"] == "untrusted"
    assert "red" in {gate["level"] for gate in done.record["gates"]}
    assert "Traceback" not in done.stderr
    table = scores(tmp_path / "run")
    assert len(table) == len({row[0] for row in THIN[case]})
    assert table["probability_alive"].null_count == 0
    assert (tmp_path / "run" / "report.html").exists()


def test_an_untrusted_total_is_not_printed(tmp_path):
    log = write_csv(tmp_path / "log.csv", THIN["one repeat customer"], HEADER)
    done = clvmodels("run", log, "--out", tmp_path / "run")
    assert done.status == 4
    assert "Verdict: untrusted" in done.stderr
    assert "  red, enough repeat customers: 1 of 1 customers bought again." in done.stderr
    assert "Value of the base" not in done.stderr


# --- memory, disk, interruption: 5 ------------------------------------------------------------


def test_a_memory_limit_that_is_too_small(log, tmp_path):
    done = clvmodels("run", log, "--out", tmp_path / "out", "--memory-limit", "1MB")
    assert_failed(done, 5, "Give a higher memory_limit")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full(log, tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    done = clvmodels_process("fit", log, "--out", tmp_path / "out", preexec_fn=small_files)
    assert_failed(done, 5, "See to the disk and run again.")
    assert not (tmp_path / "out").exists()


def test_no_memory_at_all(log, tmp_path, monkeypatch):
    from clvmodels.engines import engine

    def hungry(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(engine, "read_transactions", hungry)
    assert_failed(clvmodels("fit", log, "--out", tmp_path / "o"), 5, "Set --memory-limit below")


def test_standard_output_that_is_full(log):
    with Path("/dev/full").open("w") as full:
        command = [COMMAND, "validate", str(log), "--json"]
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert "error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def start(*arguments: object) -> "subprocess.Popen[str]":
    out = Path(str(arguments[arguments.index("--out") + 1]))
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        # A killed job leaves the folder where its database would have spilled.
        env=os.environ | {"TMPDIR": str(out.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_after(stage: str, number: int, *arguments: object) -> Done:
    """Send a signal to a job as soon as it says that a stage is done."""
    with start(*arguments) as job:
        said = ""
        while not said.startswith(f"{stage}:"):
            said = job.stderr.readline()
            assert said, f"it ended before {stage}"
        job.send_signal(number)
        out, err = job.communicate(timeout=60)
    return Done(job.returncode, out, err)


@pytest.mark.parametrize(
    ("stage", "number"),
    [("read", signal.SIGINT), ("fit", signal.SIGTERM), ("score", signal.SIGINT)],
)
def test_an_interrupted_job_cleans_up_and_can_run_again(log, fitted, tmp_path, stage, number):
    out = tmp_path / "run"
    done = stop_after(stage, number, "run", log, "--out", out, "--json")
    assert done.status == 5
    assert done.record["exit_status"] == 5
    assert "error: Interrupted. Nothing half-written is visible; run again." in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.slow
def test_a_job_killed_at_any_stage_leaves_the_run_before_it(log, tmp_path):
    out = tmp_path / "run"
    first = clvmodels_process("run", log, "--out", out)
    assert first.status == 0, first.stderr
    before = digests(out)
    for stage in ("summarise", "back-test", "totals"):
        done = stop_after(stage, signal.SIGKILL, "run", log, "--out", out)
        assert done.status == -signal.SIGKILL
        now = {name: sha for name, sha in digests(out).items() if not name.startswith(".")}
        assert now.keys() != digests(out).keys()
        assert now == before
    again = clvmodels_process("run", log, "--out", out)
    assert again.status == 0, again.stderr
    after = digests(out)
    assert set(after) == set(before)
    stable = [name for name in before if name.startswith(("scores/", "model/", "backtest"))]
    assert len(stable) == 8
    assert {name: after[name] for name in stable} == {name: before[name] for name in stable}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_at_any_moment(tmp_path, number):
    log = tmp_path / "log.parquet"
    shop(3000).to_parquet(log, index=False)
    reference = clvmodels_process("run", log, "--out", tmp_path / "reference")
    assert reference.status == 0, reference.stderr
    for tenths in range(5, 60, 16):
        out = tmp_path / f"run{tenths}"
        with start("run", log, "--out", out) as job:
            try:
                job.wait(tenths / 10)
            except subprocess.TimeoutExpired:
                job.send_signal(number)
            _, err = job.communicate(timeout=60)
        assert job.returncode in (0, 5, 128 + number, -number), err
        # Before the command has begun, Python itself answers.
        assert "Traceback" not in err or job.returncode == -number
        shown = [path for path in out.iterdir() if path.name[0] != "."] if out.exists() else []
        assert not shown or (out / "run.json").exists()
        if number != signal.SIGKILL and job.returncode == 5:
            assert not out.exists()
        assert clvmodels_process("run", log, "--out", out, "--quiet").status == 0
        assert digests(out / "scores") == digests(tmp_path / "reference" / "scores")
        assert not [path for path in out.iterdir() if path.name[0] == "."]


def test_a_signal_that_a_finalizer_swallows_ends_the_job_without_a_word(log, tmp_path, monkeypatch):
    from clvmodels.engines import engine

    real = engine.read_transactions

    class Last:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def deaf(*args, **kwargs):
        last = Last()
        del last
        return real(*args, **kwargs)

    monkeypatch.setattr(engine, "read_transactions", deaf)
    done = clvmodels("fit", log, "--out", tmp_path / "out")
    assert_failed(done, 5, "Interrupted.")
    assert "Exception ignored" not in done.stderr


def test_a_signal_that_a_library_swallows_ends_the_job_with_the_stage(log, tmp_path, monkeypatch):
    from clvmodels.engines import engine

    real = engine.read_transactions

    def deaf(*args, **kwargs):
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **kwargs)

    monkeypatch.setattr(engine, "read_transactions", deaf)
    done = clvmodels("fit", log, "--out", tmp_path / "out")
    assert_failed(done, 5, "Interrupted.")
    assert "summarise:" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_database_that_answers_a_signal_with_its_own_error(log, tmp_path, monkeypatch):
    from clvmodels.engines import engine

    def interrupted(*args, **kwargs):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException as error:
            raise RuntimeError("Query interrupted") from error

    monkeypatch.setattr(engine, "read_transactions", interrupted)
    assert_failed(clvmodels("fit", log, "--out", tmp_path / "out"), 5, "Interrupted.")


def test_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    clvmodels("--version")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_defect_of_ours_is_not_hidden(log, monkeypatch):
    from clvmodels.engines import engine

    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "read_transactions", broken)
    with pytest.raises(ZeroDivisionError):
        clvmodels("validate", log)


# --- what is printed where --------------------------------------------------------------------


def test_standard_output_is_empty_or_one_object(log, fitted, tmp_path):
    plain = clvmodels("validate", log)
    assert plain.stdout == ""
    assert plain.status == 0
    done = clvmodels("validate", log, "--json")
    assert len(done.stdout.splitlines()) == 1
    assert done.record["schema"] == 1
    assert "rows read = " not in done.stderr
    for command in (["fit", log], ["score", log, "--model", fitted / "model"]):
        out = tmp_path / str(command[0])
        done = clvmodels(*command, "--out", out, "--json")
        assert len(done.stdout.splitlines()) == 1
        assert done.record == read(out / "run.json")


def test_quiet_says_nothing_but_errors(log, fitted, tmp_path):
    assert clvmodels("validate", log, "--quiet") == Done(0, "", "")
    for command in (["fit", log], ["score", log, "--model", fitted / "model"]):
        assert clvmodels(*command, "--out", tmp_path / "o", "--quiet") == Done(0, "", "")
    done = clvmodels("validate", "no.csv", "--quiet")
    assert done.stderr.startswith("error: no.csv: no such file.")
    assert done.stderr.count("\n") == 1


def test_a_person_reads_where_the_rows_went(tmp_path):
    rows = [*ROWS, ("a", day(0), 1), ("b", "soon", 1), ("", day(4), 1)]
    log = write_csv(tmp_path / "log.csv", rows, HEADER)
    done = clvmodels("validate", log)
    said = "5 rows read = 2 purchase days + 1 merged + 0 netted + 2 set aside\n"
    assert said in done.stderr
    assert "  set aside: missing_customer_id 1\n  set aside: unreadable_date 1\n" in done.stderr
    assert "2 customers\n" in done.stderr
    assert "warning: 2 of 5 rows were set aside" in done.stderr


def test_a_run_in_a_process_of_its_own(log, tmp_path):
    """Plain lines where there is no terminal, no warnings of Python, no slow package."""
    code = (
        "import sys\n"
        "from clvmodels.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=open(sys.argv[-1], 'w'))\n"
    )
    command = [sys.executable, "-c", code, "run", log, "--out", tmp_path / "run"]
    command += ["--currency", "💰", "--memory-limit", "1GB", "--config", tmp_path / "modules"]
    (tmp_path / "modules").write_text("")
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert re.findall(r"^([a-z -]+): \d+\.\d s(?:, 250 customers)?$", done.stderr, re.M) == STAGES
    assert re.search(
        r"^Value of the base over the next year: 💰[\d,]+ \(90% interval 💰[\d,]+ to 💰[\d,]+\)$",
        done.stderr,
        re.M,
    )
    assert f"Report: {tmp_path / 'run' / 'report.html'}" in done.stderr
    assert "Warning" not in done.stderr
    assert "\x1b" not in done.stderr
    assert "━" not in done.stderr
    loaded = {name.split(".")[0] for name in (tmp_path / "modules").read_text().split()}
    assert {"duckdb", "matplotlib"} <= loaded
    assert not loaded & {"pymc", "arviz", "pytensor", "lifetimes", "nutpie", "polars"}


def on_a_terminal(*arguments: object) -> tuple[int, str, str]:
    """Status, standard output and what a terminal got as standard error."""
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=end, env=environment
    ) as job:
        os.close(end)
        shown = b""
        while True:
            try:
                piece = os.read(terminal, 65_536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        out = job.stdout.read()
    os.close(terminal)
    return job.returncode, out.decode(), shown.decode()


def test_bars_on_a_terminal_and_an_object_elsewhere(log):
    status, out, shown = on_a_terminal("validate", log, "--json")
    assert status == 0
    assert json.loads(out)["customers"] == 250
    for told in ("✓", "━", "read", "check", "\x1b["):
        assert told in shown
    status, out, shown = on_a_terminal("validate", log, "--quiet")
    assert (status, out, shown) == (0, "", "")


def test_warnings_of_ours_are_kept_and_not_shown(log, tmp_path, monkeypatch):
    import warnings

    from clvmodels.engines import engine

    real = engine.read_transactions

    def warning(*args, **kwargs):
        warnings.warn("look here", ClvWarning, stacklevel=1)
        return real(*args, **kwargs)

    monkeypatch.setattr(engine, "read_transactions", warning)
    done = clvmodels("validate", log, "--json")
    assert "look here" not in done.stderr
    assert {"code": "ClvWarning", "message": "look here", "count": None} in done.record["warnings"]


# --- help and start-up ------------------------------------------------------------------------


def test_help_of_every_command_fits_a_terminal():
    top = clvmodels("--help")
    assert top.status == 0
    commands = [
        command.name or command.callback.__name__ for command in cli.app.registered_commands
    ]
    assert commands == [
        "run", "demo", "validate", "fit", "score", "backtest", "report", "decide", "sql", "simulate"
    ]  # fmt: skip
    for name in commands:
        assert re.search(rf"^│ {name} ", top.stdout, re.M)
        shown = clvmodels(name, "--help")
        assert shown.status == 0
        assert shown.stderr == ""
        assert max(map(len, shown.stdout.splitlines())) <= 80
    for _, key, *_ in options.OPTIONS:
        assert f"--{key.replace('_', '-')} " in clvmodels("run", "--help").stdout


def test_nothing_to_do_shows_the_help_and_is_wrong_usage():
    done = clvmodels()
    assert done.status == 2
    assert done.stdout.strip() == clvmodels("--help").stdout.strip()
    assert "Usage: clvmodels [OPTIONS] COMMAND" in done.stdout


def test_version():
    assert clvmodels("--version") == Done(0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run"], ["--version"]])
def test_help_and_wrong_usage_load_no_numbers(arguments):
    code = (
        "import sys\n"
        "from clvmodels.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True
    )
    loaded = set(done.stderr.split())
    assert "clvmodels.cli" in loaded
    heavy = {"numpy", "pandas", "pyarrow", "duckdb", "scipy", "matplotlib", "pymc", "arviz"}
    assert not loaded & (heavy | {"clvmodels.config", "clvmodels.pipeline", "clvmodels.storage"})


@pytest.mark.slow
def test_the_demo_runs_on_cdnow(tmp_path):
    done = clvmodels("demo", "--out", tmp_path / "cdnow", "--json")
    assert done.status in (0, 4), done.stderr
    record = done.record
    assert record["rows"] == {
        "read": 69_659,
        "used": 67_591,
        "merged": 2_068,
        "netted": 0,
        "quarantined": {},
    }
    assert record["customers"] == len(scores(tmp_path / "cdnow")) == 23_570
    assert record["config"]["time_unit"] == "week"
    assert record["period"] == {"first_purchase": "1997-01-01", "observation_end": "1998-06-30"}
    assert record["holdout"]["origin"] == "1997-09-30"
    assert record["holdout"]["days"] == 273
    assert {w["code"]: w["count"] for w in record["warnings"]} == {
        "zero_amounts": 80,
        "duplicates": 255,
    }
    (file,) = record["inputs"]
    assert (file["name"], file["rows"]) == ("CDNOW_master.txt", 69_659)
    assert (tmp_path / "cdnow" / "report.html").exists()
