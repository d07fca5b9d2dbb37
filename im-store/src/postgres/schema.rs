//! Tables and their migrations.

use std::time::Duration;

use hookd_im_core::store::StoreError;
use tokio_postgres::Client;

use super::error::store_error;

/// Step `n` brings a database of version `n` to `n + 1`. A released step is never edited: append the next one.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_conversation_kinds.sql"),
    include_str!("migrations/0003_restrictions.sql"),
    include_str!("migrations/0004_receipts.sql"),
    include_str!("migrations/0005_refused_conversations.sql"),
    include_str!("migrations/0006_member_roles.sql"),
    include_str!("migrations/0007_kicked_clients.sql"),
    include_str!("migrations/0008_subscriptions.sql"),
    include_str!("migrations/0009_temporary_silences.sql"),
    include_str!("migrations/0010_bans.sql"),
    include_str!("migrations/0011_daily_users.sql"),
    include_str!("migrations/0012_views.sql"),
];

/// The newest version that this program knows.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are few")]
pub(super) const KNOWN_SCHEMA: i32 = MIGRATIONS.len() as i32;

/// The oldest server that is supported: 14.
pub(super) const OLDEST_SERVER: i32 = 140_000;

/// Of a lock of the whole database that is held by the one node that migrates. The number means nothing.
const MIGRATION_LOCK: i64 = 0x686f_6f6b_6400;

/// How long a node waits for another one that migrates.
const PATIENCE: Duration = Duration::from_mins(5);

/// Brings the database to the newest schema. One of a newer program is refused instead of half understood.
pub(super) async fn migrate(client: &Client) -> Result<(), StoreError> {
    migrate_to(client, MIGRATIONS.len()).await
}

async fn migrate_to(client: &Client, newest: usize) -> Result<(), StoreError> {
    check_server(client).await?;
    let begin = format!("BEGIN; SET LOCAL statement_timeout = {}", PATIENCE.as_millis());
    client.batch_execute(&begin).await.map_err(store_error)?;
    client.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(store_error)?;
    let create = "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)";
    client.batch_execute(create).await.map_err(store_error)?;
    let row = client.query_opt("SELECT version FROM schema_version", &[]).await.map_err(store_error)?;
    let version: Option<i32> = row.map(|row| row.try_get(0)).transpose().map_err(store_error)?;
    let done = usize::try_from(version.unwrap_or(0)).ok().filter(|done| *done <= newest).ok_or_else(|| {
        let problem = format!(
            "schema version {} is unknown, this program knows 0 to {newest}: use a newer program",
            version.unwrap_or(0)
        );
        StoreError::Corrupt { table: "schema_version", row: "version".to_owned(), problem }
    })?;
    for migration in MIGRATIONS.iter().take(newest).skip(done) {
        client.batch_execute(migration).await.map_err(store_error)?;
    }
    let set = match version {
        Some(_) => "UPDATE schema_version SET version = $1",
        None => "INSERT INTO schema_version (version) VALUES ($1)",
    };
    client.execute(set, &[&i32::try_from(newest).unwrap_or(i32::MAX)]).await.map_err(store_error)?;
    client.batch_execute("COMMIT").await.map_err(store_error)
}

/// What no migration can mend.
async fn check_server(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding')";
    let row = client.query_one(sql, &[]).await.map_err(store_error)?;
    let version: i32 = row.try_get(0).map_err(store_error)?;
    let encoding: String = row.try_get(1).map_err(store_error)?;
    let refused = |problem: String| Err(StoreError::Database(problem.into()));
    if version < OLDEST_SERVER {
        return refused(format!("PostgreSQL {} is too old: use 14 or newer", version / 10_000));
    }
    if encoding != "UTF8" {
        return refused(format!("the encoding of the database is {encoding}: make one with `ENCODING 'UTF8'`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hookd_postgres_server::PostgresServer;
    use tokio_postgres::NoTls;

    use super::{migrate, migrate_to};

    #[tokio::test]
    async fn what_a_database_from_before_receipts_holds_is_not_unread() {
        let server = PostgresServer::start();
        let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        migrate_to(&client, 3).await.unwrap();
        client
            .batch_execute(
                "INSERT INTO conversations (app, id, attributes, muted, created_at, updated_at, last_message_at)
                 VALUES ('demo', 'spoken', '{}', '[]', 1, 7, 7), ('demo', 'quiet', '{}', '[]', 1, 1, NULL);
                 INSERT INTO members (conversation, client, app, position)
                 SELECT key, 'tom', 'demo', 0 FROM conversations;",
            )
            .await
            .unwrap();
        migrate(&client).await.unwrap();
        migrate(&client).await.unwrap();
        let rows = client.query("SELECT read_until FROM members ORDER BY conversation", &[]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [7, 0]);
        drop(client);
        connection.await.unwrap().unwrap();
    }
}
