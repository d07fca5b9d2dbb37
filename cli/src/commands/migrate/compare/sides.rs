//! The two that are compared.

use std::path::PathBuf;
use std::time::Duration;

use api_types::Environment;
use api_types::control::{LogEvent, LogLine, LogsQuery};
use futures::TryStreamExt as _;
use serde_json::Value;

use super::log_file::LogFile;
use super::log_lines::comparable;
use crate::client::{Api, Functions};
use crate::exit::InputError;
use crate::fixtures::Fixture;

/// The most lines of one call that are compared.
const MAX_LINES: usize = 1_000;
/// Lines of the engine itself, which LeanEngine does not have.
const ENGINE: &str = "engine";
const UNAUTHORIZED: u16 = 401;
const SETTLED_AFTER: Duration = Duration::from_millis(200);
/// Work that goes on after the reply may write lines for so long (limit `background_ms`).
const MOST_WORK: Duration = Duration::from_secs(5);

/// What a call did.
#[derive(PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub body: Value,
    /// Line by line, without frames of stack traces; None where it is not compared.
    pub log: Option<Vec<String>>,
}

/// The app as it ran until now.
pub struct LeanEngine {
    functions: Functions,
    address: String,
    log: Option<LogFile>,
}

/// The app in hookd.
pub struct Hookd {
    api: Api,
    staging: bool,
}

impl LeanEngine {
    pub async fn new(api: &Api, address: String, log: Option<PathBuf>) -> anyhow::Result<Self> {
        let functions = api.functions_at(&address).await?;
        let log = log.map(LogFile::open).transpose()?;
        Ok(Self { functions, address, log })
    }

    /// # Errors
    /// It did not answer.
    pub async fn call(&self, call: &Fixture) -> anyhow::Result<Seen> {
        let before = self.log.as_ref().map(LogFile::length).transpose()?;
        let answer = self.functions.call(&call.function, call.params.clone().into_bytes(), false).await;
        let answer = answer.map_err(|error| {
            let cause = anyhow::Error::new(error);
            InputError::new(format!("no LeanEngine app answers at `{}`: {}", self.address, cause.root_cause()))
                .hint("start it (`node server.js`, `python wsgi.py`), and give its address with --leanengine")
        })?;
        let log = match (&self.log, before) {
            (Some(file), Some(before)) => Some(comparable(&settled(async || file.lines_after(before)).await?)),
            _ => None,
        };
        Ok(Seen { status: answer.status, body: answer.body, log })
    }

    /// Whether the keys were in order: a function may answer 401 of its own, and then does so on both sides.
    ///
    /// # Errors
    /// They were not.
    pub fn check_keys(&self, theirs: &Seen, ours: &Seen) -> Result<(), InputError> {
        if theirs.status != UNAUTHORIZED || ours.status == UNAUTHORIZED {
            return Ok(());
        }
        let problem = format!("the LeanEngine app at `{}` refused the app's keys", self.address);
        let hint = "start it with LEANCLOUD_APP_ID, LEANCLOUD_APP_KEY, LEANCLOUD_APP_MASTER_KEY and LEANCLOUD_APP_HOOK_KEY of \
                    this app; `hookd apps create` printed them";
        Err(InputError::new(problem).hint(hint))
    }
}

impl Hookd {
    pub const fn new(api: Api, staging: bool) -> Self {
        Self { api, staging }
    }

    /// # Errors
    /// The server did not answer, or refused the keys.
    pub async fn call(&self, call: &Fixture, with_log: bool) -> anyhow::Result<Seen> {
        let before = self.lines(1).await?.last().map_or(0, |line| line.id);
        let answer = self.api.invoke(&call.function, call.params.clone().into_bytes(), self.staging).await?;
        let log = match with_log {
            true => Some(comparable(&settled(async || self.written_after(before, &call.function).await).await?)),
            false => None,
        };
        Ok(Seen { status: answer.status, body: answer.body, log })
    }

    async fn written_after(&self, before: u64, function: &str) -> anyhow::Result<Vec<String>> {
        let lines = self.lines(MAX_LINES).await?.into_iter();
        let of_call = lines.filter(|line| line.id > before && line.function == function && line.source != ENGINE);
        Ok(of_call.flat_map(|line| line.text.split("\\n").map(str::to_owned).collect::<Vec<_>>()).collect())
    }

    /// The newest, oldest first.
    async fn lines(&self, limit: usize) -> anyhow::Result<Vec<LogLine>> {
        let environment = if self.staging { Environment::Staging } else { Environment::Production };
        let query = LogsQuery { limit: Some(limit), environment: Some(environment), ..LogsQuery::default() };
        let events = self.api.logs(&query).await?;
        let lines = events.try_filter_map(|event| async move {
            Ok(match event.read()? {
                LogEvent::Line(line) => Some(line),
                _ => None,
            })
        });
        lines.try_collect().await
    }
}

/// Reads until nothing new has come for a moment: lines may come after the reply.
async fn settled(read: impl AsyncFn() -> anyhow::Result<Vec<String>>) -> anyhow::Result<Vec<String>> {
    let deadline = tokio::time::Instant::now() + MOST_WORK;
    let mut seen = read().await?;
    loop {
        tokio::time::sleep(SETTLED_AFTER).await;
        let now = read().await?;
        if now == seen || tokio::time::Instant::now() > deadline {
            return Ok(now);
        }
        seen = now;
    }
}
