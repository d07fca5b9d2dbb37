//! Replaces an impolite word in messages, and refuses advertising.

use hook_sdk::prelude::*;

const IMPOLITE: &str = "crap";
const REPLACEMENT: &str = "**";

const ADVERTISING: &str = "cheap watches";
const ADVERTISING_CODE: i32 = 9001;
const UNREADABLE_CODE: i32 = 9002;

/// Rewrites or refuses a message by the words in it, as its readers see them.
#[hook]
pub fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    let Ok(mut content) = message.read_content() else {
        // To fail would let it pass, unless the app's policy is to abort.
        return Ok(MessageReceivedReply::drop(UNREADABLE_CODE, "this message cannot be read"));
    };
    if content.contains(ADVERTISING) {
        return Ok(MessageReceivedReply::drop(ADVERTISING_CODE, "no advertising here"));
    }
    if content.rewrite(|text| text.replace(IMPOLITE, REPLACEMENT)) {
        return Ok(MessageReceivedReply::content(content.to_string()));
    }
    Ok(MessageReceivedReply::pass())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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

    /// F-19: every encoding that a client shows as the word.
    #[test]
    fn impolite_word_in_disguise() {
        for content in [
            r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p!"}"#,
            r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p! \ud83d"}"#,
            r#"{"_lctype":-1,"_lctext":"fine","_lctext":"Holy cr\u0061p!"}"#,
            r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p!","n":1e400}"#,
            r#"{"_lctype":-1,"_lctext":"fine","_lcattrs":{"title":["Holy cr\u0061p!"]}}"#,
            r#"{"_lctype":-2,"_lcfile":{"metaData":{"name":"Holy cr\u0061p!"}}}"#,
            r#""Holy cr\u0061p!""#,
            r#"["Holy cr\u0061p!"]"#,
        ] {
            let rewritten = reply(content).content.unwrap_or_default();
            assert!(rewritten.contains("Holy **!"), "{content}: {rewritten}");
            assert!(!rewritten.contains("crap") && !rewritten.contains(r"\u0061"), "{content}: {rewritten}");
        }
    }

    /// F-19: some client SDKs read more than JSON, and no filter can look so deep.
    #[test]
    fn a_message_that_cannot_be_read_is_refused() {
        let deep = format!(r#"{{"a":{}"crap"{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        let disguises = [
            r#"{_lctype:-1,_lctext:"Holy cr\u0061p!"}"#,
            r#"{'_lctype':-1,'_lctext':'Holy cr\u0061p!'}"#,
            "\u{feff}{\"_lctype\":-1,\"_lctext\":\"Holy cr\\u0061p!\"}",
            r#" {"_lctype":-1,"_lctext":"Holy cr\u0061p!",}"#,
            r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p!"} //"#,
            &deep,
        ];
        for content in disguises {
            let refused = MessageReceivedReply::drop(9002, "this message cannot be read");
            assert_eq!(reply(content), refused, "{content}");
        }
    }

    #[test]
    fn the_address_of_a_file_stays_as_it_is() {
        let content = r#"{"_lctype":-2,"_lcfile":{"url":"https://files.example.org/crap.png","objId":"crap"}}"#;
        assert_eq!(reply(content), MessageReceivedReply::pass());
    }

    #[test]
    fn advertising() {
        let refused = MessageReceivedReply::drop(9001, "no advertising here");
        assert_eq!(reply("Buy cheap watches now"), refused);
        assert_eq!(reply(r#"{"_lctype":-1,"_lctext":"cheap watches, holy crap"}"#), refused);
    }

    #[test]
    fn polite_messages_pass() {
        for content in ["Hello!", r#"{"_lctype":-1,"_lctext":"Hello!"}"#, r#"{"_lctype":-2}"#, "[smile] hi", "7", ""] {
            assert_eq!(reply(content), MessageReceivedReply::pass(), "{content}");
        }
    }

    #[test]
    fn binary_messages_pass() {
        let message = MessageReceivedParams { bin: true, content: "crap".to_owned(), ..Default::default() };
        assert_eq!(message_received(message), Ok(MessageReceivedReply::pass()));
    }
}
