//! Runs bundles in the JavaScript engine, without hookd: for the engine's and the shim's own trials.

mod host;
mod snapshot;

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

pub use host::{Host, bindings};
pub use snapshot::{Answer, Loaded, load};

/// As hookd's, for guests of JavaScript.
pub const NATIVE_STACK_BYTES: usize = 2 << 20;

/// Makes a wasmtime set up as hookd's.
pub fn engine() -> anyhow::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(64).total_stacks(64).total_memories(128).total_tables(256);
    pool.linear_memory_keep_resident(1 << 20).table_keep_resident(64 << 10);
    pool.max_component_instance_size(4 << 20).max_core_instance_size(4 << 20);
    pool.pagemap_scan(wasmtime::Enabled::Auto);
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.concurrency_support(false);
    config.memory_init_cow(true);
    config.max_wasm_stack(NATIVE_STACK_BYTES);
    config.async_stack_size(NATIVE_STACK_BYTES * 2);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

/// The built engine: with requests, or without.
pub fn built(http: bool) -> anyhow::Result<Vec<u8>> {
    let name = if http { "engine-http.wasm.gz" } else { "engine.wasm.gz" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist").join(name);
    let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A loaded app, ready to make instances.
pub struct App {
    engine: Engine,
    before: bindings::ModulePre<Host>,
}

impl App {
    /// Compiles what [`load`] made.
    pub fn new(engine: &Engine, component: &[u8]) -> anyhow::Result<Self> {
        Self::of(engine, &Component::new(engine, component)?)
    }

    /// Takes what is compiled.
    pub fn of(engine: &Engine, component: &Component) -> anyhow::Result<Self> {
        let mut linker = Linker::new(engine);
        host::add_to_linker(&mut linker)?;
        let before = bindings::ModulePre::new(linker.instantiate_pre(component)?)?;
        Ok(Self { engine: engine.clone(), before })
    }

    /// A fresh instance.
    pub async fn instance(&self, host: Host) -> anyhow::Result<(Store<Host>, bindings::Module)> {
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limits);
        store.set_epoch_deadline(1_000_000);
        let module = self.before.instantiate_async(&mut store).await?;
        Ok((store, module))
    }
}

/// Who calls, for a trial.
pub fn caller() -> bindings::exports::hookd::engine::functions::Context<'static> {
    bindings::exports::hookd::engine::functions::Context {
        request_id: "r1",
        app_id: "trial",
        environment: "production",
        remote_address: Some("203.0.113.9"),
        session_token: None,
        current_user: None,
        deadline_ms: 15_000,
        sequence: None,
    }
}
