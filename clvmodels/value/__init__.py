"""Customer lifetime value: its distribution for each customer, its total, the simple formula."""

from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.formula_variants import FormulaVariant, FormulaVariants, simple_formula
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.simple_formula import SimpleFormula
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total, ValueTotals

__all__ = [
    "CommonShock",
    "CommonShocks",
    "CustomerValue",
    "FormulaVariant",
    "FormulaVariants",
    "SimpleFormula",
    "Total",
    "ValueTerms",
    "ValueTotals",
    "simple_formula",
]
