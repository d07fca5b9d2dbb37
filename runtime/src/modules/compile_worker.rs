//! The child process that compiles one module. A module that makes the compiler run away takes this process with it, and
//! nothing else.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use thiserror::Error;
use wasmtime::Engine;

use super::compile_request::{CompileRequest, LOADED};
use super::engine_functions::{compile_with, nothing_to_load, record};
use super::load_bundle::{compile_engine, load};
use crate::sandbox::compile_config;

/// Environment variables by which the parent sets the child's limits: bytes, seconds, bytes.
pub(super) const MEMORY_BYTES: &str = "HOOKD_COMPILE_MEMORY_BYTES";
pub(super) const CPU_SECONDS: &str = "HOOKD_COMPILE_CPU_SECONDS";
pub(super) const ARTIFACT_BYTES: &str = "HOOKD_COMPILE_ARTIFACT_BYTES";
/// What stdout starts with when the module is at fault; machine code starts with the ELF magic number.
pub(super) const REFUSED: &[u8] = b"refused: ";

/// How long an engine may take to load nothing.
const RECORDING_TIME: Duration = Duration::from_secs(10);

/// Why the worker could not do its work; a module that cannot be compiled is an answer, not an error.
#[derive(Debug, Error)]
pub enum CompileWorkerError {
    /// A pipe is broken.
    #[error("cannot read the module from stdin or write machine code to stdout")]
    Pipe(#[from] std::io::Error),
    /// Neither a component nor a request.
    #[error("cannot read the request on stdin: {0}")]
    Request(String),
    /// A limit cannot be set.
    #[error("cannot limit the compile process: {0}")]
    Limit(String),
    /// wasmtime does not start.
    #[error("cannot set the compiler up: {0}")]
    Compiler(String),
}

/// The body of the compile child (`hookd compile-module`): reads a component, or a request, from stdin, writes machine code
/// to stdout.
pub fn compile_worker() -> Result<(), CompileWorkerError> {
    limit(Resource::Data, MEMORY_BYTES)?;
    limit(Resource::Cpu, CPU_SECONDS)?;
    limit(Resource::Fsize, ARTIFACT_BYTES)?;
    // Calls go first.
    let _ = nice(10);

    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    let engine = Engine::new(&compile_config()).map_err(|error| CompileWorkerError::Compiler(format!("{error:#}")))?;
    let compiled = if input.starts_with(b"\0asm") { component(&engine, &input) } else { requested(&engine, &input)? };
    let mut stdout = std::io::stdout().lock();
    match compiled {
        Ok(artifact) => stdout.write_all(&artifact)?,
        Err(reason) => {
            stdout.write_all(REFUSED)?;
            stdout.write_all(reason.as_bytes())?;
        }
    }
    stdout.flush()?;
    Ok(())
}

fn component(engine: &Engine, component: &[u8]) -> Result<Vec<u8>, String> {
    engine.precompile_component(component).map_err(|error| format!("{error:#}"))
}

/// Carries out what is no component. The log of a loaded bundle goes to stderr.
fn requested(engine: &Engine, input: &[u8]) -> Result<Result<Vec<u8>, String>, CompileWorkerError> {
    let request = serde_json::from_slice(input).map_err(|error| CompileWorkerError::Request(error.to_string()))?;
    Ok(match request {
        CompileRequest::Engine(kind) => compile_engine(engine, kind),
        CompileRequest::Functions { engine: kind, engine_code } => {
            let input = nothing_to_load().map_err(|error| CompileWorkerError::Request(error.to_string()))?;
            // SAFETY: the parent names a file in its own folder that it had this program make.
            let loaded = unsafe { load(engine, (kind, &engine_code), &input, RECORDING_TIME) };
            loaded.and_then(|loaded| record(&loaded.component).map_err(|error| format!("{error:#}")))
        }
        CompileRequest::Bundle { engine: kind, engine_code, engine_functions, time_ms, input } => {
            // SAFETY: the parent names a file in its own folder that it had this program make.
            match unsafe { load(engine, (kind, &engine_code), &input, Duration::from_millis(time_ms)) } {
                Ok(loaded) => {
                    let log = serde_json::to_string(&loaded.log).map_err(std::io::Error::other)?;
                    writeln!(std::io::stderr().lock(), "{LOADED}{log}")?;
                    compile_with(&engine_functions, &loaded.component).map_err(|error| format!("{error:#}"))
                }
                Err(reason) => Err(reason),
            }
        }
    })
}

fn limit(resource: Resource, variable: &str) -> Result<(), CompileWorkerError> {
    let Some(value) = std::env::var_os(variable) else { return Ok(()) };
    let value = value.to_str().and_then(|value| value.parse().ok());
    let value: u64 = value.ok_or_else(|| CompileWorkerError::Limit(format!("`{variable}` is not a number")))?;
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        .map_err(|error| CompileWorkerError::Limit(format!("`{variable}`: {error}")))
}
