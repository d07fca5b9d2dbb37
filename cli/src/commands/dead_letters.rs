//! `hookd dead-letters`

use std::collections::HashSet;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::client::{Api, ServerArguments};
use crate::exit::InputError;
use crate::output;

/// Show, retry or drop calls of notification hooks that were given up.
///
/// A notification hook (`_messageSent`, `_clientOnline` …) that fails is called again, with growing waits. After
/// `notification_attempts` failures, or when the call is older than `notification_max_age_ms`, the call becomes a dead
/// letter: `hookd settings` shows both. While no engine answers, calls wait, and their attempts are not counted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd dead-letters list
  hookd dead-letters list --hook _messageSent --params --json
  hookd dead-letters retry 1795245396123 1795245396124
  hookd dead-letters retry --all --hook _messageSent
  hookd dead-letters drop --all")]
pub struct DeadLetters {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List dead letters, newest first: when, which hook, why, after how many attempts.
    #[command(after_help = "Example:\n  hookd dead-letters list --hook _messageSent --limit 20")]
    List {
        /// How many, newest first.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// Only those of this hook.
        #[arg(long, value_name = "NAME")]
        hook: Option<String>,
        /// Show the params too. They hold what users wrote.
        #[arg(long)]
        params: bool,
        /// Print one line of JSON per dead letter.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Call the hooks again: the same params and sequence number, the attempts counted from zero.
    #[command(after_help = "Examples:\n  hookd dead-letters retry 1795245396123\n  hookd dead-letters retry --all \
                            --hook _messageSent\n\nWhat does not fit into the queue stays a dead letter.")]
    Retry(Selection),
    /// Delete dead letters for good.
    #[command(after_help = "Examples:\n  hookd dead-letters drop 1795245396123\n  hookd dead-letters drop --all")]
    Drop(Selection),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").args(["ids", "all"]).required(true)))]
struct Selection {
    /// Ids, as `list` shows them.
    #[arg(value_name = "ID")]
    ids: Vec<u64>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// With --all: only those of this hook.
    #[arg(long, value_name = "NAME", requires = "all")]
    hook: Option<String>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl DeadLetters {
    /// Runs the action, and prints the server's answer.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List { limit, hook, params, json, server } => {
                let letters = Api::new(server.target()?)?.dead_letters(limit, hook.as_deref(), params).await?;
                if json {
                    return letters.iter().try_for_each(output::json);
                }
                if letters.is_empty() {
                    output::note("no dead letters");
                    return Ok(());
                }
                output::data(&row("ID", "GIVEN UP", "HOOK", "ATTEMPTS", "CAUSE", "REASON"))?;
                letters.iter().try_for_each(|letter| output::data(&line(letter)))?;
                if letters.len() == usize::try_from(limit).unwrap_or(usize::MAX) {
                    output::note(&format!(
                        "(the newest {limit}; --limit shows up to 1000, `retry` and `drop` take --all)"
                    ));
                }
                Ok(())
            }
            Action::Retry(selection) => selection.carry_out("retry", "retried", "queued again").await,
            Action::Drop(selection) => selection.carry_out("drop", "dropped", "dropped").await,
        }
    }
}

impl Selection {
    async fn carry_out(self, action: &str, counted: &str, done: &str) -> anyhow::Result<()> {
        let mut body = Map::new();
        if self.all {
            body.insert("all".to_owned(), json!(true));
            body.extend(self.hook.as_ref().map(|hook| ("hook".to_owned(), json!(hook))));
        } else {
            body.insert("ids".to_owned(), json!(self.ids));
        }
        let answer = Api::new(self.server.target()?)?.change_dead_letters(action, &body.into()).await?;
        let count = answer.get(counted).and_then(Value::as_u64).unwrap_or_default();
        if self.json {
            output::json(&answer)?;
        } else {
            output::data(&format!("{count} {done}"))?;
        }
        let asked = u64::try_from(self.ids.iter().collect::<HashSet<_>>().len()).unwrap_or(u64::MAX);
        if !self.all && count < asked {
            let problem = format!("of the ids {} belong to no dead letter of this app", asked - count);
            return Err(InputError::new(problem).hint("`hookd dead-letters list` shows them").into());
        }
        Ok(())
    }
}

fn row(id: &str, at: &str, hook: &str, attempts: &str, cause: &str, reason: &str) -> String {
    format!("{id:<14}  {at:<20}  {hook:<20}  {attempts:>8}  {cause:<13}  {reason}")
}

fn line(letter: &Value) -> String {
    let text = |key: &str| letter.get(key).and_then(Value::as_str).unwrap_or("?");
    let number = |key: &str| letter.get(key).and_then(Value::as_u64).unwrap_or_default().to_string();
    // To the second: fractions do not help readers here.
    let at = text("died_at").split('.').next().unwrap_or_default().replace('T', " ") + "Z";
    // A function's own text may have many lines.
    let reason = text("reason").replace(['\n', '\r'], " ");
    let mut shown = row(&number("id"), &at, text("hook"), &number("attempts"), text("cause"), &reason);
    if let Some(params) = letter.get("params") {
        shown.push_str(&format!("\n    {params}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_failed_and_why() {
        let mut letter = json!({
            "id": 1_795_245_396_123_u64, "hook": "_messageSent", "cause": "failed", "reason": "no\nroom", "attempts": 8,
            "queued_at": "2026-11-21T05:14:36.123Z", "died_at": "2026-11-21T05:16:36.123Z",
        });
        let expected = "1795245396123   2026-11-21 05:16:36Z  _messageSent                 8  failed         no room";
        assert_eq!(line(&letter), expected);
        letter["params"] = json!({"content": "hi"});
        assert_eq!(line(&letter), format!("{expected}\n    {{\"content\":\"hi\"}}"));
    }
}
