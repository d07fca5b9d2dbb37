//! Where guests run: wasmtime with one engine, one [`LoadedModule`] per module and a fresh store per call,
//! or one that is used again when the version is warm.

mod app_share;
mod background;
mod bindings;
mod call_slots;
mod config;
mod cpu_time;
mod environment;
mod exports;
mod guest_call;
mod guest_error;
mod http;
mod http_app;
mod idle_instances;
mod instance;
mod invoke;
mod leancache;
mod limiter;
mod linker;
mod logging;
mod memory;
mod pace;
mod state;
mod ticker;
mod turns;
mod warm;
mod wasi;

use std::path::Path;
use std::sync::{Arc, Weak};

use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

pub(crate) use self::app_share::SandboxShare;
pub(crate) use self::background::{BACKGROUND_END, Early, early_outcome};
pub(crate) use self::call_slots::CallSlots;
pub(crate) use self::config::{DEPLOYMENTS, compile_config};
pub(crate) use self::environment::GuestVariables;
use self::exports::{Background, FunctionsExport, is_http_app};
pub(crate) use self::guest_call::GuestCall;
use self::idle_instances::AllIdleInstances;
pub(crate) use self::idle_instances::IdleInstances;
pub(crate) use self::invoke::Allowed;
use self::memory::{MemoryBudget, ReclaimMemory};
use self::pace::LongCalls;
pub(crate) use self::pace::{AppPace, Guest, LongCallThreads};
use self::state::CallState;
use self::ticker::Ticker;
pub(crate) use self::wasi::{offers, offers_to_http_app};
use crate::call_chain::CallChains;
use crate::config::EngineConfig;
use crate::contract;
use crate::egress::Egress;
use crate::leancache::LeanCache;
use api_types::Isolation;

/// The wasmtime engine with everything that a guest may import.
#[derive(Clone)]
pub(crate) struct Sandbox {
    engine: Engine,
    linker: Arc<Linker<CallState>>,
    linker_of_http_apps: Arc<Linker<CallState>>,
    ticker: Arc<Ticker>,
    memory_budget: Arc<MemoryBudget>,
    guest_stack_bytes: usize,
    egress: Arc<Egress>,
    chains: Arc<CallChains>,
    cache: Arc<LeanCache>,
    idle: Arc<AllIdleInstances>,
    long_calls: LongCalls,
}

/// The sandbox cannot be set up on this machine.
#[derive(Debug, Error)]
#[error(
    "cannot reserve address space for {concurrent_calls} concurrent calls; lower `concurrent_calls`, or lift the limit on it (`ulimit -v`, `LimitAS=` of systemd): {reason}"
)]
pub(crate) struct SandboxError {
    concurrent_calls: u32,
    reason: String,
}

/// Why machine code cannot be loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// wasmtime does not accept it, or the component's interfaces do not fit.
    #[error("{0}")]
    Unusable(String),
    /// The component is for a contract that this engine does not speak.
    #[error("{0}")]
    OtherContract(String),
}

/// A module ready to be instantiated.
pub(crate) struct LoadedModule {
    instance: InstancePre<CallState>,
    functions: FunctionsExport,
    code_bytes: u64,
    /// `None`: all its work is done when it replies.
    background: Option<Background>,
    /// A module that cannot read variables is given none.
    pub(crate) reads_variables: bool,
    /// It imports `wasi:http`; the calls of others are spared its set-up.
    sends_requests: bool,
}

impl LoadedModule {
    /// Size of the mapped artifact.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.code_bytes
    }

    /// True when its work may go on after a reply.
    pub(crate) fn may_work_on(&self) -> bool {
        self.background.is_some()
    }
}

impl std::fmt::Debug for LoadedModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoadedModule")
    }
}

