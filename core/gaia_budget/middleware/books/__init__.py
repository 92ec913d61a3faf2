"""How a call is settled, and where that is written: journal, log, ledger, the costs of this process."""
