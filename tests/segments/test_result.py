"""What a notebook holds: frames, a table, a plot, and names that stay text."""

from __future__ import annotations

from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from clvmodels.config.segments import SegmentRules
from clvmodels.errors import ParameterError
from clvmodels.plots.segments import plot_segment_evidence, plot_segments
from clvmodels.segments import segment
from tests.segments.worlds import world

mpl.use("Agg")
NAMES = {"new": "<script>x</script>", "loyal": "$x^{$ & <b>", "lapsed": "=1+1"}


@pytest.fixture(scope="module")
def made():
    return world("bgnbd", 600, seed=2, weeks=1.0)


@pytest.fixture(scope="module")
def found(made):
    return segment(made.value, made.columns, rules=SegmentRules(names=NAMES))


def test_frames_are_indexed_by_customer(made):
    frame = pd.DataFrame(
        {
            "frequency": made.columns.frequency,
            "recency": made.columns.recency,
            "T": made.columns.age,
            "monetary_value": made.columns.monetary_value,
        },
        index=[f"c{i}" for i in range(600)],
    )
    result = segment(made.value, frame).to_pandas()
    assert list(result.columns) == ["segment", "segment_probability"]
    assert result.index.name == "customer_id"
    assert result.index[7] == "c7"
    again = segment(made.value, frame.sample(frac=1.0, random_state=1)).to_pandas()
    assert again.reindex(result.index)["segment"].equals(result["segment"])


def test_limits_brought_along_are_used(made, found):
    few = segment(made.value, made.columns, segmenter=found.segmenter)
    assert few.segmenter is found.segmenter
    assert (few.codes == found.codes).all()
    other = segment(made.value, made.columns, rules=SegmentRules(top_share=0.05))
    assert (other.codes == 2).sum() < (found.codes == 2).sum()


def test_the_table_has_a_row_per_segment(found):
    assert list(found.table.index) == [*found.segmenter.names, "total"]
    assert found.table.loc["total", "customers"] == 600
    assert found.table["clv"].iloc[:-1].sum() == pytest.approx(found.table.loc["total", "clv"])


def test_names_stay_text_in_a_page(found):
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)

    page = found._repr_html_()
    Reader().feed(page)
    assert set(tags) <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;" in page
    assert "champions" in repr(found)


def test_names_stay_text_in_figures(found):
    from matplotlib import pyplot as plt

    for ax in (found.plot(), plot_segments(found.content["rows"])):
        ax.figure.canvas.draw()
        labels = {label.get_text() for label in ax.get_yticklabels()}
        assert set(NAMES.values()) <= labels
    rows = [
        {"name": name, "customers": 3, "predicted": 1.0, "actual": 2.0, "actual_lower": 1.0,
         "actual_upper": 3.0}
        for name in NAMES.values()
    ] + [{"name": "nobody", "customers": 0}]  # fmt: skip
    ax = plot_segment_evidence(rows, currency="$")
    ax.figure.canvas.draw()
    assert len(ax.get_yticklabels()) == 3
    bars = [patch.get_width() for patch in ax.patches]
    assert bars == [2.0, 2.0, 2.0]
    plt.close("all")


def test_bars_are_the_shares(found):
    from matplotlib import pyplot as plt

    ax = plot_segments(found.content["rows"])
    widths = np.array([patch.get_width() for patch in ax.patches])
    assert widths[:8] == pytest.approx([row["customers_share"] for row in found.content["rows"]])
    assert widths[8:] == pytest.approx([row["clv_share"] for row in found.content["rows"]])
    plt.close("all")


@pytest.mark.parametrize("wrong", ["swapped", "rules"])
def test_wrong_kinds_are_named(made, wrong):
    given = (made.columns, made.value) if wrong == "swapped" else (made.value, made.columns)
    rules = {"top_share": 0.1} if wrong == "rules" else None
    with pytest.raises(ParameterError, match=r"must be (a CustomerValue|SegmentRules)"):
        segment(*given, rules=rules)
