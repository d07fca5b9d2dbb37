-- What a client was given until it was kicked is void.
CREATE TABLE kicked_clients (
    app        text COLLATE "C" NOT NULL,
    client     bytea NOT NULL,
    kicked_at  bigint NOT NULL,
    kept_until bigint NOT NULL, -- then all that has expired
    PRIMARY KEY (app, client)
);

CREATE INDEX kicked_clients_by_end ON kicked_clients (kept_until);
