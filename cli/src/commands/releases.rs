//! `hookd releases`

use api_types::control::{PastRelease, ShownVariable, Version, VersionFunction};
use clap::{Args, Subcommand};

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
        details(&version.read()?).iter().try_for_each(|line| output::data(line))
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
        releases.iter().try_for_each(|release| output::data(&line(&release.read()?)))?;
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

fn line(past: &PastRelease) -> String {
    let release = &past.release;
    let functions = release.functions.join(", ");
    // The subject line; `hookd releases show` has the rest.
    let subject = past.message.lines().next().unwrap_or_default();
    let rest = if subject.is_empty() { functions } else { format!("{functions}  ({subject})") };
    let module: String = release.module.chars().take(12).collect();
    row([
        &format!("{}{}", release.version, if past.live { " *" } else { "" }),
        release.environment.name(),
        &past.act,
        &to_the_second(&past.at),
        who(past),
        &size(past.size_bytes),
        &module,
        release.isolation.name(),
        &rest,
    ])
}

/// A version line by line.
fn details(version: &Version) -> Vec<String> {
    let function = |one: &VersionFunction| format!("{}{}", one.name, if one.internal { " (internal)" } else { "" });
    let functions: Vec<String> = version.functions.iter().map(function).collect();
    let variable = |one: &ShownVariable| format!("{}={}", one.name, one.value.as_deref().unwrap_or("<secret>"));
    let variables: Vec<String> = version.variables.iter().map(variable).collect();
    let none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    let mut lines = vec![
        format!("version    {}", version.version),
        format!("module     {} ({})", version.module, size(version.size_bytes)),
        format!("isolation  {}", version.isolation),
        format!("made       {}", to_the_second(&version.created_at)),
        format!("functions  {}", none(functions.join(", "))),
        format!("variables  {}", none(variables.join(" "))),
    ];
    for past in &version.releases {
        lines.push(format!(
            "released   {}  {} in {} by {}{}",
            to_the_second(&past.at),
            past.act,
            past.release.environment,
            who(past),
            if past.live { "  * live" } else { "" },
        ));
        lines.extend(past.message.lines().map(|line| format!("             {line}")));
    }
    lines
}

/// Releases of earlier hookd versions have no author.
fn who(past: &PastRelease) -> &str {
    if past.author.is_empty() { "-" } else { &past.author }
}

/// Fractions do not help readers here.
fn to_the_second(time: &str) -> String {
    time.split('.').next().unwrap_or_default().replace('T', " ") + "Z"
}

fn size(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use api_types::control::Release;
    use api_types::{Environment, Isolation};

    use super::*;

    fn past(environment: Environment, author: &str, message: &str) -> PastRelease {
        PastRelease {
            release: Release {
                app_id: "demo".to_owned(),
                environment,
                version: 3,
                module: "0123456789abcdef".to_owned(),
                isolation: Isolation::Warm,
                functions: vec!["_messageReceived".to_owned(), "hello".to_owned()],
            },
            act: "deploy".to_owned(),
            at: "2026-11-21T05:16:36.123Z".to_owned(),
            size_bytes: 2_049,
            author: author.to_owned(),
            message: message.to_owned(),
            live: true,
        }
    }

    #[test]
    fn a_line_shows_what_is_live_and_the_beginning_of_the_hash() {
        let shown = line(&past(Environment::Production, "ada@build", "Filter more\n\nAll of them."));
        assert_eq!(
            shown,
            "3 *       production   deploy    2026-11-21 05:16:36Z  ada@build                 3 KiB  0123456789ab  warm       _messageReceived, hello  (Filter more)"
        );
    }

    #[test]
    fn a_version_is_shown_with_every_release_and_without_secrets() {
        let function = |name: &str, internal| VersionFunction { name: name.to_owned(), internal };
        let variable = |name: &str, value: Option<&str>| ShownVariable {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            secret: value.is_none(),
        };
        let shown = details(&Version {
            app_id: "demo".to_owned(),
            version: 3,
            module: "0123".to_owned(),
            size_bytes: 1,
            isolation: Isolation::PerCall,
            created_at: "2026-11-21T05:16:36.123Z".to_owned(),
            functions: vec![function("hello", false), function("sweep", true)],
            variables: vec![variable("MODE", Some("strict")), variable("TOKEN", None)],
            releases: vec![past(Environment::Staging, "", "Filter more\nAll of them")],
        });
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
