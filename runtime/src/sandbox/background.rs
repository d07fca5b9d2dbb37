//! Work that a function began and did not wait for: it goes on in the same instance after the reply (EC-36).

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use wasmtime::Store;

use super::Sandbox;
use super::exports::Finish;
use super::guest_call::GuestCall;
use super::state::CallState;
use crate::logs::LogLevel;
use crate::outcome::Outcome;

/// No work of a call goes on for longer after its arrival (EC-19).
pub(crate) const BACKGROUND_END: Duration = Duration::from_secs(15);

/// How the outcome of a call gets out before its work is done.
pub(crate) type Early = oneshot::Sender<Outcome>;

/// The two ends of that.
pub(crate) fn early_outcome() -> (Early, oneshot::Receiver<Outcome>) {
    oneshot::channel()
}

impl Sandbox {
    /// Lets the guest do what it began. Its caller gets `outcome` through `early` as soon as this takes longer than a moment.
    ///
    /// # Errors
    /// How the work ended, when not well: the instance serves no other call.
    pub(super) async fn finish(
        &self,
        (store, finish): (&mut Store<CallState>, &Finish),
        call: &GuestCall<'_>,
        (early, outcome): (Option<Early>, &Outcome),
    ) -> Result<(), Outcome> {
        let ended = {
            let mut finishing = pin!(finish.call(&mut *store));
            match poll_fn(|context| Poll::Ready(finishing.as_mut().poll(context))).await {
                Poll::Ready(ended) => Ok(ended),
                Poll::Pending => {
                    if let Some(early) = early {
                        // Where nothing waits for it the caller is gone, and this future with it.
                        let _ = early.send(outcome.clone());
                    }
                    let until = (Instant::now() + call.limits.background()).min(call.work_until);
                    timeout_at(until, finishing).await
                }
            }
        };
        let failed = match ended {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => self.outcome_of(&error, store.data(), call.limits),
            Err(_) => Outcome::Trapped {
                message: format!(
                    "work that it began was not done {} ms after its reply (limit `background_ms`), or 15 s after its call",
                    call.limits.background_ms
                ),
            },
        };
        counter!("hookd_background_failures_total").increment(1);
        call.log.engine(LogLevel::Error, &format!("after the reply: {failed}"));
        Err(failed)
    }
}
