//! `hookd compile-module`: the child process that compiles an uploaded module.

use clap::Args;

/// Compile a component from stdin to machine code on stdout (started by `hookd up` for each upload).
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct CompileModule {}

impl CompileModule {
    /// Compiles under the limits that the parent process set.
    pub fn run(self) -> anyhow::Result<()> {
        // It ends no server, and no deployment either.
        // SAFETY: no handler is installed.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        Ok(hookd_runtime::compile_worker()?)
    }
}
