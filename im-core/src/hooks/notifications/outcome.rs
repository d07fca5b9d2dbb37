//! How an attempt at a call ended, and what follows from a failure.

use super::retry;
use crate::app::ImSettings;
use crate::hooks::HookFailure;
use crate::ids::Channel;
use crate::store::{Call, CallOutcome};
use crate::timestamp::Timestamp;

/// The longest text of a failure that is kept with a dead letter.
const REASON_LIMIT_BYTES: usize = 1024;

/// How an attempt ended.
pub(super) enum Ended {
    /// The outcome is to be written.
    Settled(CallOutcome),
    /// It is done, and a call that follows from it waits in this channel.
    Continued(Channel),
    /// The engine could not try the call at all: it waits, and so do the calls behind it.
    EngineAway,
}

/// The call is made again, or given up.
pub(super) fn after_failure(settings: &ImSettings, queued: &Call, too_old: bool, failure: HookFailure) -> Ended {
    let failed_attempts = queued.attempts.saturating_add(1);
    if too_old || failed_attempts >= settings.notification_attempts {
        return dead(failure);
    }
    let wait = retry::wait(settings, failed_attempts);
    Ended::Settled(CallOutcome::Again { at: Timestamp::now().plus(wait) })
}

fn dead(failure: HookFailure) -> Ended {
    let HookFailure { cause, message: mut reason } = failure;
    reason.truncate(reason.floor_char_boundary(REASON_LIMIT_BYTES));
    Ended::Settled(CallOutcome::Dead { cause: cause.name().to_owned(), reason })
}
