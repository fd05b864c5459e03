"""What the run found about segments and the time ahead, made safe and small enough to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clvmodels.report.summary import Outlook, Row
from clvmodels.wording import printable

_LONGEST = 500
_MOST_MOVES = 10
# More columns of a heat map than this fit on no page.
_MOST_PERIODS = 12
_PARTS = (
    "segments",
    "cohorts",
    "payback",
    "forward",
    "scenarios",
    "change",
    "sensitivity",
    "last_forecast",
    "staff_card",
)


def read_outlook(run: Mapping[str, Any], *, tell_value: bool) -> Outlook:
    """Give the parts of ``run.json`` that look ahead; runs of older versions have none.

    Without ``tell_value`` (the run is untrusted) everything that rests on the forecast is left
    out. Texts, which may come from a log or a configuration, are cut and made printable once,
    here, so that page, PDF and JSON all have the same harmless ones.
    """
    found = {name: _safe(run.get(name)) for name in _PARTS}
    if found["cohorts"] is not None:
        found["cohorts"] = _cohorts(found["cohorts"], tell_value=tell_value)
    if found["change"] is not None and found["change"].get("moves"):
        found["change"] = found["change"] | {"moves": _moves(found["change"]["moves"])}
    if not tell_value:
        kept = {"cohorts", "last_forecast", "change"}
        found = {name: part if name in kept else None for name, part in found.items()}
        found["change"] = _without_value(found["change"])
    return Outlook(**found)


def _safe(value: Any) -> Any:
    """Give a JSON value whose texts, also those that are keys, are cut and printable."""
    if isinstance(value, str):
        return printable(value, _LONGEST)
    if isinstance(value, Mapping):
        return {printable(key, _LONGEST): _safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return value


def _cohorts(cohorts: Row, *, tell_value: bool) -> Row | None:
    """Give the cohorts with as many columns as fit, and without forecasts where none are told."""
    rows = [
        row | {"heat": row["heat"][:_MOST_PERIODS]} if tell_value else _observed(row)
        for row in cohorts["rows"]
    ]
    return {**cohorts, "rows": rows} if rows else None


def _observed(row: dict[str, Any]) -> dict[str, Any]:
    nothing = {"active_share": None, "to_year_ahead": None, "payback": None}
    kept = {
        name: [cell for cell in row[name] if cell["status"] == "observed"]
        for name in ("curve", "heat")
    }
    return row | nothing | {"curve": kept["curve"], "heat": kept["heat"][:_MOST_PERIODS]}


def _moves(moves: Row) -> Row:
    """Give the moves between segments that concern most customers; the others are counted."""
    ordered = sorted(moves["rows"], key=lambda row: -row["customers"])
    changed = [row for row in ordered if row["from"] != row["to"]]
    return {**moves, "rows": changed[:_MOST_MOVES], "not_shown": max(0, len(changed) - _MOST_MOVES)}


def _without_value(change: Row | None) -> Row | None:
    """Give which run was the last, without a value on either side."""
    if change is None or change["status"] == "first_run":
        return change
    reason = "This run is not to be trusted, so its value is not compared with the last one's."
    return {"status": "not_comparable", "reason": reason, "previous": change["previous"]}
