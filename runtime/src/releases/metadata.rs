//! Apps, versions and releases in SQLite. The only place of this crate that knows SQL.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use thiserror::Error;

use super::{PastRelease, Release, ReleaseAct};
use crate::apps::Keys;
use crate::environment::Environment;
use crate::isolation::Isolation;
use crate::limits::Limits;
use crate::modules::{Definition, ModuleHash};

/// Version of `schema.sql`, in the database's `user_version`.
const SCHEMA_VERSION: i64 = 3;

/// What leads from a schema version to the next one.
const STEPS: [(i64, &str); 2] = [
    (1, "ALTER TABLE apps ADD COLUMN deleted_at_ms INTEGER"),
    (2, "ALTER TABLE versions ADD COLUMN isolation TEXT NOT NULL DEFAULT 'per-call'"),
];

/// The database failed.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// SQLite says no.
    #[error("the engine's database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A column holds JSON that this version does not understand.
    #[error("the engine's database holds `{column}` that cannot be read")]
    Json {
        /// Table and column.
        column: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Written by a newer engine.
    #[error("the engine's database has schema {found}, this engine knows {SCHEMA_VERSION}; use the newer engine")]
    NewerSchema {
        /// Its version.
        found: i64,
    },
    /// The task that ran the statement is gone.
    #[error("a database task was cancelled")]
    Cancelled,
}

pub(crate) struct AppRow {
    pub(crate) id: String,
    pub(crate) keys: Keys,
    pub(crate) limits: Limits,
}

#[derive(Clone, Debug)]
pub(crate) struct VersionRow {
    pub(crate) number: u64,
    pub(crate) module: ModuleHash,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) isolation: Isolation,
}

/// A new version that becomes live at once.
pub(crate) struct NewRelease {
    pub(crate) app_id: String,
    pub(crate) environment: Environment,
    pub(crate) module: ModuleHash,
    pub(crate) size_bytes: usize,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) isolation: Isolation,
}

/// The database. Statements run on the blocking pool, one at a time; each is a few milliseconds at most.
#[derive(Clone)]
pub(crate) struct Metadata(Arc<Mutex<Connection>>);

