//! Leases that are renewed as a test says, and when that happened, in tokio's time.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use hookd_im_core::store::StoreError;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How a renewal goes.
#[derive(Clone, Copy, Debug)]
pub enum Renewal {
    /// It is answered after this time.
    After(Duration),
    /// It fails.
    Fails,
}

/// What was done about leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The node's own was renewed.
    Renewed,
    /// Nodes from before the start were ended.
    EndedEarlier,
    /// Lost nodes are ended.
    EndedLost,
}

#[derive(Default)]
pub struct ScriptedNodes {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    is_scripted: bool,
    renewals: VecDeque<Renewal>,
    /// To end other nodes takes so long.
    ending: Duration,
    steps: Vec<(Instant, Step)>,
}

impl ScriptedNodes {
    /// From now on there are no nodes but this one. The next renewals go as given, later ones are answered at once.
    pub fn script(&self, renewals: impl IntoIterator<Item = Renewal>, ending: Duration) {
        let mut state = self.state.lock().unwrap();
        *state = State { is_scripted: true, renewals: renewals.into_iter().collect(), ending, steps: Vec::new() };
    }

    /// What was done so far, once that is so much.
    pub async fn until(&self, enough: impl Fn(&[(Instant, Step)]) -> bool) -> Vec<(Instant, Step)> {
        loop {
            let news = self.news.notified();
            let steps = self.state.lock().unwrap().steps.clone();
            if enough(&steps) {
                return steps;
            }
            news.await;
        }
    }

    pub(crate) fn is_scripted(&self) -> bool {
        self.state.lock().unwrap().is_scripted
    }

    pub(crate) async fn renew(&self) -> Result<bool, StoreError> {
        let renewal = self.state.lock().unwrap().renewals.pop_front();
        match renewal {
            Some(Renewal::Fails) => return Err(StoreError::OutcomeUnknown { operation: "renew a lease" }),
            Some(Renewal::After(time)) => sleep(time).await,
            None => {}
        }
        self.note(Step::Renewed);
        Ok(true)
    }

    pub(crate) async fn end(&self, step: Step) -> Result<usize, StoreError> {
        self.note(step);
        let ending = self.state.lock().unwrap().ending;
        sleep(ending).await;
        Ok(0)
    }

    fn note(&self, step: Step) {
        self.state.lock().unwrap().steps.push((Instant::now(), step));
        self.news.notify_waiters();
    }
}
