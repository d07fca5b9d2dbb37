CREATE TABLE ended_logins (
    app        TEXT NOT NULL,
    login      TEXT NOT NULL,    -- what its tokens have in common; empty: of all tokens that expire until then
    code       INTEGER NOT NULL, -- what its client is told when it comes back
    expires_at INTEGER NOT NULL, -- when its last token has expired
    PRIMARY KEY (app, login)
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_logins_by_expiry ON ended_logins (app, expires_at);
