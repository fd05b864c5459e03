"""DuckDB's SQL in Spark's words: only what sqlglot leaves different is written here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from clvmodels.errors import ClvError

if TYPE_CHECKING:
    from sqlglot import exp

    from clvmodels.transactions.database import Parameters


_UNSIGNED = ("UTINYINT", "USMALLINT", "UINT", "UBIGINT")


def translated(query: str, parameters: Parameters = None) -> exp.Expression:
    """Parse a statement of ours and adapt it to Spark; parameters become literals.

    Raises
    ------
    ClvError
        If a parameter has no literal, which is a defect of the package.
    """
    import sqlglot

    parsed = sqlglot.parse_one(query, read="duckdb")
    values = iter(parameters if isinstance(parameters, list) else [])
    named = parameters if isinstance(parameters, dict) else {}

    def adapt(node: exp.Expression) -> exp.Expression:
        return _adapt(node, values, named)

    return parsed.transform(adapt)


def spark_text(statement: exp.Expression) -> str:
    """Write a statement for Spark."""
    return statement.sql("spark")


def _adapt(node: exp.Expression, values: Any, named: dict[str, Any]) -> exp.Expression:
    from sqlglot import exp

    if isinstance(node, exp.Select):
        return _without_replace(node)
    if isinstance(node, exp.DataType) and node.this.value in _UNSIGNED:
        return exp.DataType.build("BIGINT")
    if isinstance(node, exp.IntDiv):
        return _whole_days(node)
    if isinstance(node, exp.Parameter) or (isinstance(node, exp.Placeholder) and node.this):
        return _constant(named[node.name])
    if isinstance(node, exp.Placeholder):
        return _constant(next(values))
    return node


def _without_replace(select: exp.Expression) -> exp.Expression:
    """``* REPLACE (e AS c)`` is ``* EXCEPT (c), e AS c``; columns are known by their names."""
    from sqlglot import exp

    expressions = []
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        replaced = star.args.get("replace") if isinstance(star, exp.Star) else None
        expressions.append(item)
        if replaced:
            star.set("replace", None)
            star.set("except_", [exp.to_identifier(each.alias, quoted=True) for each in replaced])
            expressions += replaced
    select.set("expressions", expressions)
    return select


def _whole_days(node: exp.IntDiv) -> exp.Expression:
    """Days between dates are an interval in Spark, which DIV does not divide."""
    from sqlglot import exp

    days = node.this.unnest()
    if not isinstance(days, exp.Sub) or not isinstance(days.expression, exp.Cast):
        return node
    later, earlier = days.this, days.expression
    node.set("this", exp.Anonymous(this="DATEDIFF", expressions=[later, earlier]))
    return node


def _constant(value: Any) -> exp.Expression:
    from sqlglot import exp

    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return exp.Literal.number(value)
    msg = f"{type(value).__name__} cannot stand in a query for Spark."
    raise ClvError(msg)
