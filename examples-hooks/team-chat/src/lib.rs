//! The other examples as one module: an app has one module live at a time, with all its hooks.

use hook_sdk::prelude::*;

#[hook]
pub use audit_log::message_sent;
#[hook]
pub use minimum_members::conversation_start;
#[hook]
pub use protected_staff::conversation_remove;
#[hook]
pub use word_filter::message_received;

#[cfg(test)]
mod tests {
    use hook_sdk::{Context, call, functions};

    #[test]
    fn every_hook_is_in_the_module() {
        let names: Vec<_> = functions().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["_conversationRemove", "_conversationStart", "_messageReceived", "_messageSent"]);
    }

    #[test]
    fn hooks_answer_as_in_their_own_crates() {
        let params = r#"{"initBy":"Tom","members":["Tom","Jerry"],"attr":{}}"#;
        let reply = call("_conversationStart", params, &Context::default()).unwrap();
        assert_eq!(reply, r#"{"reject":true,"code":1234,"detail":"a group needs at least three members"}"#);
    }
}
