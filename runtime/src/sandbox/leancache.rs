//! `hookd:engine/leancache`: the app's Redis.

use hookd_leancache::Reply;
use tokio::task::yield_now;
use wasmtime::component::HasData;

use super::bindings::hookd::engine::leancache::{Failure, Host, Part};
use crate::leancache::{CacheBudget, CacheError};

/// A reply may have hundreds of thousands: other tasks come in between.
const PARTS_AT_ONCE: usize = 1_000;

pub(super) struct LeanCacheView<'a> {
    pub(super) app_id: &'a str,
    pub(super) budget: &'a mut CacheBudget,
}

/// Names the projection from a store's data to the view.
pub(super) struct HasLeanCache;

impl HasData for HasLeanCache {
    type Data<'a> = LeanCacheView<'a>;
}

impl Host for LeanCacheView<'_> {
    async fn execute(&mut self, command: Vec<Vec<u8>>) -> Result<Vec<Part>, Failure> {
        self.pipeline(vec![command]).await
    }

    async fn pipeline(&mut self, commands: Vec<Vec<Vec<u8>>>) -> Result<Vec<Part>, Failure> {
        let replies = self.budget.run(self.app_id, commands).await?;
        Ok(parts(replies).await)
    }
}

/// A reply's parts one after the other, those of an array after the array.
async fn parts(replies: Vec<Reply>) -> Vec<Part> {
    let mut parts = Vec::with_capacity(replies.len());
    let mut arrays = vec![replies.into_iter()];
    while let Some(array) = arrays.last_mut() {
        let Some(reply) = array.next() else {
            arrays.pop();
            continue;
        };
        parts.push(match reply {
            Reply::Nil => Part::Nil,
            Reply::Integer(number) => Part::Integer(number),
            Reply::Bulk(data) => Part::Bulk(data.to_vec()),
            Reply::Status(text) => Part::Status(text),
            Reply::Error(text) => Part::Error(text),
            Reply::Array(replies) => {
                let length = u32::try_from(replies.len()).unwrap_or(u32::MAX);
                arrays.push(replies.into_iter());
                Part::Array(length)
            }
        });
        if parts.len().is_multiple_of(PARTS_AT_ONCE) {
            yield_now().await;
        }
    }
    parts
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        let text = error.to_string();
        match error {
            CacheError::Refused(_) | CacheError::OutsideOfCall => Self::Refused(text),
            CacheError::TooManyCommands { .. } | CacheError::TooManyBytes { .. } => Self::Exceeded(text),
            CacheError::TimedOut { .. } | CacheError::Unavailable { .. } => Self::Unavailable(text),
        }
    }
}
