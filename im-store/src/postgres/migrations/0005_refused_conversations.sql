-- Conversations to which a client does not want to be added by others. Rows are written under the lock of the conversation's row.
CREATE TABLE refused_conversations (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    app          text COLLATE "C" NOT NULL, -- again, for the index
    PRIMARY KEY (conversation, client)
);

CREATE INDEX refused_conversations_by_client ON refused_conversations (app, client);
