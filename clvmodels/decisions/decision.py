"""What `decide` answers: numbers with their intervals, a recommendation and a sentence."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from clvmodels.decisions.words import chance, hundredths, points, wrapped
from clvmodels.storage import plain
from clvmodels.wording import count, money, money_range, number, percent, plural, printable

SCHEMA = 1
RECOMMENDATIONS = {
    "do": "worth it",
    "do_not": "not worth it",
    "close": "too close to call",
    "enter_keeps": "depends on what it achieves, which nobody entered",
    "enter_cost": "depends on its cost, which nobody entered",
    "no_money": "no money in this run",
    "refused": "NO RECOMMENDATION: this run is untrusted",
}


@dataclass(frozen=True)
class Figure:
    """A number with the interval of the run's probability."""

    expected: float
    lower: float
    upper: float
    median: float | None = None


@dataclass(frozen=True)
class Asked:
    """The action that was asked about.

    Attributes
    ----------
    keeps, keeps_used
        The increase in the probability that the customer stays as it was entered, and what of it
        is possible: at most ``room``.
    """

    name: str
    label: str
    effect: str
    cost: float | None
    keeps: float
    keeps_used: float
    room: float
    cost_basis: str

    @property
    def stays(self) -> str:
        """What the customer does if the action achieves something, in words."""
        return "comes back" if self.effect == "win_back" else "stays"

    @property
    def to_stay(self) -> str:
        """The same after "the chance"."""
        return "to come back" if self.effect == "win_back" else "to stay"


@dataclass(frozen=True)
class Note:
    """Something to know before acting."""

    code: str
    text: str


@dataclass(frozen=True, repr=False)
class Decision:
    """What an action is worth for a customer or a segment, and whether to take it.

    Attributes
    ----------
    kind, who, customers
        ``customer`` with an id or ``segment`` with a name, and how many customers that is.
    run
        The terms: day of the scores, horizon, margin, currency, probability of the intervals,
        verdict.
    action
        What was asked.
    probability_alive, value
        As the scores have them; for a segment a mean and a sum.
    value_at_stake
        What is earned if the customer stays, less what remains otherwise, with its predictive
        interval. For a segment the sum.
    worth_spending
        The most that is worth spending on a customer: what the action keeps times the value at
        stake. Bounds are those of the parameters (for a segment also of the common shock).
    break_even_keeps
        The increase in the probability to stay at which the action earns exactly what it costs;
        None where none is enough, or without a cost.
    gain
        What is left after the cost, with its predictive interval. For a segment the sum.
    pays_back
        Probability that the action brings more than it costs.
    purchases_at_stake, break_even_profit
        Without money: purchases to expect if the customer stays, with their predictive interval,
        and the profit on each at which the action breaks even. For a segment those of one customer
        on average, with bounds of the parameters and of the common shock.
    """

    kind: str
    who: str
    customers: int
    run: dict[str, Any]
    action: Asked
    segment: str | None
    probability_alive: float
    value: float | None
    recommendation: str
    sentence: str
    value_at_stake: Figure | None = None
    total_cost: float | None = None
    worth_spending: Figure | None = None
    break_even_keeps: Figure | None = None
    gain: Figure | None = None
    pays_back: float | None = None
    purchases_at_stake: Figure | None = None
    break_even_profit: float | None = None
    notes: tuple[Note, ...] = field(default=())

    @property
    def trusted(self) -> bool:
        """Whether the run that it rests on may be acted on."""
        return bool(self.run["trusted"] != "untrusted")

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        content: dict[str, Any] = plain({"schema": SCHEMA, **asdict(self)})
        return content

    def to_json(self) -> str:
        """Give everything as one JSON object."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def rows(self) -> list[tuple[str, str]]:
        """What there is to read, as pairs of a name and a value in words."""
        currency = self.run["currency"]
        each = self.kind == "segment"

        def figure(value: Figure | None) -> str:
            if value is None:
                return ""
            bounds = money_range(value.lower, value.upper, currency)
            return f"{money(value.expected, currency)} ({bounds})"

        rows = [
            ("Probability still active", chance(self.probability_alive)),
            ("Value today", "" if self.value is None else money(self.value, currency)),
            ("Value at stake", figure(self.value_at_stake)),
            ("Cost", "" if self.total_cost is None else money(self.total_cost, currency)),
            ("Breaks even at", self._break_even()),
        ]
        if self.action.keeps > 0.0:
            rows += [
                (f"Raises the chance {self.action.to_stay} by", points(self.action.keeps_used)),
                (f"Most worth spending{' on each' if each else ''}", figure(self.worth_spending)),
                ("Gain after cost", figure(self.gain)),
            ]
            if self.pays_back is not None:
                rows.append(("Chance that it pays back", chance(self.pays_back)))
        if self.purchases_at_stake is not None:
            p = self.purchases_at_stake
            # One customer buys a whole number of times.
            bound = number if each else count
            bounds = f"{number(p.expected)} ({bound(p.lower)} to {bound(p.upper)})"
            whose = "of one who" if each else "if this customer"
            rows.append((f"Purchases {whose} {self.action.stays}", bounds))
        if self.break_even_profit is not None:
            rows.append(
                ("Profit per purchase to break even", money(self.break_even_profit, currency))
            )
        if self.value_at_stake is not None or self.purchases_at_stake is not None:
            rows.append(("In brackets", f"{percent(self.run['interval'])} intervals"))
        return [(name, text) for name, text in rows if text]

    def _break_even(self) -> str:
        if self.break_even_keeps is None:
            return ""
        keeps = self.break_even_keeps
        if keeps.expected > self.action.room:
            return "never: it costs more than it can bring"
        return f"{points(keeps.expected)} ({hundredths(keeps.lower)} to {hundredths(keeps.upper)})"

    @property
    def title(self) -> str:
        """What was asked, in a line."""
        who = f"{self.kind} {printable(self.who, 40)}"
        if self.kind == "segment":
            who += f" ({plural(self.customers, 'customer')})"
        label = printable(self.action.label, 80)
        return f"{label[:1].upper()}{label[1:]} for {who}"

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        lines = [
            f"{self.title}: {RECOMMENDATIONS[self.recommendation]}",
            self.sentence,
            "",
            *(f"  {name:<{width}}  {text}" for name, text in rows),
            *(f"note: {note.text}" for note in self.notes),
        ]
        return wrapped(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
            f"<td>{escape(text)}</td></tr>"
            for name, text in self.rows()
        )
        notes = "".join(f"<li>{escape(note.text)}</li>" for note in self.notes)
        return (
            f"<div><p><b>{escape(self.title)}: "
            f"{escape(RECOMMENDATIONS[self.recommendation])}</b></p>"
            f"<p>{escape(self.sentence)}</p><table>{rows}</table>"
            + (f"<ul>{notes}</ul>" if notes else "")
            + "</div>"
        )