impl Metadata {
    /// Blocks on the disk.
    pub(crate) fn open(path: &Path) -> Result<Self, MetadataError> {
        let mut connection = Connection::open(path)?;
        // A release that was answered must outlive the machine losing power.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > SCHEMA_VERSION {
            return Err(MetadataError::NewerSchema { found });
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
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) async fn apps(&self) -> Result<Vec<AppRow>, MetadataError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, app_key, master_key, hook_key, limits FROM apps WHERE deleted_at_ms IS NULL ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                let keys = Keys { app_key: row.get(1)?, master_key: row.get(2)?, hook_key: row.get(3)? };
                Ok((row.get(0)?, keys, row.get::<_, String>(4)?))
            })?;
            rows.map(|row| {
                let (id, keys, limits) = row?;
                Ok(AppRow { id, keys, limits: from_json("apps.limits", &limits)? })
            })
            .collect()
        })
        .await
    }

    /// False when the id is in use.
    pub(crate) async fn create_app(&self, app: AppRow) -> Result<bool, MetadataError> {
        self.run(move |connection| {
            let inserted = connection.execute(
                "INSERT INTO apps (id, app_key, master_key, hook_key, limits, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO NOTHING",
                params![
                    app.id,
                    app.keys.app_key,
                    app.keys.master_key,
                    app.keys.hook_key,
                    to_json("apps.limits", &app.limits)?,
                    now_ms()
                ],
            )?;
            Ok(inserted == 1)
        })
        .await
    }

    /// True when there was an app of this id, and is none now.
    pub(crate) async fn was_deleted(&self, app_id: String) -> Result<bool, MetadataError> {
        self.run(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM apps WHERE id = ?1 AND deleted_at_ms IS NOT NULL)";
            Ok(connection.query_row(sql, [app_id], |row| row.get(0))?)
        })
        .await
    }

    pub(crate) async fn set_keys(&self, app_id: String, keys: Keys) -> Result<(), MetadataError> {
        self.run(move |connection| {
            connection.execute(
                "UPDATE apps SET app_key = ?2, master_key = ?3, hook_key = ?4 WHERE id = ?1",
                params![app_id, keys.app_key, keys.master_key, keys.hook_key],
            )?;
            Ok(())
        })
        .await
    }

    /// Leaves nothing of an app but its id.
    pub(crate) async fn delete_app(&self, app_id: String) -> Result<(), MetadataError> {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM releases WHERE app_id = ?1", [&app_id])?;
            transaction.execute("DELETE FROM versions WHERE app_id = ?1", [&app_id])?;
            transaction.execute(
                "UPDATE apps
                 SET app_key = '', master_key = '', hook_key = '', limits = '{}', deleted_at_ms = ?2
                 WHERE id = ?1",
                params![app_id, now_ms()],
            )?;
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn set_limits(&self, app_id: String, limits: Limits) -> Result<(), MetadataError> {
        self.run(move |connection| {
            let limits = to_json("apps.limits", &limits)?;
            connection.execute("UPDATE apps SET limits = ?2 WHERE id = ?1", params![app_id, limits])?;
            Ok(())
        })
        .await
    }

    /// The version that is live in an environment.
    pub(crate) async fn live(
        &self,
        app_id: String,
        environment: Environment,
    ) -> Result<Option<VersionRow>, MetadataError> {
        self.run(move |connection| {
            let found = connection
                .query_row(
                    "SELECT versions.number, versions.module, versions.definitions, versions.isolation
                     FROM releases
                     JOIN versions ON versions.app_id = releases.app_id AND versions.number = releases.version
                     WHERE releases.app_id = ?1 AND releases.environment = ?2
                     ORDER BY releases.id DESC
                     LIMIT 1",
                    params![app_id, environment.name()],
                    version_columns,
                )
                .optional()?;
            found.map(version_row).transpose()
        })
        .await
    }

    pub(crate) async fn version(&self, app_id: String, number: u64) -> Result<Option<VersionRow>, MetadataError> {
        self.run(move |connection| {
            let found = connection
                .query_row(
                    "SELECT number, module, definitions, isolation FROM versions WHERE app_id = ?1 AND number = ?2",
                    params![app_id, number],
                    version_columns,
                )
                .optional()?;
            found.map(version_row).transpose()
        })
        .await
    }

    /// Number of the newest version; 0 when there is none.
    pub(crate) async fn newest_version(&self, app_id: String) -> Result<u64, MetadataError> {
        self.run(move |connection| {
            let sql = "SELECT coalesce(max(number), 0) FROM versions WHERE app_id = ?1";
            Ok(connection.query_row(sql, [app_id], |row| row.get(0))?)
        })
        .await
    }

    /// Every act that made a version live in production, oldest first.
    pub(crate) async fn production_acts(&self, app_id: String) -> Result<Vec<(ReleaseAct, u64)>, MetadataError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT act, version
                 FROM releases
                 WHERE app_id = ?1 AND environment = 'production'
                 ORDER BY id",
            )?;
            let rows = statement.query_map([app_id], |row| Ok((word(row, 0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The newest releases in all environments, newest first.
    pub(crate) async fn releases(&self, app_id: String, limit: u32) -> Result<Vec<PastRelease>, MetadataError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT
                     versions.number, versions.module, versions.definitions, versions.isolation, versions.size_bytes,
                     releases.environment, releases.act, releases.created_at_ms,
                     releases.id = (
                         SELECT max(id) FROM releases AS newest
                         WHERE newest.app_id = releases.app_id AND newest.environment = releases.environment
                     )
                 FROM releases
                 JOIN versions ON versions.app_id = releases.app_id AND versions.number = releases.version
                 WHERE releases.app_id = ?1
                 ORDER BY releases.id DESC
                 LIMIT ?2",
            )?;
            let rows = statement.query_map(params![app_id, limit], |row| {
                let at = UNIX_EPOCH + Duration::from_millis(row.get(7)?);
                Ok((version_columns(row)?, row.get(4)?, word(row, 5)?, word(row, 6)?, at, row.get(8)?))
            })?;
            rows.map(|row| {
                let (version, size_bytes, environment, act, at, is_live) = row?;
                let version = version_row(version)?;
                let release = Release {
                    app_id: app_id.clone(),
                    environment,
                    version: version.number,
                    module: version.module.0,
                    isolation: version.isolation,
                    definitions: version.definitions,
                };
                Ok(PastRelease { release, act, at, size_bytes, is_live })
            })
            .collect()
        })
        .await
    }

    /// Records a new version and its release in one transaction; answers its number.
    pub(crate) async fn deploy(&self, release: NewRelease) -> Result<u64, MetadataError> {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let number: u64 = transaction.query_row(
                "SELECT coalesce(max(number), 0) + 1 FROM versions WHERE app_id = ?1",
                [&release.app_id],
                |row| row.get(0),
            )?;
            transaction.execute(
                "INSERT INTO versions (app_id, number, module, size_bytes, definitions, isolation, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    release.app_id,
                    number,
                    release.module.0,
                    release.size_bytes,
                    to_json("versions.definitions", &release.definitions)?,
                    release.isolation.name(),
                    now_ms()
                ],
            )?;
            insert_release(&transaction, &release.app_id, release.environment, number, ReleaseAct::Deploy)?;
            transaction.commit()?;
            Ok(number)
        })
        .await
    }

    /// Records that an existing version became live.
    pub(crate) async fn release(
        &self,
        app_id: String,
        environment: Environment,
        version: u64,
        act: ReleaseAct,
    ) -> Result<(), MetadataError> {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            insert_release(&transaction, &app_id, environment, version, act)?;
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Connection) -> Result<T, MetadataError> + Send + 'static,
    ) -> Result<T, MetadataError> {
        let connection = self.0.clone();
        let running = tokio::task::spawn_blocking(move || {
            statement(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        running.await.map_err(|_| MetadataError::Cancelled)?
    }
}

fn insert_release(
    transaction: &Transaction<'_>,
    app_id: &str,
    environment: Environment,
    version: u64,
    act: ReleaseAct,
) -> Result<(), MetadataError> {
    transaction.execute(
        "INSERT INTO releases (app_id, environment, version, act, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app_id, environment.name(), version, act.name(), now_ms()],
    )?;
    Ok(())
}

type VersionColumns = (u64, String, String, Isolation);

fn version_columns(row: &Row<'_>) -> rusqlite::Result<VersionColumns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, word(row, 3)?))
}

fn version_row((number, module, definitions, isolation): VersionColumns) -> Result<VersionRow, MetadataError> {
    let definitions = from_json("versions.definitions", &definitions)?;
    Ok(VersionRow { number, module: ModuleHash(module), definitions, isolation })
}

/// A column that holds one of a few words.
fn word<T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(column: &'static str, json: &str) -> Result<T, MetadataError> {
    serde_json::from_str(json).map_err(|source| MetadataError::Json { column, source })
}

fn to_json(column: &'static str, value: &impl serde::Serialize) -> Result<String, MetadataError> {
    serde_json::to_string(value).map_err(|source| MetadataError::Json { column, source })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_of_the_first_schema_keeps_its_apps_and_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        let app = || AppRow { id: "demo".to_owned(), keys: Keys::generate(), limits: Limits::default() };
        Metadata::open(&path).unwrap().create_app(app()).await.unwrap();
        let connection = Connection::open(&path).unwrap();
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
}
