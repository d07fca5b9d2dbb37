//! Lets a moderation service decide about messages.

use std::time::Duration;

use hook_sdk::http;
use hook_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;

/// Taken from the environment of the build, as the secret is.
const URL: &str = match option_env!("MODERATION_URL") {
    Some(url) => url,
    None => "https://moderation.example.com/check",
};
const SECRET: &str = match option_env!("MODERATION_SECRET") {
    Some(secret) => secret,
    None => "",
};
/// The sender waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

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
    let question = json!({"text": message.content, "user": message.from_peer});
    let answer = http::post(URL).header("x-moderation-secret", SECRET).timeout(PATIENCE).json(&question)?.send()?;
    if answer.status() != 200 {
        return Err(Failure::new(1, format!("the moderation service answered {}", answer.status())).with_status(502));
    }
    Ok(match answer.json::<Verdict>()? {
        Verdict { result: Some(0), .. } => MessageReceivedReply::pass(),
        Verdict { filtered_text: Some(text), .. } => MessageReceivedReply::content(text),
        _ => MessageReceivedReply { drop: true, ..MessageReceivedReply::pass() },
    })
}

#[cfg(test)]
mod tests {
    use hook_sdk::http::{Error, Request, Response};

    use super::*;

    fn reply_when(answer: Result<Response, Error>) -> Result<MessageReceivedReply> {
        let _service = http::stand_in(move |_: &Request| answer.clone());
        message_received(MessageReceivedParams { content: "Holy crap!".to_owned(), ..Default::default() })
    }

    fn reply_to(verdict: &str) -> MessageReceivedReply {
        reply_when(Ok(Response::new(200).with_body(verdict))).unwrap()
    }

    #[test]
    fn the_service_is_asked_about_text_and_sender() {
        let _service = http::stand_in(|request| {
            assert_eq!((request.method(), request.url()), ("POST", URL));
            assert_eq!(request.header_value("X-Moderation-Secret"), Some(SECRET));
            let question: serde_json::Value = serde_json::from_slice(request.body_bytes()).unwrap();
            assert_eq!(question, json!({"text": "hi", "user": "Tom"}));
            Ok(Response::new(200).with_body(r#"{"result": 0}"#))
        });
        let message =
            MessageReceivedParams { content: "hi".to_owned(), from_peer: "Tom".to_owned(), ..Default::default() };
        assert_eq!(message_received(message), Ok(MessageReceivedReply::pass()));
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
