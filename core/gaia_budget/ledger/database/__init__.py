"""The database under the ledger: where it lies, how it is asked, which tables it has and how they came about."""

from gaia_budget.ledger.database.connection import PATIENCE_SECONDS, Ask, Database, Transaction
from gaia_budget.ledger.database.url import Address, parse_url

__all__ = ["PATIENCE_SECONDS", "Address", "Ask", "Database", "Transaction", "parse_url"]
