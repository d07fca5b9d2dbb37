//! One file per command.

mod apps;
mod backup;
mod build;
mod cache;
mod compile_module;
mod completions;
mod config;
mod dead_letters;
mod deploy;
mod dev;
mod doctor;
mod engine;
mod env;
mod im;
mod info;
mod invoke;
mod limits;
mod listen_address;
mod logs;
mod new;
mod notification_settings;
mod public_url;
mod publish;
mod redis_flags;
mod releases;
mod rollback;
mod server_flags;
mod settings;
mod switch;
mod top;
mod up;

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use self::up::Up;
use crate::config_file::{self, ConfigFile};
use crate::exit::InputError;

/// Self-hosted hook runtime for instant messaging.
///
/// Clients of LeanCloud IM keep their SDKs: they connect to `hookd up`. Developers write hooks such as
/// `_messageReceived`, compile them to WebAssembly and upload them.
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
    Up(up::Up),
    Engine(engine::Engine),
    Im(im::Im),
    #[command(visible_alias = "init")]
    New(new::New),
    Build(build::Build),
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
    Settings(settings::Settings),
    #[command(visible_alias = "checkout")]
    Switch(switch::Switch),
    Info(info::Info),
    Cache(cache::Cache),
    Apps(apps::Apps),
    Config(config::Config),
    Backup(backup::Backup),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    CompileModule(compile_module::CompileModule),
}

/// Why the arguments contain no command to run.
pub enum ParseError {
    /// The arguments; also a request for help, which clap reports the same way.
    Usage(clap::Error),
    /// The configuration file.
    Input(InputError),
}

/// Arguments with environment, file and defaults applied.
pub struct Parsed {
    /// The command line with the file's values as defaults.
    command: clap::Command,
    matches: ArgMatches,
    file: Option<ConfigFile>,
}

fn parse_matches(arguments: &[OsString]) -> Result<Parsed, ParseError> {
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(arguments).map_err(ParseError::Usage)?;
    let (serving, file) = match matches.subcommand() {
        Some((name, flags)) if config_file::is_serving(name) => {
            config_file::with_file(command, name, flags).map_err(ParseError::Input)?
        }
        _ => (command, None),
    };
    let Some(file) = file else { return Ok(Parsed { command: serving, matches, file: None }) };
    let matches = serving.clone().try_get_matches_from(arguments).map_err(|usage| {
        // Without the file the arguments were right.
        let problem = format!("`{}`: {}", file.path().display(), first_line(&usage));
        ParseError::Input(InputError::new(problem).hint("`hookd config template` prints every option with its help"))
    })?;
    Ok(Parsed { command: serving, matches, file: Some(file) })
}

/// What clap says, without usage and colours.
fn first_line(usage: &clap::Error) -> String {
    let text = usage.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl Cli {
    /// Reads arguments, environment and, for a server, its configuration file.
    pub fn read(arguments: &[OsString]) -> Result<Self, ParseError> {
        let parsed = parse_matches(arguments)?;
        Self::from_arg_matches(&parsed.matches).map_err(ParseError::Usage)
    }

    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(up) => block_on(up.run()),
            Command::Engine(engine) => block_on(engine.run()),
            Command::Im(im) => block_on(im.run()),
            Command::New(new) => new.run(),
            Command::Build(build) => block_on(build.run()),
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
            Command::Settings(settings) => block_on(settings.run()),
            Command::Cache(cache) => block_on(cache.run()),
            Command::Apps(apps) => block_on(apps.run()),
            Command::Switch(switch) => block_on(switch.run()),
            Command::Info(info) => block_on(info.run()),
            Command::Config(config) => config.run(),
            Command::Backup(backup) => backup.run(),
            Command::Doctor(doctor) => block_on(doctor.run()),
            Command::Completions(completions) => completions.run(),
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
