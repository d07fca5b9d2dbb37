//! The meaning of an engine's HTTP answer (EC 1.8, 1.9).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use hookd_im_core::hooks::{FailureCause, HookFailure};

/// hookd's own engine reports the outcome of the call in this header; status and code cannot distinguish all causes.
const OUTCOME: &str = "X-Hookd-Outcome";

/// The outcome of a call to a function that does not exist.
const NOT_DEFINED: &str = "not_defined";

/// How other engines' texts begin in that case: Node's, Python's (EC 1.10).
const UNKNOWN_FUNCTION: [&str; 2] = ["No such cloud function", "cloud func named"];

/// The code of a call that hit the engine's time limit.
const TIMED_OUT: i64 = 124;

/// A gateway's code for the same.
const TIMED_OUT_AT_GATEWAY: i64 = 141;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Deserialize)]
struct Success<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Definitions {
    result: Vec<String>,
}

#[derive(Deserialize)]
struct Failure {
    /// A number, or in some SDKs a text (EC-16).
    code: Value,
    error: String,
}

impl Answer {
    /// The JSON text of `result`, `null` when there is none (EC-14). An undefined function changes nothing.
    pub(super) fn result(&self) -> Result<Bytes, HookFailure> {
        if self.status == StatusCode::OK {
            return self.json_of_result();
        }
        let failure: Option<Failure> = foreign_json::from_slice(&self.body).ok();
        if self.is_not_defined(failure.as_ref()) {
            return Ok(Bytes::from_static(b"null"));
        }
        Err(self.failure(failure))
    }

    /// A piece of the body where that can be: a reply may be long.
    fn json_of_result(&self) -> Result<Bytes, HookFailure> {
        let null = || Bytes::from_static(b"null");
        if let Ok(Success { result }) = serde_json::from_slice(&self.body) {
            return Ok(result.map_or_else(null, |result| self.body.slice_ref(result.get().as_bytes())));
        }
        let members: BTreeMap<String, Box<RawValue>> =
            foreign_json::from_slice(&self.body).map_err(|error| bad_reply(&error))?;
        Ok(members.get("result").map_or_else(null, |result| Bytes::copy_from_slice(result.get().as_bytes())))
    }

    /// A function may fail with status 404 of its own accord, so the status alone does not count.
    fn is_not_defined(&self, failure: Option<&Failure>) -> bool {
        match self.outcome() {
            Some(outcome) => outcome == NOT_DEFINED,
            None => {
                let by_engine = |failure: &Failure| UNKNOWN_FUNCTION.iter().any(|text| failure.error.starts_with(text));
                self.status == StatusCode::NOT_FOUND && failure.is_some_and(by_engine)
            }
        }
    }

    /// The names of the functions that are defined.
    pub(super) fn definitions(&self) -> Result<Vec<String>, HookFailure> {
        if self.status == StatusCode::OK {
            let definitions: Definitions = foreign_json::from_slice(&self.body).map_err(|error| bad_reply(&error))?;
            return Ok(definitions.result);
        }
        Err(self.failure(foreign_json::from_slice(&self.body).ok()))
    }

    fn failure(&self, failure: Option<Failure>) -> HookFailure {
        let code = failure.as_ref().and_then(|failure| failure.code.as_i64());
        let cause =
            self.outcome().and_then(cause_by_name).unwrap_or_else(|| cause(self.status, code, failure.is_some()));
        let message = match (cause, failure) {
            (FailureCause::Unavailable, _) => format!("the engine answered with status {}", self.status.as_u16()),
            (_, Some(failure)) => failure.error,
            (_, None) => format!("status {}", self.status.as_u16()),
        };
        HookFailure { cause, message }
    }

    fn outcome(&self) -> Option<&str> {
        self.headers.get(OUTCOME)?.to_str().ok()
    }
}

fn cause_by_name(name: &str) -> Option<FailureCause> {
    let causes = [
        FailureCause::Failed,
        FailureCause::TimedOut,
        FailureCause::Trapped,
        FailureCause::OutOfMemory,
        FailureCause::Overloaded,
        FailureCause::BadReply,
        FailureCause::Unavailable,
    ];
    causes.into_iter().find(|cause| cause.name() == name)
}

/// The cause by status, and by the code of a body that an engine wrote.
fn cause(status: StatusCode, code: Option<i64>, by_engine: bool) -> FailureCause {
    match (status.as_u16(), code) {
        (503, Some(TIMED_OUT)) | (502..=504, Some(TIMED_OUT_AT_GATEWAY)) | (504 | 524, _) => FailureCause::TimedOut,
        (429 | 529, _) => FailureCause::Overloaded,
        (401 | 403 | 502 | 503, _) => FailureCause::Unavailable,
        _ if by_engine => FailureCause::Failed,
        _ => FailureCause::Unavailable,
    }
}

