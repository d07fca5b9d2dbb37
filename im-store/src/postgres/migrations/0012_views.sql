-- In whose view of a service conversation a message is. An empty client: in those of all who subscribed when it was sent. Rows of
-- these tables are written under the lock of the conversation's row.
CREATE TABLE view_messages (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    timestamp    bigint NOT NULL, -- of the message
    PRIMARY KEY (conversation, client, timestamp)
);

CREATE INDEX view_messages_by_time ON view_messages (conversation, timestamp);

-- While a client subscribed, in times of messages.
CREATE TABLE subscription_periods (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    begins_after bigint NOT NULL, -- the newest message before it
    ends_with    bigint NOT NULL, -- its newest message; the greatest number: the client still subscribes
    PRIMARY KEY (conversation, client, begins_after)
);

INSERT INTO subscription_periods (conversation, client, begins_after, ends_with)
SELECT conversation, client, 0, 9223372036854775807 FROM subscriptions;

-- How far clients have read their views.
CREATE TABLE views (
    conversation    bigint NOT NULL,
    client          bytea NOT NULL,
    app             text COLLATE "C" NOT NULL, -- again, for the index
    read_until      bigint NOT NULL,           -- time of the last message that was read
    read_changed_at bigint,                    -- when it was last raised
    PRIMARY KEY (conversation, client)
);

CREATE INDEX views_by_client ON views (app, client);

INSERT INTO views (conversation, client, app, read_until)
SELECT conversation, client, app, 0 FROM subscriptions;
