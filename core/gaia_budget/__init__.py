"""GAIA Token Budget: exact counting, dated prices, budgets that hold."""
