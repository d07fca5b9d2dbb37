-- Counts the changes of what a conversation holds about clients. 0: it has never held anything.
ALTER TABLE conversations ADD COLUMN standing_version bigint NOT NULL DEFAULT 0;

-- Clients that may not do something in a conversation. Rows are written under the lock of the conversation's row.
CREATE TABLE restrictions (
    conversation bigint NOT NULL,
    restriction  smallint NOT NULL, -- 1: send; 2: be in it
    client       bytea NOT NULL,
    PRIMARY KEY (conversation, restriction, client)
);
