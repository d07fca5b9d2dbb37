-- The clients that have logged in today, in apps that let so many in a day.
CREATE TABLE daily_users (
    app    TEXT NOT NULL,
    day    INTEGER NOT NULL, -- since 1970, by UTC
    client TEXT NOT NULL,
    PRIMARY KEY (app, day, client)
) STRICT, WITHOUT ROWID;

-- How many they are.
CREATE TABLE daily_user_counts (
    app   TEXT NOT NULL PRIMARY KEY,
    day   INTEGER NOT NULL,
    users INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
