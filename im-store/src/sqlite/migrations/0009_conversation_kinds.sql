ALTER TABLE conversations ADD COLUMN kind INTEGER NOT NULL DEFAULT 1; -- 1 basic, 2 chat room, 3 service, 4 temporary
ALTER TABLE conversations ADD COLUMN ttl_seconds INTEGER;             -- only of temporary ones, as the next
ALTER TABLE conversations ADD COLUMN expires_at INTEGER;

-- Basic conversations are most, and are found without it.
CREATE INDEX conversations_by_kind ON conversations (app, kind, updated_at) WHERE kind <> 1;
CREATE INDEX conversations_by_expiry ON conversations (expires_at) WHERE expires_at IS NOT NULL;
