"""A user's script, for type checkers: `tests/test_typing.py` runs mypy on it, nothing runs it."""

import warnings
from pathlib import Path
from typing import Any, assert_type

import clvmodels as clv
from clvmodels.errors import ExitStatus
from clvmodels.models import PurchaseModel
from clvmodels.transactions import CustomerSummary, TransactionLog
from clvmodels.value import FormulaVariants, Total, ValueTotals

log = clv.read_transactions(Path("orders.csv"), csv=clv.CsvOptions(delimiter=";"))
assert_type(log, TransactionLog)
assert_type(clv.load_cdnow("sample"), TransactionLog)
customers = log.summarize("2024-12-31", time_unit="day")
assert_type(customers, CustomerSummary)

purchases = clv.BetaGeoModel().fit(customers, method="laplace", seed=3)
assert_type(purchases, clv.BetaGeoModel)
assert_type(clv.ParetoNBDModel.load("model/purchases.json"), clv.ParetoNBDModel)
assert_type(purchases.params_, dict[str, float])
purchases.save(Path("model/purchases.json"))
spend = clv.GammaGammaModel().fit(customers)
assert_type(spend, clv.GammaGammaModel)

value = clv.CustomerValue(purchases, spend, margin=0.35)
scores = value.predict(customers, horizon="1y", interval=0.9)
scores.to_csv("scores.csv")
total = value.total(customers, clv.Duration.parse("26w"))
assert_type(total, ValueTotals)
assert_type(total.clv, Total | None)
if total.clv is not None:
    assert_type(total.clv.lower, float)

segments = clv.segment(value, customers, rules=clv.SegmentRules())
assert_type(segments, clv.Segments)
tested = clv.backtest(log, "13w", 2, ["bgnbd"])
assert_type(tested, clv.Backtest)
decision = clv.decide("run", customer="A-17", action="refund", cost=40)
assert_type(decision, clv.Decision)
assert_type(decision.trusted, bool)

others = {
    "mbgnbd": clv.ModifiedBetaGeoModel().fit(customers),
    "nbd": clv.NBDModel().fit(customers),
}
clv.compare_models(others, customers).to_csv("models.csv")
shocks = clv.common_shocks(log, "1y")
value.total(customers, shock=shocks)
assert_type(clv.compare_formula(log, value).difference, float)
assert_type(clv.simple_formula(customers), FormulaVariants)
theirs = clv.from_lifetimes(object(), time_unit="week")
assert_type(theirs, PurchaseModel | clv.GammaGammaModel)
clv.from_pymc_marketing(object(), time_unit="week").save("model/purchases.json")
shop = clv.SimulatedShop(customers=100, season=0.3)
assert_type(clv.simulate_log(shop, "log.parquet"), dict[str, Any])
rows, truth = clv.simulate_tables(shop)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", clv.ClvWarning)
    try:
        log.summarize("1990-01-01")
    except clv.ClvError as error:
        assert_type(error.exit_status, ExitStatus)

# What a type checker must object to.
clv.CustomerValue(purchases, spend, margn=0.35)  # type: ignore[call-arg]
clv.CustomerValue(spend, purchases)  # type: ignore[arg-type]
clv.BetaGeoModel().fit(customers, prior="flat")  # type: ignore[call-arg]
clv.decide("run", customer="A-17", cost="forty")  # type: ignore[arg-type]
clv.read_transactions("orders.csv", returns="ignore")  # type: ignore[arg-type]
lowest: float = total.clv.lower  # type: ignore[union-attr]
clv.load_cd_now()  # type: ignore[attr-defined]
