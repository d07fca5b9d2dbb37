//! Requests of scripts, through `wasi:http`: in the background with promises, or blocking.

mod error;
mod request;

use std::cell::{Cell, RefCell};

use rquickjs::function::Func;
use rquickjs::{Array, Ctx, Exception, Function, IntoJs, Object, Persistent, Promise, TypedArray, Value};

use self::error::RequestError;
use crate::bindings::wasi::http::types::{FutureIncomingResponse, IncomingBody, IncomingResponse};
use crate::bindings::wasi::io::poll::Pollable;
use crate::bindings::wasi::io::streams::{InputStream, StreamError};
use crate::preparation;

/// What is asked of a body at once.
const READ_BYTES: u64 = 64 * 1024;
/// Bodies that may be open without anybody reading them; the oldest is closed before another one. The engine bounds handles.
const IDLE_BODIES: usize = 32;

type Settle = Persistent<Function<'static>>;

/// How a promise is settled.
struct Capability {
    resolve: Settle,
    reject: Settle,
}

/// The order of the fields is that in which their handles have to be closed.
struct Body {
    waiting: Option<(Capability, Pollable)>,
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

enum Work {
    Response { pollable: Pollable, response: FutureIncomingResponse, capability: Capability },
    Body(Body),
}

thread_local! {
    static OPEN: RefCell<Vec<(u32, Work)>> = const { RefCell::new(Vec::new()) };
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
}

/// Puts the functions into `__host`.
pub(crate) fn define<'js>(host: &Object<'js>) -> rquickjs::Result<()> {
    host.set("http", Func::from(begin))?;
    host.set("httpRead", Func::from(read))?;
    host.set("httpCancel", Func::from(cancel))?;
    host.set("httpBlocking", Func::from(blocking))
}

/// Calls `work` with what the open requests wait for.
pub(crate) fn with_pollables<Out>(work: impl FnOnce(Vec<&Pollable>) -> Out) -> Out {
    OPEN.with_borrow(|open| {
        let pollables = open.iter().filter_map(|(_, work)| match work {
            Work::Response { pollable, .. } => Some(pollable),
            Work::Body(body) => body.waiting.as_ref().map(|(_, pollable)| pollable),
        });
        work(pollables.collect())
    })
}

/// Settles the promises of what is ready. True when there was one.
pub(crate) fn settle(ctx: &Ctx<'_>) -> bool {
    let ready: Vec<u32> = OPEN.with_borrow(|open| {
        open.iter()
            .filter(|(_, work)| match work {
                Work::Response { pollable, .. } => pollable.ready(),
                Work::Body(body) => body.waiting.as_ref().is_some_and(|(_, pollable)| pollable.ready()),
            })
            .map(|(id, _)| *id)
            .collect()
    });
    for id in &ready {
        match take(*id) {
            Some(Work::Response { pollable, response, capability }) => {
                drop(pollable);
                let answer = received(&response).and_then(|incoming| answer(ctx, incoming));
                settle_with(
                    ctx,
                    capability,
                    answer.and_then(|answer| answer.into_js(ctx).map_err(RequestError::Script)),
                );
            }
            Some(Work::Body(body)) => read_on(ctx, *id, body),
            None => {}
        }
    }
    !ready.is_empty()
}

fn take(id: u32) -> Option<Work> {
    OPEN.with_borrow_mut(|open| {
        let place = open.iter().position(|(other, _)| *other == id)?;
        Some(open.remove(place).1)
    })
}

fn new_id() -> u32 {
    LAST_ID.set(LAST_ID.get().wrapping_add(1).max(1));
    LAST_ID.get()
}

/// A promise for the response. Its `id` is for [`cancel`].
fn begin<'js>(ctx: Ctx<'js>, request: Object<'js>) -> rquickjs::Result<Promise<'js>> {
    refuse_while_preparing(&ctx)?;
    let (promise, resolve, reject) = ctx.promise()?;
    let capability = Capability { resolve: Persistent::save(&ctx, resolve), reject: Persistent::save(&ctx, reject) };
    let id = new_id();
    promise.as_inner().set("id", id)?;
    match request::send(&ctx, &request) {
        Ok(response) => {
            let pollable = response.subscribe();
            OPEN.with_borrow_mut(|open| open.push((id, Work::Response { pollable, response, capability })));
        }
        Err(error) => settle_with(&ctx, capability, Err(error)),
    }
    Ok(promise)
}

/// A promise for the next bytes of a body, or null after the last ones.
fn read<'js>(ctx: Ctx<'js>, id: u32) -> rquickjs::Result<Promise<'js>> {
    let (promise, resolve, reject) = ctx.promise()?;
    let capability = Capability { resolve: Persistent::save(&ctx, resolve), reject: Persistent::save(&ctx, reject) };
    match take(id) {
        Some(Work::Body(mut body)) if body.waiting.is_none() => {
            let pollable = body.stream.subscribe();
            body.waiting = Some((capability, pollable));
            read_on(&ctx, id, body);
        }
        Some(other) => {
            OPEN.with_borrow_mut(|open| open.push((id, other)));
            return Err(Exception::throw_type(&ctx, "the body is being read"));
        }
        None => settle_with(&ctx, capability, Ok(Value::new_null(ctx.clone()))),
    }
    Ok(promise)
}

