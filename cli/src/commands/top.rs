//! `hookd top`

mod rates;
mod table;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use api_types::control::Stats;
use clap::Args;
use terminal_size::Height;
use tokio::signal::ctrl_c;

use self::rates::Rates;
use crate::client::{AdminApi, Api, ServerArguments};
use crate::output;
use crate::secrets::SecretParser;

/// Watch an app's hooks and functions: calls, latencies, failures, queue, memory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd top
  hookd top --all                     # every app of the installation; needs the admin key
  hookd top --once --json | jq .

Rates and latencies are those of the last interval, queueing included. MEMORY is the most that a call held since the
server started. Ctrl-C ends it. For graphs and alerts there is /metrics, in Prometheus' format.")]
pub struct Top {
    /// Show one interval, then end.
    #[arg(long)]
    once: bool,
    /// Length of an interval.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    interval: Duration,
    /// Show all apps of the installation.
    #[arg(long)]
    all: bool,
    /// Admin key of the installation, for --all [default: the one in `connection.json` in the data folder].
    #[arg(long, env = "HOOKD_ADMIN_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    admin_key: Option<String>,
    /// Print one line of JSON per interval.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Top {
    /// Shows one interval after the other until Ctrl-C.
    pub async fn run(self) -> anyhow::Result<()> {
        let source = if self.all {
            Source::All(self.server.admin(self.admin_key.clone()).api(None)?)
        } else {
            Source::App(Api::new(self.server.target()?)?)
        };
        let before = source.stats().await?;
        let live = !self.once && !self.json && std::io::stdout().is_terminal();
        let screen = live.then(Screen::enter).transpose()?;
        let watched = tokio::select! {
            watched = self.watch(&source, before, screen.as_ref()) => watched,
            stopped = ctrl_c() => stopped.map_err(Into::into),
            // Otherwise only the next line would show it, perhaps an hour later.
            () = output::reader_gone() => Ok(()),
        };
        drop(screen);
        watched
    }

    async fn watch(&self, source: &Source, mut before: Stats, screen: Option<&Screen>) -> anyhow::Result<()> {
        let mut taken = Instant::now();
        loop {
            tokio::time::sleep(self.interval).await;
            let now = match source.stats().await {
                Ok(now) => now,
                // A person watches the screen, and the server may come back.
                Err(error) if screen.is_some() => {
                    screen.map_or(Ok(()), |screen| screen.show(&format!("{error:#}\ntrying again …")))?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let rates = Rates::between(&before, &now, taken.elapsed());
            taken = Instant::now();
            before = now;
            match screen {
                Some(screen) => screen.show(&table::render(&rates, screen.rows()))?,
                None if self.json => output::json(&rates)?,
                None => output::data(&table::render(&rates, usize::MAX))?,
            }
            if self.once {
                return Ok(());
            }
        }
    }
}

enum Source {
    App(Api),
    All(AdminApi),
}

impl Source {
    async fn stats(&self) -> anyhow::Result<Stats> {
        match self {
            Self::App(api) => api.stats().await?.read(),
            Self::All(api) => api.stats().await?.read(),
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|problem| problem.to_string())?;
    let allowed = Duration::from_millis(100)..=Duration::from_secs(3_600);
    if allowed.contains(&interval) { Ok(interval) } else { Err("give 100ms to 1h".to_owned()) }
}

/// The terminal's second screen: the first screen comes back when this is dropped.
struct Screen;

impl Screen {
    fn enter() -> anyhow::Result<Self> {
        output::write("\x1b[?1049h\x1b[?25l")?;
        Ok(Self)
    }

    /// Replaces the shown text, without the flicker of an empty screen.
    fn show(&self, text: &str) -> anyhow::Result<()> {
        let lines: String = text.lines().map(|line| format!("{line}\x1b[K\r\n")).collect();
        output::write(&format!("\x1b[H{lines}\x1b[J"))
    }

    fn rows(&self) -> usize {
        terminal_size::terminal_size().map_or(24, |(_, Height(rows))| usize::from(rows))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone sees nothing either way.
        let _ = output::write("\x1b[?25h\x1b[?1049l");
    }
}
