//! `hookd doctor`

#[cfg(feature = "server")]
mod data_folder;
#[cfg(feature = "server")]
mod database;
#[cfg(feature = "server")]
mod machine;
#[cfg(feature = "server")]
mod redis_server;
mod server;
mod toolchains;

#[cfg(feature = "server")]
use std::net::SocketAddr;

use clap::Args;
use serde::Serialize;

#[cfg(feature = "server")]
use super::server::{DEFAULT_LISTEN, DatabaseFlags, RedisFlags, Up, listen_address};
use crate::client::ServerArguments;
use crate::exit::InputError;
use crate::output;

/// Check this machine and its server, and show how to fix each problem.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd doctor
  hookd doctor --redis-url redis://127.0.0.1:6379
  hookd doctor --database-url postgres://hookd@127.0.0.1/hookd
  hookd doctor --json

Exit code 1 when something is broken that hookd needs. Changes nothing.")]
pub struct Doctor {
    #[cfg(feature = "server")]
    /// Where `hookd up` would listen [default: as it is configured].
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    #[cfg(feature = "server")]
    #[command(flatten)]
    redis: RedisFlags,
    #[cfg(feature = "server")]
    #[command(flatten)]
    database: DatabaseFlags,
    /// Print one line of JSON per check.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// No problem.
    Ok,
    /// Works, or is optional.
    Note,
    /// Does not work.
    Broken,
}

/// The result of a check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, text: text.into(), fix: None }
    }

    fn note(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: Status::Note, text: text.into(), fix: Some(fix.into()) }
    }

    fn broken(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: Status::Broken, text: text.into(), fix: Some(fix.into()) }
    }
}

impl Doctor {
    /// Checks everything, prints it, and fails when something is broken.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut findings = self.findings().await;
        findings.extend(toolchains::check());
        for finding in &findings {
            if self.json {
                output::json(finding)?;
            } else {
                output::data(&line(finding))?;
            }
        }
        let broken = findings.iter().filter(|finding| finding.status == Status::Broken).count();
        if broken > 0 {
            return Err(InputError::new(format!("{broken} of {} checks found something broken", findings.len())).into());
        }
        Ok(())
    }
}

#[cfg(not(feature = "server"))]
impl Doctor {
    /// Only of a server that runs: this program cannot be one.
    async fn findings(&self) -> Vec<Finding> {
        match server::check(&self.server, &self.server.data_folder()).await {
            server::State::Checked(findings) => findings,
            server::State::Absent => vec![Finding::note("server", "no server is named", "name one with --url")],
        }
    }
}

#[cfg(feature = "server")]
impl Doctor {
    async fn findings(&self) -> Vec<Finding> {
        let data = self.server.data_folder();
        let mut findings = data_folder::check(&data);
        let (listen, redis, database) = match Up::as_configured(self.listen, &data) {
            Ok(up) => {
                findings.push(Finding::ok("options", "flags, environment and file are understood"));
                let redis = self.redis.clone().or(up.redis().clone());
                (up.listen(), redis, self.database.clone().or(up.database().clone()))
            }
            Err(error) => {
                findings.push(Finding::broken("options", format!("{error:#}"), "see `hookd config template`"));
                (self.listen.unwrap_or(DEFAULT_LISTEN), self.redis.clone(), self.database.clone())
            }
        };
        match server::check(&self.server, &data).await {
            server::State::Checked(of_server) => findings.extend(of_server),
            server::State::Absent => findings.push(machine::port(listen)),
        }
        findings.extend(redis_server::check(&redis).await);
        findings.extend(database::check(&database).await);
        findings.extend(machine::check());
        findings
    }
}

fn line(finding: &Finding) -> String {
    let word = match finding.status {
        Status::Ok => "ok",
        Status::Note => "note",
        Status::Broken => "BROKEN",
    };
    let fix = finding.fix.as_ref().map(|fix| format!("\n        {:<13} fix: {fix}", "")).unwrap_or_default();
    format!("{word:<7} {:<13} {}{fix}", finding.check, finding.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_check_and_a_second_one_the_fix() {
        assert_eq!(line(&Finding::ok("redis", "answers")), "ok      redis         answers");
        let shown = line(&Finding::broken("redis", "is silent", "start it"));
        assert_eq!(shown, "BROKEN  redis         is silent\n                      fix: start it");
    }
}
