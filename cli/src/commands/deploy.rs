//! `hookd deploy`

use std::path::{Path, PathBuf};

use api_types::control::{DeployEvent, DeployQuery, Release};
use api_types::{Environment, Isolation};
use clap::Args;
use futures::{StreamExt as _, stream};
use hookd_guest_build::{component_of, is_core_module};

use super::build::{MAX_MODULE_BYTES, build_project};
use crate::client::{Answer, Api, ReleaseNote, ServerArguments};
use crate::exit::InputError;
use crate::input_file;
use crate::output::{self, Progress};

const UPLOAD_CHUNK_BYTES: usize = 64 * 1024;

/// Build a hook project, or take a module, and make it live.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd deploy my-hooks               # to staging; `hookd publish` makes it live in production
  hookd deploy my-hooks --prod        # straight to production
  hookd deploy hooks.wasm --prod      # a module that is built already
  hookd deploy -m 'Filter more words' # `hookd releases` shows who released what, and why
  hookd deploy my-hooks --isolation warm

Isolation: `per-call` makes a fresh sandbox for each call, in microseconds: nothing of one call is visible in the next.
`warm` lets a sandbox serve many calls of this version, one after the other, until a call fails; memory, and with it
global variables, stays. Without the flag, Rust and modules that are built already are `per-call`; projects of other
languages are what docs/languages.md says of them.

IM hooks are called in production only; staging is for `hookd invoke --staging`.")]
pub struct Deploy {
    /// Folder of a hook project, or a module (`.wasm`).
    #[arg(default_value = ".")]
    source: PathBuf,
    /// Release to production at once.
    #[arg(long)]
    prod: bool,
    /// Release to staging; the default.
    #[arg(long, conflicts_with = "prod")]
    staging: bool,
    /// What separates calls: a fresh sandbox `per-call`, or a `warm` one that serves many [default: goes by the language].
    #[arg(long, value_name = "ISOLATION")]
    isolation: Option<Isolation>,
    /// Print the release as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: ReleaseNote,
    #[command(flatten)]
    server: ServerArguments,
}

impl Deploy {
    /// Builds the project, uploads the module, and waits until the version is live.
    pub async fn run(self) -> anyhow::Result<()> {
        let api = Api::new(self.server.target()?)?;
        let (module, usual_isolation) = module(&self.source).await?;
        let environment = if self.prod && !self.staging { Environment::Production } else { Environment::Staging };
        let query = DeployQuery { environment, isolation: self.isolation.unwrap_or(usual_isolation) };
        let release = upload(&api, query, &self.by, module).await?;
        print(&release, self.json)
    }
}

/// The module, and the isolation that it has unless the developer says something else.
async fn module(source: &Path) -> anyhow::Result<(Vec<u8>, Isolation)> {
    if source.is_dir() {
        let built = build_project(source).await?;
        return Ok((built.bytes, built.isolation));
    }
    let module = input_file::read(source, "a module", MAX_MODULE_BYTES)
        .map_err(|problem| problem.hint("give the folder of a hook project, or a module built by `hookd build`"))?;
    if is_core_module(&module) {
        return Ok((component_of(&module, source).map_err(InputError::of_build)?, Isolation::PerCall));
    }
    Ok((module, Isolation::PerCall))
}

/// Uploads a module and waits until it is live; answers the release.
pub async fn upload(
    api: &Api,
    query: DeployQuery,
    by: &ReleaseNote,
    module: Vec<u8>,
) -> anyhow::Result<Answer<Release>> {
    let progress = Progress::start("uploading");
    let chunks: Vec<Vec<u8>> = module.chunks(UPLOAD_CHUNK_BYTES).map(<[u8]>::to_vec).collect();
    let mut events = api.deploy(query, by, stream::iter(chunks)).await?;
    while let Some(event) = events.next().await {
        match event? {
            DeployEvent::Stage { stage } => progress.step(&stage),
            DeployEvent::Released { release } => {
                progress.finish();
                return Ok(release);
            }
            DeployEvent::Refused { error } => {
                progress.finish();
                let refusal = InputError::new(format!("the server refused the module: {error}"));
                return Err(refusal.hint("nothing was stored; the live version is as before").into());
            }
            DeployEvent::Failed { error } => {
                progress.finish();
                anyhow::bail!("the deployment failed: {error}");
            }
        }
    }
    anyhow::bail!("the server stopped in the middle of the deployment; `hookd invoke` shows which version is live")
}

/// Prints a release, for people or as JSON.
pub fn print(release: &Answer<Release>, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(release);
    }
    let release = release.read()?;
    if release.functions.is_empty() {
        output::note(
            "warning: this version has no hook and no function; does the file that begins the project load the others?",
        );
    }
    output::data(&summary(&release))
}

/// One line for people.
pub fn summary(release: &Release) -> String {
    let functions = match release.functions.join(", ") {
        none if none.is_empty() => "no functions".to_owned(),
        functions => functions,
    };
    let isolation = match release.isolation {
        Isolation::Warm => ", warm",
        Isolation::PerCall => "",
    };
    format!("Version {} is live in {}{isolation}: {functions}", release.version, release.environment)
}
