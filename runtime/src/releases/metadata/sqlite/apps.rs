//! The rows of apps.

use rusqlite::{TransactionBehavior, params};

use super::{Metadata, MetadataError, from_json, to_json};
use crate::app_keys::Keys;
use crate::app_settings::AppSettings;
use crate::clock::now_ms;
use crate::releases::Variables;

pub(crate) struct AppRow {
    pub(crate) id: String,
    pub(crate) keys: Keys,
    pub(crate) settings: AppSettings,
    pub(crate) variables: Variables,
    pub(crate) created_at_ms: i64,
}

/// An app that was deleted. Its id is not given again, and its deletion is remembered as long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedApp {
    /// Its id.
    pub id: String,
    /// As [`crate::App::created_at_ms`].
    pub created_at_ms: i64,
    /// When it was deleted, in ms since 1970.
    pub deleted_at_ms: i64,
}

impl Metadata {
    pub(crate) async fn apps(&self) -> Result<Vec<AppRow>, MetadataError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, app_key, master_key, hook_key, settings, variables, created_at_ms
                 FROM apps
                 WHERE deleted_at_ms IS NULL
                 ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                let keys = Keys { app_key: row.get(1)?, master_key: row.get(2)?, hook_key: row.get(3)? };
                Ok((row.get(0)?, keys, row.get::<_, String>(4)?, row.get::<_, String>(5)?, row.get(6)?))
            })?;
            rows.map(|row| {
                let (id, keys, settings, variables, created_at_ms) = row?;
                let settings = from_json("apps.settings", &settings)?;
                let variables = from_json("apps.variables", &variables)?;
                Ok(AppRow { id, keys, settings, variables, created_at_ms })
            })
            .collect()
        })
        .await
    }

    /// False when the id is in use.
    pub(crate) async fn create_app(&self, app: AppRow) -> Result<bool, MetadataError> {
        self.run(move |connection| {
            let inserted = connection.execute(
                "INSERT INTO apps (id, app_key, master_key, hook_key, settings, variables, created_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO NOTHING",
                params![
                    app.id,
                    app.keys.app_key,
                    app.keys.master_key,
                    app.keys.hook_key,
                    to_json("apps.settings", &app.settings)?,
                    to_json("apps.variables", &app.variables)?,
                    app.created_at_ms
                ],
            )?;
            Ok(inserted == 1)
        })
        .await
    }

    /// True when an app with this id was deleted.
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

    /// The apps that were deleted, in the order of that.
    pub(crate) async fn deleted_apps(&self) -> Result<Vec<DeletedApp>, MetadataError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, created_at_ms, deleted_at_ms
                 FROM apps
                 WHERE deleted_at_ms IS NOT NULL
                 ORDER BY deleted_at_ms, id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(DeletedApp { id: row.get(0)?, created_at_ms: row.get(1)?, deleted_at_ms: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Leaves nothing of an app but its id, and when it came and went; answers the latter.
    pub(crate) async fn delete_app(&self, app_id: String) -> Result<i64, MetadataError> {
        self.run(move |connection| {
            let deleted_at_ms = now_ms();
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM releases WHERE app_id = ?1", [&app_id])?;
            transaction.execute("DELETE FROM versions WHERE app_id = ?1", [&app_id])?;
            transaction.execute(
                "UPDATE apps
                 SET app_key = '', master_key = '', hook_key = '', settings = '{}', variables = '{}', deleted_at_ms = ?2
                 WHERE id = ?1",
                params![app_id, deleted_at_ms],
            )?;
            transaction.commit()?;
            Ok(deleted_at_ms)
        })
        .await
    }

    pub(crate) async fn set_settings(&self, app_id: String, settings: AppSettings) -> Result<(), MetadataError> {
        self.run(move |connection| {
            let settings = to_json("apps.settings", &settings)?;
            connection.execute("UPDATE apps SET settings = ?2 WHERE id = ?1", params![app_id, settings])?;
            Ok(())
        })
        .await
    }
}
