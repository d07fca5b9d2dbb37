//! `hookd clients`

use std::time::Duration;

use api_types::control::{BansQuery, EndedBan, NewBan, ShownBan};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Api, ServerArguments};
use crate::exit::InputError;
use crate::output;

/// Keep clients out of the app, or let them in again.
///
/// A client that is banned cannot log in: it gets 4106 (BLACKLISTED). The sessions that it has end at once. Its messages stay, and it
/// stays a member of its conversations.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd clients ban tom
  hookd clients ban tom jerry --for 7days
  hookd clients list
  hookd clients unban tom")]
pub struct Clients {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ban clients, for a time or for ever. An earlier ban of a client is replaced.
    #[command(after_help = "Example:\n  hookd clients ban tom jerry --for 7days")]
    Ban {
        /// Client ids.
        #[arg(value_name = "CLIENT", required = true)]
        clients: Vec<String>,
        /// How long, e.g. `30min`, `7days` [default: for ever].
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
        /// Print one line of JSON per client.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// End the bans of clients.
    #[command(after_help = "Example:\n  hookd clients unban tom")]
    Unban {
        /// Client ids.
        #[arg(value_name = "CLIENT", required = true)]
        clients: Vec<String>,
        /// Print one line of JSON per client.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List the clients that are banned, by their ids: since when, and until when.
    #[command(after_help = "Examples:\n  hookd clients list\n  hookd clients list --after tom --limit 20 --json")]
    List {
        /// How many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// Only those whose ids come after this one.
        #[arg(long, value_name = "CLIENT")]
        after: Option<String>,
        /// Print one line of JSON per client.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

impl Clients {
    /// Runs the action, and prints the server's answer.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Ban { clients, time, json, server } => {
                let seconds = time.map(seconds).transpose()?;
                let api = Api::new(server.target()?)?;
                for client in clients {
                    let answer = api.ban_client(&NewBan { client, seconds }).await?;
                    if json { output::json(&answer)? } else { output::data(&line(&answer.read()?))? }
                }
                Ok(())
            }
            Action::Unban { clients, json, server } => {
                let api = Api::new(server.target()?)?;
                let mut unknown = Vec::new();
                for client in clients {
                    let EndedBan { was_banned } = api.unban_client(&client).await?.read()?;
                    match (json, was_banned) {
                        (true, _) => output::json(&json!({ "client": client, "was_banned": was_banned }))?,
                        (false, true) => output::data(&format!("{} may log in again", shown(&client)))?,
                        (false, false) => {}
                    }
                    if !was_banned {
                        unknown.push(shown(&client));
                    }
                }
                if unknown.is_empty() {
                    return Ok(());
                }
                let problem = format!("not banned: {}", unknown.join(", "));
                Err(InputError::new(problem).hint("`hookd clients list` shows who is").into())
            }
            Action::List { limit, after, json, server } => {
                let query = BansQuery { limit: Some(limit), after };
                let bans = Api::new(server.target()?)?.bans(&query).await?;
                if json {
                    return bans.iter().try_for_each(output::json);
                }
                if bans.is_empty() {
                    output::note("no client is banned");
                    return Ok(());
                }
                output::data(&row("CLIENT", "BANNED", "UNTIL"))?;
                let mut last = None;
                for ban in &bans {
                    let ban = ban.read()?;
                    output::data(&line(&ban))?;
                    last = Some(shown(&ban.client));
                }
                if let Some(last) = last.filter(|_| u32::try_from(bans.len()).is_ok_and(|shown| shown == limit)) {
                    output::note(&format!("(the first {limit}; the next ones: --after {last})"));
                }
                Ok(())
            }
        }
    }
}

/// Whole seconds, at least one.
fn seconds(time: Duration) -> Result<u64, InputError> {
    match time.as_secs() {
        0 => Err(InputError::new("a ban takes a second at least").hint("leave --for out to ban for ever")),
        seconds => Ok(seconds),
    }
}

fn line(ban: &ShownBan) -> String {
    let until = ban.until.as_deref().map_or_else(|| "for ever".to_owned(), to_seconds);
    row(&shown(&ban.client), &to_seconds(&ban.banned_at), &until)
}

fn row(client: &str, banned_at: &str, until: &str) -> String {
    format!("{client:<24}  {banned_at:<20}  {until}")
}

/// Fractions do not help readers here.
fn to_seconds(time: &str) -> String {
    time.split('.').next().unwrap_or_default().replace('T', " ") + "Z"
}

/// An id as it is, or in quotes where a terminal would not show it so: it may hold any characters.
fn shown(client: &str) -> String {
    let is_plain = |character: char| !character.is_control() && !character.is_whitespace() && character != '"';
    if !client.is_empty() && client.chars().all(is_plain) { client.to_owned() } else { format!("{client:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_and_until_when() {
        let mut ban = ShownBan {
            client: "tom".to_owned(),
            banned_at: "2026-11-21T05:14:36.123Z".to_owned(),
            until: Some("2026-11-22T05:14:36.123Z".to_owned()),
        };
        assert_eq!(line(&ban), "tom                       2026-11-21 05:14:36Z  2026-11-22 05:14:36Z");
        (ban.client, ban.until) = ("a\u{1b}[2J\nb".to_owned(), None);
        assert_eq!(line(&ban), "\"a\\u{1b}[2J\\nb\"           2026-11-21 05:14:36Z  for ever");
    }
}
