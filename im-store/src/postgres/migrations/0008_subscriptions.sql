-- Only of service conversations: how many rows of `subscriptions` there are.
ALTER TABLE conversations ADD COLUMN subscribers bigint NOT NULL DEFAULT 0;

-- Rows are written under the lock of the conversation's row.
CREATE TABLE subscriptions (
    conversation  bigint NOT NULL,
    client        bytea NOT NULL,
    app           text COLLATE "C" NOT NULL, -- again, for the index
    subscribed_at bigint NOT NULL,
    is_muted      boolean NOT NULL,          -- nothing of it is pushed while the client is offline
    PRIMARY KEY (conversation, client)
);

CREATE INDEX subscriptions_by_client ON subscriptions (app, client);
CREATE INDEX subscriptions_by_time ON subscriptions (conversation, subscribed_at, client);
