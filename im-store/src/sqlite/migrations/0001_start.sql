CREATE TABLE settings (
    app      TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    key             INTEGER PRIMARY KEY,
    app             TEXT NOT NULL,
    id              TEXT NOT NULL,
    attributes      TEXT NOT NULL, -- JSON object
    creator         TEXT,
    muted           TEXT NOT NULL, -- JSON array of client ids
    last_message_at INTEGER,       -- never moves back, so the next message's time is found here
    unique_id       TEXT,
    member_digest   TEXT,          -- of the current members; only where unique_id is set
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (app, id)
) STRICT;

CREATE INDEX conversations_by_update ON conversations (app, updated_at);
CREATE INDEX conversations_by_member_set ON conversations (app, member_digest) WHERE member_digest IS NOT NULL;

CREATE TABLE members (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    client       TEXT NOT NULL,
    app          TEXT NOT NULL,    -- again, so that members_by_client answers alone
    position     INTEGER NOT NULL, -- order of joining
    PRIMARY KEY (conversation, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_client ON members (app, client);

CREATE TABLE messages (
    conversation        INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    timestamp           INTEGER NOT NULL,
    id                  TEXT NOT NULL,
    sender              TEXT NOT NULL,
    body                ANY NOT NULL,     -- TEXT or BLOB, as sent
    mentions            TEXT,             -- JSON array of client ids; NULL = none
    mention_all         INTEGER NOT NULL,
    patched_at          INTEGER,
    deduplication_token TEXT,
    message_type        INTEGER,          -- _lctype of a typed message
    PRIMARY KEY (conversation, timestamp)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_token ON messages (conversation, sender, deduplication_token)
    WHERE deduplication_token IS NOT NULL;
CREATE INDEX messages_by_type ON messages (conversation, message_type, timestamp)
    WHERE message_type IS NOT NULL;

CREATE TABLE notifications (
    app       TEXT NOT NULL,
    client    TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    payload   TEXT NOT NULL, -- JSON object
    PRIMARY KEY (app, client, timestamp)
) STRICT, WITHOUT ROWID;

CREATE INDEX notifications_by_age ON notifications (timestamp);