/// Closes a request or a body; its promise stays as it is.
fn cancel(id: u32) {
    drop(take(id));
}

/// Gives the promise what has come; without anything it waits on.
fn read_on(ctx: &Ctx<'_>, id: u32, mut body: Body) {
    let Some((capability, pollable)) = body.waiting.take() else { return };
    let (value, is_open) = match body.stream.read(READ_BYTES) {
        Ok(bytes) if bytes.is_empty() => {
            body.waiting = Some((capability, pollable));
            OPEN.with_borrow_mut(|open| open.push((id, Work::Body(body))));
            return;
        }
        Ok(bytes) => {
            (TypedArray::new(ctx.clone(), bytes).map(TypedArray::into_value).map_err(RequestError::Script), true)
        }
        Err(StreamError::Closed) => (Ok(Value::new_null(ctx.clone())), false),
        Err(StreamError::LastOperationFailed(error)) => (Err(RequestError::of_stream(&error)), false),
    };
    drop(pollable);
    if is_open {
        OPEN.with_borrow_mut(|open| open.push((id, Work::Body(body))));
    } else {
        drop(body);
    }
    settle_with(ctx, capability, value);
}

fn settle_with<'js>(ctx: &Ctx<'js>, capability: Capability, value: Result<Value<'js>, RequestError>) {
    let settled = match value {
        Ok(value) => capability.resolve.restore(ctx).and_then(|resolve| resolve.call::<_, ()>((value,))),
        Err(error) => capability.reject.restore(ctx).and_then(|reject| {
            let error = error.into_value(ctx)?;
            reject.call::<_, ()>((error,))
        }),
    };
    if settled.is_err() {
        ctx.catch();
    }
}

fn received(response: &FutureIncomingResponse) -> Result<IncomingResponse, RequestError> {
    match response.get() {
        Some(Ok(Ok(incoming))) => Ok(incoming),
        Some(Ok(Err(code))) => Err(RequestError::Code(code)),
        Some(Err(())) | None => Err(RequestError::internal("the engine gave no answer")),
    }
}

fn opened(response: IncomingResponse) -> Result<Body, RequestError> {
    let body = response.consume().map_err(|()| RequestError::internal("the response has no body"))?;
    let stream = body.stream().map_err(|()| RequestError::internal("the response has no body"))?;
    Ok(Body { waiting: None, stream, _body: body, _response: response })
}

/// Status and headers, and the id of the body.
fn answer<'js>(ctx: &Ctx<'js>, response: IncomingResponse) -> Result<Object<'js>, RequestError> {
    let answer = head(ctx, &response)?;
    let body = opened(response)?;
    let id = new_id();
    answer.set("body", id)?;
    let closed = OPEN.with_borrow_mut(|open| {
        open.push((id, Work::Body(body)));
        let is_idle = |work: &Work| matches!(work, Work::Body(body) if body.waiting.is_none());
        let idle = open.iter().filter(|(_, work)| is_idle(work)).count();
        let oldest = open.iter().position(|(_, work)| is_idle(work));
        oldest.filter(|_| idle > IDLE_BODIES).map(|place| open.remove(place))
    });
    drop(closed);
    Ok(answer)
}

fn head<'js>(ctx: &Ctx<'js>, response: &IncomingResponse) -> Result<Object<'js>, RequestError> {
    let answer = Object::new(ctx.clone())?;
    answer.set("status", response.status())?;
    let headers = Array::new(ctx.clone())?;
    for (index, (name, value)) in response.headers().entries().into_iter().enumerate() {
        // One character for each byte, as in Node.
        let value: String = value.into_iter().map(char::from).collect();
        headers.set(index, vec![name, value])?;
    }
    answer.set("headers", headers)?;
    Ok(answer)
}

/// The whole response; meanwhile nothing else runs in this instance.
fn blocking<'js>(ctx: Ctx<'js>, request: Object<'js>) -> rquickjs::Result<Object<'js>> {
    refuse_while_preparing(&ctx)?;
    let received = || -> Result<Object<'js>, RequestError> {
        let response = request::send(&ctx, &request)?;
        response.subscribe().block();
        let incoming = received(&response)?;
        let answer = head(&ctx, &incoming)?;
        let body = opened(incoming)?;
        let mut bytes = Vec::new();
        loop {
            match body.stream.blocking_read(READ_BYTES) {
                Ok(mut piece) => bytes.append(&mut piece),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => return Err(RequestError::of_stream(&error)),
            }
        }
        answer.set("body", TypedArray::new(ctx.clone(), bytes)?)?;
        Ok(answer)
    };
    received().map_err(|error| match error.into_value(&ctx) {
        Ok(value) => ctx.throw(value),
        Err(error) => error,
    })
}

fn refuse_while_preparing(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    if preparation::is_preparing() {
        return Err(Exception::throw_message(ctx, "no request can be sent while the module is loaded"));
    }
    Ok(())
}
