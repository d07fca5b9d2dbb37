//! The metrics of hook calls.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

use super::{BreakerState, FailureCause};
use crate::ids::AppId;

const CALLS: &str = "hookd_hook_calls_total";
const SECONDS: &str = "hookd_hook_call_seconds";
const LET_THROUGH: &str = "hookd_hook_let_through_total";
const ABORTED: &str = "hookd_hook_aborted_total";
const BREAKER: &str = "hookd_hook_breaker_state";
const SHORT_CIRCUITED: &str = "hookd_hook_short_circuited_total";
const QUEUED: &str = "hookd_hook_notifications_queued_total";
const DROPPED: &str = "hookd_hook_notifications_dropped_total";
const RETRIED: &str = "hookd_hook_notifications_retried_total";
const DEAD: &str = "hookd_hook_notifications_dead_total";
const LETTERS_DROPPED: &str = "hookd_hook_dead_letters_dropped_total";
const WAITING: &str = "hookd_hook_notifications_waiting";
const OLDEST: &str = "hookd_hook_notifications_oldest_seconds";

/// Gives every metric of this module its help text. Called once, after the recorder is installed.
pub fn describe() {
    describe_counter!(CALLS, "Hook calls, by hook and outcome: `replied` or the cause of the failure.");
    describe_histogram!(SECONDS, Unit::Seconds, "Time from a hook call to its outcome, by hook.");
    describe_counter!(LET_THROUGH, "Requests that went on although their blocking hook failed, by hook and cause.");
    describe_counter!(ABORTED, "Requests refused because their blocking hook failed, by hook and cause.");
    describe_gauge!(
        BREAKER,
        "Circuit breaker by app and hook: 0 closed, 1 half open, 2 open. Absent: it never opened."
    );
    describe_counter!(SHORT_CIRCUITED, "Hook calls that failed at once because the hook's breaker was open, by hook.");
    describe_counter!(QUEUED, "Calls of notification hooks that were stored, by hook.");
    describe_counter!(DROPPED, "Calls of notification hooks beyond a limit, or that could not be stored, by hook.");
    describe_counter!(RETRIED, "Attempts at notification hooks that failed and are made again, by hook.");
    describe_counter!(DEAD, "Calls of notification hooks that became dead letters, by hook and cause.");
    describe_counter!(LETTERS_DROPPED, "Dead letters deleted because an app had too many.");
    describe_gauge!(WAITING, "Calls of notification hooks that wait or run, by app; a few seconds old.");
    describe_gauge!(OLDEST, Unit::Seconds, "Age of the oldest call of a notification hook that waits, by app.");
}

pub(super) fn called(hook: &'static str, outcome: &'static str, took: Duration) {
    counter!(CALLS, "hook" => hook, "outcome" => outcome).increment(1);
    histogram!(SECONDS, "hook" => hook).record(took.as_secs_f64());
}

pub(super) fn let_through(hook: &'static str, cause: FailureCause) {
    counter!(LET_THROUGH, "hook" => hook, "cause" => cause.name()).increment(1);
}

pub(super) fn aborted(hook: &'static str, cause: FailureCause) {
    counter!(ABORTED, "hook" => hook, "cause" => cause.name()).increment(1);
}

pub(super) fn queued(hook: &'static str) {
    counter!(QUEUED, "hook" => hook).increment(1);
}

pub(super) fn retried(hook: &'static str) {
    counter!(RETRIED, "hook" => hook).increment(1);
}

pub(super) fn dead(hook: &'static str, cause: &str) {
    counter!(DEAD, "hook" => hook, "cause" => cause.to_owned()).increment(1);
}

pub(super) fn letters_dropped(letters: usize) {
    counter!(LETTERS_DROPPED).increment(u64::try_from(letters).unwrap_or(u64::MAX));
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(super) fn waiting(app: &AppId, calls: u64, oldest: Duration) {
    gauge!(WAITING, "app" => app.to_string()).set(calls as f64);
    gauge!(OLDEST, "app" => app.to_string()).set(oldest.as_secs_f64());
}

pub(super) fn dropped(hook: &'static str) {
    counter!(DROPPED, "hook" => hook).increment(1);
}

pub(super) fn breaker(app: &AppId, hook: &'static str, state: BreakerState) {
    let value = match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    };
    gauge!(BREAKER, "app" => app.to_string(), "hook" => hook).set(value);
}

pub(super) fn short_circuited(hook: &'static str) {
    counter!(SHORT_CIRCUITED, "hook" => hook).increment(1);
}
