//! Refuses conversations of fewer than three.

use hook_sdk::prelude::*;

const MINIMUM: usize = 3;
const TOO_FEW_CODE: i32 = 1234;

/// Counts the members, with the creator among them.
#[hook]
pub fn conversation_start(conversation: ConversationStartParams) -> Result<ConversationStartReply> {
    if conversation.members.len() < MINIMUM {
        return Ok(ConversationStartReply::reject(TOO_FEW_CODE, "a group needs at least three members"));
    }
    Ok(ConversationStartReply::pass())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(members: &[&str]) -> ConversationStartReply {
        let members = members.iter().map(ToString::to_string).collect();
        conversation_start(ConversationStartParams { members, ..Default::default() }).unwrap()
    }

    #[test]
    fn two_are_too_few() {
        let refused = ConversationStartReply::reject(1234, "a group needs at least three members");
        assert_eq!(reply(&["Tom", "Jerry"]), refused);
    }

    #[test]
    fn three_are_enough() {
        assert_eq!(reply(&["Tom", "Jerry", "Spike"]), ConversationStartReply::pass());
    }
}
