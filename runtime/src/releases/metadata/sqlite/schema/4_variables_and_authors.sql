-- JSON: what the next version gets, and what a version has.
ALTER TABLE apps ADD COLUMN variables TEXT NOT NULL DEFAULT '{}';
ALTER TABLE versions ADD COLUMN variables TEXT NOT NULL DEFAULT '{}';

-- SQLite cannot change a CHECK in place.
CREATE TABLE releases_with_authors (
    id            INTEGER PRIMARY KEY,
    app_id        TEXT NOT NULL,
    environment   TEXT NOT NULL CHECK (environment IN ('production', 'staging')),
    version       INTEGER NOT NULL,
    act           TEXT NOT NULL CHECK (act IN ('deploy', 'publish', 'rollback', 'env')),
    created_at_ms INTEGER NOT NULL,
    author        TEXT NOT NULL,            -- as the caller calls itself; empty when it does not say
    message       TEXT NOT NULL,            -- why; may be empty
    FOREIGN KEY (app_id, version) REFERENCES versions (app_id, number)
) STRICT;
INSERT INTO releases_with_authors
SELECT id, app_id, environment, version, act, created_at_ms, '', '' FROM releases;
DROP TABLE releases;
ALTER TABLE releases_with_authors RENAME TO releases;
CREATE INDEX releases_of_environment ON releases (app_id, environment, id);
CREATE INDEX releases_of_version ON releases (app_id, version);
