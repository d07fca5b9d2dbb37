//! The child process that compiles one module. A module that makes the compiler run away takes this process with it, and
//! nothing else.

use std::io::{Read as _, Write as _};

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use thiserror::Error;
use wasmtime::Engine;

use crate::sandbox::code_config;

/// Environment variables by which the parent sets the child's limits: bytes, seconds, bytes.
pub(super) const MEMORY_BYTES: &str = "HOOKD_COMPILE_MEMORY_BYTES";
pub(super) const CPU_SECONDS: &str = "HOOKD_COMPILE_CPU_SECONDS";
pub(super) const ARTIFACT_BYTES: &str = "HOOKD_COMPILE_ARTIFACT_BYTES";
/// What stdout starts with when the module is at fault; machine code starts with the ELF magic number.
pub(super) const REFUSED: &[u8] = b"refused: ";

/// Why the worker could not do its work; a module that cannot be compiled is an answer, not an error.
#[derive(Debug, Error)]
pub enum CompileWorkerError {
    /// A pipe is broken.
    #[error("cannot read the module from stdin or write machine code to stdout")]
    Pipe(#[from] std::io::Error),
    /// A limit cannot be set.
    #[error("cannot limit the compile process: {0}")]
    Limit(String),
    /// wasmtime does not start.
    #[error("cannot set the compiler up: {0}")]
    Compiler(String),
}

/// The body of the compile child (`hookd compile-module`): reads a component from stdin, writes machine code to stdout.
pub fn compile_worker() -> Result<(), CompileWorkerError> {
    limit(Resource::Data, MEMORY_BYTES)?;
    limit(Resource::Cpu, CPU_SECONDS)?;
    limit(Resource::Fsize, ARTIFACT_BYTES)?;
    // Calls go first.
    let _ = nice(10);

    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component)?;
    let engine = Engine::new(&code_config()).map_err(|error| CompileWorkerError::Compiler(format!("{error:#}")))?;
    let mut stdout = std::io::stdout().lock();
    match engine.precompile_component(&component) {
        Ok(artifact) => stdout.write_all(&artifact)?,
        Err(error) => {
            stdout.write_all(REFUSED)?;
            write!(stdout, "{error:#}")?;
        }
    }
    stdout.flush()?;
    Ok(())
}

fn limit(resource: Resource, variable: &str) -> Result<(), CompileWorkerError> {
    let Some(value) = std::env::var_os(variable) else { return Ok(()) };
    let value = value.to_str().and_then(|value| value.parse().ok());
    let value: u64 = value.ok_or_else(|| CompileWorkerError::Limit(format!("`{variable}` is not a number")))?;
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        .map_err(|error| CompileWorkerError::Limit(format!("`{variable}`: {error}")))
}