fn bad_reply(error: &foreign_json::Error) -> HookFailure {
    HookFailure { cause: FailureCause::BadReply, message: format!("the engine's answer cannot be read: {error}") }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::{Answer, OUTCOME};
    use hookd_im_core::hooks::FailureCause;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_result_is_handed_on_as_it_came() {
        for (body, result) in [
            (r#"{"result":{"drop":true}}"#, r#"{"drop":true}"#),
            (r#"{"result":[1, 2]}"#, "[1, 2]"),
            (r#"{"result":null}"#, "null"),
            ("{}", "null"),
        ] {
            assert_eq!(answer(200, body).result().unwrap(), result, "{body}");
        }
    }

    /// F-18
    #[test]
    fn an_answer_is_read_as_javascript_reads_it() {
        let deep = format!(r#"{{"result":{{"drop":true,"seen":{}{}}}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        for (body, result) in [
            (r#"{"\ud83d":1,"result":{"content":"a\ud83d"}}"#, r#"{"content":"a\ufffd"}"#),
            (r#"{"result":1,"result":{"drop":true}}"#, r#"{"drop":true}"#),
            ("\u{feff}{\"result\":[1]}", "[1]"),
            (deep.as_str(), &deep[r#"{"result":"#.len()..deep.len() - 1]),
        ] {
            let answer = Answer { body: Bytes::copy_from_slice(body.as_bytes()), ..answer(200, "") };
            assert_eq!(answer.result().unwrap(), result, "{body}");
        }
        let answer = Answer { body: Bytes::from_static(b"{\"x\":\"\xff\",\"result\":7}"), ..answer(200, "") };
        assert_eq!(answer.result().unwrap(), "7");
    }

    #[test]
    fn an_answer_that_is_not_json_is_a_bad_reply() {
        for body in ["", "<html>", "[]", r#"{"result":"#] {
            assert_eq!(answer(200, body).result().unwrap_err().cause, FailureCause::BadReply, "{body}");
        }
    }

    #[test]
    fn a_function_that_is_not_defined_has_no_opinion() {
        for body in [
            r#"{"code":1,"error":"No such cloud function '_messageReceived'"}"#,
            r#"{"code":404,"error":"cloud func named '_messageReceived' not found."}"#,
        ] {
            assert_eq!(answer(404, body).result().unwrap(), "null", "{body}");
        }
        assert_eq!(answer(404, "<h1>Not Found</h1>").result().unwrap_err().cause, FailureCause::Unavailable);
    }

    #[test]
    fn a_function_that_fails_with_status_404_has_failed() {
        let mut answer = answer(404, r#"{"code":1,"error":"no such user"}"#);
        assert_eq!(answer.result().unwrap_err().cause, FailureCause::Failed);
        answer.body = Bytes::from_static(br#"{"code":1,"error":"No such cloud function"}"#);
        answer.headers.insert(OUTCOME, HeaderValue::from_static("failed"));
        assert_eq!(answer.result().unwrap_err().cause, FailureCause::Failed);
        answer.headers.insert(OUTCOME, HeaderValue::from_static("not_defined"));
        assert_eq!(answer.result().unwrap(), "null");
    }

    #[test]
    fn failures_by_status_and_code() {
        for (status, body, cause) in [
            (503, r#"{"code":124,"error":"The request timed out on the server."}"#, FailureCause::TimedOut),
            (524, r#"{"code":141,"error":"timeout"}"#, FailureCause::TimedOut),
            (504, "", FailureCause::TimedOut),
            (503, "", FailureCause::Unavailable),
            (502, "<html>", FailureCause::Unavailable),
            (429, "", FailureCause::Overloaded),
            (401, r#"{"code":401,"error":"Unauthorized."}"#, FailureCause::Unavailable),
            (400, r#"{"code":1,"error":"no"}"#, FailureCause::Failed),
            (500, r#"{"code":"ECONNREFUSED","error":"connect"}"#, FailureCause::Failed),
            (500, r#"{"code":141,"error":"Cloud Code script had an error."}"#, FailureCause::Failed),
            (500, "<html>", FailureCause::Unavailable),
            (301, "", FailureCause::Unavailable),
        ] {
            assert_eq!(answer(status, body).result().unwrap_err().cause, cause, "{status} {body}");
        }
    }

    #[test]
    fn our_own_engine_names_the_outcome() {
        for cause in ["failed", "timeout", "trap", "out_of_memory", "overloaded", "bad_reply", "unavailable"] {
            let mut answer = answer(500, r#"{"code":1,"error":"x"}"#);
            answer.headers.insert(OUTCOME, HeaderValue::from_static(cause));
            assert_eq!(answer.result().unwrap_err().cause.name(), cause);
        }
    }

    #[test]
    fn the_text_of_a_function_is_kept() {
        assert_eq!(answer(400, r#"{"code":1,"error":"no luck"}"#).result().unwrap_err().message, "no luck");
    }
}
