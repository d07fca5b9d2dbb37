//! Deleting what is left of an app.

use hookd_im_core::ids::AppId;
use hookd_im_core::store::StoreError;

use crate::postgres::columns::to_i64;
use crate::postgres::pool::Connection;

/// Deletes at most `limit` rows of each table; false when none were left.
pub(super) async fn forget(connection: &Connection, app: &AppId, limit: usize) -> Result<bool, StoreError> {
    let mut deleted = 0;
    for sql in [SESSIONS, DEAD_LETTERS, CALLS] {
        deleted += connection.execute_prepared(sql, &[&app.as_str(), &to_i64(limit)]).await?;
    }
    if deleted == 0 {
        for sql in [DEAD_LETTER_COUNTS, CALL_COUNTS] {
            connection.execute_prepared(sql, &[&app.as_str()]).await?;
        }
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
    WITH oldest AS MATERIALIZED (
        SELECT channel, number
        FROM dead_letters
        WHERE app = $1
        ORDER BY died_at, number, channel
        LIMIT $2
        FOR UPDATE
    )
    DELETE FROM dead_letters
    USING oldest
    WHERE dead_letters.app = $1 AND dead_letters.channel = oldest.channel AND dead_letters.number = oldest.number";

const DEAD_LETTER_COUNTS: &str = "
    WITH counted AS MATERIALIZED (
        SELECT slot FROM dead_letter_counts WHERE app = $1 ORDER BY slot FOR UPDATE
    )
    DELETE FROM dead_letter_counts
    USING counted
    WHERE dead_letter_counts.app = $1 AND dead_letter_counts.slot = counted.slot";

const CALL_COUNTS: &str = "
    WITH counted AS MATERIALIZED (
        SELECT channel, slot FROM call_counts WHERE app = $1 ORDER BY channel, slot FOR UPDATE
    )
    DELETE FROM call_counts
    USING counted
    WHERE call_counts.app = $1 AND call_counts.channel = counted.channel AND call_counts.slot = counted.slot";
