//! The imports that a module may have, tied to the state of its call.

use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi_http::p2::add_only_http_to_linker_async;

use super::bindings::hookd::engine::leancache;
use super::bindings::wasi::logging::logging;
use super::environment::{EnvironmentView, HasEnvironment};
use super::leancache::{HasLeanCache, LeanCacheView};
use super::logging::{HasLogging, LoggingView};
use super::state::CallState;
use super::wasi;

/// For components that answer HTTP requests.
pub(super) fn linker_of_http_apps(linker: &Linker<CallState>) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = linker.clone();
    wasi::add_no_files_to_linker(&mut linker)?;
    Ok(linker)
}

pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    add_only_http_to_linker_async(&mut linker)?;
    environment::add_to_linker::<CallState, HasEnvironment>(&mut linker, |state| {
        EnvironmentView(state.variables.as_ref())
    })?;
    logging::add_to_linker::<CallState, HasLogging>(&mut linker, |state| LoggingView(&state.log))?;
    leancache::add_to_linker::<CallState, HasLeanCache>(&mut linker, |state| LeanCacheView {
        app_id: state.log.app_id(),
        budget: &mut state.cache,
    })?;
    Ok(linker)
}
