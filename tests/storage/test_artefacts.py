"""Artefacts appear whole or not at all, with the same bytes every time."""

import errno
import json
import math
import os
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clvmodels.errors import ArtefactError, ConfigurationError, ResourceError
from clvmodels.storage import (
    aside,
    plain,
    read_json,
    staged,
    write_json,
    write_parts,
    write_text,
)
from clvmodels.storage import parts as parts_module


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_job_replaces_its_entries_and_keeps_the_rest(tmp_path):
    out = tmp_path / "a" / "run"
    with staged(out) as folder:
        write_text(folder / "run.json", "1")
        (folder / "scores").mkdir()
        write_text(folder / "scores" / "part-0", "old")
        write_text(folder / "scores" / "part-1", "old")
        (folder / "model").mkdir()
        write_text(folder / "model" / "purchases.json", "m")
        assert contents(out.parent).keys() & {"run/run.json", "run/scores/part-0"} == set()
    (out / "notes.txt").write_text("mine")
    with staged(out) as folder:
        (folder / "scores").mkdir()
        write_text(folder / "scores" / "part-0", "new")
        write_text(folder / "run.json", "2")
    assert contents(out) == {
        "model/purchases.json": "m",
        "notes.txt": "mine",
        "run.json": "2",
        "scores/part-0": "new",
    }


def test_results_of_the_job_before_do_not_stay_beside_a_new_record(tmp_path):
    with staged(tmp_path) as folder:
        write_text(folder / "report.html", "old")
        write_text(folder / "run.json", "1")
    with staged(tmp_path) as folder:
        write_text(folder / "run.json", "2")
    assert contents(tmp_path) == {"run.json": "2"}


def fail_midway(out, error):
    with staged(out) as folder:
        write_text(folder / "run.json", "half")
        raise error


def test_a_failed_job_leaves_what_was_there(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fail_midway(out, KeyboardInterrupt())
    assert not out.exists()
    with staged(out) as folder:
        write_text(folder / "run.json", "1")
    with pytest.raises(ValueError, match="no"):
        fail_midway(out, ValueError("no"))
    assert contents(tmp_path) == {"run/run.json": "1"}


def test_what_a_killed_job_left_is_cleared(tmp_path):
    for name in (".partial-4711", ".replaced-scores"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("half")
    with staged(tmp_path) as folder:
        write_text(folder / "run.json", "1")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ConfigurationError, match="Choose another place"), staged(place):
            pass
    with pytest.raises(ConfigurationError, match="Choose another place"):
        write_text(tmp_path / "none" / "a.txt", "")
    with pytest.raises(ConfigurationError, match="Choose another place"):
        write_text(tmp_path, "")


def test_a_full_disk_is_a_matter_of_resources(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_text(path, "before")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="No space left on device"):
        write_text(path, "after")
    assert contents(tmp_path) == {"a.json": "before"}


def test_json_goes_there_and_back(tmp_path):
    path = tmp_path / "a.json"
    content = {
        "text": "Zoë 😀 </script>",
        "float": np.float64(0.1),
        "int": np.int64(2**60),
        "flag": np.bool_(True),
        "missing": [math.nan, math.inf, np.float32("nan"), None],
        "array": np.arange(4.0).reshape(2, 2),
        "day": date(2024, 2, 29),
        "nested": {1: (1, 2)},
    }
    write_json(path, content, schema=3)
    first = path.read_bytes()
    assert read_json(path, schema=3) == {
        "schema": 3,
        "text": "Zoë 😀 </script>",
        "float": 0.1,
        "int": 2**60,
        "flag": True,
        "missing": [None] * 4,
        "array": [[0.0, 1.0], [2.0, 3.0]],
        "day": "2024-02-29",
        "nested": {"1": [1, 2]},
    }
    write_json(path, content, schema=3)
    assert path.read_bytes() == first
    assert next(iter(json.loads(first))) == "schema"


def test_what_has_no_json_form_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match="object has no JSON form"):
        write_json(tmp_path / "a.json", {"x": [object()]}, schema=1)
    assert contents(tmp_path) == {}
    with pytest.raises(TypeError, match="set has no JSON form"):
        plain({1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b'{"schema": 1', "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[]", "schema version None"),
        (b"{}", "schema version None"),
        (b'{"schema": 2}', "schema version 2; this version of clvmodels reads 1"),
        (b'{"schema": true}', "schema version True"),
        (b'{"schema": "1"}', "schema version '1'"),
    ],
)
def test_damaged_and_foreign_files_are_refused(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=f"a.json .*{message}"):
        read_json(path, schema=1)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtefactError, match=r"There is no a\.json in"):
        read_json(tmp_path / "a.json", schema=1)


def test_parts_do_not_depend_on_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "ROWS_PER_GROUP", 100)
    table = pa.table({"a": range(2_345), "b": [f"t{n % 7}" for n in range(2_345)]})
    written = []
    for rows in (1, 7, 100, 1_000, 5_000):
        folder = tmp_path / str(rows)
        assert write_parts(folder, table.to_batches(max_chunksize=rows)) == 2_345
        written.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert all(parts == written[0] for parts in written)
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"part-0000{number}.parquet" for number in range(5)]
    sizes = [pq.read_metadata(folder / name).num_rows for name in names]
    assert sizes == [500, 500, 500, 500, 345]
    assert pa.concat_tables(pq.read_table(folder / name) for name in names) == table


def test_no_rows_leave_an_empty_folder(tmp_path):
    assert write_parts(tmp_path / "quarantine", iter([])) == 0
    assert list((tmp_path / "quarantine").iterdir()) == []


def test_a_file_is_written_aside_and_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with aside(path) as file:
        assert file.suffix == ".csv"
        file.write_text("new")
        assert path.read_text() == "old"
    assert contents(tmp_path) == {"log.csv": "new"}

    def write_half() -> None:
        with aside(path) as file:
            file.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert contents(tmp_path) == {"log.csv": "new"}


def test_only_what_was_left_of_the_same_file_is_removed(tmp_path):
    gone, alive = 2**22 + 1, os.getppid()
    others = [f".partial-{gone}-my-log.csv", f".partial-{gone}-log.csv.truth.json"]
    others += [f".partial-{alive}-log.csv"]
    for name in (f".partial-{gone}-log.csv", *others):
        (tmp_path / name).write_text("half")
    with aside(tmp_path / "log.csv") as file:
        file.write_text("new")
    assert contents(tmp_path).keys() == {"log.csv", *others}


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path):
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(ConfigurationError, match="Is a directory"), aside(tmp_path / "log.csv"):
        pass
    assert (tmp_path / "log.csv").is_dir()
