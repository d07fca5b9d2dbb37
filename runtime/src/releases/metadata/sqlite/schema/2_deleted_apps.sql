-- When set, only the id is left, so that nobody gets it again.
ALTER TABLE apps ADD COLUMN deleted_at_ms INTEGER;
