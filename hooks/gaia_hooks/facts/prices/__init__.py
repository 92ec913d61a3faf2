"""What tokens cost: prices by model and date, how Claude Code is paid, plan windows."""
