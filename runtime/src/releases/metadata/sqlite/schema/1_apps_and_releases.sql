CREATE TABLE apps (
    id            TEXT PRIMARY KEY,
    app_key       TEXT NOT NULL,
    master_key    TEXT NOT NULL,
    hook_key      TEXT NOT NULL,
    limits        TEXT NOT NULL,            -- JSON; absent fields take their defaults
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
    app_id        TEXT NOT NULL REFERENCES apps (id),
    number        INTEGER NOT NULL,
    module        TEXT NOT NULL,            -- SHA-256 of the bytes, in hexadecimal
    size_bytes    INTEGER NOT NULL,
    definitions   TEXT NOT NULL,            -- JSON
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (app_id, number)
) STRICT;

-- Every act that made a version live; the newest row of an environment says what is live there.
CREATE TABLE releases (
    id            INTEGER PRIMARY KEY,
    app_id        TEXT NOT NULL,
    environment   TEXT NOT NULL CHECK (environment IN ('production', 'staging')),
    version       INTEGER NOT NULL,
    act           TEXT NOT NULL CHECK (act IN ('deploy', 'publish', 'rollback')),
    created_at_ms INTEGER NOT NULL,
    FOREIGN KEY (app_id, version) REFERENCES versions (app_id, number)
) STRICT;

CREATE INDEX releases_of_environment ON releases (app_id, environment, id);
