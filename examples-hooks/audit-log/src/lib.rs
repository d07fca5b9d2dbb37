//! Logs the sender, the conversation and the number of receivers of each message; never its text.

use hook_sdk::prelude::*;

/// Writes one line for each message that was delivered. The number of the call shows a line that was written twice.
#[hook]
pub fn message_sent(message: MessageSentParams, context: &Context) -> Result<()> {
    println!("{}, call {}", entry(&message), context.sequence.unwrap_or_default());
    Ok(())
}

fn entry(message: &MessageSentParams) -> String {
    let MessageSentParams { msg_id, from_peer, conv_id, online_peers, offline_peers, .. } = message;
    let (online, offline) = (online_peers.len(), offline_peers.len());
    format!("message {msg_id} from {from_peer} in {conv_id}: {online} online, {offline} offline")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_says_who_and_where_but_not_what() {
        let message = MessageSentParams {
            from_peer: "Tom".to_owned(),
            conv_id: "c1".to_owned(),
            msg_id: "m1".to_owned(),
            online_peers: vec!["Jerry".to_owned()],
            content: "secret".to_owned(),
            ..Default::default()
        };
        assert_eq!(entry(&message), "message m1 from Tom in c1: 1 online, 0 offline");
        assert_eq!(message_sent(message, &Context::default()), Ok(()));
    }
}
