//! `hookd migrate scan`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use hookd_guest_build::builder_of;
use hookd_guest_build::javascript::{Package, Redis, Scan as Found, Verdict, scan_javascript};

use crate::exit::InputError;
use crate::output;

/// As its builder calls it.
const PYTHON: &str = "Python";

/// Look through a LeanEngine project: which hooks and functions work, what has to change, what it needs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd migrate scan my-app
  hookd migrate scan my-app --json

Nothing is written, installed or sent. The exit code is 0 where nothing has to change, and 1 where something has.
Projects in JavaScript and TypeScript are looked through.")]
pub struct Scan {
    /// Folder of the project.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Scan {
    /// Looks through the project, and prints what was found.
    pub async fn run(self) -> anyhow::Result<()> {
        if builder_of(&self.project).is_ok_and(|builder| builder.language() == PYTHON) {
            let problem =
                format!("`{}` is a project in Python, and only JavaScript is looked through", self.project.display());
            return Err(InputError::new(problem).hint("`hookd build` says what of it cannot run here").into());
        }
        let found = scan_javascript(&self.project).await.map_err(InputError::of_build)?;
        if self.json {
            output::json(&found)?;
        } else {
            output::data(text(&found).trim_end())?;
        }
        if found.clean {
            return Ok(());
        }
        let count = found.changes.len() + found.redis.unknown.len();
        let things = if count == 1 { "1 thing has" } else { &format!("{count} things have") };
        let problem = format!("{things} to change in `{}`", self.project.display());
        Err(InputError::new(problem).hint("change what is listed, and look again").into())
    }
}

/// For people.
fn text(found: &Found) -> String {
    let mut text = String::new();
    let functions = found.functions.iter().map(|function| {
        let verdict = match function.verdict {
            Verdict::Works => "works",
            Verdict::NeedsChange => "needs change",
            Verdict::NeverCalled => "never called",
        };
        format!("{verdict:<12}  {}  {}:{}", function.name, function.file, function.line)
    });
    section(&mut text, "Hooks and functions", functions);
    let changes = found.changes.iter().map(|change| {
        let place = if change.file.is_empty() { String::new() } else { format!("{}:{}: ", change.file, change.line) };
        let how = if change.how.is_empty() { String::new() } else { format!("\n    {}", change.how) };
        format!("{place}{}{how}", change.why)
    });
    section(&mut text, "To change", changes);
    section(&mut text, "Packages", found.packages.iter().map(package));
    section(&mut text, "Redis", redis(&found.redis));
    section(&mut text, "Environment variables", places(&found.variables));
    section(&mut text, "Hosts, to be allowed with `hookd settings`", places(&found.hosts));
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

fn package(package: &Package) -> String {
    let Package { name, version, built_in, native, place } = package;
    let state = match (built_in, native, version) {
        (true, ..) => "brought by hookd".to_owned(),
        (_, true, _) => "has machine code, which cannot run".to_owned(),
        (.., Some(version)) => version.clone(),
        (.., None) => "not installed".to_owned(),
    };
    format!("{name}  {state}  {place}")
}

fn redis(redis: &Redis) -> impl Iterator<Item = String> {
    let clients = redis.clients.iter().map(|place| format!("client at {place}"));
    let commands: Vec<&str> = redis.commands.iter().map(String::as_str).collect();
    let commands = (!commands.is_empty()).then(|| format!("commands {}", commands.join(", ")));
    clients.chain(commands).chain(redis.unknown.iter().map(|call| format!("not in LeanCache: {call}")))
}

fn places(found: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = String> {
    found.iter().map(|(name, places)| format!("{name}  {}", places.join(", ")))
}
