-- What waits is counted, and of each lane the first call is known: neither is looked for among all rows.

ALTER TABLE hook_calls ADD COLUMN first INTEGER NOT NULL DEFAULT 1; -- 1: no earlier call of its lane waits

UPDATE hook_calls
SET first = 0
WHERE lane IS NOT NULL
    AND id > (
        SELECT min(earliest.id)
        FROM hook_calls AS earliest
        WHERE earliest.app = hook_calls.app AND earliest.lane = hook_calls.lane
    );

DROP INDEX hook_calls_by_turn;
CREATE INDEX hook_calls_by_turn ON hook_calls (app, channel, due_at, id) WHERE first = 1;
CREATE INDEX hook_calls_by_age ON hook_calls (app, channel, id);
CREATE UNIQUE INDEX hook_calls_first_of_lane ON hook_calls (app, lane) WHERE first = 1 AND lane IS NOT NULL;

CREATE TABLE hook_call_counts (
    app     TEXT NOT NULL,
    channel TEXT NOT NULL,
    calls   INTEGER NOT NULL,
    PRIMARY KEY (app, channel)
) STRICT, WITHOUT ROWID;

INSERT INTO hook_call_counts (app, channel, calls)
SELECT app, channel, count(*) FROM hook_calls GROUP BY app, channel;

CREATE TRIGGER hook_call_comes AFTER INSERT ON hook_calls
BEGIN
    INSERT INTO hook_call_counts (app, channel, calls) VALUES (new.app, new.channel, 1)
    ON CONFLICT (app, channel) DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER hook_call_goes AFTER DELETE ON hook_calls
BEGIN
    UPDATE hook_call_counts SET calls = calls - 1 WHERE app = old.app AND channel = old.channel;
END;

CREATE TRIGGER hook_call_moves AFTER UPDATE OF channel ON hook_calls
BEGIN
    UPDATE hook_call_counts SET calls = calls - 1 WHERE app = old.app AND channel = old.channel;
    INSERT INTO hook_call_counts (app, channel, calls) VALUES (new.app, new.channel, 1)
    ON CONFLICT (app, channel) DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER hook_call_lets_its_lane_go_on AFTER DELETE ON hook_calls
WHEN old.lane IS NOT NULL AND old.first = 1
BEGIN
    UPDATE hook_calls
    SET first = 1
    WHERE id = (SELECT min(id) FROM hook_calls WHERE app = old.app AND lane = old.lane);
END;

CREATE INDEX dead_letters_by_hook ON dead_letters (app, hook, died_at, id);

CREATE TABLE dead_letter_counts (
    app     TEXT NOT NULL PRIMARY KEY,
    letters INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO dead_letter_counts (app, letters)
SELECT app, count(*) FROM dead_letters GROUP BY app;

CREATE TRIGGER dead_letter_comes AFTER INSERT ON dead_letters
BEGIN
    INSERT INTO dead_letter_counts (app, letters) VALUES (new.app, 1)
    ON CONFLICT (app) DO UPDATE SET letters = letters + 1;
END;

CREATE TRIGGER dead_letter_goes AFTER DELETE ON dead_letters
BEGIN
    UPDATE dead_letter_counts SET letters = letters - 1 WHERE app = old.app;
END;
