CREATE TABLE hook_calls (
    id             INTEGER PRIMARY KEY AUTOINCREMENT, -- the call's sequence number; never given twice
    app            TEXT NOT NULL,
    channel        TEXT NOT NULL,
    hook           TEXT NOT NULL,
    params         TEXT NOT NULL,    -- JSON object
    lane           TEXT,             -- calls of one lane run one after the other
    remote_address TEXT,
    queued_at      INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    attempts       INTEGER NOT NULL
) STRICT;

CREATE INDEX hook_calls_by_turn ON hook_calls (app, channel, due_at, id);
CREATE INDEX hook_calls_by_lane ON hook_calls (app, lane, id) WHERE lane IS NOT NULL;

CREATE TABLE dead_letters (
    id             INTEGER NOT NULL PRIMARY KEY, -- that of the call
    app            TEXT NOT NULL,
    hook           TEXT NOT NULL,
    params         TEXT NOT NULL,
    lane           TEXT,
    remote_address TEXT,
    queued_at      INTEGER NOT NULL,
    died_at        INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    cause          TEXT NOT NULL,
    reason         TEXT NOT NULL
) STRICT;

CREATE INDEX dead_letters_by_age ON dead_letters (app, died_at, id);
