//! Calls after an attempt.

use hookd_im_core::ids::{AppId, Channel};
use hookd_im_core::store::CallOutcome;
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::dead_letters;
use super::waiting::id;
use crate::sqlite::error::WorkError;

/// Writes how attempts at calls ended; answers the number of deleted dead letters.
pub(super) fn settle(
    connection: &Connection,
    (app, channel): (&AppId, &Channel),
    settled: &[(u64, CallOutcome)],
    dead_letter_limit: usize,
    now: Timestamp,
) -> Result<usize, WorkError> {
    let mut delete = connection.prepare_cached("DELETE FROM calls WHERE app = ?1 AND channel = ?2 AND number = ?3")?;
    let mut postpone = connection.prepare_cached(
        "UPDATE calls
         SET attempts = attempts + 1, due_at = ?4
         WHERE app = ?1 AND channel = ?2 AND number = ?3",
    )?;
    let mut deleted_letters = 0;
    for (number, outcome) in settled {
        let id = id(*number);
        match outcome {
            CallOutcome::Done => {
                delete.execute(params![app.as_str(), channel.as_str(), id])?;
            }
            CallOutcome::Again { at } => {
                postpone.execute(params![app.as_str(), channel.as_str(), id, at.0])?;
            }
            CallOutcome::Dead { cause, reason } => {
                dead_letters::add(connection, (app, channel), *number, (cause, reason), now)?;
                // Nothing is deleted where the app is gone, with everything of it.
                if delete.execute(params![app.as_str(), channel.as_str(), id])? > 0 {
                    deleted_letters += dead_letters::prune(connection, app, dead_letter_limit)?;
                }
            }
        }
    }
    Ok(deleted_letters)
}
