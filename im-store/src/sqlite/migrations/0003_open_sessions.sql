CREATE TABLE open_sessions (
    id     INTEGER PRIMARY KEY, -- of the process that writes here
    app    TEXT NOT NULL,
    client TEXT NOT NULL,
    params TEXT NOT NULL        -- of the `_clientOffline` that is due when the process dies
) STRICT;

CREATE INDEX open_sessions_by_app ON open_sessions (app);
