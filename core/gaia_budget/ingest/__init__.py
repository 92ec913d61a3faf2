"""Everything that was spent, taken into the ledger: transcripts, event logs, and the ecosystem's past."""

from gaia_budget.ingest.report import Report
from gaia_budget.ingest.run import import_api_costs, import_logs, run

__all__ = ["Report", "import_api_costs", "import_logs", "run"]
