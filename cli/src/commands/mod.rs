//! One file per command.

mod apps;
mod build;
mod cache;
mod compile_module;
mod dead_letters;
mod deploy;
mod engine;
mod env;
mod im;
mod invoke;
mod limits;
mod logs;
mod new;
mod notification_settings;
mod publish;
mod releases;
mod rollback;
mod server_flags;
mod settings;
mod up;

use clap::{Parser, Subcommand};

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
    New(new::New),
    Build(build::Build),
    Deploy(deploy::Deploy),
    Publish(publish::Publish),
    Rollback(rollback::Rollback),
    Releases(releases::Releases),
    Env(env::Env),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    DeadLetters(dead_letters::DeadLetters),
    Settings(settings::Settings),
    Cache(cache::Cache),
    Apps(apps::Apps),
    CompileModule(compile_module::CompileModule),
}

impl Cli {
    /// Carries the command out.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(up) => block_on(up.run()),
            Command::Engine(engine) => block_on(engine.run()),
            Command::Im(im) => block_on(im.run()),
            Command::New(new) => new.run(),
            Command::Build(build) => build.run(),
            Command::Deploy(deploy) => block_on(deploy.run()),
            Command::Publish(publish) => block_on(publish.run()),
            Command::Rollback(rollback) => block_on(rollback.run()),
            Command::Releases(releases) => block_on(releases.run()),
            Command::Env(env) => block_on(env.run()),
            Command::Invoke(invoke) => block_on(invoke.run()),
            Command::Logs(logs) => block_on(logs.run()),
            Command::DeadLetters(letters) => block_on(letters.run()),
            Command::Settings(settings) => block_on(settings.run()),
            Command::Cache(cache) => block_on(cache.run()),
            Command::Apps(apps) => block_on(apps.run()),
            Command::CompileModule(compile) => compile.run(),
        }
    }
}

fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}
