//! `hookd logs`

use std::time::SystemTime;

use api_types::control::{LogEvent, LogLevel, LogLine, LogsQuery};
use api_types::{Environment, rfc3339};
use clap::{Args, ValueEnum};
use futures::StreamExt as _;

use crate::client::{Api, ServerArguments};
use crate::output;

/// Show the log of an app's hooks and functions, with the failures of their calls.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd logs --hook _messageReceived
  hookd logs --since 10m --level warn
  hookd logs --since 2026-11-21T05:00:00Z --until 2026-11-21T06:00:00Z --json
  hookd logs -f

The server keeps the lines of an app on disk, 16 MiB and 7 days of them unless `hookd up` was told otherwise. It writes no
params and no replies there, only what a function writes itself.")]
pub struct Logs {
    /// How many lines, newest last [default: 100; with --since all that fit].
    #[arg(short = 'n', long, visible_short_alias = 'l')]
    limit: Option<usize>,
    /// Only lines of this hook or function.
    #[arg(long, value_name = "NAME")]
    hook: Option<String>,
    /// Only lines of this call.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Only lines of this level and above.
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only lines of the versions of this environment.
    #[arg(short, long, value_enum)]
    env: Option<EnvironmentName>,
    /// Only lines since this time: a duration (`10m` ago), a date or a time in UTC (`2026-11-21`, `2026-11-21T05:16:36Z`).
    #[arg(long, value_name = "AGO|TIME", visible_alias = "from", value_parser = point_in_time)]
    since: Option<SystemTime>,
    /// Only lines before this time, in the same forms.
    #[arg(long, value_name = "AGO|TIME", visible_alias = "to", value_parser = point_in_time, conflicts_with = "follow")]
    until: Option<SystemTime>,
    /// Go on with new lines until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Print one line of JSON per line.
    #[arg(long)]
    json: bool,
    /// The same, as `lean logs` spells it.
    #[arg(long, value_enum, hide = true)]
    format: Option<Format>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Default,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EnvironmentName {
    #[value(alias = "prod")]
    Production,
    #[value(alias = "stag")]
    Staging,
}

impl Logs {
    /// Prints the kept lines, then the new ones.
    pub async fn run(self) -> anyhow::Result<()> {
        let api = Api::new(self.server.target()?)?;
        let json = self.json || self.format == Some(Format::Json);
        let mut lines = 0;
        let showing = async {
            let mut events = api.logs(&self.query()).await?;
            while let Some(event) = events.next().await {
                let event = event?;
                let read = event.read();
                lines += usize::from(matches!(read, Ok(LogEvent::Line(_))));
                if json {
                    output::json(&event)?;
                } else {
                    show(&read?)?;
                }
            }
            anyhow::Ok(())
        };
        tokio::select! {
            shown = showing => shown?,
            // Without this, only the next line would show it, and that line may never come.
            () = output::reader_gone(), if self.follow => return Ok(()),
        }
        if self.follow {
            output::note("the server stopped");
        } else if self.limit.is_none() && self.since.is_none() && lines == DEFAULT_LIMIT {
            output::note(&format!("(the newest {DEFAULT_LIMIT} lines; -n or --since shows more)"));
        } else if lines == MAX_LINES {
            output::note(&format!("(the newest {MAX_LINES} of these lines; --until shows those before them)"));
        }
        Ok(())
    }

