//! Members of conversations, in order of joining.

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::StoreError;
use tokio_postgres::Row;

use super::columns::{bytes_of, client, column};
use super::pool::Connection;

/// A column with the members of the row of `conversations`.
pub(super) const IN_ORDER: &str = "
    ARRAY (SELECT client FROM members WHERE members.conversation = conversations.key ORDER BY position)";

/// Reads what [`IN_ORDER`] gives.
pub(super) fn read(row: &Row, index: usize) -> Result<Vec<ClientId>, StoreError> {
    let members: Vec<Vec<u8>> = column(row, index)?;
    members.into_iter().map(|member| client(member, "members", &column::<i64>(row, 0)?)).collect()
}

pub(super) async fn load(connection: &Connection, conversation: i64) -> Result<Vec<ClientId>, StoreError> {
    let sql = "SELECT client FROM members WHERE conversation = $1 ORDER BY position";
    let rows = connection.rows(sql, &[&conversation]).await?;
    rows.iter().map(|row| client(column(row, 0)?, "members", &conversation)).collect()
}

/// Appends members that are not in the conversation yet. What was said before they came is not unread (S-62).
pub(super) async fn insert(
    connection: &Connection,
    app: &AppId,
    conversation: i64,
    members: &[ClientId],
    first_position: i64,
) -> Result<(), StoreError> {
    if members.is_empty() {
        return Ok(());
    }
    let sql = "
        INSERT INTO members (conversation, client, app, position, read_until)
        SELECT $1, client, $2, $4 + place - 1,
            (SELECT coalesce(last_message_at, 0) FROM conversations WHERE key = $1)
        FROM unnest($3::bytea[]) WITH ORDINALITY AS new (client, place)";
    connection.execute_prepared(sql, &[&conversation, &app.as_str(), &bytes_of(members), &first_position]).await?;
    Ok(())
}
