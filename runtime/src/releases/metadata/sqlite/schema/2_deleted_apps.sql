-- When set, only the id is left: no new app gets it.
ALTER TABLE apps ADD COLUMN deleted_at_ms INTEGER;
