-- In whose view of a service conversation a message is. An empty client: in those of all who subscribed when it was sent.
CREATE TABLE view_messages (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    timestamp    INTEGER NOT NULL, -- of the message
    PRIMARY KEY (conversation, client, timestamp)
) STRICT, WITHOUT ROWID;

CREATE INDEX view_messages_by_time ON view_messages (conversation, timestamp);

-- While a client subscribed, in times of messages.
CREATE TABLE subscription_periods (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    begins_after INTEGER NOT NULL, -- the newest message before it
    ends_with    INTEGER NOT NULL, -- its newest message; the greatest number: the client still subscribes
    PRIMARY KEY (conversation, client, begins_after)
) STRICT, WITHOUT ROWID;

INSERT INTO subscription_periods (conversation, client, begins_after, ends_with)
SELECT conversation, client, 0, 9223372036854775807 FROM subscriptions;

-- How far clients have read their views.
CREATE TABLE views (
    conversation    INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client          TEXT NOT NULL,
    app             TEXT NOT NULL,    -- again, for the index
    read_until      INTEGER NOT NULL, -- time of the last message that was read
    read_changed_at INTEGER,          -- when it was last raised
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX views_by_client ON views (app, client);

INSERT INTO views (conversation, client, app, read_until)
SELECT conversation, client, app, 0 FROM subscriptions;
