//! `hookd releases`

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::{Api, ServerArguments};
use crate::output;

/// List the releases: version, environment, author, time, reason, size, module, isolation and functions.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  hookd releases
  hookd releases --limit 5 --json
  hookd releases show 3

Newest first. `*` marks what is live in its environment; `hookd rollback VERSION` brings a version back. The newest 100
releases of each environment are kept, and every version that one of them names.")]
pub struct Releases {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show everything that is recorded about a version.
    #[command(after_help = "Example:\n  hookd releases show 3")]
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// Number of the version.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Args)]
struct List {
    /// How many, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Print one line of JSON per release.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Releases {
    /// Prints the list, or the details of a version.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Some(Action::Show(show)) => show.run().await,
            None => self.list.run().await,
        }
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let version = Api::new(self.server.target()?)?.version(self.version).await?;
        if self.json {
            return output::json(&version);
        }
        details(&version).iter().try_for_each(|line| output::data(line))
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let api = Api::new(self.server.target()?)?;
        let releases = api.releases(self.limit).await?;
        if self.json {
            return releases.iter().try_for_each(output::json);
        }
        if releases.is_empty() {
            output::note("nothing was released yet; `hookd deploy` releases a module");
            return Ok(());
        }
        output::data(&row([
            "VERSION",
            "ENVIRONMENT",
            "ACT",
            "WHEN",
            "WHO",
            "SIZE",
            "MODULE",
            "ISOLATION",
            "FUNCTIONS",
        ]))?;
        releases.iter().try_for_each(|release| output::data(&line(release)))?;
        if releases.len() == usize::try_from(self.limit).unwrap_or(usize::MAX) {
            output::note(&format!("(the newest {}; --limit shows up to 1000)", self.limit));
        }
        // An older server cannot answer this, and the list does not need it.
        let problems = api.live_problems().await.unwrap_or_default();
        problems.iter().for_each(|problem| output::note(&format!("cannot be called: {problem}")));
        Ok(())
    }
}

fn row([version, environment, act, at, by, size, module, isolation, rest]: [&str; 9]) -> String {
    format!(
        "{version:<8}  {environment:<11}  {act:<8}  {at:<20}  {by:<20}  {size:>9}  {module:<12}  {isolation:<9}  {rest}"
    )
}

fn line(release: &Value) -> String {
    let functions: Vec<&str> = array(release, "functions").iter().filter_map(Value::as_str).collect();
    let functions = functions.join(", ");
    // The subject line; `hookd releases show` has the rest.
    let subject = text(release, "message").lines().next().unwrap_or_default();
    let rest = if subject.is_empty() { functions } else { format!("{functions}  ({subject})") };
    let module: String = text(release, "module").chars().take(12).collect();
    row([
        &marked_version(release),
        text(release, "environment"),
        text(release, "act"),
        &to_the_second(text(release, "at")),
        who(release),
        &size(release),
        &module,
        text(release, "isolation"),
        &rest,
    ])
}

/// A version line by line.
fn details(version: &Value) -> Vec<String> {
    let function = |one: &Value| {
        let internal = one.get("internal").and_then(Value::as_bool).unwrap_or_default();
        format!("{}{}", text(one, "name"), if internal { " (internal)" } else { "" })
    };
    let functions: Vec<String> = array(version, "functions").iter().map(function).collect();
    let variable = |one: &Value| {
        format!("{}={}", text(one, "name"), one.get("value").and_then(Value::as_str).unwrap_or("<secret>"))
    };
    let none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    let mut lines = vec![
        format!("version    {}", number(version, "version")),
        format!("module     {} ({})", text(version, "module"), size(version)),
        format!("isolation  {}", text(version, "isolation")),
        format!("made       {}", to_the_second(text(version, "created_at"))),
        format!("functions  {}", none(functions.join(", "))),
        format!("variables  {}", none(array(version, "variables").iter().map(variable).collect::<Vec<_>>().join(" "))),
    ];
    for release in array(version, "releases") {
        let is_live = release.get("live").and_then(Value::as_bool).unwrap_or_default();
        lines.push(format!(
            "released   {}  {} in {} by {}{}",
            to_the_second(text(release, "at")),
            text(release, "act"),
            text(release, "environment"),
            who(release),
            if is_live { "  * live" } else { "" },
        ));
        lines.extend(text(release, "message").lines().map(|line| format!("             {line}")));
    }
    lines
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("?")
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn marked_version(release: &Value) -> String {
    let is_live = release.get("live").and_then(Value::as_bool).unwrap_or_default();
    format!("{}{}", number(release, "version"), if is_live { " *" } else { "" })
}

/// Releases of earlier hookd versions have no author.
fn who(release: &Value) -> &str {
    match text(release, "author") {
        "" => "-",
        author => author,
    }
}

/// Fractions do not help readers here.
fn to_the_second(time: &str) -> String {
    time.split('.').next().unwrap_or_default().replace('T', " ") + "Z"
}

fn size(value: &Value) -> String {
    format!("{} KiB", number(value, "size_bytes").div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_shows_what_is_live_and_the_beginning_of_the_hash() {
        let shown = line(&json!({
            "version": 3, "environment": "production", "act": "deploy", "at": "2026-11-21T05:16:36.123Z",
            "size_bytes": 2_049, "module": "0123456789abcdef", "functions": ["_messageReceived", "hello"], "live": true,
            "isolation": "warm", "author": "ada@build", "message": "Filter more\n\nAll of them.",
        }));
        assert_eq!(
            shown,
            "3 *       production   deploy    2026-11-21 05:16:36Z  ada@build                 3 KiB  0123456789ab  warm       _messageReceived, hello  (Filter more)"
        );
    }

    #[test]
    fn a_version_is_shown_with_every_release_and_without_secrets() {
        let shown = details(&json!({
            "version": 3, "module": "0123", "size_bytes": 1, "isolation": "per-call", "created_at": "2026-11-21T05:16:36.123Z",
            "functions": [{"name": "hello", "internal": false}, {"name": "sweep", "internal": true}],
            "variables": [{"name": "MODE", "value": "strict"}, {"name": "TOKEN", "value": null, "secret": true}],
            "releases": [{
                "at": "2026-11-21T05:16:36.123Z", "act": "deploy", "environment": "staging", "author": "",
                "message": "Filter more\nAll of them", "live": true,
            }],
        }));
        let expected = [
            "version    3",
            "module     0123 (1 KiB)",
            "isolation  per-call",
            "made       2026-11-21 05:16:36Z",
            "functions  hello, sweep (internal)",
            "variables  MODE=strict TOKEN=<secret>",
            "released   2026-11-21 05:16:36Z  deploy in staging by -  * live",
            "             Filter more",
            "             All of them",
        ];
        assert_eq!(shown, expected);
    }
}
