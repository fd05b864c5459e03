"""What the report says of each model."""

from __future__ import annotations

import json
import re

import pytest

from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.report import build_summary, render_html
from clvmodels.report.model_words import MODELS
from tests.report.factory import make_run

OTHERS = sorted(set(PURCHASE_MODELS) - {"bgnbd"})


@pytest.fixture(scope="module", params=OTHERS)
def page(request, tmp_path_factory):
    def change(run, check):
        run["models"]["purchases"]["model"] = run["config"]["model"] = request.param
        for split in check["splits"]:
            split["differences"] = [
                row for row in split["differences"] if row["method"] != request.param
            ]
        renamed = json.dumps(check["splits"]).replace('"bgnbd"', f'"{request.param}"')
        check["splits"] = json.loads(renamed)
        if request.param == "nbd":
            grid = check["alive_grid"]
            grid["probability"] = [[1.0 for _ in row] for row in grid["probability"]]

    folder = make_run(tmp_path_factory.mktemp(request.param), change=change)
    return request.param, render_html(build_summary(folder))


def test_every_model_has_its_words():
    assert set(MODELS) == {*PURCHASE_MODELS, GammaGammaModel.kernel.name}
    names = [words.name for words in MODELS.values()]
    assert len(set(names)) == len(names)


def test_no_other_model_is_called_bg_nbd(page):
    name, html = page
    text = re.sub(r"<(style|svg).*?</\1>", "", html, flags=re.DOTALL)
    assert MODELS[name].name in text
    assert MODELS[name].story in text
    assert not re.search(r"(?<!M)BG/NBD", text)


def test_what_a_model_takes_for_granted_is_said(page):
    name, html = page
    assert ("one-time buyer counts as active" in html) is False
    assert ("everyone counts as active" in html) is (name == "nbd")


def test_where_nobody_can_leave_nothing_is_drawn(page):
    name, html = page
    assert ("Who is still active?" in html) is (name != "nbd")
