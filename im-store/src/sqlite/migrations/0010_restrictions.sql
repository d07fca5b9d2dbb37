-- Counts the changes of what a conversation holds about clients. 0: it has never held anything.
ALTER TABLE conversations ADD COLUMN standing_version INTEGER NOT NULL DEFAULT 0;

-- Clients that may not do something in a conversation.
CREATE TABLE restrictions (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    restriction  INTEGER NOT NULL, -- 1: send; 2: be in it
    client       TEXT NOT NULL,
    PRIMARY KEY (conversation, restriction, client)
) STRICT, WITHOUT ROWID;
