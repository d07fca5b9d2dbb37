-- Conversations to which a client does not want to be added by others.
CREATE TABLE refused_conversations (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    app          TEXT NOT NULL, -- again, for the index
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX refused_conversations_by_client ON refused_conversations (app, client);
