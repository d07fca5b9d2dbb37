//! What became of messages that a client may send again because it missed the answer (P-84).
//!
//! Of a message that is sent twice at once the second one waits for the first. Of one that is sent again later the answer
//! is given without asking the hook again, and what may have been stored without being delivered is delivered now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::timeout;

use super::SentMessage;
use super::reviewed::Reviewed;
use crate::actor::Actor;
use crate::error::{Code, RequestError};
use crate::ids::{AppId, ClientId, ConversationId};
use crate::keyed_locks::{KeyedGuard, KeyedLocks};
use crate::store::DEDUPLICATION_WINDOW;
use crate::timestamp::Timestamp;

/// Outcomes that are remembered of one app, in bytes; the least used go first.
const REMEMBERED_BYTES: u64 = 4 * 1024 * 1024;

/// What an outcome takes besides its texts: the entry of the cache, ids and times.
const OUTCOME_BYTES: usize = 400;

/// How long a message waits for an equal one that is in work. Its client gives up after 20 s (P-12).
const EQUAL_SEND_TIMEOUT: Duration = Duration::from_secs(18);

/// The sender, the conversation, and the sender's own name for the message.
type Key = (ClientId, ConversationId, String);

/// What became of a message.
#[derive(Clone)]
pub(super) enum Outcome {
    /// Acknowledged and delivered.
    Sent(SentMessage),
    /// A hook or a check refused it.
    Refused(Refusal),
    /// The store did not say whether it has it; it was not delivered. What the hook said counts for the next attempt.
    Unknown(Arc<Reviewed>),
}

/// A refusal, and when it was given.
#[derive(Clone)]
pub(super) struct Refusal {
    at: Instant,
    code: Code,
    detail: Option<String>,
    app_code: Option<i32>,
}

/// The outcomes of recent messages, by the token of their sender.
#[derive(Default)]
pub struct RecentSends {
    in_work: KeyedLocks<(AppId, Key)>,
    of_app: Mutex<HashMap<AppId, OfApp>>,
}

#[derive(Clone)]
struct OfApp {
    outcomes: Cache<Key, Outcome>,
    /// Of messages that were stored until then it is not known here whether they were delivered: an earlier process
    /// stored them, or there was no room to remember.
    doubtful_until: Arc<AtomicI64>,
}

/// The right to send the message of one token.
pub(super) struct Turn<'a> {
    of_app: OfApp,
    key: Key,
    arrived_at: Instant,
    _in_work: KeyedGuard<'a, (AppId, Key)>,
}

impl RecentSends {
    /// Waits until no equal message is in work.
    ///
    /// # Errors
    /// 4200 when that takes too long.
    pub(super) async fn turn(
        &self,
        actor: &Actor,
        conversation: &ConversationId,
        (token, arrived_at): (&str, Instant),
    ) -> Result<Turn<'_>, RequestError> {
        let key = (actor.client()?.clone(), conversation.clone(), token.to_owned());
        let in_work = timeout(EQUAL_SEND_TIMEOUT, self.in_work.lock_key((actor.app.id.clone(), key.clone()))).await;
        let in_work = in_work.map_err(|_| {
            let detail = "the same message is still being sent; send it again to learn what became of it";
            RequestError::detailed(Code::InternalError, detail)
        })?;
        Ok(Turn { of_app: self.of_app(&actor.app.id), key, arrived_at, _in_work: in_work })
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget_app(&self, app: &AppId) {
        self.of_app.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
    }

    fn of_app(&self, app: &AppId) -> OfApp {
        let mut apps = self.of_app.lock().unwrap_or_else(PoisonError::into_inner);
        apps.entry(app.clone()).or_insert_with(OfApp::new).clone()
    }
}

impl std::fmt::Debug for RecentSends {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RecentSends").finish_non_exhaustive()
    }
}

