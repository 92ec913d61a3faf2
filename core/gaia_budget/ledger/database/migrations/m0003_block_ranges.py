"""Migration 3: PostgreSQL finds events by time through block ranges, which cost an ingest next to nothing."""

TITLE = "events by time through block ranges"

STATEMENTS = {
    "sqlite": [],
    "postgresql": [
        "DROP INDEX events_ts",
        "CREATE INDEX events_ts ON events USING brin (org, ts) WITH (autosummarize = on)",
    ],
}


def statements(dialect: str) -> list[str]:
    """The statements of this migration for `sqlite` or `postgresql`."""
    return STATEMENTS[dialect]
