"""What one response used: its row, its parts, every kind of token."""
