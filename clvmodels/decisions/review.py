"""The review of a decision log as people and programs read it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from scipy.special import ndtri

from clvmodels.decisions.judging import SCHEMA, Judged, as_plain, judge, stories_and_lessons
from clvmodels.decisions.words import chance, wrapped
from clvmodels.errors import ConfigurationError
from clvmodels.storage import plain, write_text
from clvmodels.wording import money, plural, printable, sheet

_COLUMNS = (
    "row", "date", "customer", "action", "cost", "team", "verdict", "why", "known", "run",
    "value_at_stake", "keeps", "worth_spending", "break_even_keeps", "pays_back", "expected_gain",
    "came_back", "expected_to_come_back", "seen_until", "note",
)  # fmt: skip
_SHOWN = 20


def review(
    decision_log: str | Path,
    runs: str | Path | Sequence[str | Path],
    *,
    config: str | Path | None = None,
    model: str | Path | None = None,
) -> Review:
    """How past decisions look with what was known then, and what came of them.

    Parameters
    ----------
    decision_log
        CSV file with ``date``, ``customer``, ``action``, ``cost``, and maybe ``team``, ``note``
        and ``keeps``.
    runs
        Folders of runs. Each decision is judged by the latest run that was there on its day; the
        last run tells what customers did since.
    config
        TOML file with ``[actions.NAME]`` tables; by default those of the last run.
    model
        Folder of the models, for scores that were made with models from elsewhere.

    Raises
    ------
    InputError, ArtefactError, ConfigurationError
        If the file is no decision log, or a folder no complete run.
    """
    file = Path(decision_log)
    folders = [runs] if isinstance(runs, str | Path) else list(runs)
    opened, judged, aside, read = judge(
        file,
        folders,
        config=None if config is None else Path(config),
        model=None if model is None else Path(model),
    )
    last = opened[-1]
    stories, lessons = stories_and_lessons(judged, last.currency)
    return Review(
        {
            "schema": SCHEMA,
            "file": printable(file.name),
            "currency": last.currency,
            "runs": [
                {
                    "name": run.name,
                    "observation_end": run.observation_end.isoformat(),
                    "trusted": run.trusted,
                }
                for run in opened
            ],
            "rows": {
                "read": read,
                "judged": sum(one.verdict is not None for one in judged),
                "not_judged": sum(one.verdict is None for one in judged),
                "set_aside": len(aside),
            },
            "set_aside": [plain(vars(row)) for row in aside],
            "decisions": [as_plain(one) for one in judged],
            "summary": _counts(judged),
            "by_action": _by(judged, lambda one: one.action),
            "by_team": _by(judged, lambda one: one.team.strip()),
            "outcomes": _outcomes(judged, last.basis.interval),
            "stories": stories,
            "lessons": lessons,
        }
    )


def _counts(judged: Sequence[Judged]) -> dict[str, Any]:
    gains = [one.expected_gain for one in judged if one.verdict in ("good", "poor")]
    known = [gain for gain in gains if gain is not None]
    counted = {
        name: sum(one.verdict == name for one in judged) for name in ("good", "poor", "open")
    }
    return counted | {
        "spent": math.fsum(one.cost for one in judged),
        "expected_gain": math.fsum(known) if known else None,
    }


def _by(judged: Sequence[Judged], key: Callable[[Judged], str]) -> list[dict[str, Any]]:
    names = sorted({key(one) for one in judged})
    groups = [(name, [one for one in judged if key(one) == name]) for name in names]
    return [
        {"name": name, "decisions": len(group), **_counts(group)} for name, group in groups if group
    ]


def _outcomes(judged: Sequence[Judged], interval: float) -> dict[str, Any] | None:
    """How many came back, against what the runs expected of such customers."""
    followed = [
        (one.came_back, one.expected_to_come_back)
        for one in judged
        if one.came_back is not None and one.expected_to_come_back is not None
    ]
    if not followed:
        return None
    back = sum(came for came, _ in followed if came)
    chances = [chance for _, chance in followed]
    expected = math.fsum(chances)
    half = float(ndtri(0.5 * (1.0 + interval))) * math.sqrt(math.fsum(p * (1 - p) for p in chances))
    lower = max(math.floor(expected - half + 0.5), 0)
    upper = min(math.ceil(expected + half - 0.5), len(followed))
    if lower <= back <= upper:
        found = "no more and no fewer than chance explains"
    else:
        found = "more than chance explains" if back > upper else "fewer than chance explains"
    sentence = (
        f"{back} of {plural(len(followed), 'customer')} have bought since. Of such customers "
        f"{expected:.1f} were to be expected ({lower} to {upper}): {found}."
    )
    return {
        "followed": len(followed),
        "came_back": back,
        "expected": expected,
        "lower": lower,
        "upper": upper,
        "sentence": sentence,
    }


@dataclass(frozen=True, repr=False)
class Review:
    """A decision log, judged; ``content`` is what `to_dict` gives."""

    content: dict[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return self.content

    def to_json(self) -> str:
        """Give everything as one JSON object."""
        return json.dumps(self.content, ensure_ascii=False, allow_nan=False)

    @property
    def trusted(self) -> bool:
        """Whether no run that it rests on is untrusted."""
        return all(run["trusted"] != "untrusted" for run in self.content["runs"])

    def to_csv(self) -> str:
        """Give every row of the log, judged or set aside, safe to open in a spreadsheet."""
        rows = [*self.content["decisions"]]
        rows += [
            {"row": row["row"], "known": row["rule"], "why": f"{row['text']} ({row['value']})"}
            for row in self.content["set_aside"]
        ]
        rows.sort(key=lambda row: row["row"])
        return sheet(_COLUMNS, rows)

    def to_html(self) -> str:
        """Give a page of its own that loads nothing."""
        style = (
            "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;"
            "padding:0 1rem}"
            "table{border-collapse:collapse}th,td{border-bottom:1px solid #ccc;padding:.3rem .6rem;"
            "text-align:left;vertical-align:top;overflow-wrap:anywhere}"
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>Decisions reviewed</title><style>{style}</style></head>"
            f"<body><h1>Decisions reviewed</h1>{self._repr_html_()}</body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Write as the name ends: ``.csv``, ``.json`` or ``.html``.

        Raises
        ------
        ConfigurationError
            If it ends otherwise, or cannot be written.
        """
        makers = {".csv": self.to_csv, ".json": self.to_json, ".html": self.to_html}
        if path.suffix.lower() not in makers:
            msg = f"--out {path.name}: its name must end in {', '.join(makers)}."
            raise ConfigurationError(msg)
        write_text(path, makers[path.suffix.lower()]())

    def __str__(self) -> str:
        lines = self._answer()
        for name, rows in (("Worth sharing", "stories"), ("To learn from", "lessons")):
            if self.content[rows]:
                lines += ["", f"{name}:"]
                lines += [f"  row {row['row']}: {row['text']}" for row in self.content[rows]]
        if self.content["set_aside"]:
            lines += ["", "Set aside:"]
            lines += [
                f"  row {row['row']}: {row['rule']} ({row['value']!r}). {row['text']}"
                for row in self.content["set_aside"][:_SHOWN]
            ]
            more = len(self.content["set_aside"]) - _SHOWN
            lines += [f"  and {more:,} more; --out FILE has all"] if more > 0 else []
        return wrapped(lines)

    __repr__ = __str__

    def _answer(self) -> list[str]:
        rows, summary = self.content["rows"], self.content["summary"]
        currency = self.content["currency"]
        lines = [
            f"{plural(rows['read'], 'row')} read = {rows['judged']:,} judged + "
            f"{rows['not_judged']:,} not judged + {rows['set_aside']:,} set aside",
            f"{summary['good']:,} good, {summary['poor']:,} poor, {summary['open']:,} open "
            "(nobody entered what the action achieves)",
        ]
        if not self.trusted:
            lines.insert(0, "A run is UNTRUSTED: what it says is shown and judges nothing.")
        if summary["expected_gain"] is not None:
            spent, gain = (
                money(summary["spent"], currency),
                money(summary["expected_gain"], currency),
            )
            lines.append(
                f"{spent} spent in all; good and poor calls together gain {gain} on average"
            )
        reasons = sorted({one["known"] for one in self.content["decisions"] if not one["verdict"]})
        for known in reasons:
            count = sum(
                one["known"] == known and not one["verdict"] for one in self.content["decisions"]
            )
            lines.append(f"not judged: {known} {count:,}")
        if self.content["outcomes"]:
            lines.append(self.content["outcomes"]["sentence"])
        return lines

    def _repr_html_(self) -> str:
        answer = "".join(f"<p>{escape(line)}</p>" for line in self._answer())
        lists = ""
        for name, rows in (("Worth sharing", "stories"), ("To learn from", "lessons")):
            items = "".join(
                f"<li>row {row['row']}: {escape(row['text'])}</li>" for row in self.content[rows]
            )
            lists += f"<h2>{name}</h2><ul>{items}</ul>" if items else ""
        return answer + lists + self._table()

    def _table(self) -> str:
        heads = ("Row", "Date", "Customer", "Action", "Cost", "Verdict", "Why", "Came back", "Note")
        currency = self.content["currency"]
        body = ""
        for one in self.content["decisions"]:
            back = {True: "yes", False: "no", None: ""}[one["came_back"]]
            if one["expected_to_come_back"] is not None:
                back += f" (expected {chance(one['expected_to_come_back'])})"
            cells = (
                str(one["row"]), one["date"], printable(one["customer"], 40), one["action"],
                money(one["cost"], currency), one["verdict"] or one["known"], one["why"], back,
                printable(one["note"], 300),
            )  # fmt: skip
            body += "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in cells) + "</tr>"
        for row in self.content["set_aside"]:
            body += (
                f"<tr><td>{row['row']}</td><td colspan='4'>{escape(row['value'])}</td>"
                f"<td>set aside</td><td>{escape(row['rule'])}: {escape(row['text'])}</td>"
                "<td></td><td></td></tr>"
            )
        head = "".join(f"<th scope='col'>{name}</th>" for name in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
