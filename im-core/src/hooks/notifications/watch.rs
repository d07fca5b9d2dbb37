//! What a node does all the time: it keeps its lease, ends nodes that died, and makes what waits.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::journal::Journal;
use super::lease::{LEASE, Renewed};
use super::{Notifications, Shared, metrics};
use crate::ids::{AppId, NodeId};
use crate::store::StoreError;
use crate::timestamp::Timestamp;

/// The time between two looks for calls without a worker, with which the node's lease is renewed.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// So many renewals in a row must succeed before this node ends others: where the store was away for all of them, each has
/// had the time to renew its lease.
const RENEWALS_BEFORE_ENDING: u32 = 3;

/// How long a start waits for what an earlier process left.
const RECOVERY_TIME: Duration = Duration::from_secs(10);

/// How long lost nodes are ended before the lease of this one is renewed again; the rest is ended after it.
const ENDING_TIME: Duration = Duration::from_secs(5);

impl Notifications {
    /// Goes on where earlier processes died: stores `_clientOffline` for the sessions that they had open, and begins the lease
    /// of this node, without which it makes no calls. `earlier` is the node that ran on the same data before. To be waited for
    /// before the first request, so that what clients do next comes later.
    ///
    /// Other nodes are left to [`Self::watch`]: they may live though their leases are over, because the store was away.
    pub async fn recover(&self, earlier: Option<&NodeId>) {
        let store = &self.shared.store;
        let recovering = async {
            let of_earlier = match earlier {
                Some(earlier) => store.end_node(earlier).await?,
                None => 0,
            };
            self.keep_lease().await?;
            Ok(of_earlier + store.end_earlier_nodes(&self.shared.node).await?)
        };
        match timeout(RECOVERY_TIME, recovering).await {
            Ok(ended) => ended_sessions(ended),
            Err(_) => {
                tracing::error!("sessions of earlier processes are ended while clients log in: the store is slow")
            }
        }
    }

    /// Makes what waits, renews the node's lease and ends nodes that died, until the server stops.
    pub async fn watch(&self) {
        let watching = async {
            let mut renewals = 0_u32;
            loop {
                match self.keep_lease().await {
                    Ok(()) => renewals = renewals.saturating_add(1),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "the lease of this node is not renewed");
                        renewals = 0;
                    }
                }
                if renewals >= RENEWALS_BEFORE_ENDING {
                    self.end_lost_nodes().await;
                }
                Journal::try_again(&self.shared);
                self.resume().await;
                // Not at fixed times: also after a stall there is time between renewals, in which others renew their leases.
                sleep(WATCH_EVERY).await;
            }
        };
        self.shared.shutdown.run_until_cancelled(watching).await;
    }

    /// Renews the lease, or begins a new one where there is none. Each step has a deadline of the store.
    async fn keep_lease(&self) -> Result<(), StoreError> {
        let Shared { store, node, dispatcher, journal, .. } = self.shared.as_ref();
        let asked = Instant::now();
        if !store.renew_lease(node, LEASE).await? {
            if dispatcher.lease.lost() {
                tracing::error!(
                    "other nodes took this one for dead: its sessions are stored again, its calls claimed again"
                );
            }
            store.begin_lease(node, LEASE).await?;
        }
        match dispatcher.lease.renewed(asked) {
            Renewed::InTime => {}
            Renewed::Late => dispatcher.wake_all(),
            Renewed::Anew => {
                // Now, when what is stored stays: before, others ended also what was stored after they ended this node.
                journal.sessions_may_be_lost();
                dispatcher.wake_all();
            }
        }
        Ok(())
    }

    async fn end_lost_nodes(&self) {
        // Each step is a transaction: where the time is over the next look ends the rest.
        match timeout(ENDING_TIME, self.shared.store.end_lost_nodes(&self.shared.node)).await {
            Ok(ended) => ended_sessions(ended),
            Err(_) => tracing::warn!(
                "sessions that were lost with their process are many, or the store is slow: they are being ended"
            ),
        }
    }

    /// Works on all waiting calls, of this process and of others.
    pub async fn resume(&self) {
        let mut waiting: HashMap<AppId, (u64, Timestamp)> = HashMap::new();
        match self.shared.store.backlog().await {
            Ok(backlog) => {
                self.shared.dispatcher.resume(&backlog);
                for entry in backlog {
                    let (calls, oldest) = waiting.entry(entry.app).or_insert((0, entry.oldest));
                    *calls = calls.saturating_add(entry.waiting);
                    *oldest = entry.oldest.min(*oldest);
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the calls of notification hooks cannot be looked through");
                return;
            }
        }
        let now = Timestamp::now();
        waiting.iter().for_each(|(app, (calls, oldest))| metrics::waiting(app, *calls, now.since(*oldest)));
        let shown = waiting.into_keys().collect();
        let mut before = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        before.difference(&shown).for_each(|app| metrics::waiting(app, 0, Duration::ZERO));
        *before = shown;
    }
}

fn ended_sessions(ended: Result<usize, StoreError>) {
    match ended {
        Ok(0) => {}
        Ok(sessions) => {
            tracing::warn!(sessions, "sessions were lost with their process: their `_clientOffline` is queued");
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "sessions that were lost with their process cannot be ended yet");
        }
    }
}
