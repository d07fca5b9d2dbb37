//! Replaces an impolite word in messages, and refuses advertising.

use hook_sdk::prelude::*;
use serde_json::{Map, Value};

const IMPOLITE: &str = "crap";
const REPLACEMENT: &str = "**";

const ADVERTISING: &str = "cheap watches";
const ADVERTISING_CODE: i32 = 9001;

/// Rewrites or refuses a message by the words in it.
#[hook]
pub fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    if message.bin {
        return Ok(MessageReceivedReply::pass());
    }
    let content = Content::read(&message.content);
    let Some(text) = content.text() else {
        return Ok(MessageReceivedReply::pass());
    };
    if text.contains(ADVERTISING) {
        return Ok(MessageReceivedReply::drop(ADVERTISING_CODE, "no advertising here"));
    }
    if text.contains(IMPOLITE) {
        let polite = text.replace(IMPOLITE, REPLACEMENT);
        return Ok(MessageReceivedReply::content(content.with_text(polite)?));
    }
    Ok(MessageReceivedReply::pass())
}

/// The two forms of a message that have words in them.
enum Content {
    Plain(String),
    /// A JSON object, with the words in `_lctext`.
    Rich(Map<String, Value>),
}

impl Content {
    fn read(content: &str) -> Self {
        match serde_json::from_str(content) {
            Ok(Value::Object(members)) => Self::Rich(members),
            _ => Self::Plain(content.to_owned()),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Rich(members) => members.get("_lctext")?.as_str(),
        }
    }

    fn with_text(self, text: String) -> Result<String> {
        match self {
            Self::Plain(_) => Ok(text),
            Self::Rich(mut members) => {
                members.insert("_lctext".to_owned(), Value::String(text));
                Ok(serde_json::to_string(&members)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(content: &str) -> MessageReceivedReply {
        message_received(MessageReceivedParams { content: content.to_owned(), ..Default::default() }).unwrap()
    }

    #[test]
    fn impolite_word_in_a_plain_message() {
        assert_eq!(reply("Holy crap!"), MessageReceivedReply::content("Holy **!"));
    }

    #[test]
    fn impolite_word_in_a_rich_message_leaves_the_rest_as_it_is() {
        let content = r#"{"_lctype":-1,"_lctext":"Holy crap!","_lcattrs":{"crap":1}}"#;
        let rewritten: Value = serde_json::from_str(&reply(content).content.unwrap()).unwrap();
        let expected = r#"{"_lctype":-1,"_lctext":"Holy **!","_lcattrs":{"crap":1}}"#;
        assert_eq!(rewritten, serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn impolite_word_in_disguise() {
        let content = reply(r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p!"}"#).content.unwrap();
        assert!(content.contains("Holy **!"), "{content}");
    }

    #[test]
    fn advertising() {
        let refused = MessageReceivedReply::drop(9001, "no advertising here");
        assert_eq!(reply("Buy cheap watches now"), refused);
        assert_eq!(reply(r#"{"_lctype":-1,"_lctext":"cheap watches, holy crap"}"#), refused);
    }

    #[test]
    fn polite_messages_pass() {
        for content in ["Hello!", r#"{"_lctype":-1,"_lctext":"Hello!"}"#, r#"{"_lctype":-2}"#, "[\"list\"]", ""] {
            assert_eq!(reply(content), MessageReceivedReply::pass(), "{content}");
        }
    }

    #[test]
    fn binary_messages_pass() {
        let message = MessageReceivedParams { bin: true, content: "crap".to_owned(), ..Default::default() };
        assert_eq!(message_received(message), Ok(MessageReceivedReply::pass()));
    }
}
