-- Clients that may not log in.
CREATE TABLE bans (
    app       text COLLATE "C" NOT NULL,
    client    bytea NOT NULL,
    banned_at bigint NOT NULL, -- ms
    until     bigint,          -- ms; NULL: for ever
    PRIMARY KEY (app, client)
);

CREATE INDEX bans_that_end ON bans (app, until) WHERE until IS NOT NULL;
