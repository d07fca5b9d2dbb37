//! The schema of the engine's database, and the way to it from older ones.

use rusqlite::Connection;

use super::MetadataError;

/// Version of `schema.sql`, in the database's `user_version`.
const SCHEMA_VERSION: i64 = 4;

/// What leads from a schema version to the next one.
const STEPS: [(i64, &str); 3] = [
    (1, "ALTER TABLE apps ADD COLUMN deleted_at_ms INTEGER"),
    (2, "ALTER TABLE versions ADD COLUMN isolation TEXT NOT NULL DEFAULT 'per-call'"),
    // Before, an app kept every limit, set or not: those with the default of that time count as not set.
    (
        3,
        "ALTER TABLE apps ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
         UPDATE apps
         SET settings = json_object('limits', json_object('app', json((
             SELECT json_group_object(key, value)
             FROM json_each(apps.limits)
             WHERE (key, value) NOT IN (VALUES
                 ('deadline_ms', 15000), ('cpu_time_ms', 5000), ('memory_bytes', 134217728), ('table_elements', 20000),
                 ('reply_bytes', 10485760), ('log_bytes', 65536), ('log_lines', 600), ('cache_commands', 1000),
                 ('cache_bytes', 4194304), ('warm_calls', 1000), ('warm_growth_bytes', 16777216), ('concurrency', 64),
                 ('queue', 1024))
         ))));
         ALTER TABLE apps DROP COLUMN limits;",
    ),
];

/// Creates the tables, or changes those of an older schema.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), MetadataError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > SCHEMA_VERSION {
        return Err(MetadataError::NewerSchema { found, known: SCHEMA_VERSION });
    }
    let transaction = connection.transaction()?;
    if found == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
    } else {
        for (from, step) in STEPS {
            if found <= from {
                transaction.execute_batch(step)?;
            }
        }
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::apps::{AppSettings, Keys};
    use crate::environment::Environment;
    use crate::isolation::Isolation;
    use crate::releases::{AppRow, Metadata};

    fn app() -> AppRow {
        AppRow { id: "demo".to_owned(), keys: Keys::generate(), settings: AppSettings::default() }
    }

    /// A database as it was before limits became settings.
    async fn of_third_schema(path: &Path, limits: &str) -> Connection {
        Metadata::open(path).unwrap().create_app(app()).await.unwrap();
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(&format!(
                "ALTER TABLE apps ADD COLUMN limits TEXT NOT NULL DEFAULT '{limits}';
                 ALTER TABLE apps DROP COLUMN settings;
                 PRAGMA user_version = 3"
            ))
            .unwrap();
        connection
    }

    #[tokio::test]
    async fn a_database_of_the_first_schema_keeps_its_apps_and_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        let connection = of_third_schema(&path, "{}").await;
        connection
            .execute_batch(
                "ALTER TABLE apps DROP COLUMN deleted_at_ms;
                 ALTER TABLE versions DROP COLUMN isolation;
                 INSERT INTO versions VALUES ('demo', 1, 'abc', 10, '[]', 0);
                 INSERT INTO releases VALUES (1, 'demo', 'production', 1, 'deploy', 0);
                 PRAGMA user_version = 1",
            )
            .unwrap();
        drop(connection);

        let metadata = Metadata::open(&path).unwrap();
        assert_eq!(metadata.apps().await.unwrap().len(), 1);
        let live = metadata.live("demo".to_owned(), Environment::Production).await.unwrap().unwrap();
        assert_eq!((live.number, live.isolation), (1, Isolation::PerCall));
        metadata.delete_app("demo".to_owned()).await.unwrap();
        assert!(metadata.apps().await.unwrap().is_empty());
        assert!(metadata.was_deleted("demo".to_owned()).await.unwrap());
        assert!(!metadata.create_app(app()).await.unwrap());
    }

    #[tokio::test]
    async fn limits_of_the_third_schema_that_were_changed_count_as_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        let limits = r#"{"deadline_ms":15000,"cpu_time_ms":5000,"memory_bytes":67108864,"log_lines":600,"queue":3}"#;
        drop(of_third_schema(&path, limits).await);
        let settings = Metadata::open(&path).unwrap().apps().await.unwrap().remove(0).settings;
        let expected = [("memory_bytes".to_owned(), 67_108_864), ("queue".to_owned(), 3)];
        assert_eq!(settings.limits.app, expected.into());
    }
}
