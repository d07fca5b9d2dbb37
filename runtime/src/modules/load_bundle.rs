//! Loads a bundle in the JavaScript engine and makes a component of what that leaves in memory. Runs in the compile child.

use std::future::Future;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use futures::executor::block_on;
use serde::Deserialize;
use wasmtime::{
    Engine, Instance, Linker, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, TypedFunc, Val,
};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};
use wit_component::ComponentEncoder;

use super::compile_request::{LoadInput, LoadLine, LoadLog, MAX_LOG_BYTES};
use super::javascript::JavaScriptEngine;

/// Memory of the engine while they load.
const LOADING_MEMORY_BYTES: usize = 256 << 20;
const TOO_LARGE: &str = "the project's files do not fit into the memory for loading them";
/// Longest text about an error, in bytes.
const MAX_ERROR_BYTES: usize = 4 << 10;

/// A bundle that was loaded.
pub(super) struct Loaded {
    pub(super) component: Vec<u8>,
    pub(super) log: LoadLog,
}

/// Machine code of an engine, for [`load`].
pub(super) fn compile_engine(engine: &Engine, kind: JavaScriptEngine) -> Result<Vec<u8>, String> {
    let core_module = kind.core_module().map_err(|error| error.to_string())?;
    let (_, instrumented) = wizer().instrument(&core_module).map_err(as_text)?;
    engine.precompile_module(&instrumented).map_err(as_text)
}

/// Loads a bundle with the machine code that [`compile_engine`] made.
///
/// # Errors
/// Why its files cannot be loaded, for the developer.
///
/// # Safety
/// The code must be unchanged, as for [`Module::deserialize_file`].
pub(super) unsafe fn load(
    engine: &Engine,
    (kind, code): (JavaScriptEngine, &Path),
    input: &LoadInput,
    time: Duration,
) -> Result<Loaded, String> {
    let core_module = kind.core_module().map_err(|error| error.to_string())?;
    let wizer = wizer();
    let (context, _) = wizer.instrument(&core_module).map_err(as_text)?;
    // SAFETY: the caller's promise.
    let module = unsafe { Module::deserialize_file(engine, code) }.map_err(as_text)?;
    let input = serde_json::to_vec(input).map_err(|error| error.to_string())?;
    let mut first = Running::start(engine, &module, time).map_err(as_text)?;
    first.load(&input)?;
    let placement = first.placement()?;
    drop(first);
    let mut running = Running::start(engine, &module, time).map_err(as_text)?;
    running.place(&placement)?;
    let log = running.load(&input)?;
    let snapshot = block_on(wizer.snapshot(&context, &mut running)).map_err(as_text)?;
    let mut encoder = ComponentEncoder::default().module(&snapshot).map_err(|error| format!("{error:#}"))?;
    let component = encoder.encode().map_err(|error| format!("{error:#}"))?;
    Ok(Loaded { component, log })
}

fn wizer() -> Wizer {
    let mut wizer = Wizer::new();
    // Not exported by the finished module.
    wizer.init_func("prepare");
    wizer
}

fn as_text(error: wasmtime::Error) -> String {
    format!("{error:#}")
}

/// The engine's answer to `prepare`.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<LoadError>,
    #[serde(default)]
    log: Vec<LoadLine>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Default, Deserialize)]
struct LoadError {
    message: String,
    stack: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// What a first load tells a second one, so that it leaves a snapshot without holes.
struct Placement {
    record: Vec<u8>,
    kept_bytes: i32,
}

/// An engine in memory.
struct Running {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    time: Duration,
    /// Ends the timer when it is dropped.
    _timer: Sender<()>,
    /// How much of the memory the snapshot is, in bytes.
    snapshot_bytes: usize,
}

impl Running {
    fn start(engine: &Engine, module: &Module, time: Duration) -> wasmtime::Result<Self> {
        let limits = StoreLimitsBuilder::new().memory_size(LOADING_MEMORY_BYTES).build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(1);
        let timer = start_timer(engine.clone(), time);
        let mut linker = Linker::new(store.engine());
        // Nothing outside can be reached: what is done while files are loaded would be done once, and seen by all instances.
        linker.define_unknown_imports_as_traps(module)?;
        let instance = linker.instantiate(&mut store, module)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("the JavaScript engine exports no memory"))?;
        Ok(Self { store, instance, memory, time, _timer: timer, snapshot_bytes: 0 })
    }

