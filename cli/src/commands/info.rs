//! `hookd info`

use std::time::{Duration, SystemTime};

use api_types::rfc3339;
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, ServerArguments};
use crate::output;

/// Show which server and app the commands in this folder use, and why; also the live versions and the open circuit
/// breakers of hooks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd info
  hookd info --json | jq -r .url
  hookd info --json | jq '.breakers[] | select(.state != \"closed\")'

A hook's circuit breaker opens when the engine failed too often in a row: its calls then fail at once, and the app's
failure policy decides, until the engine answers again. `hookd settings --help` shows how to set both.")]
pub struct Info {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Info {
    /// Prints the server and the app also when the server does not answer, and the breakers also when the engine does
    /// not.
    pub async fn run(self) -> anyhow::Result<()> {
        let found = self.server.find()?;
        let (url, app_id) = (found.target.url.clone(), found.target.app_id.clone());
        let api = Api::new(found.target)?;
        // An IM core reports its breakers also when the engine, which reports the rest, does not answer.
        let (version, breakers) = tokio::join!(api.server_version(), api.breakers());
        let breakers = breakers.ok();
        let app = if version.is_ok() { Some(api.app().await) } else { None };
        let live = |environment: &str| -> Option<u64> {
            app.as_ref()?.as_ref().ok()?.get(environment)?.get("version").and_then(Value::as_u64)
        };
        if self.json {
            output::json(&json!({
                "hookd": env!("CARGO_PKG_VERSION"),
                "url": url,
                "url_from": found.url_from,
                "app_id": app_id,
                "app_from": found.app_from,
                "server": version.as_ref().ok(),
                "production": live("production"),
                "staging": live("staging"),
                "breakers": breakers,
            }))?;
        } else {
            output::data(&format!("server      {url}  (from {})", found.url_from))?;
            output::data(&format!("app         {app_id}  (from {})", found.app_from))?;
            output::data(&format!("hookd       {}", env!("CARGO_PKG_VERSION")))?;
            if let Ok(version) = &version {
                output::data(&format!("at server   {version}"))?;
            }
            if let Some(Ok(_)) = &app {
                let shown =
                    |environment: &str| live(environment).map_or_else(|| "-".to_owned(), |version| version.to_string());
                output::data(&format!("production  {}", shown("production")))?;
                output::data(&format!("staging     {}", shown("staging")))?;
            }
            for (number, line) in breaker_lines(breakers.as_ref(), SystemTime::now()).iter().enumerate() {
                output::data(&format!("{:<12}{line}", if number == 0 { "breakers" } else { "" }))?;
            }
        }
        version?;
        app.transpose().map(|_| ())
    }
}

/// A line for each open breaker, or one line that says that all are closed.
fn breaker_lines(breakers: Option<&Value>, now: SystemTime) -> Vec<String> {
    let Some(breakers) = breakers.and_then(Value::as_array) else { return Vec::new() };
    let open: Vec<String> = breakers.iter().filter_map(|breaker| breaker_line(breaker, now)).collect();
    match (open.is_empty(), breakers.is_empty()) {
        (false, _) => open,
        (true, false) => vec!["all closed".to_owned()],
        (true, true) => vec!["-".to_owned()],
    }
}

fn breaker_line(breaker: &Value, now: SystemTime) -> Option<String> {
    let text = |key: &str| breaker.get(key).and_then(Value::as_str);
    let number = |key: &str| breaker.get(key).and_then(Value::as_u64);
    let next_try = match (text("state")?, number("next_try_ms")) {
        ("closed", _) => return None,
        ("open", Some(wait)) if wait > 0 => {
            format!("tried again in {}", humantime::format_duration(Duration::from_secs(wait.div_ceil(1_000))))
        }
        ("open", _) => "tried again by the next call".to_owned(),
        _ => "a call tries it now".to_owned(),
    };
    let open_for = Duration::from_millis(number("open_for_ms").unwrap_or_default());
    let since = now.checked_sub(open_for).map_or_else(|| "?".to_owned(), rfc3339::seconds);
    Some(format!(
        "{}: open since {since} ({}), {} failures in a row, last `{}`; {next_try}",
        text("hook").unwrap_or("?"),
        humantime::format_duration(Duration::from_secs(open_for.as_secs())),
        number("failures_in_a_row").unwrap_or_default(),
        text("last_cause").unwrap_or("?"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(state: &str, next_try_ms: Option<u64>) -> Value {
        json!({
            "hook": "_messageReceived", "state": state, "failures_in_a_row": 10, "last_cause": "unavailable",
            "open_for_ms": (state != "closed").then_some(61_900), "next_try_ms": next_try_ms,
        })
    }

    fn lines(breakers: &Value) -> Vec<String> {
        breaker_lines(Some(breakers), humantime::parse_rfc3339("2026-11-21T05:01:01.900Z").unwrap())
    }

    #[test]
    fn only_breakers_that_hold_calls_back_are_shown() {
        let closed = breaker("closed", None);
        let since =
            "_messageReceived: open since 2026-11-21T05:00:00Z (1m 1s), 10 failures in a row, last `unavailable`";
        let all = json!([closed, breaker("open", Some(1_200)), breaker("open", Some(0)), breaker("half_open", None)]);
        let next = ["tried again in 2s", "tried again by the next call", "a call tries it now"];
        assert_eq!(lines(&all), next.map(|next| format!("{since}; {next}")));
        assert_eq!(lines(&json!([closed])), ["all closed"]);
        assert_eq!(lines(&json!([])), ["-"], "no hooks");
        assert!(breaker_lines(None, SystemTime::now()).is_empty(), "an engine alone");
    }
}
