//! Settings of apps.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::app::ImSettings;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{Settings, StoreError};

use super::columns::column;
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};
use crate::json;

#[async_trait]
impl Settings for PostgresStore {
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        let load = async |connection: Arc<Connection>| load(&connection, app).await;
        self.database.pool.read(("settings", READ_LIMIT), load).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let save = async |connection: Arc<Connection>, _| save(&connection, app, settings).await;
        self.database.write("save settings", save).await
    }
}

pub(super) async fn load(connection: &Connection, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
    let row = connection.row("SELECT document FROM settings WHERE app = $1", &[&app.as_str()]).await?;
    row.map(|row| json::from_column(column(&row, 0)?, "settings", "document", app)).transpose()
}

pub(super) async fn save(connection: &Connection, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO settings (app, document) VALUES ($1, $2)
        ON CONFLICT (app) DO UPDATE SET document = excluded.document";
    connection.execute_prepared(sql, &[&app.as_str(), &json::to_column(settings)?]).await?;
    Ok(())
}
