//! The one JavaScript context of an instance.

use std::cell::{Cell, OnceCell};
use std::ffi::{CStr, CString};

use miniz_oxide::inflate::decompress_slice_iter_to_slice;
use rquickjs::{Context, Ctx, Error, Function, Object, Persistent, Runtime, Value, qjs};

use crate::allocator::{self, QuickJsMemory};
use crate::text::Text;
use crate::{host, rejections, timers};

/// What the scripts of an app stand on: web APIs, Node's built-in modules, and the packages that hookd offers itself.
const SHIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim.deflate"));
/// Bytes of it, unpacked.
const SHIM_BYTES: usize = include!(concat!(env!("OUT_DIR"), "/shim.length"));
const SHIM_FILE: &CStr = c"hookd:shim";

/// Stack of JavaScript in linear memory, after which a call throws a `RangeError`. Code of every kind then takes less than
/// 1.8 MiB of the machine's own stack, of which a guest must have 2 MiB; `HOOKD_STACK_ROOM` in `quickjs.patch` sees to that.
const STACK_BYTES: usize = 704 * 1024;

/// Garbage in cycles that an instance may pile up before a collection, which would touch every page of the snapshot.
const GARBAGE_BYTES: usize = 8 << 20;

unsafe extern "C" {
    /// Makes room in tables that would have to grow in calls.
    fn hookd_make_room(runtime: *mut qjs::JSRuntime);
    /// What is below `end` is never freed from now on, and its references are not counted: see `quickjs.patch`.
    fn hookd_keep(runtime: *mut qjs::JSRuntime, end: usize);
}

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
    /// True until the snapshot.
    static PREPARING: Cell<bool> = const { Cell::new(true) };
}

struct Engine {
    context: Context,
    entry: OnceCell<Entry>,
}

/// The functions that the shim answers with.
pub(crate) struct Entry {
    pub(crate) load: Persistent<Function<'static>>,
    pub(crate) definitions: Persistent<Function<'static>>,
    pub(crate) call: Persistent<Function<'static>>,
    pub(crate) describe_error: Option<Persistent<Function<'static>>>,
    /// Asked about exceptions that nobody caught; answers true where the app's own handler took it.
    pub(crate) uncaught: Option<Persistent<Function<'static>>>,
}

/// True before the snapshot: then no import may be called.
pub(crate) fn is_preparing() -> bool {
    PREPARING.get()
}

/// Runs `work` in the context; none before [`create`].
pub(crate) fn with<Out>(work: impl FnOnce(&Ctx<'_>, Option<&Entry>) -> Out) -> Option<Out> {
    // The reference is to a thread-local of the only thread, which lives as long as the instance.
    ENGINE.with(|engine| engine.get().map(|engine| engine.context.with(|ctx| work(&ctx, engine.entry.get()))))
}

/// Asks the shim's `describe` or `uncaught` from anywhere.
pub(crate) fn entry<Out>(work: impl FnOnce(&Entry) -> Out) -> Option<Out> {
    ENGINE.with(|engine| engine.get().and_then(|engine| engine.entry.get()).map(work))
}

/// Makes the context.
pub(crate) fn create() -> rquickjs::Result<()> {
    let runtime = Runtime::new_with_alloc(QuickJsMemory)?;
    runtime.set_max_stack_size(STACK_BYTES);
    // The app's top level is loaded without a collection where that is possible.
    runtime.set_gc_threshold(GARBAGE_BYTES);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(rejections::track)));
    let context = Context::full(&runtime)?;
    ENGINE.with(|engine| engine.set(Engine { context, entry: OnceCell::new() }).map_err(|_| Error::Unknown))
}

