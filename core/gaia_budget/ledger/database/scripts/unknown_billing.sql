INSERT INTO budgets (org, scope, claude_code_nano)
SELECT org, 'module:' || module || ':' || CAST(bucket / 12 AS TEXT)
  || CASE WHEN bucket % 12 < 9 THEN '-0' ELSE '-' END || CAST(bucket % 12 + 1 AS TEXT), sum(cost_nano)
FROM rollups WHERE grain = 'month' AND source = 'claude_code' AND billing <> 'plan' GROUP BY org, module, bucket
ON CONFLICT (org, scope) DO UPDATE SET claude_code_nano = excluded.claude_code_nano;
