-- Clients that may not send in a conversation for a time. Rows are written under the lock of the conversation's row.
CREATE TABLE temporary_silences (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    ends_at      bigint NOT NULL,
    PRIMARY KEY (conversation, client)
);
