//! JSON in columns.

use hookd_im_core::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Text for a column.
pub(crate) fn to_column<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(Box::new(error)))
}

/// Reads a column of the row that `row` names.
pub(crate) fn from_column<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &str,
    row: impl ToString,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        let problem = format!("column `{column}` is unreadable: {error}");
        StoreError::Corrupt { table, row: row.to_string(), problem }
    })
}
