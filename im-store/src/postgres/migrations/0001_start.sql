-- Each statement of the program can use one index and no other, as far as that can be had: before a table was analyzed the
-- planner takes one for as good as another. So an index begins with what only its statements name, or has a condition that
-- only they have.
--
-- Ids that this program makes are texts, compared by code point. What clients choose freely may hold NUL, which a text of
-- PostgreSQL cannot: it is `bytea`, in UTF-8 where it is text. JSON is `text`: a NUL inside is written `\u0000` there, which
-- `jsonb` would refuse.

CREATE TABLE settings (
    app      text COLLATE "C" PRIMARY KEY,
    document text NOT NULL -- JSON object
);

CREATE TABLE conversations (
    key              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app              text COLLATE "C" NOT NULL,
    id               text COLLATE "C" NOT NULL,
    attributes       text NOT NULL,             -- JSON object
    creator          bytea,                     -- client id
    muted            text NOT NULL,             -- JSON array of client ids
    last_message_at  bigint,                    -- never moves back, so the next message's time is found here
    last_sequence    bigint NOT NULL DEFAULT 0, -- of the newest event
    members_sequence bigint NOT NULL DEFAULT 0, -- of the newest change of members
    unique_id        text COLLATE "C",
    member_digest    text COLLATE "C",          -- of the current members; only where unique_id is set
    created_at       bigint NOT NULL,
    updated_at       bigint NOT NULL,
    UNIQUE (id, app)
);

CREATE INDEX conversations_by_update ON conversations (app, updated_at, key);
CREATE INDEX conversations_by_member_set ON conversations (app, member_digest) WHERE member_digest IS NOT NULL;

-- Rows of a conversation are written under the lock of its own row, so that no foreign key needs to be checked.
CREATE TABLE members (
    conversation bigint NOT NULL,
    client       bytea NOT NULL,
    app          text COLLATE "C" NOT NULL, -- again, so that members_by_client answers alone
    position     bigint NOT NULL,           -- order of joining
    PRIMARY KEY (conversation, client)
);

CREATE INDEX members_by_client ON members (app, client, conversation);

CREATE TABLE messages (
    conversation        bigint NOT NULL,
    timestamp           bigint NOT NULL,
    sequence            bigint NOT NULL,
    id                  text COLLATE "C" NOT NULL,
    sender              bytea NOT NULL,
    body                bytea NOT NULL,
    is_text             boolean NOT NULL,
    mentions            text,    -- JSON array of client ids; NULL = none
    mention_all         boolean NOT NULL,
    receivers           text,    -- JSON array of client ids that a hook narrowed them to; NULL = all members of that time
    patched_at          bigint,
    deduplication_key   bytea,   -- SHA-256 of conversation, sender and token, which may be longer than an index takes
    message_type        integer, -- _lctype of a typed message
    PRIMARY KEY (conversation, timestamp)
);

CREATE UNIQUE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_deduplication_key ON messages (deduplication_key) WHERE deduplication_key IS NOT NULL;
CREATE INDEX messages_by_type ON messages (conversation, message_type, timestamp)
    WHERE message_type IS NOT NULL;

CREATE INDEX messages_by_change ON messages (conversation, patched_at) WHERE patched_at IS NOT NULL;

-- What a node reads that missed it. Kept for some days.
CREATE TABLE member_changes (
    conversation bigint NOT NULL,
    sequence     bigint NOT NULL,
    is_join      boolean NOT NULL, -- false: they went
    members      text NOT NULL,    -- JSON array of client ids: those that really changed
    by_client    bytea NOT NULL,
    changed_at   bigint NOT NULL,
    PRIMARY KEY (conversation, sequence)
);

CREATE INDEX member_changes_by_age ON member_changes (changed_at);

CREATE TABLE missed_events (
    app       text COLLATE "C" NOT NULL,
    client    bytea NOT NULL,
    timestamp bigint NOT NULL,
    payload   text NOT NULL, -- JSON object
    PRIMARY KEY (app, client, timestamp)
);

CREATE INDEX missed_events_by_age ON missed_events (timestamp);

-- The row under whose lock a client's events get their times.
CREATE TABLE missed_event_times (
    app    text COLLATE "C" NOT NULL,
    client bytea NOT NULL,
    newest bigint NOT NULL,
    PRIMARY KEY (app, client)
);

CREATE TABLE ended_logins (
    app        text COLLATE "C" NOT NULL,
    login      text COLLATE "C" NOT NULL, -- what its tokens have in common; empty: of all tokens that expire until then
    code       integer NOT NULL,          -- for the client that comes back
    expires_at bigint NOT NULL,           -- when its last token has expired
    PRIMARY KEY (app, login)
);

CREATE INDEX ended_logins_by_expiry ON ended_logins (app, expires_at);

-- The processes that use this database.
CREATE TABLE nodes (
    node         text COLLATE "C" PRIMARY KEY,
    leased_until bigint NOT NULL -- from then on it is taken for dead
);

