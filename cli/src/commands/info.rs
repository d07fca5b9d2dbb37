//! `hookd info`

use std::time::{Duration, SystemTime};

use api_types::control::{AppSummary, Breaker, BreakerState, LiveVersion};
use api_types::rfc3339;
use clap::Args;
use serde_json::json;

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
        let app = if version.is_ok() { Some(api.app().await.and_then(|app| app.read())) } else { None };
        let known = app.as_ref().and_then(|app| app.as_ref().ok());
        let live = |of: fn(&AppSummary) -> &Option<LiveVersion>| known.and_then(|app| Some(of(app).as_ref()?.version));
        let (production, staging) = (live(|app| &app.production), live(|app| &app.staging));
        if self.json {
            output::json(&json!({
                "hookd": env!("CARGO_PKG_VERSION"),
                "url": url,
                "url_from": found.url_from,
                "app_id": app_id,
                "app_from": found.app_from,
                "server": version.as_ref().ok(),
                "production": production,
                "staging": staging,
                "breakers": breakers,
            }))?;
        } else {
            output::data(&format!("server      {url}  (from {})", found.url_from))?;
            output::data(&format!("app         {app_id}  (from {})", found.app_from))?;
            output::data(&format!("hookd       {}", env!("CARGO_PKG_VERSION")))?;
            if let Ok(version) = &version {
                output::data(&format!("at server   {version}"))?;
            }
            if known.is_some() {
                let shown = |live: Option<u64>| live.map_or_else(|| "-".to_owned(), |version| version.to_string());
                output::data(&format!("production  {}", shown(production)))?;
                output::data(&format!("staging     {}", shown(staging)))?;
            }
            let breakers = breakers.map(|breakers| breakers.read()).transpose()?;
            for (number, line) in breaker_lines(breakers.as_deref(), SystemTime::now()).iter().enumerate() {
                output::data(&format!("{:<12}{line}", if number == 0 { "breakers" } else { "" }))?;
            }
        }
        version?;
        app.transpose().map(|_| ())
    }
}

/// A line for each open breaker, or one line that says that all are closed.
fn breaker_lines(breakers: Option<&[Breaker]>, now: SystemTime) -> Vec<String> {
    let Some(breakers) = breakers else { return Vec::new() };
    let open: Vec<String> = breakers.iter().filter_map(|breaker| breaker_line(breaker, now)).collect();
    match (open.is_empty(), breakers.is_empty()) {
        (false, _) => open,
        (true, false) => vec!["all closed".to_owned()],
        (true, true) => vec!["-".to_owned()],
    }
}

fn breaker_line(breaker: &Breaker, now: SystemTime) -> Option<String> {
    let next_try = match (breaker.state, breaker.next_try_ms) {
        (BreakerState::Closed, _) => return None,
        (BreakerState::Open, Some(wait)) if wait > 0 => {
            format!("tried again in {}", humantime::format_duration(Duration::from_secs(wait.div_ceil(1_000))))
        }
        (BreakerState::Open, _) => "tried again by the next call".to_owned(),
        (BreakerState::HalfOpen, _) => "a call tries it now".to_owned(),
    };
    let open_for = Duration::from_millis(breaker.open_for_ms.unwrap_or_default());
    let since = now.checked_sub(open_for).map_or_else(|| "?".to_owned(), rfc3339::seconds);
    Some(format!(
        "{}: open since {since} ({}), {} failures in a row, last `{}`; {next_try}",
        breaker.hook,
        humantime::format_duration(Duration::from_secs(open_for.as_secs())),
        breaker.failures_in_a_row,
        breaker.last_cause.as_deref().unwrap_or("?"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(state: BreakerState, next_try_ms: Option<u64>) -> Breaker {
        Breaker {
            hook: "_messageReceived".to_owned(),
            state,
            failures_in_a_row: 10,
            last_cause: Some("unavailable".to_owned()),
            open_for_ms: (state != BreakerState::Closed).then_some(61_900),
            next_try_ms,
        }
    }

    fn lines(breakers: &[Breaker]) -> Vec<String> {
        breaker_lines(Some(breakers), humantime::parse_rfc3339("2026-11-21T05:01:01.900Z").unwrap())
    }

    #[test]
    fn only_breakers_that_hold_calls_back_are_shown() {
        let closed = breaker(BreakerState::Closed, None);
        let since =
            "_messageReceived: open since 2026-11-21T05:00:00Z (1m 1s), 10 failures in a row, last `unavailable`";
        let all = [
            closed.clone(),
            breaker(BreakerState::Open, Some(1_200)),
            breaker(BreakerState::Open, Some(0)),
            breaker(BreakerState::HalfOpen, None),
        ];
        let next = ["tried again in 2s", "tried again by the next call", "a call tries it now"];
        assert_eq!(lines(&all), next.map(|next| format!("{since}; {next}")));
        assert_eq!(lines(&[closed]), ["all closed"]);
        assert_eq!(lines(&[]), ["-"], "no hooks");
        assert!(breaker_lines(None, SystemTime::now()).is_empty(), "an engine alone");
    }
}
