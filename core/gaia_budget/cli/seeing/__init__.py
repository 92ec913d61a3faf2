"""The screens that show what was spent: every one draws a value of `gaia_budget.reports`."""
