//! Lets each client send five messages in ten seconds at most, counted in LeanCache.

use std::time::Duration;

use hook_sdk::leancache::{self, Command};
use hook_sdk::prelude::*;

const MESSAGES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(10);
const TOO_MANY: i32 = 429;

/// Drops the messages above the limit. When there is no cache the hook fails, and the app's failure policy decides.
#[hook]
pub fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    if count(&message.from_peer)? > MESSAGES {
        let seconds = WINDOW.as_secs();
        return Ok(MessageReceivedReply::drop(TOO_MANY, format!("at most {MESSAGES} messages in {seconds} seconds")));
    }
    Ok(MessageReceivedReply::pass())
}

/// How many messages the sender has sent since the window began, this one included. One round trip.
fn count(sender: &str) -> Result<u32, leancache::Error> {
    let key = format!("messages:{sender}");
    let begin = Command::new("SET").arg(&key).arg(0).arg("EX").arg(WINDOW.as_secs()).arg("NX");
    let (_, count): (bool, u32) = leancache::pipeline([begin, Command::new("INCR").arg(&key)])?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use hook_sdk::leancache::stand_in;

    use super::*;

    fn send(sender: &str) -> MessageReceivedReply {
        message_received(MessageReceivedParams { from_peer: sender.to_owned(), ..Default::default() }).unwrap()
    }

    #[test]
    fn the_sixth_message_of_one_sender_is_dropped_until_the_window_is_over() {
        for _ in 0..MESSAGES {
            assert_eq!(send("Tom"), MessageReceivedReply::pass());
        }
        assert_eq!(send("Tom"), MessageReceivedReply::drop(TOO_MANY, "at most 5 messages in 10 seconds"));
        assert_eq!(send("Jerry"), MessageReceivedReply::pass());
        stand_in::advance(WINDOW + Duration::from_secs(1));
        assert_eq!(send("Tom"), MessageReceivedReply::pass());
    }

    #[test]
    fn without_a_cache_the_hook_fails() {
        stand_in::break_down();
        assert!(message_received(MessageReceivedParams::default()).is_err());
    }
}
