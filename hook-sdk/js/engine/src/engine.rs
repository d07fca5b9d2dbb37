//! The one JavaScript context of an instance.

use std::cell::OnceCell;
use std::ffi::{CStr, CString};

use rquickjs::{Context, Ctx, Error, Runtime, Value, qjs};

use crate::quickjs_memory::QuickJsMemory;
use crate::text::Text;
use crate::{allocator, preparation, rejections};

/// Stack of JavaScript in linear memory, after which a call throws a `RangeError`; the trace of that error may take
/// `HOOKD_BACKTRACE_STACK_BYTES` of `quickjs.patch` more. Code of every kind then takes less than
/// 1.8 MiB of the machine's own stack, of which a guest must have 2 MiB; `HOOKD_STACK_ROOM` in `quickjs.patch` sees to that.
const STACK_BYTES: usize = 672 * 1024;

/// Garbage in cycles that an instance may pile up before a collection, which would touch every page of the snapshot.
const GARBAGE_BYTES: usize = 8 << 20;

unsafe extern "C" {
    /// Makes room in tables that would have to grow in calls.
    fn hookd_make_room(runtime: *mut qjs::JSRuntime);
    /// What is below `end` is never freed from now on, and its references are not counted: see `quickjs.patch`.
    fn hookd_keep(runtime: *mut qjs::JSRuntime, end: usize);
}

thread_local! {
    static CONTEXT: OnceCell<Context> = const { OnceCell::new() };
}

/// Runs `work` in the context; none before [`create`].
pub(crate) fn with<Out>(work: impl FnOnce(&Ctx<'_>) -> Out) -> Option<Out> {
    CONTEXT.with(|context| context.get().map(|context| context.with(|ctx| work(&ctx))))
}

/// Makes the context.
pub(crate) fn create() -> rquickjs::Result<()> {
    let runtime = Runtime::new_with_alloc(QuickJsMemory)?;
    runtime.set_max_stack_size(STACK_BYTES);
    // The app's top level is loaded without a collection where that is possible.
    runtime.set_gc_threshold(GARBAGE_BYTES);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(rejections::track)));
    let context = Context::full(&runtime)?;
    CONTEXT.with(|kept| kept.set(context)).map_err(|_| Error::Unknown)
}

/// From here on the instance is one that serves calls. False without memory for that.
pub(crate) fn end_of_preparation(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the runtime is that of a living context.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_RunGC(runtime);
        qjs::JS_SetGCThreshold(runtime, qjs::JS_GetGCThreshold(runtime).saturating_add(GARBAGE_BYTES as _));
        hookd_make_room(runtime);
        preparation::end();
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
    if preparation::is_preparing() && !file.starts_with('/') {
        return evaluate_ours(ctx, source, &name);
    }
    of_new(ctx, compile(ctx, &source, &name, qjs::JS_EVAL_TYPE_GLOBAL)?)
}

/// Evaluates a script of the shim, whose functions do not keep their source texts: these would take more room in each
/// snapshot than all else.
pub(crate) fn evaluate_ours<'js>(ctx: &Ctx<'js>, source: Vec<u8>, file: &CStr) -> rquickjs::Result<Value<'js>> {
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
