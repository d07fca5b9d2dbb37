//! Traces of calls, through OpenTelemetry's API.
//!
//! Off until [`enable_traces`]: then each place below costs the reading of one variable. A span names the function, its app,
//! the version and the outcome, never parameters or replies. While a call runs, its span is the current one: what the host
//! does for the function ([`HostSpan`]) becomes a part of it.

use std::sync::OnceLock;

use http::HeaderMap;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};

use crate::outcome::Outcome;
use api_types::Environment;

static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// Traces calls from now on, with the tracer provider and the propagator that are installed globally.
pub fn enable_traces() {
    TRACER.get_or_init(|| global::tracer("hookd-runtime"));
}

/// The span of one call.
pub(crate) struct CallSpan(Context);

impl CallSpan {
    /// `None` where nothing is traced. A part of the trace that is current, if any.
    pub(crate) fn begin(app: &str, function: &str, environment: Environment) -> Option<Self> {
        let tracer = TRACER.get()?;
        let span = tracer.span_builder(format!("function {function}")).with_kind(SpanKind::Server);
        let span = span.with_attributes([
            KeyValue::new("hookd.app", app.to_owned()),
            KeyValue::new("hookd.function", function.to_owned()),
            KeyValue::new("hookd.environment", environment.name()),
        ]);
        Some(Self(Context::current_with_span(span.start(tracer))))
    }

    /// What the host does for the function in `call` may become a part of it.
    pub(crate) fn around<F: Future>(&self, call: F) -> impl Future<Output = F::Output> + use<F> {
        call.with_context(self.0.clone())
    }

    /// Says which version runs, and by which id its log names the call.
    pub(crate) fn runs(&self, version: u64, request_id: &str) {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        self.0.span().set_attribute(KeyValue::new("hookd.version", version));
        self.0.span().set_attribute(KeyValue::new("hookd.request_id", request_id.to_owned()));
    }

    /// The call is over.
    pub(crate) fn end(&self, outcome: &Outcome) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("hookd.outcome", outcome.name()));
        if !matches!(outcome, Outcome::Replied(_)) {
            // Without the text: it may quote the parameters.
            span.set_status(Status::error(outcome.name()));
        }
        span.end();
    }
}

/// The span of the call that runs here; `None` where nothing is traced.
pub(crate) fn of_call() -> Option<Context> {
    TRACER.get()?;
    Some(Context::current()).filter(Context::has_active_span)
}

/// Something that the host does for a function and waits for. Ends when it is dropped.
pub(crate) struct HostSpan {
    context: Context,
    /// The outcome; `None` when the caller gave up.
    result: Option<Result<(), String>>,
}

impl HostSpan {
    /// A part of the call's span.
    pub(crate) fn begin(call: &Context, name: String, attributes: impl IntoIterator<Item = KeyValue>) -> Option<Self> {
        let tracer = TRACER.get()?;
        let span = tracer.span_builder(name).with_kind(SpanKind::Client).with_attributes(attributes);
        let context = call.with_span(span.start_with_context(tracer, call));
        Some(Self { context, result: None })
    }

    /// Adds attributes that are known only now.
    pub(crate) fn note(&self, attribute: KeyValue) {
        self.context.span().set_attribute(attribute);
    }

    /// Names this span to the receiver of the request, unless the function names a trace itself.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(TRACE_PARENT) {
            // One without the other means nothing.
            headers.remove(TRACE_STATE);
            global::get_text_map_propagator(|propagator| {
                propagator.inject_context(&self.context, &mut HeaderInjector(headers));
            });
        }
    }

    /// It went well, or failed with an error of this short name.
    pub(crate) fn end(mut self, result: Result<(), String>) {
        self.result = Some(result);
    }
}

impl Drop for HostSpan {
    fn drop(&mut self) {
        let error = match self.result.take() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(error),
            None => Some("no answer in time".to_owned()),
        };
        let span = self.context.span();
        if let Some(error) = error {
            span.set_attribute(KeyValue::new("error.type", error.clone()));
            span.set_status(Status::error(error));
        }
        span.end();
    }
}

/// The trace that a request belongs to, by its W3C trace context; `None` where nothing is traced.
pub fn trace_of_request(headers: &HeaderMap) -> Option<Context> {
    TRACER.get()?;
    Some(global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers))))
}

const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";
