-- Rows of `_ConversationMemberInfo`. They are written under the lock of the conversation's row.
CREATE TABLE member_roles (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    id           text COLLATE "C" NOT NULL, -- objectId
    role         smallint NOT NULL,         -- 1: manager; 2: member
    PRIMARY KEY (conversation, client)
);
