"""Migration 8: what another model ran for a response is a part of it and no response; what a response came of."""

TITLE = "parts of responses, and what responses came of"

NAMES = ("part_of", "effort", "entrypoint", "skill", "plugin", "mcp_server", "mcp_tool")
COLUMN = "ALTER TABLE events ADD COLUMN {name} {text} NOT NULL DEFAULT ''"
PARTS = """
UPDATE events SET part_of = substr(event_id, 1, length(event_id) - length(model) - 1)
WHERE source = 'claude_code' AND model <> '' AND substr(event_id, length(event_id) - length(model)) = '+' || model
"""
SUMS = "UPDATE orgs SET zone_offsets = '' WHERE org IN (SELECT org FROM events WHERE part_of <> '')"
"""Without the fingerprint of its zone an organisation's sums are made anew when the ledger is opened."""

TEXT = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}


def statements(dialect: str) -> list[str]:
    """The statements of this migration for `sqlite` or `postgresql`."""
    added = [COLUMN.format(name=name, text=TEXT[dialect]) for name in NAMES]
    return [*added, PARTS.strip(), SUMS]
