//! The rows of apps.

use rusqlite::{Connection, TransactionBehavior, params};

use super::super::{AppRow, DeletedApp, MetadataError};
use super::columns::{from_json, to_json};
use crate::app_keys::Keys;
use crate::app_settings::AppSettings;
use crate::clock::now_ms;
use api_types::Profile;

pub(super) fn apps(connection: &mut Connection) -> Result<Vec<AppRow>, MetadataError> {
    let mut statement = connection.prepare(
        "SELECT id, app_key, master_key, hook_key, settings, variables, created_at_ms, profile
         FROM apps
         WHERE deleted_at_ms IS NULL
         ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        let keys = Keys { app_key: row.get(1)?, master_key: row.get(2)?, hook_key: row.get(3)? };
        let profile = row.get::<_, Option<String>>(7)?;
        Ok((row.get(0)?, keys, row.get::<_, String>(4)?, row.get::<_, String>(5)?, row.get(6)?, profile))
    })?;
    rows.map(|row| {
        let (id, keys, settings, variables, created_at_ms, profile) = row?;
        let settings = from_json("apps.settings", &settings)?;
        let variables = from_json("apps.variables", &variables)?;
        // A profile of another version: the app begins as new apps do, and never without limits.
        let profile = profile.map(|name| name.parse().unwrap_or_default());
        Ok(AppRow { id, keys, settings, variables, created_at_ms, profile })
    })
    .collect()
}

/// False when the id is in use.
pub(super) fn create_app(connection: &mut Connection, app: &AppRow) -> Result<bool, MetadataError> {
    let inserted = connection.execute(
        "INSERT INTO apps (id, app_key, master_key, hook_key, settings, variables, created_at_ms, profile)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO NOTHING",
        params![
            app.id,
            app.keys.app_key,
            app.keys.master_key,
            app.keys.hook_key,
            to_json("apps.settings", &app.settings)?,
            to_json("apps.variables", &app.variables)?,
            app.created_at_ms,
            app.profile.map(Profile::name)
        ],
    )?;
    Ok(inserted == 1)
}

/// True when an app with this id was deleted.
pub(super) fn was_deleted(connection: &mut Connection, app_id: &str) -> Result<bool, MetadataError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM apps WHERE id = ?1 AND deleted_at_ms IS NOT NULL)";
    Ok(connection.query_row(sql, [app_id], |row| row.get(0))?)
}

pub(super) fn set_keys(connection: &mut Connection, app_id: &str, keys: &Keys) -> Result<(), MetadataError> {
    connection.execute(
        "UPDATE apps SET app_key = ?2, master_key = ?3, hook_key = ?4 WHERE id = ?1",
        params![app_id, keys.app_key, keys.master_key, keys.hook_key],
    )?;
    Ok(())
}

/// The apps that were deleted, in the order of that.
pub(super) fn deleted_apps(connection: &mut Connection) -> Result<Vec<DeletedApp>, MetadataError> {
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
}

/// Leaves nothing of an app but its id, and when it came and went; answers the latter.
pub(super) fn delete_app(connection: &mut Connection, app_id: &str) -> Result<i64, MetadataError> {
    let deleted_at_ms = now_ms();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM releases WHERE app_id = ?1", [app_id])?;
    transaction.execute("DELETE FROM versions WHERE app_id = ?1", [app_id])?;
    transaction.execute(
        "UPDATE apps
         SET app_key = '', master_key = '', hook_key = '', settings = '{}', variables = '{}', deleted_at_ms = ?2
         WHERE id = ?1",
        params![app_id, deleted_at_ms],
    )?;
    transaction.commit()?;
    Ok(deleted_at_ms)
}

pub(super) fn set_settings(
    connection: &mut Connection,
    app_id: &str,
    settings: &AppSettings,
) -> Result<(), MetadataError> {
    let settings = to_json("apps.settings", &settings)?;
    connection.execute("UPDATE apps SET settings = ?2 WHERE id = ?1", params![app_id, settings])?;
    Ok(())
}
