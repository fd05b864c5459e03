"""What a version wrote can be read by this one; `record.py` says how it was written."""

import ast
import html
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.errors import ArtefactError
from clvmodels.evaluation.shocks import LearnedShocks
from clvmodels.evaluation.training_period import TrainingPeriod
from clvmodels.report import write_report
from clvmodels.segments.segmenter import Segmenter
from tests.jobs import clvmodels, read, scores
from tests.schemas import record

PACKAGE = Path(clv.__file__).parent
ARCHIVES = sorted(record.FOLDER.glob("*.zip"))
# Which module says the schema number of which file.
WRITERS = {
    "record": ["run/run.json"],
    "stages": ["run/backtest.json"],
    "report/summary": ["run/report.json"],
    "models/base": ["run/model/purchases.json", "run/model/spend.json"],
    "evaluation/shocks": ["run/model/shock.json"],
    "evaluation/training_period": ["run/model/training.json"],
    "segments/segmenter": ["run/model/segments.json"],
    "decisions/decision": ["decision.json"],
    "decisions/judging": ["review.json"],
    "simulation/simulate": ["orders.csv.truth.json"],
}
# They read what others write, and have to know the same number.
READERS = {
    "report/build": {"RUN_SCHEMA": "record", "BACKTEST_SCHEMA": "stages"},
    "decisions/run_folder": {"RECORD_SCHEMA": "record"},
}


