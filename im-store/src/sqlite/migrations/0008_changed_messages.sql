-- Clients that come back get what was changed meanwhile in their conversations.
CREATE INDEX messages_by_change ON messages (conversation, patched_at) WHERE patched_at IS NOT NULL;
