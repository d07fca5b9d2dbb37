//! Apps, versions and releases in SQLite. The only place of this crate that knows SQL.

mod apps;
mod columns;
mod error;
mod versions;

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use super::{AppRow, DeletedApp, Deployed, KeptVersion, Metadata, MetadataError, NewRelease, NewVariables, VersionRow};
use crate::app_keys::Keys;
use crate::app_settings::AppSettings;
use crate::modules::ModuleHash;
use crate::releases::{Attribution, PastRelease, ReleaseAct, Version};
use api_types::Environment;

/// From each schema to the next. The database's `user_version` counts those that were taken; a new database takes all.
const SCHEMA_STEPS: [&str; 6] = [
    include_str!("schema/1_apps_and_releases.sql"),
    include_str!("schema/2_deleted_apps.sql"),
    include_str!("schema/3_isolation.sql"),
    include_str!("schema/4_variables_and_authors.sql"),
    include_str!("schema/5_settings.sql"),
    include_str!("schema/6_profiles.sql"),
];

/// The database. Statements run on the blocking pool, one at a time; each is a few milliseconds at most.
pub(super) struct SqliteMetadata(Arc<Mutex<Connection>>);

impl SqliteMetadata {
    /// Blocks on the disk.
    pub(super) fn open(path: &Path) -> Result<Self, MetadataError> {
        make_private(path).map_err(MetadataError::Private)?;
        let mut connection = Connection::open(path)?;
        // A release that was answered must outlive the machine losing power.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // A secret that was taken back does not stay in free pages.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let found: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let steps = SCHEMA_STEPS.get(found..).ok_or(MetadataError::NewerSchema { found, known: SCHEMA_STEPS.len() })?;
        if !steps.is_empty() {
            let transaction = connection.transaction()?;
            steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
            transaction.pragma_update(None, "user_version", SCHEMA_STEPS.len())?;
            transaction.commit()?;
        }
        Ok(Self(Arc::new(Mutex::new(connection))))
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

#[async_trait]
impl Metadata for SqliteMetadata {
    async fn apps(&self) -> Result<Vec<AppRow>, MetadataError> {
        self.run(apps::apps).await
    }

    async fn create_app(&self, app: AppRow) -> Result<bool, MetadataError> {
        self.run(move |connection| apps::create_app(connection, &app)).await
    }

    async fn was_deleted(&self, app_id: String) -> Result<bool, MetadataError> {
        self.run(move |connection| apps::was_deleted(connection, &app_id)).await
    }

    async fn set_keys(&self, app_id: String, keys: Keys) -> Result<(), MetadataError> {
        self.run(move |connection| apps::set_keys(connection, &app_id, &keys)).await
    }

    async fn set_settings(&self, app_id: String, settings: AppSettings) -> Result<(), MetadataError> {
        self.run(move |connection| apps::set_settings(connection, &app_id, &settings)).await
    }

    async fn delete_app(&self, app_id: String) -> Result<i64, MetadataError> {
        self.run(move |connection| apps::delete_app(connection, &app_id)).await
    }

    async fn deleted_apps(&self) -> Result<Vec<DeletedApp>, MetadataError> {
        self.run(apps::deleted_apps).await
    }

    async fn live(&self, app_id: String, environment: Environment) -> Result<Option<VersionRow>, MetadataError> {
        self.run(move |connection| versions::live(connection, &app_id, environment)).await
    }

    async fn version(&self, app_id: String, number: u64) -> Result<Option<VersionRow>, MetadataError> {
        self.run(move |connection| versions::version(connection, &app_id, number)).await
    }

    async fn version_in_full(&self, app_id: String, number: u64) -> Result<Option<Version>, MetadataError> {
        self.run(move |connection| versions::version_in_full(connection, &app_id, number)).await
    }

    async fn known_versions(&self, app_id: String) -> Result<Option<(u64, u64)>, MetadataError> {
        self.run(move |connection| versions::known_versions(connection, &app_id)).await
    }

    async fn kept_versions(&self, app_id: String) -> Result<Vec<KeptVersion>, MetadataError> {
        self.run(move |connection| versions::kept_versions(connection, &app_id)).await
    }

    async fn releases(
        &self,
        app_id: String,
        limit: u32,
        version: Option<u64>,
    ) -> Result<Vec<PastRelease>, MetadataError> {
        self.run(move |connection| versions::releases(connection, &app_id, limit, version)).await
    }

    async fn production_acts(&self, app_id: String) -> Result<Vec<(ReleaseAct, u64)>, MetadataError> {
        self.run(move |connection| versions::production_acts(connection, &app_id)).await
    }

    async fn deploy(&self, release: NewRelease) -> Result<Deployed, MetadataError> {
        self.run(move |connection| versions::deploy(connection, &release)).await
    }

    async fn release(
        &self,
        app_id: String,
        environment: Environment,
        version: u64,
        act: ReleaseAct,
        by: Attribution,
    ) -> Result<(), MetadataError> {
        self.run(move |connection| versions::release(connection, &app_id, environment, version, act, &by)).await
    }

    async fn change_variables(&self, new: NewVariables) -> Result<Vec<(Environment, u64)>, MetadataError> {
        self.run(move |connection| versions::change_variables(connection, &new)).await
    }

    async fn modules_in_use(&self) -> Result<HashSet<ModuleHash>, MetadataError> {
        self.run(versions::modules_in_use).await
    }
}

/// Keys and secret variables are in the database. SQLite gives its other files the mode of this one.
///
/// An existing database is not opened for it: a process that closes any descriptor of a file gives up all its locks on
/// that file, those of SQLite's connections too.
fn make_private(database: &Path) -> std::io::Result<()> {
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(database) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => std::fs::set_permissions(database, PermissionsExt::from_mode(0o600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_keys::Keys;
    use crate::app_settings::AppSettings;
    use api_types::Environment;
    use api_types::Isolation;
    use api_types::Profile;

    fn app() -> AppRow {
        let (keys, settings) = (Keys::generate(), AppSettings::default());
        AppRow { id: "demo".to_owned(), keys, settings, variables: Default::default(), created_at_ms: 1, profile: None }
    }

    /// A database as an engine left it that knew so many steps, with an app and a release.
    fn of_schema(steps: usize, path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        let (more, values) = if steps < 4 { ("", "") } else { (", author, message", ", '', ''") };
        SCHEMA_STEPS[..steps].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection
            .execute_batch(&format!(
                "INSERT INTO apps (id, app_key, master_key, hook_key, limits, created_at_ms)
                 VALUES ('demo', 'a', 'm', 'h', '{{}}', 1);
                 INSERT INTO versions (app_id, number, module, size_bytes, definitions, created_at_ms)
                 VALUES ('demo', 1, 'cafe', 7, '[{{\"name\":\"hello\"}}]', 2);
                 INSERT INTO releases (app_id, environment, version, act, created_at_ms{more})
                 VALUES ('demo', 'production', 1, 'deploy', 3{values});
                 PRAGMA user_version = {steps}"
            ))
            .unwrap();
        connection
    }

    #[tokio::test]
    async fn limits_that_were_changed_count_as_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        let limits = r#"{"deadline_ms":15000,"memory_bytes":67108864,"log_lines":600,"queue":3}"#;
        of_schema(3, &path).execute("UPDATE apps SET limits = ?1", [limits]).unwrap();
        let settings = SqliteMetadata::open(&path).unwrap().apps().await.unwrap().remove(0).settings;
        let expected = [("memory_bytes".to_owned(), 67_108_864), ("queue".to_owned(), 3)];
        assert_eq!(settings.limits.app, expected.into());
    }

    #[tokio::test]
    async fn a_database_of_an_older_schema_keeps_its_apps_and_releases() {
        for steps in [1, 2, 3, 4] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("engine.db");
            drop(of_schema(steps, &path));
            let metadata = SqliteMetadata::open(&path).unwrap();
            let apps = metadata.apps().await.unwrap();
            assert_eq!((apps.len(), apps[0].profile), (1, None), "it begins with what it has");
            let live = metadata.live("demo".to_owned(), Environment::Production).await.unwrap().unwrap();
            assert_eq!((live.number, live.module.0.as_str(), live.isolation), (1, "cafe", Isolation::PerCall));
            let past = metadata.releases("demo".to_owned(), 10, None).await.unwrap();
            assert_eq!((past.len(), past[0].author.as_str(), past[0].is_live), (1, "", true));
            metadata.delete_app("demo".to_owned()).await.unwrap();
            assert!(metadata.apps().await.unwrap().is_empty());
            assert!(metadata.was_deleted("demo".to_owned()).await.unwrap());
            let deleted = metadata.deleted_apps().await.unwrap().remove(0);
            assert_eq!((deleted.id.as_str(), deleted.created_at_ms), ("demo", 1));
            assert!(!metadata.create_app(app()).await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_profile_of_an_app_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        let metadata = SqliteMetadata::open(&path).unwrap();
        let with_profile = |id: &str, profile| AppRow { id: id.to_owned(), profile, ..app() };
        for (id, profile) in [("a", Profile::Leancloud), ("b", Profile::Open), ("c", Profile::Open)] {
            assert!(metadata.create_app(with_profile(id, Some(profile))).await.unwrap());
        }
        let later = "UPDATE apps SET profile = 'of another version' WHERE id = 'c'";
        Connection::open(&path).unwrap().execute(later, []).unwrap();
        let kept: Vec<_> = metadata.apps().await.unwrap().into_iter().map(|app| app.profile).collect();
        let expected = [Profile::Leancloud, Profile::Open, Profile::Leancloud].map(Some);
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_database_of_a_newer_engine_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        drop(SqliteMetadata::open(&path).unwrap());
        let newer = SCHEMA_STEPS.len() + 1;
        Connection::open(&path).unwrap().pragma_update(None, "user_version", newer).unwrap();
        let refused = SqliteMetadata::open(&path).err().unwrap().to_string();
        assert!(refused.contains(&newer.to_string()) && refused.contains("newer engine"), "{refused}");
    }

    #[tokio::test]
    async fn only_the_owner_reads_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.db");
        // One that an older engine made.
        drop(SqliteMetadata::open(&path).unwrap());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let metadata = SqliteMetadata::open(&path).unwrap();
        metadata.create_app(app()).await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        }
    }
}
