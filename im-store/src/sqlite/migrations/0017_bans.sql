-- Clients that may not log in.
CREATE TABLE bans (
    app       TEXT NOT NULL,
    client    TEXT NOT NULL,
    banned_at INTEGER NOT NULL, -- ms
    until     INTEGER,          -- ms; NULL: for ever
    PRIMARY KEY (app, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX bans_that_end ON bans (app, until) WHERE until IS NOT NULL;
