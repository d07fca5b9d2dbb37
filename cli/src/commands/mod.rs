//! One file per command.

mod apps;
mod build;
mod cache;
mod clients;
mod completions;
mod dead_letters;
mod deploy;
mod dev;
mod doctor;
mod env;
mod feature_settings;
mod info;
mod invoke;
mod limits;
mod logs;
mod migrate;
mod new;
mod notification_settings;
mod publish;
mod push_settings;
mod rate_settings;
mod releases;
mod retention_settings;
mod rollback;
#[cfg(feature = "server")]
mod server;
mod service;
mod settings;
mod switch;
mod top;
mod types;
mod word_settings;

use std::ffi::OsString;

#[cfg(not(feature = "server"))]
use clap::CommandFactory as _;
#[cfg(not(feature = "server"))]
use clap::error::{ContextKind, ContextValue};
use clap::{FromArgMatches as _, Parser, Subcommand};

#[cfg(feature = "server")]
pub use self::server::Up;
use crate::exit::InputError;

/// Self-hosted hook runtime for instant messaging.
///
/// Clients of LeanCloud IM keep their SDKs: they connect to `hookd up`. Developers write hooks such as
/// `_messageReceived`, compile or bundle them, and upload them.
#[derive(Debug, Parser)]
#[command(name = "hookd", version, max_term_width = 100, after_help = EXAMPLE)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "First steps:
  hookd up                            # in one terminal: the server
  hookd new my-hooks                  # in another: a hook project
  hookd deploy my-hooks --prod        # build, upload, go live

Exit codes: 0 done, 1 the input is at fault, 2 hookd or the server is at fault.";

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "server")]
    Up(server::Up),
    #[cfg(feature = "server")]
    Engine(server::Engine),
    #[cfg(feature = "server")]
    Im(server::Im),
    #[command(visible_alias = "init")]
    New(new::New),
    Types(types::Types),
    Build(build::Build),
    #[cfg(feature = "server")]
    Test(server::Test),
    Dev(dev::Dev),
    Deploy(deploy::Deploy),
    Publish(publish::Publish),
    Rollback(rollback::Rollback),
    Releases(releases::Releases),
    Env(env::Env),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    Top(top::Top),
    DeadLetters(dead_letters::DeadLetters),
    Service(service::Service),
    Clients(clients::Clients),
    Settings(Box<settings::Settings>),
    #[command(visible_alias = "checkout")]
    Switch(switch::Switch),
    Info(info::Info),
    Cache(cache::Cache),
    Apps(apps::Apps),
    Migrate(migrate::Migrate),
    #[cfg(feature = "server")]
    Config(server::Config),
    #[cfg(feature = "server")]
    Backup(server::Backup),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    #[cfg(feature = "server")]
    CompileModule(server::CompileModule),
}

/// Why the arguments contain no command to run.
pub enum ParseError {
    /// The arguments; also a request for help, which clap reports the same way.
    Usage(clap::Error),
    /// The configuration file.
    #[cfg(feature = "server")]
    Input(InputError),
}

/// Commands that a program without the server does not have.
#[cfg(not(feature = "server"))]
const OF_THE_SERVER: [&str; 7] = ["up", "engine", "im", "test", "config", "backup", "compile-module"];

/// The error for a command that only a program with the server has.
#[cfg(not(feature = "server"))]
pub fn needs_server(usage: &clap::Error) -> Option<InputError> {
    let Some(ContextValue::String(word)) = usage.get(ContextKind::InvalidSubcommand) else { return None };
    OF_THE_SERVER.contains(&word.as_str()).then(|| no_server(&format!("`hookd {word}`")))
}

#[cfg(feature = "server")]
pub fn needs_server(_: &clap::Error) -> Option<InputError> {
    None
}

/// `what` cannot be done by this program.
#[cfg(not(feature = "server"))]
fn no_server(what: &str) -> InputError {
    InputError::new(format!("{what} needs the server, and this program was built without it (feature `server`)"))
        .hint("use the `hookd` of the machine that serves, or name a running server with --url")
}

impl Cli {
    /// Reads arguments, environment and, for a server, its configuration file.
    pub fn read(arguments: &[OsString]) -> Result<Self, ParseError> {
        #[cfg(feature = "server")]
        let matches = server::parse_matches(arguments)?.matches;
        #[cfg(not(feature = "server"))]
        let matches = Self::command().try_get_matches_from(arguments).map_err(ParseError::Usage)?;
        Self::from_arg_matches(&matches).map_err(ParseError::Usage)
    }

    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            #[cfg(feature = "server")]
            Command::Up(up) => block_on(up.run()),
            #[cfg(feature = "server")]
            Command::Engine(engine) => block_on(engine.run()),
            #[cfg(feature = "server")]
            Command::Im(im) => block_on(im.run()),
            Command::New(new) => new.run(),
            Command::Types(types) => types.run(),
            Command::Build(build) => block_on(build.run()),
            #[cfg(feature = "server")]
            Command::Test(test) => block_on(test.run()),
            Command::Dev(dev) => block_on(dev.run()),
            Command::Deploy(deploy) => block_on(deploy.run()),
            Command::Publish(publish) => block_on(publish.run()),
            Command::Rollback(rollback) => block_on(rollback.run()),
            Command::Releases(releases) => block_on(releases.run()),
            Command::Env(env) => block_on(env.run()),
            Command::Invoke(invoke) => block_on(invoke.run()),
            Command::Logs(logs) => block_on(logs.run()),
            Command::Top(top) => block_on(top.run()),
            Command::DeadLetters(letters) => block_on(letters.run()),
            Command::Service(service) => block_on(service.run()),
            Command::Clients(clients) => block_on(clients.run()),
            Command::Settings(settings) => block_on(settings.run()),
            Command::Cache(cache) => block_on(cache.run()),
            Command::Apps(apps) => block_on(apps.run()),
            Command::Migrate(migrate) => block_on(migrate.run()),
            Command::Switch(switch) => block_on(switch.run()),
            Command::Info(info) => block_on(info.run()),
            #[cfg(feature = "server")]
            Command::Config(config) => config.run(),
            #[cfg(feature = "server")]
            Command::Backup(backup) => backup.run(),
            Command::Doctor(doctor) => block_on(doctor.run()),
            Command::Completions(completions) => completions.run(),
            #[cfg(feature = "server")]
            Command::CompileModule(compile) => compile.run(),
        }
    }
}

/// Threads for work that blocks: names are looked up on 64 of them at most, files and databases need few. Each keeps some memory
/// of what ran on it, and short tasks in quick succession would start as many as are allowed.
const BLOCKING_THREADS: usize = 128;

fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build()?;
    runtime.block_on(command)
}