impl OfApp {
    fn new() -> Self {
        let doubtful_until = Arc::new(AtomicI64::new(Timestamp::now().0));
        let doubt = doubtful_until.clone();
        let outcomes = Cache::builder()
            .max_capacity(REMEMBERED_BYTES)
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(DEDUPLICATION_WINDOW)
            .eviction_listener(move |_, outcome, cause| {
                if cause == RemovalCause::Size && matches!(outcome, Outcome::Unknown(_)) {
                    doubt.fetch_max(Timestamp::now().0, Ordering::Relaxed);
                }
            })
            .build();
        Self { outcomes, doubtful_until }
    }
}

impl Turn<'_> {
    /// What became of the message the last time. A refusal counts only for requests that had arrived before it:
    /// a later request asks the hook again.
    pub(super) fn last_outcome(&self) -> Option<Outcome> {
        let outcome = self.of_app.outcomes.get(&self.key)?;
        let is_over = |refusal: &Refusal| refusal.at < self.arrived_at;
        if matches!(&outcome, Outcome::Refused(refusal) if is_over(refusal)) { None } else { Some(outcome) }
    }

    /// True when a message that the store has had before may never have been delivered.
    pub(super) fn is_doubtful(&self, stored_at: Timestamp) -> bool {
        self.is_unknown() || stored_at.0 <= self.of_app.doubtful_until.load(Ordering::Relaxed)
    }

    /// Keeps the answer, unless the store may have the message without having said so.
    pub(super) fn remember_answer(&self, sent: &Result<SentMessage, RequestError>) {
        let outcome = match sent {
            Ok(sent) => Outcome::Sent(sent.clone()),
            Err(RequestError::Refused { code, detail, app_code }) if !self.is_unknown() => {
                let (detail, app_code) = (detail.clone(), *app_code);
                Outcome::Refused(Refusal { at: Instant::now(), code: *code, detail, app_code })
            }
            Err(_) => return,
        };
        self.of_app.outcomes.insert(self.key.clone(), outcome);
    }

    /// Keeps that the store did not say whether it has the message.
    pub(super) fn remember_unknown(&self, reviewed: Arc<Reviewed>) {
        self.of_app.outcomes.insert(self.key.clone(), Outcome::Unknown(reviewed));
    }

    fn is_unknown(&self) -> bool {
        matches!(self.of_app.outcomes.get(&self.key), Some(Outcome::Unknown(_)))
    }
}

impl From<Refusal> for RequestError {
    fn from(Refusal { code, detail, app_code, .. }: Refusal) -> Self {
        Self::Refused { code, detail, app_code }
    }
}

fn weight((client, conversation, token): &Key, outcome: &Outcome) -> u32 {
    let texts = client.as_str().len() + conversation.as_str().len() + token.len();
    let outcome = match outcome {
        Outcome::Sent(_) => 0,
        Outcome::Refused(refusal) => refusal.detail.as_ref().map_or(0, String::len),
        Outcome::Unknown(reviewed) => reviewed.bytes(),
    };
    u32::try_from(OUTCOME_BYTES + texts + outcome).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{OfApp, Ordering, Outcome, REMEMBERED_BYTES, weight};
    use crate::ids::{ClientId, ConversationId};
    use crate::messages::reviewed::Reviewed;
    use crate::store::MessageBody;

    fn key(token: u32) -> super::Key {
        (ClientId::new("tom"), ConversationId::new("64f0c0ffee0000000000a001"), token.to_string())
    }

    fn unknown() -> Outcome {
        Outcome::Unknown(Arc::new(Reviewed::unchanged(MessageBody::Text("x".repeat(5000)))))
    }

    #[test]
    fn the_sends_of_an_app_are_remembered_up_to_some_bytes_and_older_ones_are_doubtful() {
        let of_app = OfApp::new();
        of_app.doubtful_until.store(0, Ordering::Relaxed);
        let fitting = u32::try_from(REMEMBERED_BYTES).unwrap() / weight(&key(10_000), &unknown());
        for token in 0..2 * fitting {
            of_app.outcomes.insert(key(token), unknown());
        }
        of_app.outcomes.run_pending_tasks();
        assert!(of_app.outcomes.weighted_size() <= REMEMBERED_BYTES);
        assert!(of_app.outcomes.get(&key(2 * fitting - 1)).is_some(), "the newest stays");
        assert_ne!(of_app.doubtful_until.load(Ordering::Relaxed), 0);
    }
}