    /// Loads a bundle; answers its log.
    fn load(&mut self, input: &[u8]) -> Result<LoadLog, String> {
        let log = match self.prepare(input)? {
            Answer { ok: true, log, warnings, .. } => LoadLog { log: within(log), warnings },
            Answer { error, log, .. } => return Err(refusal(error.unwrap_or_default(), &within(log))),
        };
        let bytes: TypedFunc<(), i32> = self.function("snapshot_bytes").map_err(as_text)?;
        let bytes = bytes.call(&mut self.store, ()).map_err(|error| stopped(&error, self.time))?;
        self.snapshot_bytes = bytes.cast_unsigned() as usize;
        Ok(log)
    }

    /// After a first load.
    fn placement(&mut self) -> Result<Placement, String> {
        let record: TypedFunc<(), i32> = self.function("placement_record").map_err(as_text)?;
        let at = record.call(&mut self.store, ()).map_err(|error| stopped(&error, self.time))?;
        let record = self.answer(at).ok_or("the JavaScript engine has no record of its memory")?.to_vec();
        let kept_bytes = self.number(at.cast_unsigned() as usize + 8).ok_or("the JavaScript engine gave no answer")?;
        Ok(Placement { record, kept_bytes: kept_bytes.cast_signed() })
    }

    /// Before a second load.
    fn place(&mut self, placement: &Placement) -> Result<(), String> {
        let allocate: TypedFunc<(i32, i32), i32> = self.function("placement_allocate").map_err(as_text)?;
        let length = i32::try_from(placement.record.len()).map_err(|_| TOO_LARGE)?;
        let numbers = (length, placement.kept_bytes);
        let at = allocate.call(&mut self.store, numbers).map_err(|error| stopped(&error, self.time))?;
        let at = at.cast_unsigned() as usize;
        if at == 0 {
            return Err(TOO_LARGE.to_owned());
        }
        self.memory.write(&mut self.store, at, &placement.record).map_err(|_| TOO_LARGE.to_owned())
    }

    /// Gives the engine its input; answers what it says of it.
    fn prepare(&mut self, input: &[u8]) -> Result<Answer, String> {
        let allocate: TypedFunc<i32, i32> = self.function("prepare_allocate").map_err(as_text)?;
        let prepare: TypedFunc<(i32, i32), i32> = self.function("prepare").map_err(as_text)?;
        let length = i32::try_from(input.len()).map_err(|_| TOO_LARGE)?;
        let time = self.time;
        let at = allocate.call(&mut self.store, length).map_err(|error| stopped(&error, time))?;
        self.memory.write(&mut self.store, at.cast_unsigned() as usize, input).map_err(|_| TOO_LARGE)?;
        let answer = prepare.call(&mut self.store, (at, length)).map_err(|error| stopped(&error, time))?;
        let answer = self.answer(answer).ok_or("the JavaScript engine gave no answer")?;
        serde_json::from_slice(answer).map_err(|error| format!("the JavaScript engine's answer is no JSON: {error}"))
    }

    /// The text to which two numbers at `at` point.
    fn answer(&self, at: i32) -> Option<&[u8]> {
        let at = at.cast_unsigned() as usize;
        let (start, length) = (self.number(at)? as usize, self.number(at.checked_add(4)?)? as usize);
        self.memory.data(&self.store).get(start..start.checked_add(length)?)
    }

