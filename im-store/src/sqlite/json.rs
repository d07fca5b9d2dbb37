//! JSON in columns.

use hookd_im_core::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::WorkError;

/// Text for a column.
pub(super) fn to_column<T: Serialize + ?Sized>(value: &T) -> Result<String, WorkError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(Box::new(error)).into())
}

/// Reads a column of the row that `row` names.
pub(super) fn from_column<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &str,
    row: impl ToString,
) -> Result<T, WorkError> {
    serde_json::from_str(text).map_err(|error| {
        let problem = format!("column `{column}` is unreadable: {error}");
        StoreError::Corrupt { table, row: row.to_string(), problem }.into()
    })
}
