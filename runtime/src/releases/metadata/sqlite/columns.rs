//! Columns that hold more than a number or a text.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Row;
use rusqlite::types::Type;

use super::super::MetadataError;

/// A column that holds one of a few words.
pub(super) fn word<T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(column: &'static str, json: &str) -> Result<T, MetadataError> {
    serde_json::from_str(json).map_err(|source| MetadataError::Corrupt { column, source: Box::new(source) })
}

pub(super) fn to_json(column: &'static str, value: &impl serde::Serialize) -> Result<String, MetadataError> {
    serde_json::to_string(value).map_err(|source| MetadataError::Corrupt { column, source: Box::new(source) })
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<SystemTime> {
    Ok(UNIX_EPOCH + Duration::from_millis(row.get(column)?))
}
