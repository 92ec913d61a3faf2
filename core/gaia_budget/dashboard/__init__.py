"""The page, the endpoint and the metrics: one server on this machine that draws the values of `gaia_budget.reports`."""
