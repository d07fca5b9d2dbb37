//! Dead letters in Redis.

use redis::pipe;

use super::claims::distinct;
use super::stored::{StoredLetter, from_json, to_json};
use super::{RedisHookQueue, prefix, script};
use crate::hooks::queue::{Channel, Letters, QueueError, hook_named};
use crate::ids::AppId;

/// Letters in one command: the answer fits into its deadline.
const BATCH: usize = 200;

impl RedisHookQueue {
    /// The letters that are meant, newest first. All of them are read: their number is bounded by a setting.
    pub(super) async fn letters(&self, app: &AppId, letters: &Letters) -> Result<Vec<(u64, StoredLetter)>, QueueError> {
        let ids = match letters {
            Letters::Ids(ids) => distinct(ids),
            Letters::All { .. } => {
                let mut all = pipe();
                all.cmd("ZRANGE").arg(format!("{}dead", prefix(app))).arg(0).arg(-1).arg("REV");
                let (ids,): (Vec<String>,) = self.connection.run("list dead letters", &all).await?;
                // An id that is not a number does not belong to a letter of this program.
                ids.iter().filter_map(|id| id.parse().ok()).collect()
            }
        };
        let mut found = Vec::new();
        for ids in ids.chunks(BATCH) {
            let mut read = pipe();
            read.cmd("HMGET").arg(format!("{}letters", prefix(app))).arg(ids);
            let (stored,): (Vec<Option<String>>,) = self.connection.run("read dead letters", &read).await?;
            for (id, stored) in ids.iter().zip(stored) {
                if let Some(stored) = stored {
                    let letter = from_json(&stored);
                    let letter =
                        letter.unwrap_or_else(|problem| StoredLetter::unreadable(&stored, &problem, self.now()));
                    found.push((*id, letter));
                }
            }
        }
        if let Letters::All { hook: Some(hook) } = letters {
            found.retain(|(_, letter)| letter.call.hook == *hook);
        }
        Ok(found)
    }

    /// As [`crate::hooks::HookQueue::revive`], oldest first.
    pub(super) async fn revive_letters(
        &self,
        app: &AppId,
        letters: &Letters,
        bound: usize,
    ) -> Result<usize, QueueError> {
        let mut found = self.letters(app, letters).await?;
        found.sort_by_key(|(id, _)| *id);
        let mut revived = 0;
        for letters in found.chunks(BATCH) {
            let mut arguments = vec![bound.to_string()];
            for (id, letter) in letters {
                let Some(hook) = hook_named(&letter.call.hook) else { continue };
                arguments.extend([id.to_string(), Channel::of(hook).name().to_owned()]);
                let call = letter.call.clone().revived(self.now());
                arguments.extend([call.lane_key().to_owned(), to_json(&call)?]);
            }
            let revive = script(include_str!("revive.lua"), app, arguments.iter().map(String::as_str));
            let (of_batch,): (usize,) = self.connection.run("revive dead letters", &revive).await?;
            revived += of_batch;
        }
        Ok(revived)
    }

    /// As [`crate::hooks::HookQueue::discard`].
    pub(super) async fn discard_letters(&self, app: &AppId, letters: &Letters) -> Result<usize, QueueError> {
        let ids: Vec<u64> = self.letters(app, letters).await?.into_iter().map(|(id, _)| id).collect();
        let mut discarded = 0;
        for ids in ids.chunks(BATCH) {
            let mut discard = pipe();
            discard.cmd("HDEL").arg(format!("{}letters", prefix(app))).arg(ids);
            discard.cmd("ZREM").arg(format!("{}dead", prefix(app))).arg(ids).ignore();
            let (of_batch,): (usize,) = self.connection.run("discard dead letters", &discard).await?;
            discarded += of_batch;
        }
        Ok(discarded)
    }
}
