//! The exports for the snapshot.

use std::cell::{Cell, RefCell};

use rquickjs::{Array, Ctx, Function, IntoJs, Object, Value, promise::PromiseState};

use crate::allocator::{self, MEMORY};
use crate::event_loop::{self, End};
use crate::placement::Record;
use crate::text::Text;
use crate::thrown::{Thrown, caught};
use crate::timers::Counting;
use crate::{clock, engine, entry, environment, jobs, log, rejections, shim};

thread_local! {
    static RECORD: Cell<[u32; 3]> = const { Cell::new([0; 3]) };
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<(Vec<u8>, [u32; 2])> = const { RefCell::new((Vec::new(), [0; 2])) };
}

/// Why the app cannot be loaded.
enum Failure {
    Thrown(Thrown),
    /// Not the app's fault.
    Text(String),
}

/// Makes this the second load of a bundle, when it is called before all else. The numbers are those of [`placement_record`].
/// Answers where that record is to be written; zero without memory.
#[unsafe(no_mangle)]
pub extern "C" fn placement_allocate(record_bytes: usize, kept_bytes: usize) -> usize {
    MEMORY.placement.begin_second_load(record_bytes, kept_bytes).unwrap_or(0)
}

/// After a first load, what its second one needs. Answers where three numbers are: place and length of the record, and the
/// bytes of what stays in memory.
#[unsafe(no_mangle)]
pub extern "C" fn placement_record() -> *const [u32; 3] {
    let Record { address, bytes, kept_bytes } = MEMORY.placement.record();
    RECORD.with(|kept| {
        kept.set([address as u32, bytes as u32, kept_bytes as u32]);
        kept.as_ptr().cast_const()
    })
}

/// After [`prepare`]: how much of the memory the snapshot is, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn snapshot_bytes() -> usize {
    allocator::snapshot_bytes()
}

/// Memory for the input of [`prepare`].
#[unsafe(no_mangle)]
pub extern "C" fn prepare_allocate(length: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        *input = vec![0; length];
        input.as_mut_ptr()
    })
}

/// Loads an app. The input is what was written to the memory of [`prepare_allocate`]: a JSON text with `bundle`, `variables`
/// and `now`. Answers where pointer and length of a JSON text are.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(pointer: usize, length: usize) -> *const [u32; 2] {
    let mut input = INPUT.take();
    let answer = if input.as_ptr().addr() == pointer && length <= input.len() {
        input.truncate(length);
        answer(input)
    } else {
        br#"{"ok":false,"error":{"message":"the input is not where it was to be written"},"log":[]}"#.to_vec()
    };
    ANSWER.with_borrow_mut(|kept| {
        let place = [answer.as_ptr().addr() as u32, answer.len() as u32];
        *kept = (answer, place);
        &raw const kept.1
    })
}

fn answer(input: Vec<u8>) -> Vec<u8> {
    let text = engine::create().ok().and_then(|()| {
        engine::with(|ctx| {
            let loaded = load(ctx, input);
            let text = report(ctx, loaded);
            engine::end_of_preparation(ctx).then_some(text.ok()?)
        })
    });
    text.flatten().unwrap_or_else(|| {
        br#"{"ok":false,"error":{"message":"there is not enough memory to load the module"},"log":[]}"#.to_vec()
    })
}

fn load<'js>(ctx: &Ctx<'js>, input: Vec<u8>) -> Result<(), Failure> {
    let ours = |_: rquickjs::Error| Failure::Text(format!("the engine cannot be started: {}", caught(ctx).text()));
    let input: Object<'js> = ctx
        .json_parse(input)
        .and_then(|value| value.get())
        .map_err(|_| Failure::Text(format!("the bundle cannot be read: {}", caught(ctx).message)))?;
    clock::set_date(input.get("now").unwrap_or_default());
    if let Ok(Some(variables)) = input.get::<_, Option<Object<'js>>>("variables") {
        environment::set_given(ctx, variables);
    }
    let bundle: Object<'js> = input.get("bundle").map_err(ours)?;
    shim::load(ctx, bundle).map_err(ours)?;
    drop(input);
    let load = entry::with(|entry| entry.load.clone()).and_then(|load| load.restore(ctx).ok());
    let Some(load): Option<Function<'js>> = load else {
        return Err(Failure::Text("the shim has no loader".to_owned()));
    };
    let result: Value<'js> = load.call(()).map_err(|_| Failure::Thrown(caught(ctx)))?;
    let Some(promise) = result.as_promise() else {
        jobs::run(ctx);
        rejections::report(ctx, None);
        return Ok(());
    };
    let is_settled = || promise.state() != PromiseState::Pending;
    match event_loop::run(ctx, Some(&result), Counting::All, &is_settled) {
        End::NothingLeft => {
            Err(Failure::Text("the module's top level waits for a promise that can never settle".to_owned()))
        }
        End::Done => match promise.result::<Value<'js>>() {
            Some(Err(_)) => Err(Failure::Thrown(caught(ctx))),
            _ => Ok(()),
        },
    }
}

fn report<'js>(ctx: &Ctx<'js>, loaded: Result<(), Failure>) -> rquickjs::Result<Vec<u8>> {
    let answer = Object::new(ctx.clone())?;
    answer.set("ok", loaded.is_ok())?;
    match loaded {
        Ok(()) => answer.set("warnings", Array::new(ctx.clone())?)?,
        Err(failure) => {
            let error = Object::new(ctx.clone())?;
            match failure {
                Failure::Text(text) => error.set("message", text)?,
                Failure::Thrown(thrown) => {
                    error.set("message", thrown.message)?;
                    set_if(&error, "stack", thrown.stack)?;
                    set_if(&error, "file", thrown.file)?;
                    set_if(&error, "line", thrown.line)?;
                }
            }
            answer.set("error", error)?;
        }
    }
    let lines = Array::new(ctx.clone())?;
    for (index, (level, text)) in log::take_collected().into_iter().enumerate() {
        let line = Object::new(ctx.clone())?;
        line.set("level", level)?;
        line.set("text", text)?;
        lines.set(index, line)?;
    }
    answer.set("log", lines)?;
    let text = ctx.json_stringify(answer)?.into_js(ctx)?;
    Ok(text.get::<Text>()?.0.into_bytes())
}

fn set_if<'js>(object: &Object<'js>, name: &str, value: Option<impl IntoJs<'js>>) -> rquickjs::Result<()> {
    value.map_or(Ok(()), |value| object.set(name, value))
}
