"""Taking customers in any of the forms that users hold them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from clvmodels.errors import InputError, ParameterError, UnitMismatchError
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import TimeUnit

if TYPE_CHECKING:
    import pandas as pd


class Customers(Protocol):
    """Customers that know their time unit: a summary of a log, or plain columns."""

    @property
    def time_unit(self) -> TimeUnit:
        """Unit of recency and age."""

    @property
    def fingerprint(self) -> str:
        """Stable hash of the data."""

    def triples(self) -> CustomerColumns:
        """Distinct (frequency, recency, age) with weights."""

    def orders(self) -> CustomerColumns:
        """Distinct (frequency, monetary_value) of repeat buyers with weights."""

    def columns(self) -> CustomerColumns:
        """All customers."""


# A data frame stands for "any object with these columns": pandas, Polars, Arrow.
CustomerData: TypeAlias = "Customers | pd.DataFrame"


def as_customers(data: Any, time_unit: str | None) -> Customers:
    """Customers that know their unit, from a summary, columns or any data frame.

    Raises
    ------
    ParameterError
        If a frame comes without ``time_unit``, which nothing in it tells.
    InputError
        If the object has no such columns, or values out of bounds.
    UnitMismatchError
        If a summary is in another unit than the one asked for.
    """
    if hasattr(data, "triples"):
        customers: Customers = data
        if time_unit is not None and time_unit != customers.time_unit:
            raise UnitMismatchError(customers.time_unit, time_unit)
        return customers
    if hasattr(data, "to_pandas"):
        data = data.to_pandas()
    if not (hasattr(data, "columns") and hasattr(data, "index")):
        msg = (
            f"{type(data).__name__} holds no customers. Give what log.summarize() returns, or a "
            "data frame with frequency, recency, T and, for spend, monetary_value."
        )
        raise InputError(msg)
    if time_unit is None:
        raise ParameterError("time_unit", None, "'day' or 'week' for customers in a data frame")
    return CustomerColumns.from_frame(data, time_unit)


def in_order(values: Any, columns: CustomerColumns, name: str) -> Any:
    """One value for each customer, in their order.

    A pandas Series that is indexed by ``customer_id`` is brought into it; anything else, and a
    Series without an index of its own, is taken to be in it already.

    Raises
    ------
    InputError
        If there are more or fewer values than customers, or a Series is about others.
    """
    import pandas as pd

    if isinstance(values, pd.Series):
        index = customer_index(columns)
        if not isinstance(values.index, pd.RangeIndex) and not values.index.equals(index):
            if not values.index.is_unique or not index.is_unique:
                msg = (
                    f"{name} are indexed by ids that repeat; give one for each customer, in order."
                )
                raise InputError(msg)
            missing = ~index.isin(values.index)
            if missing.any():
                msg = (
                    f"{name} are indexed by other ids than the customers': {missing.sum()} of "
                    f"{len(index)} customers have none, such as {index[missing][0]!r}."
                )
                raise InputError(msg)
            values = values.reindex(index)
    given = len(values)
    if given != len(columns):
        msg = f"There are {given} {name} for {len(columns)} customers; give one for each, in order."
        raise InputError(msg)
    return values


def customer_index(columns: CustomerColumns) -> pd.Index:
    """Customer ids as a pandas index named ``customer_id``."""
    import pandas as pd

    ids = columns.customer_id
    if ids is None:
        return pd.RangeIndex(len(columns), name="customer_id")
    if hasattr(ids, "to_pandas"):
        ids = ids.to_pandas()
    return pd.Index(ids, name="customer_id")
