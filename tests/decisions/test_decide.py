"""What an action may cost: by hand, by simulation, and what must hold whatever the numbers."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

import clvmodels as clv
from clvmodels.decisions import segment_stake
from clvmodels.decisions.decide import decide
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.segment_stake import SegmentStake
from clvmodels.decisions.stake import Stake
from clvmodels.errors import ArtefactError, ConfigurationError, InputError, ParameterError
from tests.decisions.runs import PURCHASES, SPEND, make_run, rewrite, scores_of
from tests.jobs import shop

DISCOUNTED_YEAR = (1.0 - 1.0 / 1.1) / np.log(1.1)


@pytest.fixture(scope="module")
def loyal(known) -> str:
    """A customer with several orders who may have left."""
    scores = scores_of(known)
    several = scores[(scores.frequency >= 3) & scores.probability_alive.between(0.5, 0.8)]
    return str(several.index[0])


def futures(run, customer: str, draws: int, seed: int = 1) -> np.ndarray:
    """What the customer would bring in a year if active, discounted, after margin: simulated."""
    row = scores_of(run).loc[customer]
    kernel = clv.BetaGeoModel.kernel
    rng = np.random.default_rng(seed)
    theta = np.array(list(PURCHASES.values()))
    x, age = np.full(draws, row.frequency), np.full(draws, row["T"])
    times = kernel.simulate_alive(theta, x, age, 365.25, rng)
    p, q, gamma = SPEND.values()
    rate = rng.gamma(q + p * row.frequency, size=draws)
    rate /= gamma + p * 0.0 + row.frequency * row.monetary_value
    spent = np.where(np.isfinite(times), rng.gamma(p, size=times.shape) / rate[:, None], 0.0)
    factor = np.where(np.isfinite(times), 1.1 ** -(np.minimum(times, 1e9) / 365.25), 0.0)
    return 0.4 * (spent * factor).sum(axis=1)


def test_arithmetic_by_hand(known, loyal):
    row = scores_of(known).loc[loyal]
    made = decide(known, customer=loyal, action="refund", cost=4.0, keeps=0.3)
    # The cost of being a customer is paid in any case, so that it is no part of what is at stake.
    at_stake = row.potential_value + 3.0 * DISCOUNTED_YEAR
    assert made.value_at_stake.expected == pytest.approx(at_stake, rel=1e-9)
    assert made.worth_spending.expected == pytest.approx(0.3 * at_stake, rel=1e-9)
    assert made.break_even_keeps.expected == pytest.approx(4.0 / at_stake, rel=1e-9)
    assert made.gain.expected == pytest.approx(0.3 * at_stake - 4.0, rel=1e-9)
    assert made.probability_alive == row.probability_alive
    assert made.value == row.clv
    assert (made.action.keeps_used, made.total_cost) == (0.3, 4.0)
    # With certain parameters the expectation has no spread.
    assert made.worth_spending.lower == pytest.approx(made.worth_spending.upper)


def test_promotions_and_retention_are_paid_as_in_the_scores(tmp_path):
    """What is given back comes off every order; what keeping a customer costs is paid anyway."""
    terms = {"margin": 0.4, "promotions": 0.1, "cost_per_customer_year": 3.0}
    run = make_run(tmp_path / "run", shop(40), **terms, retention_per_customer_year=5.0)
    scores = scores_of(run)
    at_stake = scores.potential_value + 8.0 * DISCOUNTED_YEAR
    made = decide(run, customer=scores.index[0])
    assert made.value_at_stake.expected == pytest.approx(at_stake.iloc[0], rel=1e-9)
    assert made.run["margin"] == pytest.approx(0.3)
    segment = decide(run, segment="one-time").value_at_stake
    assert segment.expected == pytest.approx(at_stake[scores.segment == "one-time"].sum())


def test_own_costs_of_customers_are_told_where_they_are_in_the_sums(tmp_path):
    """They are paid whether somebody stays or not; the scores hold them and cannot be undone."""
    log = shop(40)
    labels = tmp_path / "labels.csv"
    about = pd.DataFrame({"customer_id": log.customer_id.unique(), "service": 7.0})
    about.to_csv(labels, index=False)
    run = make_run(tmp_path / "run", log, labels=str(labels), cost_label="service")
    scores = scores_of(run)
    at_stake = scores.potential_value + 7.0 * DISCOUNTED_YEAR
    made = decide(run, customer=scores.index[0])
    assert made.value_at_stake.expected == pytest.approx(at_stake.iloc[0], rel=1e-9)
    assert "own_costs" not in {note.code for note in made.notes}
    segment = decide(run, segment="one-time")
    members = scores.segment == "one-time"
    assert segment.value_at_stake.expected == pytest.approx(scores.potential_value[members].sum())
    assert "(service) are off the value at stake" in str(segment).replace("\n", " ")


def test_agrees_with_simulated_futures(known, loyal):
    cost, keeps, draws = 6.0, 0.4, 100_000
    made = decide(known, customer=loyal, cost=cost, keeps=keeps)
    brought = futures(known, loyal, draws)
    assert made.value_at_stake.expected == pytest.approx(brought.mean(), rel=0.01)
    kept = np.random.default_rng(5).random(draws) < keeps
    gained = np.where(kept, brought, 0.0) - cost
    error = np.sqrt(0.25 / draws)
    # A year's discounting is one factor for each customer, which moves a chance by less than .005.
    assert made.pays_back == pytest.approx((gained > 0.0).mean(), abs=4 * error + 0.005)
    assert made.gain.expected == pytest.approx(gained.mean(), abs=4 * gained.std() / draws**0.5)
    assert made.gain.lower == pytest.approx(np.quantile(gained, 0.05), rel=0.02)
    assert made.gain.upper == pytest.approx(np.quantile(gained, 0.95), rel=0.02)
    lower, median, upper = np.quantile(brought, [0.05, 0.5, 0.95])
    stake = made.value_at_stake
    assert (stake.lower, stake.median, stake.upper) == pytest.approx(
        (lower, median, upper), rel=0.02
    )


@pytest.mark.parametrize(
    ("who", "action"),
    [
        ({"customer": None}, "refund"),
        ({"segment": "loyal"}, "win-back"),
        ({"segment": "lapsed"}, "refund"),
    ],
)
def test_break_even_put_back_in_gives_zero(learned, who, action):
    if "customer" in who:
        scores = scores_of(learned)
        row = scores[(scores.frequency > 2) & scores.probability_alive.between(0.4, 0.7)]
        who = {"customer": row.index[0]}
    cost = 0.02 * decide(learned, **who).value_at_stake.expected
    cost /= decide(learned, **who).customers
    needed = decide(learned, **who, action=action, cost=cost).break_even_keeps
    again = decide(learned, **who, action=action, cost=cost, keeps=needed.expected)
    assert again.gain.expected == pytest.approx(0.0, abs=1e-7 * again.total_cost)
    assert needed.lower < needed.expected < needed.upper
    assert again.action.keeps_used > 0.0


def test_parameters_widen_what_is_worth_spending(learned):
    customer = scores_of(learned).frequency.idxmax()
    made = decide(learned, customer=customer, cost=1.0, keeps=0.2)
    worth, stake = made.worth_spending, made.value_at_stake
    assert 0.005 < worth.upper / worth.expected - 1.0 < 0.6
    # What the customer will do is far less certain than what is expected of them.
    assert stake.upper / stake.expected > worth.upper / worth.expected
    expected = scores_of(learned).loc[customer].potential_value
    assert stake.expected == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def stakes(known) -> tuple[Stake, SegmentStake]:
    """What is at stake with a customer and with a segment, ready to be asked often."""
    run = SavedRun.open(known)
    row = pa.Table.from_pylist([run.customer("00003")])
    return Stake(run.basis, run.columns(row)), SegmentStake(run, "fading", "keep")


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    cost=st.floats(0.0, 200.0),
    more=st.floats(0.0, 50.0),
    keeps=st.floats(0.01, 0.7),
    further=st.floats(0.0, 0.3),
)
def test_more_cost_never_helps_and_more_effect_never_hurts(stakes, cost, more, keeps, further):
    one, many = stakes

    def of_one(keeps: float, cost: float) -> float:
        return float(one.pays_back(np.array([keeps]), np.array([cost]))[0])

    def of_all(keeps: float, cost: float) -> float:
        sums = many.sums(keeps)
        return 1.0 - many.distribution(keeps, sums.brings).cdf(cost * sums.customers)

    for pays_back in (of_one, of_all):
        plain = pays_back(keeps, cost)
        assert 0.0 <= plain <= 1.0
        assert pays_back(keeps, cost + more) <= plain + 1e-9
        assert pays_back(keeps + further, cost) >= plain - 1e-9
    assert many.sums(keeps + further).brings >= many.sums(keeps).brings - 1e-9


def test_currency_and_unit_change_nothing(known, tmp_path):
    log = shop()
    cents = make_run(
        tmp_path / "cents",
        log.assign(amount=100.0 * log.amount),
        (
            clv.BetaGeoModel.from_params(PURCHASES, time_unit="day"),
            clv.GammaGammaModel.from_params(SPEND | {"gamma": 1500.0}, time_unit="day"),
        ),
        margin=0.4,
        cost_per_customer_year=300.0,
        time_unit="day",
    )
    weeks = make_run(
        tmp_path / "weeks",
        log,
        (
            clv.BetaGeoModel.from_params(PURCHASES | {"alpha": 40.0 / 7.0}, time_unit="week"),
            clv.GammaGammaModel.from_params(SPEND, time_unit="week"),
        ),
        margin=0.4,
        cost_per_customer_year=3.0,
        time_unit="week",
    )
    for who in ({"customer": "00003"}, {"segment": "champions"}):
        plain = decide(known, **who, cost=2.0, keeps=0.3)
        in_cents = decide(cents, **who, cost=200.0, keeps=0.3)
        in_weeks = decide(weeks, **who, cost=2.0, keeps=0.3)
        for other, size in ((in_cents, 100.0), (in_weeks, 1.0)):
            assert other.pays_back == pytest.approx(plain.pays_back, rel=1e-6)
            for name in ("value_at_stake", "worth_spending", "gain"):
                mine, its = getattr(plain, name), getattr(other, name)
                for end in ("expected", "lower", "upper"):
                    assert getattr(its, end) == pytest.approx(size * getattr(mine, end), rel=1e-6)
            assert other.recommendation == plain.recommendation


def test_room_limits_what_an_action_can_achieve(known):
    scores = scores_of(known)
    gone = scores[(scores.probability_alive < 0.15)].index[0]
    alive = float(scores.probability_alive[gone])
    kept = decide(known, customer=gone, action="refund", cost=0.1, keeps=0.5)
    assert kept.action.keeps_used == pytest.approx(alive)
    assert "limited_by_room" in {note.code for note in kept.notes}
    back = decide(known, customer=gone, action="win back", cost=0.1, keeps=0.5)
    assert back.action.keeps_used == 0.5
    assert "If this customer comes back" in back.sentence
    assert "If this customer stays" in kept.sentence
    assert back.worth_spending.expected > kept.worth_spending.expected
    # Somebody on the line has not left.
    assert decide(known, customer=gone, cost=0.1, keeps=0.5, in_touch=True).action.keeps_used == 0.5
    active = scores[(scores.frequency > 0) & (scores.probability_alive > 0.75)].index[0]
    made = decide(known, customer=active, action="win-back", cost=0.1, keeps=0.9)
    assert made.action.keeps_used == pytest.approx(1.0 - scores.probability_alive[active])


def test_bought_once_the_model_cannot_tell(known):
    once = scores_of(known).query("frequency == 0").index[0]
    made = decide(known, customer=once, action="win-back", cost=0.01, keeps=0.1)
    assert made.action.keeps_used == 0.1
    assert {"bought_once", "cannot_tell"} <= {note.code for note in made.notes}


def test_recommendations(known, learned, loyal):
    stake = decide(known, customer=loyal).value_at_stake.expected
    assert decide(known, customer=loyal).recommendation == "enter_cost"
    assert decide(known, customer=loyal, cost=1.0).recommendation == "enter_keeps"
    assert decide(known, customer=loyal, cost=0.1 * stake, keeps=0.2).recommendation == "do"
    assert decide(known, customer=loyal, cost=0.3 * stake, keeps=0.2).recommendation == "do_not"
    # More than could ever come back is too much whatever it achieves.
    assert decide(known, customer=loyal, cost=stake).recommendation == "do_not"
    worth = decide(learned, customer=loyal, keeps=0.2).worth_spending
    close = decide(learned, customer=loyal, cost=worth.expected, keeps=0.2)
    assert close.recommendation == "close"
    for made in (close, decide(known, customer=loyal, cost=stake)):
        assert made.sentence[0].isupper()
        assert "  " not in made.sentence


def test_sums_of_a_segment_are_those_of_its_customers(known):
    scores = scores_of(known).query("segment == 'loyal'")
    made = decide(known, segment="Loyal", cost=2.0, keeps=0.3)
    at_stake = scores.potential_value + 3.0 * DISCOUNTED_YEAR
    used = np.minimum(0.3, scores.probability_alive)
    assert made.customers == len(scores)
    assert made.total_cost == 2.0 * len(scores)
    assert made.value_at_stake.expected == pytest.approx(at_stake.sum())
    assert made.gain.expected == pytest.approx((used * at_stake).sum() - made.total_cost)
    assert made.value == pytest.approx(scores.clv.sum())
    assert made.action.keeps_used == pytest.approx(used.mean())


@pytest.mark.parametrize(
    ("segment", "keeps"),
    [
        ("fading", 0.3),
        pytest.param("champions", 0.3, marks=pytest.mark.slow),
        pytest.param("lapsed", 0.1, marks=pytest.mark.slow),
        pytest.param("fading", 0.02, marks=pytest.mark.slow),
    ],
)
def test_payback_of_a_segment_agrees_with_simulation(known, segment, keeps):
    """Customers simulated one by one, and the common shock over all of them."""
    scores = scores_of(known).query("segment == @segment")
    draws = 2500
    brought = np.column_stack([futures(known, who, draws, i) for i, who in enumerate(scores.index)])
    used = np.minimum(
        keeps, 1.0 - scores.probability_alive if segment == "lapsed" else scores.probability_alive
    )
    rng = np.random.default_rng(3)
    kept = rng.random(brought.shape) < used.to_numpy()
    shock = np.exp(0.25 * rng.standard_t(4.0, draws))
    total = (brought * kept).sum(axis=1) * shock
    action = "win-back" if segment == "lapsed" else "refund"
    for level in (0.2, 0.5, 0.8):
        cost = np.quantile(total, level) / len(scores)
        made = decide(known, segment=segment, action=action, cost=cost, keeps=keeps)
        assert made.pays_back == pytest.approx((total > cost * len(scores)).mean(), abs=0.03)
    bounds = np.quantile(total, [0.05, 0.95]) - made.total_cost
    width = bounds[1] - bounds[0]
    assert made.gain.lower == pytest.approx(bounds[0], abs=0.05 * width)
    assert made.gain.upper == pytest.approx(bounds[1], abs=0.05 * width)


def test_a_portion_stands_for_a_large_segment(known, monkeypatch):
    every = decide(known, segment="one-time", cost=0.4, keeps=0.1)
    monkeypatch.setattr(segment_stake, "_PORTION", 40)
    some = decide(known, segment="one-time", cost=0.4, keeps=0.1)
    assert some.gain.expected == pytest.approx(every.gain.expected, rel=1e-12)
    assert some.gain.upper != every.gain.upper
    assert some.pays_back == pytest.approx(every.pays_back, abs=0.05)


def test_never_recommends_on_an_untrusted_run(known, loyal, tmp_path):
    run = shutil.copytree(known, tmp_path / "run")
    rewrite(run, trusted="untrusted")
    for who in ({"customer": loyal}, {"segment": "loyal"}):
        made = decide(run, **who, cost=1.0, keeps=0.3)
        assert made.recommendation == "refused"
        assert not made.trusted
        assert made.sentence.startswith("Do not act on this: the run is untrusted")
        assert "UNTRUSTED".lower() in str(made).lower()
        assert made.value_at_stake.expected > 0.0


def test_without_money_says_what_a_purchase_would_have_to_earn(unpriced):
    row = scores_of(unpriced).loc["00003"]
    made = decide(unpriced, customer="00003", cost=3.0, keeps=0.3)
    expected = row.expected_purchases / row.probability_alive
    assert made.purchases_at_stake.expected == pytest.approx(expected)
    assert made.break_even_profit == pytest.approx(3.0 / (0.3 * expected))
    assert (made.recommendation, made.value_at_stake, made.pays_back) == ("no_money", None, None)
    segment = decide(unpriced, segment="loyal", cost=3.0, keeps=0.3)
    scores = scores_of(unpriced).query("segment == 'loyal'")
    mean = (scores.expected_purchases / scores.probability_alive).mean()
    assert segment.purchases_at_stake.expected == pytest.approx(mean)
    assert "no amounts" in segment.sentence
    # One customer buys a whole number of times, most likely around what is expected.
    one = made.purchases_at_stake
    assert one.lower == int(one.lower) < one.expected < one.upper == int(one.upper)
    assert f"({one.lower:.3g} to {one.upper:.3g})" in str(made)
    # Known parameters and the shock of a quarter that is assumed leave an average this far open.
    shock = np.exp(0.25 * stdtrit(4.0, [0.05, 0.95]))
    many = segment.purchases_at_stake
    assert (many.lower, many.upper) == pytest.approx(tuple(mean * shock), rel=0.01)
    assert "Purchases of one who stays" in str(segment)


@pytest.mark.parametrize("terms", [{"horizon": "lifetime"}, {"cost_per_order": 2.0}])
def test_terms_whose_value_is_simulated(tmp_path, terms):
    run = make_run(tmp_path / "run", shop(30), margin=0.5, **terms)
    scores = scores_of(run)
    customer = scores.frequency.idxmax()
    made = decide(run, customer=customer, cost=1.0, keeps=0.3)
    stake = made.value_at_stake
    assert stake.expected == pytest.approx(scores.potential_value[customer], rel=1e-9)
    assert stake.lower <= stake.median <= stake.upper
    assert 0.0 < made.pays_back < 0.3
    segment = decide(run, segment="one-time", cost=0.01, keeps=0.3)
    assert segment.gain.lower <= segment.gain.expected <= segment.gain.upper


def test_ids_as_text_and_as_numbers(tmp_path):
    log = shop(40)
    numbers = make_run(tmp_path / "numbers", log.assign(customer_id=log.customer_id.astype(int)))
    assert decide(numbers, customer="7").who == "7"
    assert decide(numbers, customer=7).to_dict() == decide(numbers, customer="007").to_dict()
    with pytest.raises(InputError, match=r"'seven'.*BIGINT"):
        decide(numbers, customer="seven")
    texts = make_run(tmp_path / "texts", log)
    with pytest.raises(InputError, match=r"no customer '7' among the 40 customers.*mean '00007'"):
        decide(texts, customer=7)
    with pytest.raises(InputError, match="first bought after"):
        decide(texts, customer="nobody")


HOSTILE = (
    "<script>alert(1)</script>",
    "'; DROP TABLE scores; --",
    "=cmd|' /C calc'!A0",
    "\u202egnirts",
    "a" * 10_000,
)


def test_hostile_ids_are_only_text(tmp_path):
    log = shop(40)
    names = dict(zip(log.customer_id.unique(), HOSTILE, strict=False))
    run = make_run(tmp_path / "run", log.assign(customer_id=log.customer_id.replace(names)))
    for name in HOSTILE:
        made = decide(run, customer=name, cost=1.0, keeps=0.1)
        assert made.who == name
        assert json.loads(made.to_json())["who"] == name
        assert "<script" not in made._repr_html_()
        assert "\u202e" not in str(made) + made._repr_html_()
        assert max(map(len, str(made).splitlines())) < 700
    with pytest.raises(InputError) as caught:
        decide(run, customer="<b>\u202e" + "x" * 9000)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_actions_of_the_configuration(known, loyal, tmp_path):
    run = shutil.copytree(known, tmp_path / "run")
    config = SavedRun.open(run).config
    given = {"refund": {"keeps": 0.2, "cost": 5.0}, "voucher": {"keeps": 0.1, "label": "a voucher"}}
    rewrite(run, config=config | {"actions": given})
    made = decide(run, customer=loyal)
    assert (made.action.keeps, made.action.cost, made.action.label) == (0.2, 5.0, "a refund")
    assert decide(run, customer=loyal, cost=6.0, keeps=0.0).action.keeps == 0.0
    assert decide(run, customer=loyal, action="Voucher").action.label == "a voucher"
    file = tmp_path / "clv.toml"
    file.write_text("margin = 0.4\n[actions.refund]\nkeeps = 0.25\n", "utf-8")
    assert decide(run, customer=loyal, config=file).action.keeps == 0.25
    assert decide(run, customer=loyal, config=file).action.cost is None
    with pytest.raises(ConfigurationError, match="did you mean refund"):
        decide(run, customer=loyal, action="refnud")


@pytest.mark.parametrize("name", ["refund", "exchange", "upgrade", "win-back", "service-recovery"])
def test_presets_claim_nothing(known, loyal, name):
    made = decide(known, customer=loyal, action=name, cost=0.5)
    assert made.action.keeps == 0.0
    assert made.action.cost_basis
    assert made.recommendation == "enter_keeps"
    assert made.pays_back == 0.0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[actions.refund]\nkeeps = 3", "actions.refund.keeps = 3"),
        ("[actions.refund]\ncost = -1", "actions.refund.cost = -1"),
        ("[actions.refund]\nkeep = 0.3", "actions.refund.keep"),
        ("actions = 3", "tables"),
        ("[actions", "Cannot read"),
    ],
)
def test_configurations_that_cannot_be_used(known, loyal, tmp_path, text, problem):
    file = tmp_path / "clv.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=problem):
        decide(known, customer=loyal, config=file)


def test_questions_that_cannot_be_answered(known, loyal, tmp_path):
    for wrong in ({}, {"customer": loyal, "segment": "loyal"}):
        with pytest.raises(ConfigurationError, match="either a customer or a segment"):
            decide(known, **wrong)
    with pytest.raises(ParameterError, match="keeps is 30"):
        decide(known, customer=loyal, keeps=30)
    for cost in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ParameterError, match="cost"):
            decide(known, customer=loyal, cost=cost)
    with pytest.raises(InputError, match="Did you mean 'loyal'"):
        decide(known, segment="loyl")
    with pytest.raises(ConfigurationError, match="in touch"):
        decide(known, customer=loyal, action="win-back", in_touch=True)
    with pytest.raises(ArtefactError, match=r"no run\.json"):
        decide(tmp_path, customer=loyal)
    bare = shutil.copytree(known, tmp_path / "bare")
    shutil.rmtree(bare / "model")
    with pytest.raises(ArtefactError, match="--model"):
        decide(bare, customer=loyal)
    assert decide(bare, customer=loyal, model=known / "model").who == loyal
    plain = make_run(tmp_path / "plain", shop(30), segments=False)
    with pytest.raises(InputError, match="no segments"):
        decide(plain, segment="loyal")


def _torn(file):
    file.write_bytes(file.read_bytes()[:2000])


def _of_another_version(file):
    pq.write_table(pq.read_table(file).drop_columns("probability_alive"), file)


@pytest.mark.parametrize("damage", [_torn, _of_another_version])
def test_a_damaged_score_file_is_named(known, tmp_path, damage):
    run = shutil.copytree(known, tmp_path / "shop-2024")
    (whole,) = (run / "scores").glob("*.parquet")
    shutil.copy(whole, whole.with_name("part-00001.parquet"))
    damage(whole.with_name("part-00001.parquet"))
    for who in ({"customer": "00003"}, {"segment": "loyal"}):
        told = r"scores/part-00001\.parquet of shop-2024 cannot be read.*score again"
        with pytest.raises(ArtefactError, match=told):
            decide(run, **who)


@pytest.mark.parametrize("part", ["purchases", "spend", "no spend"])
def test_models_that_did_not_score_the_run_are_refused(known, tmp_path, part):
    """Another fit into the folder would answer with its own parameters for the scores of then."""
    models = shutil.copytree(known / "model", tmp_path / "model")
    if part == "purchases":
        other = clv.BetaGeoModel.from_params(PURCHASES | {"r": 0.9}, time_unit="day")
        other.save(models / "purchases.json")
    elif part == "spend":
        dearer = clv.GammaGammaModel.from_params(SPEND | {"gamma": 16.0}, time_unit="day")
        dearer.save(models / "spend.json")
    else:
        (models / "spend.json").unlink()
    with pytest.raises(ArtefactError, match="models of shop-2024 are not those that scored it"):
        decide(known, customer="00003", model=models)


def test_a_folder_may_be_named_like_a_wildcard(known, tmp_path):
    run = shutil.copytree(known, tmp_path / "shop[2024]*")
    asked = {"cost": 1.0, "keeps": 0.2}
    for who in ({"customer": "00003"}, {"segment": "loyal"}):
        found, plain = decide(run, **who, **asked), decide(known, **who, **asked)
        assert found.gain == plain.gain
        assert found.run["name"] == "shop[2024]*"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("config", None),
        ("config", {"horizon": "soon"}),
        ("period", {"observation_end": 7}),
        ("common_shocks", {"value": 3}),
        ("totals", {"averaging": {"draws_used": "many"}}),
    ],
)
def test_a_damaged_record_says_where(known, tmp_path, field, value):
    run = shutil.copytree(known, tmp_path / "run")
    rewrite(run, **{field: value})
    with pytest.raises(ArtefactError, match=rf"run\.json of run is damaged \({field}\)"):
        decide(run, segment="loyal", cost=1.0, keeps=0.3)


def test_shows_itself(known, loyal):
    made = decide(known, customer=loyal, cost=2.0, keeps=0.3)
    assert json.loads(made.to_json()) == made.to_dict()
    text = str(made)
    assert text.startswith(f"A refund for customer {loyal}: worth it")
    for name, value in made.rows():
        assert name in text
        assert value in text
    assert "2.00\N{NO-BREAK SPACE}EUR" in text
    assert pd.Series(dict(made.rows())).notna().all()
    assert dict(made.rows())["In brackets"] == "90% intervals"
    # As wide as a terminal, and nothing is lost at the ends of lines.
    assert max(map(len, text.splitlines())) <= 80
    assert made.sentence in text.replace("\n", " ")


@pytest.mark.parametrize("wrong", [{"segment": 5}, {"customer": "1", "action": 5}])
def test_names_must_be_text(known, wrong):
    with pytest.raises(ParameterError, match="is 5; it must be a name, as text"):
        decide(known, **wrong)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"run_dir": 5}, "run_dir is 5; it must be the folder of a run"),
        ({"run_dir": SPEND}, "run_dir is <class 'dict'>; it must be the folder of a run"),
        ({"model": b"model"}, "model is <class 'bytes'>; it must be a folder of models"),
        ({"config": {"actions": {}}}, "config is <class 'dict'>; it must be a TOML file"),
        ({"action": None}, "action is <class 'NoneType'>; it must be a name"),
        ({"cost": "much"}, "cost is 'much'; it must be at least 0 and finite"),
        ({"keeps": []}, r"keeps is \[\]; it must be from 0 to 1"),
    ],
)
def test_arguments_of_another_kind_are_refused_in_words(known, wrong, told):
    with pytest.raises(ParameterError, match=told):
        decide(**{"run_dir": known, "customer": "00003"} | wrong)
