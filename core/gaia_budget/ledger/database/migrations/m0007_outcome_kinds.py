"""Migration 7: an outcome tells how it is known: said by a person, or shown by what happened."""

TITLE = "kinds of outcomes"


def statements(dialect: str) -> list[str]:
    """The statement of this migration; the dialects differ in nothing that it uses."""
    del dialect
    return ["ALTER TABLE outcomes ADD COLUMN kind TEXT NOT NULL DEFAULT 'said'"]
