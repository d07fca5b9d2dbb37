//! The metric of clients' rates.

use metrics::{counter, describe_counter};

use super::Operation;

const EXCEEDED: &str = "hookd_client_rate_exceeded_total";

/// Gives the metric its help text. Called once, after the recorder is installed.
pub fn describe() {
    describe_counter!(EXCEEDED, "Requests of clients over a limit of their app, by the name of the limit.");
}

pub(super) fn exceeded(operation: Operation) {
    counter!(EXCEEDED, "limit" => operation.setting()).increment(1);
}