    fn number(&self, at: usize) -> Option<u32> {
        let bytes = self.memory.data(&self.store).get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn function<P, R>(&mut self, name: &str) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: wasmtime::WasmParams,
        R: wasmtime::WasmResults,
    {
        self.instance.get_typed_func(&mut self.store, name)
    }
}

/// Interrupts what runs in the engine after `time`, unless the answer is dropped before.
fn start_timer(engine: Engine, time: Duration) -> Sender<()> {
    let (timer, dropped) = channel();
    std::thread::spawn(move || {
        if dropped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            engine.increment_epoch();
        }
    });
    timer
}

/// Of an engine that we built: globals and memories have the types that its module says.
impl InstanceState for Running {
    fn global_get(&mut self, name: &str, _type_hint: ValType) -> impl Future<Output = SnapshotVal> + Send {
        let value = self.instance.get_global(&mut self.store, name).map(|global| global.get(&mut self.store));
        let value = match value {
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            _ => SnapshotVal::I32(0),
        };
        std::future::ready(value)
    }

    fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) -> impl Future<Output = ()> + Send {
        if let Some(memory) = self.instance.get_memory(&mut self.store, name) {
            let memory = memory.data(&self.store);
            contents(memory.get(..self.snapshot_bytes).unwrap_or(memory));
        }
        std::future::ready(())
    }
}

/// Why the engine did not come to an answer.
fn stopped(error: &wasmtime::Error, time: Duration) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => format!(
            "they took more than {} ms to load; do at the top level only what every call needs",
            time.as_millis()
        ),
        Some(Trap::StackOverflow) => "their calls are nested too deeply".to_owned(),
        Some(_) | None if format!("{error:#}").contains("unreachable") => {
            format!("they need more than {} MiB of memory to load", LOADING_MEMORY_BYTES >> 20)
        }
        Some(_) | None => format!("{error:#}"),
    }
}

/// The error with its place, and what the files wrote before it.
fn refusal(error: LoadError, log: &[LoadLine]) -> String {
    let mut text = String::new();
    if let Some(file) = &error.file {
        text.push_str(file.strip_prefix("/app/").unwrap_or(file));
        if let Some(line) = error.line {
            text.push_str(&format!(":{line}"));
        }
        text.push_str(": ");
    }
    text.push_str(&error.message);
    if let Some(stack) = error.stack.as_deref().map(str::trim_end).filter(|stack| !stack.is_empty()) {
        text.push('\n');
        text.push_str(stack);
    }
    for line in log {
        text.push_str(&format!("\n[{}] {}", line.level, line.text));
    }
    if let Some((end, _)) = text.char_indices().find(|(at, _)| *at >= MAX_ERROR_BYTES) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// As many records as there is room for.
fn within(log: Vec<LoadLine>) -> Vec<LoadLine> {
    let mut room = MAX_LOG_BYTES;
    let fits = |line: &LoadLine| {
        let left = room.checked_sub(line.text.len());
        room = left.unwrap_or(0);
        left.is_some()
    };
    log.into_iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LoadLine {
        LoadLine { level: "info".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_error_is_told_with_its_place_and_what_was_logged_before() {
        let error = LoadError {
            message: "TypeError: x is not a function".to_owned(),
            stack: Some("    at start (/app/cloud.js:3:1)\n".to_owned()),
            file: Some("/app/cloud.js".to_owned()),
            line: Some(3),
        };
        let told = refusal(error, &[line("connected")]);
        assert_eq!(
            told,
            "cloud.js:3: TypeError: x is not a function\n    at start (/app/cloud.js:3:1)\n[info] connected"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let error = LoadError { message: "é".repeat(MAX_ERROR_BYTES), ..LoadError::default() };
        let told = refusal(error, &[]);
        assert!(told.len() <= MAX_ERROR_BYTES + 8 && told.ends_with('…'));
    }

    #[test]
    fn a_log_beyond_its_bound_is_left_out() {
        let long = line(&"x".repeat(MAX_LOG_BYTES - 1));
        assert_eq!(within(vec![long.clone(), line("y"), line("zz"), line("z")]), [long, line("y")]);
    }
}
