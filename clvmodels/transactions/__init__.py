"""Open a log, check it, set bad rows aside, summarise it."""

from clvmodels.transactions.account import InputFile, LogCheck, LogWarning, RowAccount
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.datasets import load_cdnow
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.summary import CustomerSummary

__all__ = [
    "CsvOptions",
    "CustomerColumns",
    "CustomerSummary",
    "InputFile",
    "LogCheck",
    "LogWarning",
    "RowAccount",
    "TransactionLog",
    "load_cdnow",
    "read_transactions",
]
