//! What this node has committed, said again from time to time: the last events of a conversation have no successors that would
//! show that they were lost.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Newest;
use crate::ids::{AppId, ConversationId};
use crate::timestamp::Timestamp;

/// The wait after an event. It doubles with each further announcement of the same event.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Conversations that are announced. Those beyond it are not: their next event shows what is missing.
const CONVERSATIONS: usize = 100_000;

/// Conversations in one announcement.
const AT_ONCE: usize = 200;

type Key = (AppId, ConversationId);

/// The conversations that had events on this node lately.
pub(super) struct Announcements {
    window: Duration,
    recent: Mutex<Recent>,
    has_due: Notify,
}

#[derive(Default)]
struct Recent {
    committed: HashMap<Key, Committed>,
    due: BTreeSet<(Instant, Key)>,
}

struct Committed {
    sequence: u64,
    at: Timestamp,
    wait: Duration,
    due: Instant,
}

impl Announcements {
    /// Events are announced for so long.
    pub(super) fn new(window: Duration) -> Self {
        Self { window, recent: Mutex::default(), has_due: Notify::new() }
    }

    /// A stored event of this node.
    pub(super) fn committed(&self, app: &AppId, conversation: &ConversationId, sequence: u64, at: Timestamp) {
        let (key, due) = ((app.clone(), conversation.clone()), Instant::now() + FIRST_WAIT);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Recent { committed, due: all_due } = &mut *recent;
        let is_full = committed.len() >= CONVERSATIONS;
        match committed.entry(key.clone()) {
            Entry::Occupied(known) if known.get().sequence > sequence => return,
            Entry::Occupied(mut known) => {
                all_due.remove(&(known.get().due, key.clone()));
                known.insert(Committed { sequence, at, wait: FIRST_WAIT, due });
            }
            Entry::Vacant(_) if is_full => return,
            Entry::Vacant(place) => drop(place.insert(Committed { sequence, at, wait: FIRST_WAIT, due })),
        }
        all_due.insert((due, key));
        if all_due.first().is_some_and(|(first, _)| *first == due) {
            self.has_due.notify_one();
        }
    }

    /// Announces with `publish`, until it is dropped.
    pub(super) async fn run(&self, publish: impl Fn(Vec<Newest>)) {
        loop {
            let next = self.recent.lock().unwrap_or_else(PoisonError::into_inner).due.first().map(|(due, _)| *due);
            tokio::select! {
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = self.has_due.notified() => {}
            }
            let due = self.take_due(Instant::now());
            if !due.is_empty() {
                publish(due);
            }
        }
    }

    fn take_due(&self, now: Instant) -> Vec<Newest> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while taken.len() < AT_ONCE
            && let Some((_, key)) = recent.due.first().filter(|(due, _)| *due <= now).cloned()
        {
            recent.due.pop_first();
            let Recent { committed, due: all_due } = &mut *recent;
            let Some(known) = committed.get_mut(&key) else { continue };
            taken.push(Newest {
                app: key.0.clone(),
                conversation: key.1.clone(),
                sequence: known.sequence,
                at: known.at,
            });
            known.wait = known.wait.saturating_mul(2);
            known.due = now + known.wait;
            if known.wait < self.window {
                all_due.insert((known.due, key));
            } else {
                committed.remove(&key);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::mpsc::unbounded_channel;
    use tokio::time::{Instant, timeout};

    use super::{Announcements, FIRST_WAIT};
    use crate::ids::{AppId, ConversationId};
    use crate::timestamp::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn a_new_event_does_not_wait_for_the_next_announcement_of_another_conversation() {
        let announcements = Arc::new(Announcements::new(Duration::from_secs(60)));
        let commit = |conversation: &str| {
            let (app, conversation) = (AppId::new("demo"), ConversationId::new(conversation));
            announcements.committed(&app, &conversation, 2, Timestamp::now());
        };
        let (announced, mut announcing) = unbounded_channel();
        let running = announcements.clone();
        tokio::spawn(async move {
            running
                .run(|newest| newest.into_iter().for_each(|newest| announced.send(newest.conversation).unwrap()))
                .await;
        });
        let mut next = async || timeout(Duration::from_secs(60), announcing.recv()).await.unwrap().unwrap();
        commit("first");
        // Until the waits between its announcements are long.
        for _ in 0..6 {
            assert_eq!(next().await.as_str(), "first");
        }
        let committed = Instant::now();
        commit("second");
        assert_eq!(next().await.as_str(), "second");
        assert!(committed.elapsed() <= FIRST_WAIT + Duration::from_millis(1));
    }
}
