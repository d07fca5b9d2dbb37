//! `hookd dead-letters`

use std::collections::HashSet;

use api_types::control::{DeadLetter, DeadLetterSelection, DeadLettersQuery, DroppedLetters, RetriedLetters};
use clap::{ArgGroup, Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, Api, ServerArguments};
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
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                let query = DeadLettersQuery { limit: most, hook, params };
                let letters = Api::new(server.target()?)?.dead_letters(&query).await?;
                if json {
                    return letters.iter().try_for_each(output::json);
                }
                if letters.is_empty() {
                    output::note("no dead letters");
                    return Ok(());
                }
                output::data(&row("ID", "GIVEN UP", "HOOK", "ATTEMPTS", "CAUSE", "REASON"))?;
                letters.iter().try_for_each(|letter| output::data(&line(&letter.read()?)))?;
                if letters.len() == most {
                    output::note(&format!(
                        "(the newest {limit}; --limit shows up to 1000, `retry` and `drop` take --all)"
                    ));
                }
                Ok(())
            }
            Action::Retry(selection) => {
                let answer = selection.api()?.retry_dead_letters(&selection.asked()).await?;
                selection.print(&answer, |RetriedLetters { retried }| retried, "queued again")
            }
            Action::Drop(selection) => {
                let answer = selection.api()?.drop_dead_letters(&selection.asked()).await?;
                selection.print(&answer, |DroppedLetters { dropped }| dropped, "dropped")
            }
        }
    }
}

impl Selection {
    fn api(&self) -> anyhow::Result<Api> {
        Api::new(self.server.target()?)
    }

    fn asked(&self) -> DeadLetterSelection {
        match self.all {
            true => DeadLetterSelection { ids: None, all: true, hook: self.hook.clone() },
            false => DeadLetterSelection { ids: Some(self.ids.clone()), ..DeadLetterSelection::default() },
        }
    }

    fn print<T: DeserializeOwned>(
        &self,
        answer: &Answer<T>,
        count: impl FnOnce(T) -> usize,
        done: &str,
    ) -> anyhow::Result<()> {
        let count = count(answer.read()?);
        if self.json {
            output::json(answer)?;
        } else {
            output::data(&format!("{count} {done}"))?;
        }
        let asked = self.ids.iter().collect::<HashSet<_>>().len();
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

fn line(letter: &DeadLetter<Value>) -> String {
    // To the second: fractions do not help readers here.
    let at = letter.died_at.split('.').next().unwrap_or_default().replace('T', " ") + "Z";
    // A function's own text may have many lines.
    let reason = letter.reason.replace(['\n', '\r'], " ");
    let (id, attempts) = (letter.id.to_string(), letter.attempts.to_string());
    let mut shown = row(&id, &at, &letter.hook, &attempts, &letter.cause, &reason);
    if let Some(params) = &letter.params {
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
        let mut letter = DeadLetter {
            id: 1_795_245_396_123,
            hook: "_messageSent".to_owned(),
            cause: "failed".to_owned(),
            reason: "no\nroom".to_owned(),
            attempts: 8,
            queued_at: "2026-11-21T05:14:36.123Z".to_owned(),
            died_at: "2026-11-21T05:16:36.123Z".to_owned(),
            params: None,
        };
        let expected = "1795245396123   2026-11-21 05:16:36Z  _messageSent                 8  failed         no room";
        assert_eq!(line(&letter), expected);
        letter.params = Some(json!({"content": "hi"}));
        assert_eq!(line(&letter), format!("{expected}\n    {{\"content\":\"hi\"}}"));
    }
}
