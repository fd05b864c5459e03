"""What configuration may say about segments."""

import pytest
from pydantic import ValidationError

import clvmodels as clv
from clvmodels.config.segments import SEGMENT_KINDS, SegmentRules
from clvmodels.errors import ConfigurationError


def test_every_segment_has_a_name_and_an_action():
    rules = SegmentRules()
    assert tuple(rules.names) == tuple(rules.actions) == SEGMENT_KINDS
    assert len(set(rules.names.values())) == len(SEGMENT_KINDS)
    assert all(rules.actions.values())


def test_names_left_out_keep_theirs():
    rules = SegmentRules(names={"loyal": "Stammkunden"}, actions={"lapsed": ""})
    assert rules.names["loyal"] == "Stammkunden"
    assert rules.names["champions"] == "champions"
    assert rules.actions["lapsed"] == ""
    assert tuple(rules.names) == SEGMENT_KINDS


@pytest.mark.parametrize(
    "given",
    [
        {"top_share": 0.0},
        {"top_share": 1.0},
        {"settled": 1.0},
        {"few_orders": 0},
        {"active_from": 0.3, "lapsed_below": 0.4},
        {"names": {"loyal": "champions"}},
        {"names": {"loyal": ""}},
        {"names": {"royal": "x"}},
        {"top": 3},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        SegmentRules.model_validate(given)
    with pytest.raises(clv.ClvError):
        clv.SegmentRules(**given)


def test_all_that_is_wrong_is_told_at_once():
    told = "top_share = 2: it must be less than 1. few_orders = 'many': it must be a valid integer"
    with pytest.raises(ConfigurationError, match=told):
        SegmentRules(top_share=2, few_orders="many")
    with pytest.raises(ConfigurationError, match="top_shar is no option; did you mean top_share"):
        SegmentRules(top_shar=0.2)


def test_rules_survive_json():
    rules = SegmentRules(top_share=0.1, names={"new": "<b>=1+1</b>"})
    assert SegmentRules.model_validate(rules.model_dump()) == rules
    assert SegmentRules.model_validate_json(rules.model_dump_json()) == rules