impl Sandbox {
    pub(crate) fn new(
        config: &EngineConfig,
        cache: Arc<LeanCache>,
        chains: Arc<CallChains>,
        threads: &LongCallThreads,
    ) -> Result<Self, SandboxError> {
        let failed = |error: wasmtime::Error| SandboxError {
            concurrent_calls: config.concurrent_calls,
            reason: format!("{error:#}"),
        };
        let engine = Engine::new(&config::run_config(config)).map_err(failed)?;
        let linker = linker::linker(&engine).map_err(failed)?;
        let idle = Arc::new(AllIdleInstances::new(config));
        let reclaimed: Weak<dyn ReclaimMemory> = Arc::<AllIdleInstances>::downgrade(&idle);
        Ok(Self {
            ticker: Arc::new(Ticker::start(&engine).map_err(|error| failed(error.into()))?),
            engine,
            linker_of_http_apps: Arc::new(linker::linker_of_http_apps(&linker).map_err(failed)?),
            linker: Arc::new(linker),
            memory_budget: Arc::new(MemoryBudget::new(config.memory_budget, reclaimed)),
            guest_stack_bytes: config.guest_stack_bytes,
            egress: Arc::new(Egress::new(config.egress.clone())),
            chains,
            cache,
            idle,
            long_calls: threads.calls().map_err(|error| failed(error.into()))?,
        })
    }

    /// The load now: instances, the memory that they hold, and the memory that they may hold.
    pub(crate) fn load_now(&self) -> (usize, u64, u64) {
        (self.ticker.running(), self.memory_budget.held(), self.memory_budget.bytes)
    }

    /// For the instances of a new release that wait between calls; `None` when each call makes its own.
    pub(crate) fn idle_instances_of_release(&self, isolation: Isolation) -> Option<IdleInstances> {
        (isolation == Isolation::Warm).then(|| self.idle.of_new_release())
    }

    /// Brings metrics up to date that calls count elsewhere, where it is cheaper.
    pub(crate) fn publish_metrics(&self) {
        self.idle.publish();
    }

    /// Instances that wait for a call.
    pub(crate) fn idle_instances(&self) -> usize {
        self.idle.len()
    }

    /// Drops instances that were idle for a while. Ends once the sandbox is gone.
    pub(crate) fn expire_idle_instances(&self) -> impl Future<Output = ()> + Send + use<> {
        let idle = Arc::downgrade(&self.idle);
        async move {
            while let Some(next) = idle.upgrade().map(|idle| idle.expire()) {
                tokio::time::sleep(next).await;
            }
        }
    }

    /// What an artifact must have been compiled for to be loaded here.
    pub(crate) fn compatibility_hash(&self) -> u64 {
        config::compatibility_hash(&self.engine)
    }

    /// Maps an artifact into memory. Blocks on the disk.
    ///
    /// # Safety
    ///
    /// The file must come from [`Engine::precompile_component`] unchanged, and must not change while it is mapped:
    /// wasmtime runs its machine code as it finds it.
    pub(crate) unsafe fn load(&self, artifact: &Path) -> Result<LoadedModule, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Unusable(format!("{error:#}"));
        // SAFETY: the caller's promise is the one that wasmtime asks for.
        let component = unsafe { Component::deserialize_file(&self.engine, artifact) }.map_err(failed)?;
        let exports = component.component_type();
        let other = contract::not_spoken(exports.exports(&self.engine).map(|(name, _)| name));
        if let Some(text) = other {
            return Err(LoadError::OtherContract(text));
        }
        let is_http_app = is_http_app(exports.exports(&self.engine).map(|(name, _)| name));
        let linker = if is_http_app { &self.linker_of_http_apps } else { &self.linker };
        let instance = linker.instantiate_pre(&component).map_err(failed)?;
        let background = Background::of(&instance).map_err(failed)?;
        let functions = FunctionsExport::of(&instance, is_http_app).map_err(failed)?;
        let code_bytes = std::fs::metadata(artifact).map_err(|error| LoadError::Unusable(error.to_string()))?.len();
        // The engine itself reads the keys among them when it asks as a client does.
        let reads_variables = is_http_app || environment::is_read_by(&component, &self.engine);
        let sends_requests = http::is_used_by(&component, &self.engine);
        Ok(LoadedModule { instance, functions, code_bytes, background, reads_variables, sends_requests })
    }
}
