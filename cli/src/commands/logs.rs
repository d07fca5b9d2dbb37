//! `hookd logs`

use clap::Args;
use futures::StreamExt as _;
use serde_json::Value;

use crate::client::{Api, ServerArguments};
use crate::output;

/// Show what an app's hooks and functions wrote, and how their calls failed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd logs --hook _messageReceived
  hookd logs -f

The server keeps the newest 1000 lines of an app in memory, at most 1 MiB. It writes no params and no replies there, only
what a function writes itself.")]
pub struct Logs {
    /// How many of the lines that are kept, newest last.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Only lines of this hook or function.
    #[arg(long, value_name = "NAME")]
    hook: Option<String>,
    /// Only lines of this call.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Go on with the lines that come, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Print one line of JSON per line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Logs {
    /// Prints what is kept, then what comes.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut query = vec![("limit", self.limit.to_string()), ("follow", self.follow.to_string())];
        query.extend(self.hook.map(|hook| ("function", hook)));
        query.extend(self.request_id.map(|request_id| ("request_id", request_id)));
        let api = Api::new(self.server.target()?)?;
        let mut events = api.logs(&query).await?;
        while let Some(event) = events.next().await {
            let event = event?;
            if self.json {
                output::json(&event)?;
            } else if let Some(dropped) = event.get("lines").and_then(Value::as_u64) {
                output::note(&format!("({dropped} older lines are no longer kept)"));
            } else {
                output::data(&line(&event));
            }
        }
        if self.follow {
            output::note("the server stopped");
        }
        Ok(())
    }
}

fn line(event: &Value) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or("?");
    let version = event.get("version").and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{} {:<5} {} v{version} {} {} {}: {}",
        text("time"),
        text("level").to_uppercase(),
        text("app_id"),
        text("function"),
        text("request_id"),
        text("source"),
        text("text")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_when_who_and_what() {
        let shown = line(&json!({
            "event": "line", "time": "2026-11-21T05:16:36.123Z", "level": "warn", "app_id": "demo", "version": 3,
            "function": "_messageSent", "request_id": "ab-1", "source": "stderr", "text": "hello",
        }));
        assert_eq!(shown, "2026-11-21T05:16:36.123Z WARN  demo v3 _messageSent ab-1 stderr: hello");
    }
}