def numbers():
    """Every schema number of the package: module, name and number."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                for name in (target.id for target in node.targets if isinstance(target, ast.Name)):
                    if re.fullmatch(r"(\w+_)?SCHEMA", name):
                        found[module, name] = node.value.value
    return found


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.stem)
def kept(request, tmp_path_factory):
    """The files of a version."""
    folder = tmp_path_factory.mktemp("kept") / request.param.stem
    with zipfile.ZipFile(request.param) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def mine(kept, tmp_path):
    """The same, to write into."""
    return Path(shutil.copytree(kept, tmp_path / "mine"))


def alike(one, other):
    """Assert that two tables of scores say the same."""
    assert one.column_names == other.column_names
    for name in one.column_names:
        left, right = one[name].to_numpy(), other[name].to_numpy()
        if left.dtype.kind == "f":
            np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            assert left.tolist() == right.tolist(), name


def test_the_present_version_has_its_examples():
    assert record.FOLDER / f"{clv.__version__}.zip" in ARCHIVES
    assert sum(path.stat().st_size for path in ARCHIVES) < 300_000 * len(ARCHIVES)


def test_every_schema_number_has_a_kept_file_of_that_number():
    found = numbers()
    known = {name for name in found if name[0] in READERS}
    assert {module for module, _ in found.keys() - known} == set(WRITERS)
    written = {}
    with zipfile.ZipFile(record.FOLDER / f"{clv.__version__}.zip") as packed:
        for (module, _), number in found.items():
            for file in WRITERS.get(module, ()):
                content = packed.read(file).decode("utf-8")
                assert int(re.search(r'"schema": (\d+)', content).group(1)) == number, file
                written[module] = number
    for module, name in known:
        assert found[module, name] == written[READERS[module][name]], (module, name)


def test_nothing_kept_is_of_one_machine(kept):
    for path in kept.rglob("*"):
        if path.suffix in (".json", ".csv", ".toml"):
            text = path.read_text("utf-8")
            found = re.search(r"(?<![\w.~-])/(?:work|root|home|Users|tmp)/[\w.]", text)
            assert found is None, f"{path.name}: {found}"


def test_models_with_their_draws(kept):
    purchases = clv.BetaGeoModel.load(kept / "run/model/purchases.json")
    spend = clv.GammaGammaModel.load(kept / "run/model/spend.json")
    told = read(kept / "run/run.json")["models"]
    for model, name in ((purchases, "purchases"), (spend, "spend")):
        assert model.params_ == pytest.approx(told[name]["parameters"], rel=1e-12)
        assert model.posterior_.shape == (record.DRAWS, len(model.params_))
        middle = model.posterior_.median().to_dict()
        assert middle == pytest.approx(model.params_, rel=0.5)


def test_what_lies_beside_the_models(kept):
    folder, told = kept / "run" / "model", read(kept / "run/run.json")
    assert Segmenter.load(folder / "segments.json").limits.top == told["segments"]["limits"]["top"]
    shocks = LearnedShocks.load(folder / "shock.json")
    assert shocks.purchases.sd == told["common_shocks"]["purchases"]["sd"]
    period = TrainingPeriod.load(folder / "training.json")
    assert period.customers == told["customers"]
    assert period.observation_end.isoformat() == told["period"]["observation_end"]


def test_the_kept_model_gives_the_kept_scores(kept, tmp_path):
    out = tmp_path / "again"
    done = clvmodels(
        "score", kept / "orders.csv", "--model", kept / "run" / "model",
        "--config", kept / "clv.toml", "--out", out, "--quiet",
    )  # fmt: skip
    assert done.status in (0, 4), done.stderr
    alike(scores(out), scores(kept / "run"))
    now, then = read(out / "run.json"), read(kept / "run/run.json")
    assert now["totals"]["clv"] == pytest.approx(then["totals"]["clv"], rel=1e-9)
    assert not [one for one in now["warnings"] if one["code"] == "segments_learned_again"]
    assert [row["customers"] for row in now["segments"]["rows"]] == [
        row["customers"] for row in then["segments"]["rows"]
    ]


def test_the_kept_run_is_rendered(mine):
    told = read(mine / "run" / "report.json")
    write_report(mine / "run", paper="none")
    written = read(mine / "run" / "report.json")
    assert written["answer"]["value"] == pytest.approx(told["answer"]["value"], rel=1e-9)
    assert written["scope"] == told["scope"]
    card = (mine / "run" / "staff-card.html").read_text("utf-8")
    assert read(mine / "run" / "run.json")["staff_card"]["headline"] in html.unescape(card)
    page = (mine / "run" / "report.html").read_text("utf-8")
    for row in told["outlook"]["segments"]["rows"]:
        assert row["name"].capitalize() in page


def test_the_kept_run_is_decided_on(mine):
    told = read(mine / "decision.json")
    done = clvmodels("decide", mine / "run", "--customer", told["who"], "--json")
    assert done.status in (0, 4), done.stderr
    for name in ("probability_alive", "value", "total_cost", "pays_back"):
        assert done.record[name] == pytest.approx(told[name], rel=1e-9), name
    for name in ("value_at_stake", "worth_spending", "break_even_keeps", "gain"):
        for key, number in told[name].items():
            near = number if number is None else pytest.approx(number, rel=1e-9)
            assert done.record[name][key] == near, (name, key)
    assert done.record["recommendation"] == told["recommendation"]


def test_the_kept_decisions_are_reviewed(mine):
    told = read(mine / "review.json")
    out = mine / "again.json"
    done = clvmodels(
        "decisions", "review", mine / "decisions.csv", "--run", mine / "run", "--out", out
    )
    assert done.status in (0, 4), done.stderr
    now = read(out)
    assert [one["verdict"] for one in now["decisions"]] == [
        one["verdict"] for one in told["decisions"]
    ]


@pytest.mark.slow
def test_a_later_run_is_compared_with_the_kept_one(kept, mine):
    log = pq.read_metadata(next((kept / "run" / "scores").glob("*.parquet")))
    assert log.num_rows == read(kept / "run/run.json")["customers"]
    with (mine / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("somebody new,2025-02-10,50.00\n")
    done = clvmodels(
        "run", mine / "orders.csv", "--config", mine / "clv.toml", "--out", mine / "later",
        "--previous", kept / "run", "--json", "--quiet",
    )  # fmt: skip
    assert done.status in (0, 4), done.stderr
    change = done.record["change"]
    told = read(kept / "run/run.json")["totals"]["clv"]["expected"]
    assert (change["status"], change["reason"]) == ("compared", None)
    assert change["before"] == pytest.approx(told, rel=1e-9)


@pytest.mark.parametrize("file", ["run/run.json", "run/backtest.json"])
def test_another_schema_number_is_refused_with_advice(mine, file):
    path = mine / file
    text = path.read_text("utf-8")
    path.write_text(re.sub(r'"schema": \d+', '"schema": 99', text, count=1), "utf-8")
    done = clvmodels("report", mine / "run", "--quiet")
    assert done.status == ArtefactError.exit_status
    assert "schema version 99" in done.stderr
