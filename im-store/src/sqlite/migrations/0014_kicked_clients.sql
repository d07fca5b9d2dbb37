-- What a client was given until it was kicked is void.
CREATE TABLE kicked_clients (
    app        TEXT NOT NULL,
    client     TEXT NOT NULL,
    kicked_at  INTEGER NOT NULL,
    kept_until INTEGER NOT NULL, -- then all that has expired
    PRIMARY KEY (app, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX kicked_clients_by_end ON kicked_clients (kept_until);
