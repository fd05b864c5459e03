"""Customer lifetime value: its distribution for each customer, its total, the simple formula."""

from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.simple_formula import SimpleFormula, simple_formula
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total, ValueTotals

__all__ = [
    "CustomerValue",
    "SimpleFormula",
    "Total",
    "ValueTerms",
    "ValueTotals",
    "simple_formula",
]
