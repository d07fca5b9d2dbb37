//! Deleting what is left of an app.

use hookd_im_core::ids::AppId;
use hookd_im_core::store::StoreError;

use crate::postgres::columns::to_i64;
use crate::postgres::pool::Connection;

/// Deletes at most `limit` rows of each table; false when none were left.
pub(super) async fn forget(connection: &Connection, app: &AppId, limit: usize) -> Result<bool, StoreError> {
    let mut deleted = 0;
    for sql in [SESSIONS, CALLS, DEAD_LETTERS] {
        deleted += connection.execute_prepared(sql, &[&app.as_str(), &to_i64(limit)]).await?;
    }
    if deleted == 0 {
        connection.execute_prepared("DELETE FROM call_counts WHERE app = $1", &[&app.as_str()]).await?;
    }
    Ok(deleted > 0)
}

const SESSIONS: &str = "
    DELETE FROM open_sessions
    WHERE (node, session) IN (SELECT node, session FROM open_sessions WHERE app = $1 LIMIT $2)";

const CALLS: &str = "
    DELETE FROM calls
    WHERE app = $1 AND (channel, number) IN (SELECT channel, number FROM calls WHERE app = $1 AND queued_at >= 0 LIMIT $2)";

const DEAD_LETTERS: &str = "
    DELETE FROM dead_letters
    WHERE app = $1 AND (channel, number) IN (SELECT channel, number FROM dead_letters WHERE app = $1 LIMIT $2)";
