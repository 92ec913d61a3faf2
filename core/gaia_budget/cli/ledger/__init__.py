"""Commands that fill, check, move and export the ledger."""
