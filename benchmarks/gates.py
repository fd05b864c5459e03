"""How often each gate fires on logs that obey the models, and on logs that don't.

``python -m benchmarks.gates [logs]`` writes the tables of ``docs/when-not-to-believe.md``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels.evaluation.gates import Gate, repeat_gate
from clvmodels.evaluation.sign_gates import sign_gates
from clvmodels.models import PURCHASE_MODELS
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.simulate import simulate_tables
from clvmodels.transactions.read import read_transactions

PAGE = Path(__file__).parents[1] / "docs" / "when-not-to-believe.md"
_BEGIN, _END = "<!-- benchmarks/gates.py writes from here -->", "<!-- to here -->"
_LAUNCH = 0.4

Options = dict[str, Any]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _parameters(rng: np.random.Generator, model: str, slow: float = 1.0) -> dict[str, float]:
    """Parameters in days: 20 to 120 days between purchases on average, lives of a few to many."""
    r = _log_uniform(rng, 0.3, 2.0)
    parameters = {"r": r, "alpha": r * slow * _log_uniform(rng, 20.0, 120.0)}
    if model == "pareto_nbd":
        s = _log_uniform(rng, 0.3, 1.5)
        return parameters | {"s": s, "beta": s * _log_uniform(rng, 200.0, 1_500.0)}
    if model == "nbd":
        return parameters
    leaves, both = rng.uniform(0.05, 0.3), _log_uniform(rng, 1.0, 6.0)
    return parameters | {"a": leaves * both, "b": (1.0 - leaves) * both}


def _shop(rng: np.random.Generator, slow: float = 1.0) -> Options:
    """A shop that obeys its model: any of them, 300 to 5,000 customers, one to three years."""
    model = str(rng.choice(sorted(PURCHASE_MODELS)))
    return {
        "customers": round(_log_uniform(rng, 300, 5_000)),
        "model": model,
        "parameters": _parameters(rng, model, slow),
        "spend": {"p": _log_uniform(rng, 2.0, 10.0), "q": rng.uniform(2.5, 6.0), "gamma": 100.0},
        "span": f"{round(rng.uniform(365, 1_095))}d",
    }


def good(rng: np.random.Generator) -> Options:
    """Customers come all the time, or within a quarter of the span as one cohort."""
    shop = _shop(rng)
    if rng.random() < _LAUNCH:
        shop["arrivals"] = f"{round(float(shop['span'][:-1]) * rng.uniform(0.1, 0.25))}d"
    return shop


def subscriptions(rng: np.random.Generator) -> Options:
    """Half to all of the customers buy at a fixed interval, give or take a tenth."""
    return _shop(rng) | {
        "subscriptions": rng.uniform(0.5, 1.0),
        "subscription_gap": str(rng.choice(["14d", "30d", "60d"])),
    }


def bursts(rng: np.random.Generator) -> Options:
    """A quarter to half of the purchases are followed by others within days."""
    return _shop(rng, slow=2.0) | {"bursts": rng.uniform(0.25, 0.5)}


def calendar(rng: np.random.Generator) -> Options:
    """Two events a year of one to seven days draw 40 to 75 % of all purchases."""
    return _shop(rng) | _events(int(rng.integers(1, 8)), rng.uniform(0.4, 0.75))


def _events(days: int, share: float) -> Options:
    """Events in April and October that draw a share of what a year sees."""
    dates = tuple(f"{month}-{day:02}" for month in ("04", "10") for day in range(10, 10 + days))
    factor = share / (1.0 - share) * (365.0 - len(dates)) / len(dates)
    return {"events": dates, "event_factor": factor}


def truncated(rng: np.random.Generator) -> Options:
    """The shop is one to four years old when the log begins."""
    return _shop(rng) | {"history": f"{round(rng.uniform(365, 1_461))}d"}


def hardly_repeating(rng: np.random.Generator) -> Options:
    """Few ever come back: r between 0.01 and 0.07."""
    r = _log_uniform(rng, 0.01, 0.07)
    shop = _shop(rng) | {"customers": round(_log_uniform(rng, 1_000, 5_000))}
    parameters = shop["parameters"]
    return shop | {"parameters": parameters | {"r": r, "alpha": _log_uniform(rng, 20.0, 120.0)}}


# Name of the kind, how it is drawn, and the gate that must fire.
AGAINST: dict[str, tuple[Callable[[np.random.Generator], Options], str]] = {
    "subscriptions": (subscriptions, "subscriptions"),
    "bursts": (bursts, "purchases in bursts"),
    "twice-yearly events": (calendar, "calendar"),
    "log begins mid-life": (truncated, "beginning of the log"),
    "hardly any repeats": (hardly_repeating, "repeat process"),
}
KINDS = {"obeys the model": good} | {name: draw for name, (draw, _) in AGAINST.items()}
# Faults of growing strength: in words, and what is then different in a shop of that kind.
STRENGTHS: dict[str, list[tuple[str, Options]]] = {
    "subscriptions": [
        (f"{share:.0%} of customers", {"subscriptions": share}) for share in (0.1, 0.2, 0.4)
    ],
    "bursts": [(f"{share:.0%} of purchases", {"bursts": share}) for share in (0.05, 0.1, 0.2)],
    "twice-yearly events": [
        (f"{share:.0%} of purchases", _events(7, share)) for share in (0.1, 0.2, 0.3)
    ],
    "log begins mid-life": [
        (f"shop {history} old", {"history": history}) for history in ("1m", "3m", "6m")
    ],
}


def judge(kind: str, number: int, changed: Options | None = None) -> list[Gate]:
    """Gates of one simulated log, learned with the model that made it."""
    rng = np.random.default_rng([sorted(KINDS).index(kind), number])
    options = KINDS[kind](rng) | (changed or {})
    log, _ = simulate_tables(SimulatedShop(**options, seed=number))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = read_transactions(log, threads=1)
        customers = read.summarize()
        triples = customers.triples()
        purchases = PURCHASE_MODELS[options["model"]]().fit(customers, method="map")
    repeaters = round(float(triples.weights[triples.frequency > 0].sum()))
    return [
        repeat_gate(purchases, len(customers), repeaters),
        *sign_gates(
            read.signs(customers), purchases, triples, customers.orders(), customers.observation_end
        ),
    ]


def fired(gates: list[Gate]) -> list[str]:
    """Names of the gates that are amber or red."""
    return [gate.name for gate in gates if gate.level in ("amber", "red")]


def strengths(logs: int, processes: int = 2) -> str:
    """Logs on which the matching gate fires, by the strength of the fault."""
    lines = ["| fault | strength: logs on which its gate fires |", "|---|---|"]
    with get_context("spawn").Pool(processes) as pool:
        for kind, steps in STRENGTHS.items():
            cells = []
            for words, changed in steps:
                jobs = [(kind, number, changed) for number in range(logs)]
                judged = pool.starmap(judge, jobs, chunksize=2)
                count = sum(AGAINST[kind][1] in fired(gates) for gates in judged)
                cells.append(f"{words}: {count}")
            lines.append(f"| {kind} | {'; '.join(cells)} |")
    return "\n".join(lines)


def study(logs: int, processes: int = 2) -> dict[str, list[list[Gate]]]:
    """Gates of so many logs of each kind."""
    jobs = [(kind, number) for kind in KINDS for number in range(logs)]
    with get_context("spawn").Pool(processes) as pool:
        judged = pool.starmap(judge, jobs, chunksize=2)
    return {kind: judged[place * logs : (place + 1) * logs] for place, kind in enumerate(KINDS)}


def table(judged: dict[str, list[list[Gate]]]) -> str:
    """Logs on which each gate fired, one column for each kind; the matching gate in bold."""
    names = [gate.name for gate in judged["obeys the model"][0]]
    lines = [f"| gate | {' | '.join(judged)} |", f"|---|{'---|' * len(judged)}"]
    for name in names:
        cells = []
        for kind, runs in judged.items():
            count = str(sum(name in fired(gates) for gates in runs))
            cells.append(f"**{count}**" if kind in AGAINST and AGAINST[kind][1] == name else count)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for words, level in (("any gate", ("amber", "red")), ("any gate red", ("red",))):
        counts = [
            str(sum(any(gate.level in level for gate in gates) for gates in runs))
            for runs in judged.values()
        ]
        lines.append(f"| *{words}* | {' | '.join(counts)} |")
    return "\n".join(lines)


def main(logs: int = 100) -> str:
    """Print and return the table, and write it into the page."""
    words = (
        f"Logs with an amber or red gate, of {logs} of each kind "
        "(`python -m benchmarks.gates`, fixed seeds):"
    )
    few = max(logs // 5, 1)
    weaker = f"Weaker faults, of {few} logs each:"
    found = f"{words}\n\n{table(study(logs))}\n\n{weaker}\n\n{strengths(few)}"
    print(found)
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{after}", "utf-8")
    return found


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
