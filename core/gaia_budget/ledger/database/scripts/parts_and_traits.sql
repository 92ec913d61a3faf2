ALTER TABLE events ADD COLUMN part_of {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN effort {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN entrypoint {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN skill {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN plugin {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN mcp_server {text} NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN mcp_tool {text} NOT NULL DEFAULT '';
UPDATE events SET part_of = substr(event_id, 1, length(event_id) - length(model) - 1)
WHERE source = 'claude_code' AND model <> '' AND substr(event_id, length(event_id) - length(model)) = '+' || model;
UPDATE orgs SET zone_offsets = '' WHERE org IN (SELECT org FROM events WHERE part_of <> '');
