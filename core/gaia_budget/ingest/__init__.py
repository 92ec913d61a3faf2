"""Everything that was spent, taken into the ledger: transcripts, event logs, and the ecosystem's past."""
