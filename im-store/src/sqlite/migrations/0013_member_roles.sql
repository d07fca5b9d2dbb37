-- Rows of `_ConversationMemberInfo`.
CREATE TABLE member_roles (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    id           TEXT NOT NULL,    -- objectId
    role         INTEGER NOT NULL, -- 1: manager; 2: member
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;
