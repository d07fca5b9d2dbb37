//! Traces of requests and hook calls, through OpenTelemetry's API.
//!
//! Off until [`enable`]: then each place below costs the reading of one variable. Spans name the operation, the client
//! and the outcome, never the text of a message.

use std::sync::OnceLock;

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};

use crate::hooks::HookFailure;
use crate::ids::AppId;

static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// Traces from now on, with the tracer provider and the propagator that are installed globally.
pub fn enable() {
    TRACER.get_or_init(|| global::tracer("hookd-im-core"));
}

/// A request of a client. `name` is that of [`request_name`].
pub async fn request<T>(name: Option<String>, app: &AppId, work: impl Future<Output = T>) -> T {
    let (Some(tracer), Some(name)) = (TRACER.get(), name) else { return work.await };
    let attributes = [KeyValue::new("hookd.app", app.to_string())];
    let span = tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
    let context = Context::current_with_span(span.start(tracer));
    let result = work.with_context(context.clone()).await;
    context.span().end();
    result
}

/// The name of a request's span; `None` where nothing is traced.
pub fn request_name(what: impl FnOnce() -> String) -> Option<String> {
    TRACER.get().map(|_| format!("im {}", what()))
}

/// A call of a hook, as its caller sees it. The engine's work for it becomes a part of this span, in the same or
/// another process.
pub(crate) async fn hook_call<T>(
    app: &AppId,
    hook: &'static str,
    work: impl Future<Output = Result<T, HookFailure>>,
) -> Result<T, HookFailure> {
    let Some(tracer) = TRACER.get() else { return work.await };
    let attributes = [KeyValue::new("hookd.app", app.to_string()), KeyValue::new("hookd.hook", hook)];
    let span = tracer.span_builder(format!("hook {hook}"));
    let span = span.with_kind(SpanKind::Client).with_attributes(attributes);
    let context = Context::current_with_span(span.start(tracer));
    let result = work.with_context(context.clone()).await;
    let outcome = result.as_ref().map_or_else(|failure| failure.cause.name(), |_| "replied");
    context.span().set_attribute(KeyValue::new("hookd.outcome", outcome));
    if result.is_err() {
        // Without the text: it may quote what was said.
        context.span().set_status(Status::error(outcome));
    }
    context.span().end();
    result
}

/// True after [`enable`]: the trace of a call goes on in the engine.
pub fn is_enabled() -> bool {
    TRACER.get().is_some()
}
