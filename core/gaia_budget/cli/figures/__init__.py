"""Commands that show figures: where things stand, what was spent, where it ends."""
