//! The followers of the engine, and the state that each of them applied.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Between two polls a follower applies the new state; one that takes longer is gone.
const BETWEEN_POLLS: Duration = Duration::from_millis(300);

/// A change waits for the followers no longer than this.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Followers that are remembered; each is an IM core with the admin key.
const MAX_FOLLOWERS: usize = 1024;

/// The followers of one engine.
#[derive(Default)]
pub(super) struct Followers {
    seen: Mutex<State>,
    acknowledged: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    by_name: HashMap<String, Seen>,
    polls: u64,
}

/// One follower, as of its last poll.
struct Seen {
    /// The change that it applied; `None`: one of another process of the engine, or none yet.
    applied: Option<u64>,
    /// The number of the poll. One that is lost may be noticed to end after the next one has begun.
    poll: u64,
    /// When that poll ended; `None` while it waits.
    left: Option<Instant>,
}

/// A poll under way; its end, also by a broken connection, is noted.
pub(super) struct Polling<'a> {
    followers: &'a Followers,
    follower: String,
    poll: u64,
}

impl Followers {
    /// A poll of a follower, which acknowledges the change that it applied.
    pub(super) fn begin(&self, follower: &str, applied: Option<u64>) -> Polling<'_> {
        let mut state = self.state();
        let State { by_name, polls } = &mut *state;
        *polls += 1;
        let poll = *polls;
        by_name.retain(|_, seen| seen.left.is_none_or(|left| left.elapsed() < BETWEEN_POLLS));
        if by_name.len() < MAX_FOLLOWERS || by_name.contains_key(follower) {
            by_name.insert(follower.to_owned(), Seen { applied, poll, left: None });
        }
        drop(state);
        self.acknowledged.send_replace(());
        Polling { followers: self, follower: follower.to_owned(), poll }
    }

    /// Resolves once every present follower has applied `change`; after a second in any case.
    pub(super) async fn settled(&self, change: u64) {
        let mut acknowledged = self.acknowledged.subscribe();
        let settling = async {
            while let Some(gone_at) = self.first_to_wait_for(change) {
                let acknowledgement = async {
                    // The sender lives as long as this.
                    let _ = acknowledged.changed().await;
                };
                tokio::select! {
                    () = acknowledgement => {}
                    () = tokio::time::sleep_until(gone_at) => {}
                }
            }
        };
        if tokio::time::timeout(SETTLE_TIME, settling).await.is_err() {
            tracing::warn!("an IM core does not answer: it may apply the change later");
        }
    }

    /// When to check the next follower again that has not applied `change` yet.
    fn first_to_wait_for(&self, change: u64) -> Option<Instant> {
        let now = Instant::now();
        let patience = |seen: &Seen| seen.left.map_or(now + SETTLE_TIME, |left| left + BETWEEN_POLLS);
        let state = self.state();
        let late = state.by_name.values().filter(|seen| seen.applied.is_none_or(|applied| applied < change));
        late.map(patience).filter(|gone_at| *gone_at > now).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let mut state = self.followers.state();
        let newest = state.by_name.get_mut(&self.follower).filter(|seen| seen.poll == self.poll);
        if let Some(seen) = newest {
            seen.left = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;

    use super::*;

    /// F-25.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_lost_poll_is_not_that_of_the_one_after_it() {
        let followers = Followers::default();
        let lost = followers.begin("im", Some(1));
        let _waits = followers.begin("im", Some(1));
        drop(lost);
        tokio::time::advance(BETWEEN_POLLS * 2).await;
        let _other = followers.begin("another", Some(2));

        let mut settled = pin!(followers.settled(2));
        assert!(poll!(&mut settled).is_pending(), "the change is acknowledged without the IM core");
        let _applied = followers.begin("im", Some(2));
        assert!(poll!(&mut settled).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_is_gone_is_not_waited_for() {
        let followers = Followers::default();
        drop(followers.begin("im", Some(1)));
        let started = Instant::now();
        followers.settled(2).await;
        assert_eq!(started.elapsed(), BETWEEN_POLLS);
        followers.settled(2).await;
        assert_eq!(started.elapsed(), BETWEEN_POLLS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_hangs_is_waited_for_a_second() {
        let followers = Followers::default();
        let _hangs = followers.begin("im", Some(1));
        let started = Instant::now();
        followers.settled(2).await;
        assert_eq!(started.elapsed(), SETTLE_TIME);
    }
}
