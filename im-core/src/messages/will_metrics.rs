//! The metric of will messages.

use metrics::{counter, describe_counter};

const ENDED: &str = "hookd_will_messages_total";

/// What became of the will of a lost client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Delivered,
    Refused,
    Failed,
    Late,
}

/// Gives the metric its help text. Called once, after the recorder is installed.
pub fn describe() {
    describe_counter!(ENDED, "Will messages of lost clients, by outcome: `delivered`, `refused`, `failed` or `late`.");
}

pub(super) fn ended(outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
        Outcome::Late => "late",
    };
    counter!(ENDED, "outcome" => outcome).increment(1);
}
