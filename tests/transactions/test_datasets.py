"""CDNOW comes out as published."""

import subprocess
import sys
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from clvmodels.errors import ParameterError
from clvmodels.transactions import RowAccount, load_cdnow


@pytest.fixture(scope="module")
def master():
    return load_cdnow()


@pytest.fixture(scope="module")
def sample():
    return load_cdnow("sample")


def test_every_row_of_the_master_file_is_accounted_for(master):
    check = master.check()
    assert check.account == RowAccount(read=69_659, used=67_591, merged=2_068)
    assert check.customers == 23_570
    assert {w.code: w.count for w in check.warnings} == {"duplicates": 255, "zero_amounts": 80}
    assert (master.first_date, master.last_date) == (date(1997, 1, 1), date(1998, 6, 30))
    assert [(f.name, f.rows) for f in master.inputs] == [("CDNOW_master.txt", 69_659)]
    assert len(master.inputs[0].sha256) == 64


def test_ids_keep_their_zeros(master, sample):
    first = master.summarize().to_arrow().slice(0, 2)
    assert first.column("customer_id").to_pylist() == ["00001", "00002"]
    assert first.schema.field("customer_id").type == pa.string()
    ids = sample.summarize().to_arrow().column("customer_id")
    assert ids[0].as_py() == "0001"
    assert len(ids) == len(ids.unique()) == 2_357


def test_the_sample_has_its_published_counts(sample):
    summary = sample.summarize("1997-09-30", time_unit="week")
    table = summary.to_arrow()
    assert len(summary) == 2_357
    assert pc.sum(pc.greater(table["frequency"], 0)).as_py() == 946
    assert pc.sum(table["frequency"]).as_py() == 2_457
    assert summary.account.quarantined == {"after_observation_end": 6_919 - 4_960}
    assert table["T"][0].as_py() == 272 / 7
    later = sample.holdout("1997-09-30", "1998-06-30")
    assert pc.sum(later["holdout_purchases"]).as_py() == 1_882
    assert len(later) == 2_357


def test_spend_of_repeat_buyers_is_as_published(sample):
    money = sample.summarize("1997-09-30").orders()
    mean = (money.weights * money.monetary_value).sum() / money.weights.sum()
    assert round(mean) == 35
    assert round(money.monetary_value.max()) == 300
    assert 2.9 < money.monetary_value.min() < 3.5


def test_an_unknown_part_is_refused():
    with pytest.raises(ParameterError, match="'master' or 'sample'"):
        load_cdnow("all")


def test_loading_does_not_run_lifetimes():
    code = (
        "import sys; from clvmodels.transactions import load_cdnow; load_cdnow('sample'); "
        "print([m for m in sys.modules if m.split('.')[0] == 'lifetimes'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
