//! From a bundle to a component.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use wasmtime::{Engine, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};
use wit_component::ComponentEncoder;

/// What the engine says of a bundle: a JSON object with `ok`.
pub type Answer = Value;

/// A bundle after its top level ran.
pub struct Loaded {
    pub answer: Answer,
    pub component: Vec<u8>,
    /// The core module in it.
    pub core_module: Vec<u8>,
}

struct Running {
    store: Store<()>,
    instance: Instance,
}

/// Evaluates a bundle in the engine, and makes a component of its memory.
pub fn load(engine: &Engine, core_module: &[u8], bundle: &Value, variables: &Value) -> anyhow::Result<Loaded> {
    let mut wizer = Wizer::new();
    wizer.init_func("prepare");
    let (context, instrumented) = wizer.instrument(core_module)?;
    let module = Module::new(engine, &instrumented)?;
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1_000_000);
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = pollster::block_on(linker.instantiate_async(&mut store, &module))?;
    let mut running = Running { store, instance };
    let input = serde_json::json!({ "bundle": bundle, "variables": variables, "now": 1_750_000_000_000_u64 });
    let answer = running.prepare(&serde_json::to_vec(&input)?)?;
    let snapshot = pollster::block_on(wizer.snapshot(&context, &mut running))?;
    let component = ComponentEncoder::default().module(&snapshot)?.encode()?;
    Ok(Loaded { answer, component, core_module: snapshot })
}

impl Running {
    fn prepare(&mut self, input: &[u8]) -> anyhow::Result<Answer> {
        let Self { store, instance } = self;
        let memory = instance.get_memory(&mut *store, "memory").context("no memory")?;
        let allocate = instance.get_typed_func::<i32, i32>(&mut *store, "prepare_allocate")?;
        let prepare = instance.get_typed_func::<(i32, i32), i32>(&mut *store, "prepare")?;
        let length = i32::try_from(input.len())?;
        let at = pollster::block_on(allocate.call_async(&mut *store, length))?;
        memory.write(&mut *store, at as usize, input)?;
        let answer = pollster::block_on(prepare.call_async(&mut *store, (at, length)))? as usize;
        let data = memory.data(&*store);
        let number = |at: usize| -> anyhow::Result<usize> {
            let bytes = data.get(at..at + 4).context("outside of the memory")?;
            Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
        };
        let (pointer, length) = (number(answer)?, number(answer + 4)?);
        ensure!(pointer.checked_add(length).is_some_and(|end| end <= data.len()), "outside of the memory");
        Ok(serde_json::from_slice(&data[pointer..pointer + length])?)
    }
}

impl InstanceState for Running {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name).expect("the instrumented module exports it");
        match global.get(&mut self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(value) => SnapshotVal::F32(value),
            Val::F64(value) => SnapshotVal::F64(value),
            _ => unreachable!("the engine has no other globals"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name).expect("the instrumented module exports it");
        contents(memory.data(&self.store));
    }
}
