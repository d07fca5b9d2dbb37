//! What is too old for its app, on a running server.

use serde_json::Value;

use crate::harness::{Clock, Server};

/// S-13, S-69.
#[test]
fn old_messages_and_idle_conversations_are_deleted_as_days_pass() {
    let clock = Clock::new();
    let variables = clock.variables();
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut days = 0;
    Server::start_with_variables(&variables, &[]).play_obliging("old_messages", &[], &mut |_, asked, passing| {
        assert_eq!(asked, "days pass");
        days += passing.parse::<u32>().unwrap();
        clock.set_ahead(days);
        Value::Null
    });
}
