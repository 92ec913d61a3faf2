"""Questions about sessions: one, the newest, those at work."""
