//! Values on their way to columns and back.

use hookd_im_core::ids::ClientId;
use hookd_im_core::store::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::error::store_error;

/// The value of a column.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(store_error)
}

/// Text that clients choose is kept as bytes: it may hold NUL.
pub(super) fn text(bytes: Vec<u8>, table: &'static str, row: &impl ToString) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|error| StoreError::Corrupt {
        table,
        row: row.to_string(),
        problem: format!("a text is not UTF-8: {error}"),
    })
}

/// A client of the row that `row` names.
pub(super) fn client(bytes: Vec<u8>, table: &'static str, row: &impl ToString) -> Result<ClientId, StoreError> {
    text(bytes, table, row).map(ClientId::new)
}

/// Client ids for a column of bytes.
pub(super) fn bytes_of(clients: &[ClientId]) -> Vec<&[u8]> {
    clients.iter().map(|client| client.as_str().as_bytes()).collect()
}

/// True when a text can stand in a column of texts. No other one is stored there, so that none is found.
pub(super) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Numbers of this program as the database keeps them; they are far below the limit.
pub(super) fn to_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// The reverse of [`to_i64`].
pub(super) fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
