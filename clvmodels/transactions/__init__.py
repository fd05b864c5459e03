"""Open a log, check it, set bad rows aside, summarise it."""

from clvmodels.transactions.account import InputFile, LogCheck, LogWarning, RowAccount
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.datasets import load_cdnow
from clvmodels.transactions.export import TableColumns, summary_sql
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.transactions.summary_file import SummaryFile, open_summary

__all__ = [
    "CsvOptions",
    "CustomerColumns",
    "CustomerSummary",
    "InputFile",
    "LogCheck",
    "LogWarning",
    "RowAccount",
    "SummaryFile",
    "TableColumns",
    "TransactionLog",
    "load_cdnow",
    "open_summary",
    "read_transactions",
    "summary_sql",
]
