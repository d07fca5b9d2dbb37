-- The clients that have logged in today, in apps that let so many in a day.
CREATE TABLE daily_users (
    app    text COLLATE "C" NOT NULL,
    day    bigint NOT NULL, -- since 1970, by UTC
    client bytea NOT NULL,
    PRIMARY KEY (app, day, client)
);

-- How many they are. The rows of an app above are written under the lock of its row here.
CREATE TABLE daily_user_counts (
    app   text COLLATE "C" NOT NULL PRIMARY KEY,
    day   bigint NOT NULL,
    users bigint NOT NULL
);