/// Evaluates the shim.
pub(crate) fn load_shim<'js>(ctx: &Ctx<'js>, bundle: Object<'js>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    timers::define(ctx)?;
    globals.set("__host", host::object(ctx, bundle)?)?;
    // There are no threads, so that the engine has no `Atomics`; the formatter of Node's console lists its functions.
    globals.set("Atomics", Object::new(ctx.clone())?)?;
    // A zero follows the script.
    let mut shim = vec![0; SHIM_BYTES + 1];
    decompress_slice_iter_to_slice(&mut shim, std::iter::once(SHIM), false, false).map_err(|_| Error::Unknown)?;
    evaluate_ours(ctx, shim, SHIM_FILE)?;
    globals.remove("Atomics")?;
    let entry: Object<'_> = globals.get("__entry")?;
    globals.remove("__entry")?;
    globals.remove("__host")?;
    let function = |name: &str| -> rquickjs::Result<Persistent<Function<'static>>> {
        Ok(Persistent::save(ctx, entry.get::<_, Function<'_>>(name)?))
    };
    let optional = |name: &str| -> rquickjs::Result<Option<Persistent<Function<'static>>>> {
        Ok(entry.get::<_, Option<Function<'_>>>(name)?.map(|function| Persistent::save(ctx, function)))
    };
    let entry = Entry {
        load: function("load")?,
        definitions: function("definitions")?,
        call: function("call")?,
        describe_error: optional("describeError")?,
        uncaught: optional("uncaught")?,
    };
    ENGINE.with(|engine| engine.get().map(|engine| engine.entry.set(entry)));
    Ok(())
}

/// From here on the instance is one that serves calls. False without memory for that.
pub(crate) fn end_of_preparation(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the runtime is that of a living context.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_RunGC(runtime);
        qjs::JS_SetGCThreshold(runtime, qjs::JS_GetGCThreshold(runtime).saturating_add(GARBAGE_BYTES as _));
        hookd_make_room(runtime);
        PREPARING.set(false);
        let Some(end) = allocator::begin_snapshot() else { return false };
        hookd_keep(runtime, end);
    }
    true
}

/// Evaluates a script as sloppy global code. `file` is the name in stack traces.
pub(crate) fn evaluate_text<'js>(ctx: &Ctx<'js>, source: Text, file: &str) -> rquickjs::Result<Value<'js>> {
    let mut source = source.0.into_bytes();
    source.push(0);
    let name = CString::new(file.replace('\0', ""))?;
    // Files of the app have absolute paths.
    if is_preparing() && !file.starts_with('/') {
        return evaluate_ours(ctx, source, &name);
    }
    of_new(ctx, compile(ctx, &source, &name, qjs::JS_EVAL_TYPE_GLOBAL)?)
}

/// Evaluates a script of the shim, whose functions do not keep their source texts: these would take more room in each
/// snapshot than all else.
fn evaluate_ours<'js>(ctx: &Ctx<'js>, source: Vec<u8>, file: &CStr) -> rquickjs::Result<Value<'js>> {
    let compiled = compile(ctx, &source, file, qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY)?;
    drop(source);
    let compiled = of_new(ctx, compiled)?;
    let context = ctx.as_raw().as_ptr();
    let mut length = 0;
    let flags = qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE;
    // SAFETY: the value is of this context. The answer is null, or as many bytes as `length` says, until they are freed.
    let function = unsafe {
        let bytes = qjs::JS_WriteObject(context, &raw mut length, compiled.as_raw(), flags as i32);
        if bytes.is_null() {
            return Err(Error::Exception);
        }
        let read = qjs::JS_ReadObject(context, bytes, length, qjs::JS_READ_OBJ_BYTECODE as i32);
        qjs::js_free(context, bytes.cast());
        read
    };
    drop(compiled);
    // SAFETY: the function is new, and given away.
    of_new(ctx, unsafe { qjs::JS_EvalFunction(context, function) })
}

/// `source` ends with a zero, which is no part of the script: QuickJS reads that far.
fn compile(ctx: &Ctx<'_>, source: &[u8], file: &CStr, flags: u32) -> rquickjs::Result<qjs::JSValue> {
    let Some((0, script)) = source.split_last() else { return Err(Error::Unknown) };
    // SAFETY: the script and the zero behind it are inside the slice.
    Ok(unsafe {
        qjs::JS_Eval(ctx.as_raw().as_ptr(), script.as_ptr().cast(), script.len() as _, file.as_ptr(), flags as i32)
    })
}

/// Takes a value that is new, and of this context.
fn of_new<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> rquickjs::Result<Value<'js>> {
    // SAFETY: see above.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() { Err(Error::Exception) } else { Ok(value) }
}
