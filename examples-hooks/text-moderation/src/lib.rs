//! Lets a moderation service decide about messages.

use std::collections::HashMap;
use std::time::Duration;

use hook_sdk::prelude::*;
use hook_sdk::{env, http};
use serde::Deserialize;
use serde_json::json;

/// The app's variables: where the service is, and what it knows us by.
const URL: &str = "MODERATION_URL";
const SECRET: &str = "MODERATION_SECRET";
/// The sender waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
const UNREADABLE_CODE: i32 = 9002;

#[derive(Deserialize)]
struct Verdict {
    result: Option<i64>,
    filtered_text: Option<String>,
}

/// Passes, replaces or drops a message, as the service says.
#[hook]
pub fn message_received(message: MessageReceivedParams) -> Result<MessageReceivedReply> {
    if message.bin {
        return Ok(MessageReceivedReply::pass());
    }
    let service = Service::of_app(env::vars())?;
    service.review(&message)
}

/// The service as the app's variables name it.
struct Service {
    url: String,
    secret: String,
}

impl Service {
    fn of_app(variables: Vec<(String, String)>) -> Result<Self> {
        let variables: HashMap<_, _> = variables.into_iter().collect();
        let value = |name: &str| {
            let value = variables.get(name).filter(|value| !value.is_empty()).cloned();
            value.ok_or_else(|| Failure::new(1, format!("{name} is not set; `hookd env set {name}=…` sets it")))
        };
        Ok(Self { url: value(URL)?, secret: value(SECRET)? })
    }

    /// Asks about the texts as the message's readers see them.
    fn review(&self, message: &MessageReceivedParams) -> Result<MessageReceivedReply> {
        let Ok(mut content) = message.read_content() else {
            return Ok(MessageReceivedReply::drop(UNREADABLE_CODE, "this message cannot be read"));
        };
        let texts = content.texts();
        let question = json!({"text": texts.join("\n"), "user": message.from_peer});
        let is_one_text = texts.len() == 1;
        let request = http::post(&self.url).header("x-moderation-secret", &self.secret).timeout(PATIENCE);
        let answer = request.json(&question)?.send()?;
        if answer.status() != 200 {
            let text = format!("the moderation service answered {}", answer.status());
            return Err(Failure::new(1, text).with_status(502));
        }
        Ok(match answer.json::<Verdict>()? {
            Verdict { result: Some(0), .. } => MessageReceivedReply::pass(),
            Verdict { filtered_text: Some(filtered), .. } if is_one_text => {
                content.rewrite(|_| filtered.clone());
                MessageReceivedReply::content(content.to_string())
            }
            // Also where it is not known which of several texts the filtered one is.
            _ => MessageReceivedReply { drop: true, ..MessageReceivedReply::pass() },
        })
    }
}

#[cfg(test)]
mod tests {
    use hook_sdk::http::{Error, Request, Response};

    use super::*;

    fn service() -> Service {
        Service { url: "https://moderation.example.com/check".to_owned(), secret: "abc".to_owned() }
    }

    fn reply_when(answer: Result<Response, Error>) -> Result<MessageReceivedReply> {
        let _service = http::stand_in(move |_: &Request| answer.clone());
        service().review(&MessageReceivedParams { content: "Holy crap!".to_owned(), ..Default::default() })
    }

    fn reply_to(verdict: &str) -> MessageReceivedReply {
        reply_when(Ok(Response::new(200).with_body(verdict))).unwrap()
    }

    #[test]
    fn the_service_is_asked_about_text_and_sender() {
        let _service = http::stand_in(|request| {
            assert_eq!((request.method(), request.url()), ("POST", "https://moderation.example.com/check"));
            assert_eq!(request.header_value("X-Moderation-Secret"), Some("abc"));
            let question: serde_json::Value = serde_json::from_slice(request.body_bytes()).unwrap();
            assert_eq!(question, json!({"text": "hi", "user": "Tom"}));
            Ok(Response::new(200).with_body(r#"{"result": 0}"#))
        });
        let message =
            MessageReceivedParams { content: "hi".to_owned(), from_peer: "Tom".to_owned(), ..Default::default() };
        assert_eq!(service().review(&message), Ok(MessageReceivedReply::pass()));
    }

    #[test]
    fn both_variables_must_be_set() {
        let variables = |names: &[&str]| names.iter().map(|&name| (name.to_owned(), "value".to_owned())).collect();
        assert!(Service::of_app(variables(&[URL, SECRET])).is_ok());
        for (present, missing) in [(URL, SECRET), (SECRET, URL)] {
            let failure = Service::of_app(variables(&[present])).map(|_| ()).unwrap_err();
            assert!(failure.message().contains(&format!("hookd env set {missing}=")), "{}", failure.message());
        }
    }

    #[test]
    fn verdicts() {
        assert_eq!(reply_to(r#"{"result": 0, "filtered_text": "unused"}"#), MessageReceivedReply::pass());
        assert_eq!(
            reply_to(r#"{"result": 1, "filtered_text": "Holy **!"}"#),
            MessageReceivedReply::content("Holy **!")
        );
        assert!(reply_to(r#"{"result": 2}"#).drop);
    }

    /// F-19
    #[test]
    fn the_service_sees_what_readers_see() {
        let review = |content: &str, expected: &'static str, verdict: &'static str| {
            let _service = http::stand_in(move |request| {
                let question: serde_json::Value = serde_json::from_slice(request.body_bytes()).unwrap();
                assert_eq!(question["text"], expected);
                Ok(Response::new(200).with_body(verdict))
            });
            service().review(&MessageReceivedParams { content: content.to_owned(), ..Default::default() }).unwrap()
        };
        let filtered = r#"{"result": 1, "filtered_text": "Holy **! \"hm\" \ud83d"}"#;
        let rich = r#"{"_lctype":-1,"_lctext":"Holy cr\u0061p! \ud83d"}"#;
        let rewritten = review(rich, "Holy crap! \u{fffd}", filtered).content.unwrap();
        assert_eq!(rewritten, "{\"_lctext\":\"Holy **! \\\"hm\\\" \u{fffd}\",\"_lctype\":-1}");
        let two = r#"{"_lctype":-1,"_lctext":"hi","_lcattrs":{"title":"Holy cr\u0061p!"}}"#;
        assert!(review(two, "Holy crap!\nhi", filtered).drop);
        let unreadable = MessageReceivedParams { content: "{_lctext:'crap'}".to_owned(), ..Default::default() };
        assert!(service().review(&unreadable).unwrap().drop);
    }

    #[test]
    fn no_verdict_is_a_failure() {
        let failure = reply_when(Ok(Response::new(503))).unwrap_err();
        assert_eq!((failure.status(), failure.message()), (502, "the moderation service answered 503"));
        assert!(reply_when(Err(Error::TimedOut { host: "moderation.example.com".to_owned() })).is_err());
        assert!(reply_when(Ok(Response::new(200).with_body("<html>"))).is_err());
    }

    #[test]
    fn binary_messages_pass_unasked() {
        let message = MessageReceivedParams { bin: true, ..Default::default() };
        assert_eq!(message_received(message), Ok(MessageReceivedReply::pass()));
    }
}
