//! Calls of warm versions: an instance serves one after the other.

use metrics::Counter;

use super::Sandbox;
use super::guest_call::GuestCall;
use super::idle_instances::{IdleInstances, WarmInstance, WarmMetrics};
use super::instance::Instance;
use crate::outcome::Outcome;
use api_types::Limits;

/// An instance in the hands of a call. Dropped before the call came to its end, it is gone.
pub(super) struct TakenInstance<'a> {
    idle: &'a IdleInstances,
    warm: Box<WarmInstance>,
    given_up: GivenUp<'a>,
}

impl Sandbox {
    /// An instance that waits, or a new one, ready for a call.
    pub(super) fn take_warm<'a>(&self, idle: &'a IdleInstances, call: &GuestCall<'_>) -> TakenInstance<'a> {
        let metrics = idle.metrics();
        let warm = match idle.take(call.variables_number) {
            Some(mut warm) => {
                warm.instance.store.data_mut().renew(call.limits, call.log.clone(), call.work_until);
                Self::arm(&mut warm.instance.store, call.limits);
                warm
            }
            None => {
                metrics.fresh.increment(1);
                let store = self.store(call.limits, call.log.clone(), Some(call.work_until), call.share);
                Box::new(WarmInstance {
                    instance: Instance::new(store),
                    variables_number: call.variables_number,
                    calls: 0,
                })
            }
        };
        TakenInstance { idle, warm, given_up: GivenUp(&metrics.failed) }
    }
}

impl TakenInstance<'_> {
    pub(super) fn instance(&mut self) -> &mut Instance {
        &mut self.warm.instance
    }

    /// Puts it back when its call ended with a reply; a call that fails in any way takes the instance with it.
    pub(super) fn end(self, outcome: &Outcome, limits: &Limits) {
        let Self { idle, mut warm, given_up } = self;
        std::mem::forget(given_up);
        warm.instance.store.data_mut().end_call();
        warm.calls += 1;
        match reason_to_drop(&warm, outcome, limits, idle.metrics()) {
            Some(reason) => reason.increment(1),
            None => idle.put(warm),
        }
    }
}

/// Counts an instance whose call does not come to its end.
struct GivenUp<'a>(&'a Counter);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.increment(1);
    }
}

/// A function's own error counts as a failure too: in a language runtime it is often an exception that left half of its
/// work behind.
fn reason_to_drop<'a>(
    warm: &WarmInstance,
    outcome: &Outcome,
    limits: &Limits,
    metrics: &'a WarmMetrics,
) -> Option<&'a Counter> {
    let limiter = &warm.instance.store.data().limiter;
    if !matches!(outcome, Outcome::Replied(_)) || limiter.refused.is_some() {
        Some(&metrics.failed)
    } else if warm.calls >= limits.warm_calls {
        Some(&metrics.worn_out)
    } else if limiter.grown_bytes() > limits.warm_growth_bytes {
        Some(&metrics.grown)
    } else {
        None
    }
}
