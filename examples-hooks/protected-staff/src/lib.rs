//! Prevents clients from removing staff from conversations.

use hook_sdk::prelude::*;

/// Client ids of the staff all begin like this.
const STAFF_PREFIX: &str = "staff-";
const PROTECTED_CODE: i32 = 1928;

/// Refuses the whole removal if a member of the staff is among those to be removed.
#[hook]
pub fn conversation_remove(removal: ConversationRemoveParams) -> Result<ConversationRemoveReply> {
    let protected = removal.members.iter().find(|member| member.starts_with(STAFF_PREFIX));
    Ok(match protected {
        Some(member) => ConversationRemoveReply::reject(PROTECTED_CODE, format!("{member} cannot be removed")),
        None => ConversationRemoveReply::pass(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(members: &[&str]) -> ConversationRemoveReply {
        let members = members.iter().map(ToString::to_string).collect();
        conversation_remove(ConversationRemoveParams { members, ..Default::default() }).unwrap()
    }

    #[test]
    fn staff_cannot_be_removed_even_among_others() {
        let refused = ConversationRemoveReply::reject(1928, "staff-ann cannot be removed");
        assert_eq!(reply(&["Jerry", "staff-ann"]), refused);
    }

    #[test]
    fn others_can_be_removed() {
        assert_eq!(reply(&["Jerry"]), ConversationRemoveReply::pass());
    }
}
