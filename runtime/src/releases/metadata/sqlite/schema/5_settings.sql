-- JSON; what is absent has its default. Before, an app kept every limit, set or not: those with the default of that time
-- count as not set.
ALTER TABLE apps ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
UPDATE apps
SET settings = json_object('limits', json_object('app', json((
    SELECT json_group_object(key, value)
    FROM json_each(apps.limits)
    WHERE (key, value) NOT IN (VALUES
        ('deadline_ms', 15000), ('cpu_time_ms', 5000), ('memory_bytes', 134217728), ('table_elements', 20000),
        ('reply_bytes', 10485760), ('log_bytes', 65536), ('log_lines', 600), ('cache_commands', 1000),
        ('cache_bytes', 4194304), ('warm_calls', 1000), ('warm_growth_bytes', 16777216), ('concurrency', 64),
        ('queue', 1024))
))));
ALTER TABLE apps DROP COLUMN limits;
