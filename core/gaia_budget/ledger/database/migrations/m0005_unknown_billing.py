"""Migration 5: Claude Code spend of which nobody knows how it is billed counts against a cap, as it did in hooks."""

TITLE = "spend of unknown billing counts"

BUDGETS = """
INSERT INTO budgets (org, scope, claude_code_nano)
SELECT org, 'module:' || module || ':' || CAST(bucket / 12 AS {text})
  || CASE WHEN bucket % 12 < 9 THEN '-0' ELSE '-' END || CAST(bucket % 12 + 1 AS {text}), sum(cost_nano)
FROM rollups WHERE grain = 'month' AND source = 'claude_code' AND billing <> 'plan' GROUP BY org, module, bucket
ON CONFLICT (org, scope) DO UPDATE SET claude_code_nano = excluded.claude_code_nano
"""


def statements(dialect: str) -> list[str]:
    """The statement of this migration; the dialects differ in nothing that it uses."""
    del dialect
    return [BUDGETS.format(text="TEXT").strip()]
