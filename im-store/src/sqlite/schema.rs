//! Tables and their migrations.

use hookd_im_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use super::error::WorkError;

/// Step `n` brings a file of `user_version` `n` to `n + 1`. A released step is never edited: append the next one.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_hook_queue.sql"),
    include_str!("migrations/0003_open_sessions.sql"),
    include_str!("migrations/0004_outbox.sql"),
    include_str!("migrations/0005_ended_logins.sql"),
    include_str!("migrations/0006_counted_queue.sql"),
    include_str!("migrations/0007_calls.sql"),
    include_str!("migrations/0008_changed_messages.sql"),
    include_str!("migrations/0009_conversation_kinds.sql"),
    include_str!("migrations/0010_restrictions.sql"),
    include_str!("migrations/0011_receipts.sql"),
    include_str!("migrations/0012_refused_conversations.sql"),
    include_str!("migrations/0013_member_roles.sql"),
    include_str!("migrations/0014_kicked_clients.sql"),
    include_str!("migrations/0015_subscriptions.sql"),
    include_str!("migrations/0016_temporary_silences.sql"),
    include_str!("migrations/0017_bans.sql"),
    include_str!("migrations/0018_daily_users.sql"),
    include_str!("migrations/0019_views.sql"),
];

/// Brings the file to the newest schema. A file of a newer program is refused instead of half understood.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), WorkError> {
    migrate_to(connection, MIGRATIONS.len())
}

/// As [`migrate`], to the schema of an earlier program.
pub(super) fn migrate_to(connection: &mut Connection, newest: usize) -> Result<(), WorkError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).ok().filter(|done| *done <= newest).ok_or_else(|| StoreError::Corrupt {
        table: "sqlite_schema",
        row: "user_version".to_owned(),
        problem: format!("schema version {version} is unknown, this program knows 0 to {newest}: use a newer program"),
    })?;
    for (migration, version) in MIGRATIONS.iter().take(newest).zip(1_i64..).skip(done) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::{MIGRATIONS, migrate, migrate_to};

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
    }

    #[test]
    fn schema_of_a_newer_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        let error = migrate(&mut connection).map_err(StoreError::from).unwrap_err();
        assert!(error.to_string().contains("999"), "{error}");
    }

    /// What a program before the one table of calls left: calls of its own queue, calls on their way to Redis, dead
    /// letters, open sessions.
    const BEFORE_THE_TABLE_OF_CALLS: &str = r#"
        INSERT INTO conversations (key, app, id, attributes, muted, created_at, updated_at)
        VALUES (1, 'demo', 'c1', '{}', '[]', 1, 1);
        INSERT INTO messages (conversation, timestamp, id, sender, body, mention_all)
        VALUES (1, 1, 'm1', 'tom', 'hi', 0);
        INSERT INTO notifications (app, client, timestamp, payload) VALUES ('demo', 'tom', 5, '{"op":"joined"}');
        INSERT INTO hook_calls
            (id, app, channel, hook, params, lane, remote_address, queued_at, due_at, attempts, first)
        VALUES
            (10, 'demo', 'outbox', '_messageSent', '{"a":1}', NULL, '203.0.113.7', 10, 10, 0, 1),
            (11, 'demo', '_messageSent', '_messageSent', '{}', NULL, NULL, 11, 99, 2, 1),
            (12, 'demo', 'presence', '_clientOnline', '{}', 'tom', NULL, 12, 12, 0, 1),
            (13, 'demo', 'presence', '_clientOffline', '{}', 'tom', NULL, 13, 13, 0, 0),
            (14, 'demo', '_ofTomorrow', '_ofTomorrow', '{}', NULL, NULL, 14, 14, 0, 1);
        DELETE FROM hook_calls WHERE id = 14;
        INSERT INTO dead_letters
            (id, app, hook, params, lane, queued_at, died_at, attempts, cause, reason)
        VALUES (7, 'demo', '_clientOffline', '{"b":2}', 'tom', 7, 8, 3, 'trap', 'unreachable');
        INSERT INTO open_sessions (id, app, client, params) VALUES (1, 'demo', 'tom', '{"c":3}');"#;

    fn rows(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_file_from_before_the_table_of_calls_keeps_everything() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 6).unwrap();
        connection.execute_batch(BEFORE_THE_TABLE_OF_CALLS).unwrap();
        migrate(&mut connection).unwrap();
        let calls = "SELECT concat_ws(' ', number, channel, target, coalesce(order_key, '-'), typeof(payload), \
                     CAST(payload AS TEXT), queued_at, due_at, attempts, is_first) FROM calls ORDER BY number";
        let expected = [
            r#"10 _messageSent _messageSent - blob {"a":1} 10 10 0 1"#,
            "11 _messageSent _messageSent - blob {} 11 99 2 1",
            "12 presence _clientOnline tom blob {} 12 12 0 1",
            "13 presence _clientOffline tom blob {} 13 13 0 0",
        ];
        assert_eq!(rows(&connection, calls), expected);
        let counts = "SELECT concat_ws(' ', channel, calls, bytes) FROM call_counts ORDER BY channel";
        assert_eq!(rows(&connection, counts), ["_messageSent 2 9", "presence 2 4"]);
        let letters = "SELECT concat_ws(' ', number, channel, target, order_key, CAST(payload AS TEXT), died_at, cause) \
                       FROM dead_letters";
        assert_eq!(rows(&connection, letters), [r#"7 presence _clientOffline tom {"b":2} 8 trap"#]);
        let sessions =
            "SELECT concat_ws(' ', node, session, target, order_key, CAST(payload AS TEXT)) FROM open_sessions";
        assert_eq!(rows(&connection, sessions), [r#" 1 _clientOffline tom {"c":3}"#]);
        assert_eq!(rows(&connection, "SELECT payload FROM missed_events"), [r#"{"op":"joined"}"#]);
        assert_eq!(rows(&connection, "SELECT concat(id, sequence) FROM messages"), ["m10"]);
        let newest = "SELECT CAST(seq AS TEXT) FROM sqlite_sequence WHERE name = 'calls'";
        assert_eq!(rows(&connection, newest), ["14"], "no number is given twice");
    }

    #[test]
    fn what_a_file_from_before_receipts_holds_is_not_unread() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 10).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (key, app, id, attributes, muted, created_at, updated_at, last_message_at)
                 VALUES (1, 'demo', 'spoken', '{}', '[]', 1, 7, 7), (2, 'demo', 'quiet', '{}', '[]', 1, 1, NULL);
                 INSERT INTO members (conversation, client, app, position)
                 VALUES (1, 'tom', 'demo', 0), (2, 'tom', 'demo', 0);",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let read = "SELECT CAST(read_until AS TEXT) FROM members ORDER BY conversation";
        assert_eq!(rows(&connection, read), ["7", "0"]);
    }
}
