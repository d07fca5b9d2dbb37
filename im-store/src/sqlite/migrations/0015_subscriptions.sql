-- Only of service conversations: how many rows of `subscriptions` there are.
ALTER TABLE conversations ADD COLUMN subscribers INTEGER NOT NULL DEFAULT 0;

CREATE TABLE subscriptions (
    conversation  INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client        TEXT NOT NULL,
    app           TEXT NOT NULL,    -- again, for the index
    subscribed_at INTEGER NOT NULL,
    is_muted      INTEGER NOT NULL, -- 1: nothing of it is pushed while the client is offline
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_by_client ON subscriptions (app, client);
CREATE INDEX subscriptions_by_time ON subscriptions (conversation, subscribed_at, client);
