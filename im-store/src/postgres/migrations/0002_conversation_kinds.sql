ALTER TABLE conversations
    ADD COLUMN kind integer NOT NULL DEFAULT 1, -- 1 basic, 2 chat room, 3 service, 4 temporary
    ADD COLUMN ttl_seconds bigint,              -- only of temporary ones, as the next
    ADD COLUMN expires_at bigint;

-- Basic conversations are most, and are found without it.
CREATE INDEX conversations_by_kind ON conversations (app, kind, updated_at, key) WHERE kind <> 1;
CREATE INDEX conversations_by_expiry ON conversations (expires_at) WHERE expires_at IS NOT NULL;
