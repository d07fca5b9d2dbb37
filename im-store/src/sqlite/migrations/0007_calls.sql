-- Stored events of a conversation are numbered. 0: from before.
ALTER TABLE conversations ADD COLUMN last_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN members_sequence INTEGER NOT NULL DEFAULT 0; -- of the last change of members
ALTER TABLE messages ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
-- JSON array of client ids that a hook narrowed them to. NULL: all members of that time.
ALTER TABLE messages ADD COLUMN receivers TEXT;

-- What a node reads that missed it. Kept for some days.
CREATE TABLE member_changes (
    conversation INTEGER NOT NULL REFERENCES conversations (key) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,
    is_join      INTEGER NOT NULL, -- 0: they went
    members      TEXT NOT NULL,    -- JSON array of client ids: those that really changed
    by_client    TEXT NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (conversation, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_changes_by_age ON member_changes (changed_at);

ALTER TABLE notifications RENAME TO missed_events;
DROP INDEX notifications_by_age;
CREATE INDEX missed_events_by_age ON missed_events (timestamp);

-- One table of calls, for hooks and whatever else is called. A call's number is its key, but where it was imported.
CREATE TABLE calls (
    key            INTEGER PRIMARY KEY AUTOINCREMENT,
    app            TEXT NOT NULL,
    channel        TEXT NOT NULL,
    number         INTEGER NOT NULL,
    target         TEXT NOT NULL,    -- of a hook its name
    order_key      TEXT,             -- calls of a channel with one key are made one after the other
    payload        BLOB NOT NULL,
    remote_address TEXT,
    queued_at      INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    is_first       INTEGER NOT NULL, -- 1: no earlier call of its order key waits
    UNIQUE (app, channel, number)
) STRICT;

-- Calls that were on their way to Redis (channel `outbox`) go to the channel of their hook. Those that Redis has already are
-- deleted when the calls in Redis are taken over.
INSERT INTO calls
    (key, app, channel, number, target, order_key, payload, remote_address, queued_at, due_at, attempts, is_first)
SELECT
    id,
    app,
    channel_of_hook,
    id,
    hook,
    lane,
    CAST(params AS BLOB),
    remote_address,
    queued_at,
    due_at,
    attempts,
    lane IS NULL OR row_number() OVER (PARTITION BY app, channel_of_hook, lane ORDER BY id) = 1
FROM (
    SELECT *, CASE WHEN hook IN ('_clientOnline', '_clientOffline') THEN 'presence' ELSE hook END AS channel_of_hook
    FROM hook_calls
)
ORDER BY id;

INSERT INTO sqlite_sequence (name, seq)
SELECT 'calls', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'calls');

UPDATE sqlite_sequence
SET seq = max(seq, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'hook_calls'), 0))
WHERE name = 'calls';

DROP TABLE hook_calls;
DROP TABLE hook_call_counts;

CREATE INDEX calls_by_turn ON calls (app, channel, due_at, number) WHERE is_first = 1;
CREATE UNIQUE INDEX calls_first_of_key ON calls (app, channel, order_key) WHERE is_first = 1 AND order_key IS NOT NULL;
CREATE INDEX calls_by_order_key ON calls (app, channel, order_key, number) WHERE order_key IS NOT NULL;

CREATE TABLE call_counts (
    app     TEXT NOT NULL,
    channel TEXT NOT NULL,
    calls   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL, -- of payloads
    PRIMARY KEY (app, channel)
) STRICT, WITHOUT ROWID;

INSERT INTO call_counts (app, channel, calls, bytes)
SELECT app, channel, count(*), sum(length(payload)) FROM calls GROUP BY app, channel;

CREATE TRIGGER call_comes AFTER INSERT ON calls
BEGIN
    INSERT INTO call_counts (app, channel, calls, bytes) VALUES (new.app, new.channel, 1, length(new.payload))
    ON CONFLICT (app, channel) DO UPDATE SET calls = calls + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER call_goes AFTER DELETE ON calls
BEGIN
    UPDATE call_counts
    SET calls = calls - 1, bytes = bytes - length(old.payload)
    WHERE app = old.app AND channel = old.channel;
END;

CREATE TRIGGER call_lets_the_next_one_go AFTER DELETE ON calls
WHEN old.order_key IS NOT NULL AND old.is_first = 1
BEGIN
    UPDATE calls
    SET is_first = 1
    WHERE key = (
        SELECT key
        FROM calls
        WHERE app = old.app AND channel = old.channel AND order_key = old.order_key
        ORDER BY number
        LIMIT 1
    );
END;

DROP TRIGGER dead_letter_comes;
DROP TRIGGER dead_letter_goes;
DROP INDEX dead_letters_by_age;
DROP INDEX dead_letters_by_hook;
ALTER TABLE dead_letters RENAME TO former_dead_letters;

CREATE TABLE dead_letters (
    key            INTEGER PRIMARY KEY,
    app            TEXT NOT NULL,
    channel        TEXT NOT NULL,
    number         INTEGER NOT NULL, -- that of the call
    target         TEXT NOT NULL,
    order_key      TEXT,
    payload        BLOB NOT NULL,
    remote_address TEXT,
    queued_at      INTEGER NOT NULL,
    died_at        INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    cause          TEXT NOT NULL,
    reason         TEXT NOT NULL,
    UNIQUE (app, number, channel)
) STRICT;

INSERT INTO dead_letters (
    key, app, channel, number, target, order_key, payload, remote_address, queued_at, died_at, attempts, cause, reason
)
SELECT
    id,
    app,
    CASE WHEN hook IN ('_clientOnline', '_clientOffline') THEN 'presence' ELSE hook END,
    id,
    hook,
    lane,
    CAST(params AS BLOB),
    remote_address,
    queued_at,
    died_at,
    attempts,
    cause,
    reason
FROM former_dead_letters;

DROP TABLE former_dead_letters;

CREATE INDEX dead_letters_by_age ON dead_letters (app, died_at, number);
CREATE INDEX dead_letters_by_target ON dead_letters (app, target, died_at, number);

CREATE TRIGGER dead_letter_comes AFTER INSERT ON dead_letters
BEGIN
    INSERT INTO dead_letter_counts (app, letters) VALUES (new.app, 1)
    ON CONFLICT (app) DO UPDATE SET letters = letters + 1;
END;

CREATE TRIGGER dead_letter_goes AFTER DELETE ON dead_letters
BEGIN
    UPDATE dead_letter_counts SET letters = letters - 1 WHERE app = old.app;
END;

-- Sessions carry their node, and the call that is due when it dies.
ALTER TABLE open_sessions RENAME TO former_open_sessions;
DROP INDEX open_sessions_by_app;

CREATE TABLE open_sessions (
    node           TEXT NOT NULL,    -- empty: from before nodes had ids
    session        INTEGER NOT NULL, -- of its node
    app            TEXT NOT NULL,
    channel        TEXT NOT NULL,
    target         TEXT NOT NULL,
    order_key      TEXT,
    payload        BLOB NOT NULL,
    remote_address TEXT,
    PRIMARY KEY (node, session)
) STRICT, WITHOUT ROWID;

INSERT INTO open_sessions (node, session, app, channel, target, order_key, payload)
SELECT '', id, app, 'presence', '_clientOffline', client, CAST(params AS BLOB) FROM former_open_sessions;

DROP TABLE former_open_sessions;

CREATE INDEX open_sessions_by_app ON open_sessions (app);
