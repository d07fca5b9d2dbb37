//! `hookd test`

mod local_engine;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use api_types::HostPattern;
use clap::Args;
use hookd_runtime::Network;
use serde_json::Value;

use self::local_engine::LocalEngine;
use crate::commands::build::build_project;
use crate::exit::InputError;
use crate::fixtures::{self, CallArguments, Fixture};
use crate::input_file;
use crate::output::Progress;

/// The longest module that a server accepts.
const MAX_MODULE_BYTES: u64 = 64 << 20;

/// Run hooks and functions on this machine, without a server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd test _messageReceived --params message.json
  hookd test hello                                     # with {} as its params
  hookd test --fixtures fixtures                       # every NAME.params.json in the folder

A call runs as in a server: in the sandbox, within the default limits, with an empty LeanCache in memory. What it wrote, what it
returned, and what it used of each limit is shown.

Fixtures: `_messageReceived.rude-word.params.json` holds the params of a call of `_messageReceived`, and
`_messageReceived.rude-word.expected.json` the answer: {\"result\": …}, or {\"code\": …, \"error\": …} of a call that fails. The
text between the first point and `.params.json` is for you. Exit code 1 when an answer is another one.")]
pub struct Test {
    #[command(flatten)]
    calls: CallArguments,
    /// Folder of the hook project, or what `hookd build` made of it.
    #[arg(long, default_value = ".", value_name = "DIR|FILE")]
    project: PathBuf,
    /// A variable that the functions read; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// A host that the functions may send requests to; may be repeated.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<HostPattern>,
    /// A network, such as 127.0.0.1/32, that requests may go to though it is not public; may be repeated.
    #[arg(long, value_name = "NETWORK")]
    allow_private_egress: Vec<Network>,
    /// Print one line of JSON for each call.
    #[arg(long)]
    json: bool,
}

impl Test {
    /// Builds, loads, calls, and shows.
    pub async fn run(self) -> anyhow::Result<()> {
        let folder = self.calls.fixtures.clone();
        let calls = self.calls.calls()?;
        let answers = folder.map(|folder| expected_answers(&folder, &calls)).transpose()?;
        let module = module_bytes(&self.project).await?;
        let progress = Progress::start("loading the module");
        let engine = LocalEngine::start(module, &self.env, &self.allow_host, &self.allow_private_egress).await;
        progress.finish();
        let engine = engine?;
        match answers {
            Some(answers) => run_fixtures(&engine, calls, answers, self.json).await,
            None => run_calls(&engine, calls, self.json).await,
        }
    }
}

fn expected_answers(folder: &Path, calls: &[Fixture]) -> Result<Vec<Value>, InputError> {
    calls.iter().map(|call| fixtures::expected(folder, call)).collect()
}

async fn run_calls(engine: &LocalEngine, calls: Vec<Fixture>, as_json: bool) -> anyhow::Result<()> {
    for Fixture { function, params, .. } in calls {
        let call = engine.call(&function, &params).await?;
        report::show(&call, as_json)?;
        if let Some(failure) = call.failed() {
            return Err(InputError::new(failure).into());
        }
    }
    Ok(())
}

async fn run_fixtures(
    engine: &LocalEngine,
    calls: Vec<Fixture>,
    answers: Vec<Value>,
    as_json: bool,
) -> anyhow::Result<()> {
    let (mut wrong, all) = (0_usize, calls.len());
    for (Fixture { name, function, params }, expected) in calls.into_iter().zip(answers) {
        let call = engine.call(&function, &params).await?;
        wrong += usize::from(expected != call.answer);
        report::show_fixture(&name, &expected, &call, as_json)?;
    }
    match wrong {
        0 => Ok(()),
        _ => Err(InputError::new(format!("{wrong} of {all} fixtures got another answer")).into()),
    }
}

async fn module_bytes(project: &Path) -> anyhow::Result<Vec<u8>> {
    if project.is_file() {
        return Ok(input_file::read(project, "a module", MAX_MODULE_BYTES)?);
    }
    Ok(build_project(project).await?.bytes)
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// For people.
fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
