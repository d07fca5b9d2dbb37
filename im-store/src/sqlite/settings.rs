//! Settings of apps.

use async_trait::async_trait;
use hookd_im_core::app::ImSettings;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{Settings, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::error::WorkError;
use crate::json;

#[async_trait]
impl Settings for SqliteStore {
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError> {
        let app = app.clone();
        self.readers.read("settings", move |connection| load(connection, &app)).await
    }

    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError> {
        let (app, settings) = (app.clone(), settings.clone());
        self.write("save settings", move |connection, _| save(connection, &app, &settings)).await
    }
}

fn load(connection: &Connection, app: &AppId) -> Result<Option<ImSettings>, WorkError> {
    let document: Option<String> = connection
        .prepare_cached("SELECT document FROM settings WHERE app = ?1")?
        .query_row([app.as_str()], |row| row.get(0))
        .optional()?;
    Ok(document.map(|document| json::from_column(&document, "settings", "document", app)).transpose()?)
}

fn save(connection: &Connection, app: &AppId, settings: &ImSettings) -> Result<(), WorkError> {
    connection
        .prepare_cached(
            "INSERT INTO settings (app, document) VALUES (?1, ?2)
             ON CONFLICT (app) DO UPDATE SET document = excluded.document",
        )?
        .execute(params![app.as_str(), json::to_column(settings)?])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use hookd_im_core::ids::AppId;
    use hookd_im_core::store::StoreError;
    use rusqlite::Connection;

    use super::load;
    use crate::sqlite::schema::migrate;

    #[test]
    fn unreadable_document_is_corrupt_and_names_the_row() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO settings VALUES ('demo', '{\"on_hook_failure\":7}')", []).unwrap();
        let error = load(&connection, &AppId::new("demo")).map_err(StoreError::from).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { table: "settings", row, .. } if row == "demo"), "{error}");
    }
}
