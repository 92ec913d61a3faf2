"""The database under the ledger: where it lies, how it is asked, which tables it has and how they came about."""