    fn query(&self) -> LogsQuery {
        LogsQuery {
            limit: self.limit.or(if self.since.is_some() { None } else { Some(DEFAULT_LIMIT) }),
            function: self.hook.clone(),
            request_id: self.request_id.clone(),
            environment: self.env.map(Into::into),
            level: self.level.map(Into::into),
            since: self.since.map(rfc3339::micros),
            until: self.until.map(rfc3339::micros),
            follow: self.follow,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

impl From<EnvironmentName> for Environment {
    fn from(name: EnvironmentName) -> Self {
        match name {
            EnvironmentName::Production => Self::Production,
            EnvironmentName::Staging => Self::Staging,
        }
    }
}

/// Number of lines by default.
const DEFAULT_LIMIT: usize = 100;

/// The most lines in one answer of the server.
const MAX_LINES: usize = 100_000;

/// A duration before now, a date, or a time.
fn point_in_time(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        // No line is older, and no time before it can be written.
        let oldest = SystemTime::UNIX_EPOCH;
        return Ok(SystemTime::now().checked_sub(ago).map_or(oldest, |time| time.max(oldest)));
    }
    let midnight = format!("{text}T00:00:00Z");
    humantime::parse_rfc3339_weak(text)
        .or_else(|_| humantime::parse_rfc3339(&midnight))
        .map_err(|_| format!("`{text}` is not a time; give 10m, 2026-11-21 or 2026-11-21T05:16:36Z"))
}

/// Prints an event of the log for people.
///
/// # Errors
/// Those of [`output::data`].
pub fn show(event: &LogEvent) -> anyhow::Result<()> {
    match event {
        LogEvent::Line(shown) => return output::data(&line(shown)),
        LogEvent::Dropped { lines } => output::note(&format!("({lines} lines came too fast to be shown)")),
        LogEvent::Unreadable { lines, files } => output::note(&unreadable(*lines, *files)),
    }
    Ok(())
}

fn unreadable(lines: u64, files: u64) -> String {
    let some =
        |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    let parts: Vec<String> = [some(lines, "damaged line"), some(files, "file")].into_iter().flatten().collect();
    format!(
        "({} of the kept log cannot be read; the server's own log names the files and the fix)",
        parts.join(" and ")
    )
}

fn line(line: &LogLine) -> String {
    format!(
        "{} {:<5} {} v{} {} {} {}: {}",
        line.time,
        line.level.name().to_uppercase(),
        line.app_id,
        line.version,
        line.function,
        line.request_id,
        line.source,
        line.text
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what() {
        let shown = line(&LogLine {
            id: 1,
            time: "2026-11-21T05:16:36.123Z".to_owned(),
            level: LogLevel::Warn,
            app_id: "demo".to_owned(),
            environment: Some(Environment::Production),
            version: 3,
            function: "_messageSent".to_owned(),
            request_id: "ab-1".to_owned(),
            source: "stderr".to_owned(),
            text: "hello".to_owned(),
        });
        assert_eq!(shown, "2026-11-21T05:16:36.123Z WARN  demo v3 _messageSent ab-1 stderr: hello");
    }

    #[test]
    fn damaged_lines_and_files_are_counted() {
        assert!(unreadable(1, 0).starts_with("(1 damaged line of the kept log"));
        assert!(unreadable(3, 2).starts_with("(3 damaged lines and 2 files of the kept log"));
    }

    #[test]
    fn times_are_ago_dates_or_moments() {
        let moment = |text| humantime::parse_rfc3339(text).unwrap();
        assert_eq!(point_in_time("2026-11-21").unwrap(), moment("2026-11-21T00:00:00Z"));
        assert_eq!(point_in_time("2026-11-21 05:16:36").unwrap(), moment("2026-11-21T05:16:36Z"));
        // F-37
        for text in ["99999999999d", "18446744073709551615s", "1000000years 1000000years"] {
            assert_eq!(point_in_time(text).unwrap(), SystemTime::UNIX_EPOCH, "{text}");
        }
        let ago = SystemTime::now().duration_since(point_in_time("10m").unwrap()).unwrap();
        assert!((599..660).contains(&ago.as_secs()), "{ago:?}");
        for text in [
            "yesterday",
            "",
            "2026-13-01",
            "10",
            "1969-12-31",
            "10000-01-01",
            "99999999999999999999d",
            "9999999999999y",
            "-1d",
            "1e9d",
        ] {
            assert!(point_in_time(text).is_err(), "{text}");
        }
    }
}