CREATE TABLE open_sessions (
    node           text COLLATE "C" NOT NULL, -- the process that holds it
    session        bigint NOT NULL,           -- unique in that process
    app            text COLLATE "C" NOT NULL,
    -- The call that is due when the process dies.
    channel        text COLLATE "C" NOT NULL,
    target         text COLLATE "C" NOT NULL,
    payload        bytea NOT NULL,
    order_key      bytea,
    remote_address text,
    PRIMARY KEY (node, session)
);

CREATE INDEX open_sessions_by_app ON open_sessions (app);

CREATE SEQUENCE call_numbers;

-- Lets the numbers go on after `target` where they have not come to `lowest` yet. Transactions that find this at the same time
-- look again under the lock: a second step would go back. `target` is so far from `lowest` that the numbers which others take
-- between the look and the step do not reach it.
CREATE FUNCTION raise_call_numbers(lock bigint, lowest bigint, target bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT last_value FROM call_numbers) >= lowest THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(lock);
    IF (SELECT last_value FROM call_numbers) < lowest THEN
        PERFORM setval('call_numbers', target);
    END IF;
END
$$;

CREATE TABLE calls (
    app            text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    number         bigint NOT NULL,   -- from call_numbers, while the lock of the order key is held
    target         text COLLATE "C" NOT NULL,
    payload        bytea NOT NULL,
    order_key      bytea,             -- calls with the same one are made one after the other
    remote_address text,
    queued_at      bigint NOT NULL,
    due_at         bigint NOT NULL,
    attempts       integer NOT NULL,
    is_first       boolean NOT NULL,  -- no earlier call of its order key waits
    node           text COLLATE "C",  -- that has claimed it
    PRIMARY KEY (number, app, channel)
);

CREATE INDEX calls_by_turn ON calls (app, channel, due_at, number) WHERE is_first AND node IS NULL;
CREATE INDEX calls_by_age ON calls (app, channel, queued_at) WHERE queued_at >= 0;
CREATE INDEX calls_by_order_key ON calls (order_key, app, channel, number) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX calls_first_of_order_key ON calls (order_key, app, channel) WHERE is_first AND order_key IS NOT NULL;
CREATE INDEX calls_by_node ON calls (node) WHERE node IS NOT NULL;
-- Much smaller than calls_by_order_key: those of a key that run, not those that wait.
CREATE INDEX calls_running ON calls (order_key, app, channel) WHERE order_key IS NOT NULL AND node IS NOT NULL;

CREATE TABLE dead_letters (
    app            text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    number         bigint NOT NULL, -- that of the call
    target         text COLLATE "C" NOT NULL,
    payload        bytea NOT NULL,
    order_key      bytea,
    remote_address text,
    queued_at      bigint NOT NULL,
    died_at        bigint NOT NULL,
    attempts       integer NOT NULL,
    cause          text NOT NULL,
    reason         bytea NOT NULL,  -- text of a function: it may hold NUL
    PRIMARY KEY (number, app, channel)
);

CREATE INDEX dead_letters_by_age ON dead_letters (app, died_at, number, channel);
CREATE INDEX dead_letters_by_target ON dead_letters (target, app, died_at, number, channel);

-- What waits is counted, and not looked for among all rows. The true count is the sum of the slots: writers with different
-- slots do not wait for each other.
CREATE TABLE call_counts (
    app     text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    slot    integer NOT NULL,
    calls   bigint NOT NULL,
    bytes   bigint NOT NULL, -- of payloads
    PRIMARY KEY (app, channel, slot)
) WITH (fillfactor = 50);

CREATE FUNCTION count_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call_counts (app, channel, slot, calls, bytes)
    SELECT
        app,
        channel,
        pg_backend_pid() % 16,
        CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END,
        CASE TG_OP WHEN 'INSERT' THEN sum(octet_length(payload)) ELSE -sum(octet_length(payload)) END
    FROM changed
    GROUP BY app, channel
    ORDER BY app, channel
    ON CONFLICT (app, channel, slot) DO UPDATE
    SET calls = call_counts.calls + excluded.calls,
        bytes = call_counts.bytes + excluded.bytes;
    RETURN NULL;
END
$$;

CREATE TRIGGER calls_come AFTER INSERT ON calls
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_calls();

CREATE TRIGGER calls_go AFTER DELETE ON calls
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_calls();

-- The same for dead letters.
CREATE TABLE dead_letter_counts (
    app     text COLLATE "C" NOT NULL,
    slot    integer NOT NULL,
    letters bigint NOT NULL,
    PRIMARY KEY (app, slot)
) WITH (fillfactor = 50);

CREATE FUNCTION count_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dead_letter_counts (app, slot, letters)
    SELECT app, pg_backend_pid() % 16, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
    FROM changed
    GROUP BY app
    ORDER BY app
    ON CONFLICT (app, slot) DO UPDATE
    SET letters = dead_letter_counts.letters + excluded.letters;
    RETURN NULL;
END
$$;

CREATE TRIGGER dead_letters_come AFTER INSERT ON dead_letters
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();

CREATE TRIGGER dead_letters_go AFTER DELETE ON dead_letters
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
