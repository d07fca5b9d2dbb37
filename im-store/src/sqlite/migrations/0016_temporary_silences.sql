-- Clients that may not send in a conversation for a time.
CREATE TABLE temporary_silences (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    ends_at      INTEGER NOT NULL,
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;
