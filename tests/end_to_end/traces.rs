//! Traces of a message, as a collector gets them: one trace through the IM core and the engine, in whichever processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::harness::{Server, Shape};

/// An OTLP receiver; what it was sent is kept as it came, and decoded.
struct Collector {
    url: String,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    _runtime: tokio::runtime::Runtime,
}

struct Traced {
    service: String,
    span: Span,
    attributes: HashMap<String, String>,
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        let receive = axum::routing::post(async move |body: Bytes| {
            kept.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
            StatusCode::OK
        });
        let router = axum::Router::new().route("/v1/traces", receive);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, requests, _runtime: runtime }
    }

    /// Everything that was received, by name.
    fn spans(&self) -> HashMap<String, Vec<Traced>> {
        let mut spans: HashMap<String, Vec<Traced>> = HashMap::new();
        for request in self.requests.lock().unwrap().iter() {
            for resource in &request.resource_spans {
                let service = texts(&resource.resource.as_ref().unwrap().attributes)["service.name"].clone();
                for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                    let attributes = texts(&span.attributes);
                    let traced = Traced { service: service.clone(), span: span.clone(), attributes };
                    spans.entry(span.name.clone()).or_default().push(traced);
                }
            }
        }
        spans
    }

    fn everything(&self) -> String {
        format!("{:?}", self.requests.lock().unwrap())
    }
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.clone()) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect()
}

/// Spans are sent at the latest when their process stops.
fn stop(server: &mut Server) {
    server.processes().stop_front();
    if server.processes().shape() != Shape::OneProcess {
        server.processes().stop_engine();
        server.processes().wait_for_engine();
    }
}

#[test]
fn one_trace_leads_from_the_message_to_the_function() {
    let collector = Collector::start();
    let mut server = Server::start_with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    server.deploy("word-filter");
    server.play("one_message");
    stop(&mut server);
    let services = match server.processes().shape() {
        Shape::OneProcess => ("hookd", "hookd"),
        Shape::OverTcp | Shape::OverASocket => ("hookd-im", "hookd-engine"),
    };

    let spans = collector.spans();
    let one = |name: &str| match spans.get(name).map(Vec::as_slice) {
        Some([one]) => one,
        _ => panic!("not exactly one `{name}` in {:?}", spans.keys()),
    };
    let (request, hook, function) = (one("im direct"), one("hook _messageReceived"), one("function _messageReceived"));
    assert_eq!((request.service.as_str(), function.service.as_str()), services);
    assert_eq!(hook.service, services.0);
    assert!(request.span.parent_span_id.is_empty());
    assert_eq!(hook.span.parent_span_id, request.span.span_id);
    assert_eq!(function.span.parent_span_id, hook.span.span_id);
    assert_eq!(hook.span.trace_id, request.span.trace_id);
    assert_eq!(function.span.trace_id, request.span.trace_id);

    let of_hook = |name: &str| hook.attributes[name].as_str();
    assert_eq!((of_hook("hookd.app"), of_hook("hookd.hook")), ("demo", "_messageReceived"));
    assert_eq!(of_hook("hookd.outcome"), "replied");
    let of_function = |name: &str| function.attributes[name].as_str();
    assert_eq!((of_function("hookd.app"), of_function("hookd.version")), ("demo", "1"));
    assert_eq!((of_function("hookd.function"), of_function("hookd.outcome")), ("_messageReceived", "replied"));
    assert!(!of_function("hookd.request_id").is_empty());
    assert!(!collector.everything().contains("hello"), "the message itself is in a span");
}

#[test]
fn a_failed_call_is_marked_without_what_it_said() {
    let collector = Collector::start();
    let mut server = Server::start_with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    server.deploy("trap");
    server.play("one_message");
    stop(&mut server);
    let spans = collector.spans();
    for name in ["hook _messageReceived", "function _messageReceived"] {
        let [failed] = spans[name].as_slice() else { panic!("not exactly one `{name}`") };
        assert_eq!(failed.attributes["hookd.outcome"], "trap", "{name}");
        assert_eq!(failed.span.status.as_ref().unwrap().message, "trap", "{name}");
    }
}

#[test]
fn an_endpoint_that_is_not_plain_http_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::harness::hookd_in(folder.path(), &["up", "--otlp-endpoint", "https://collector:4318"]);
    crate::command_line::assert_refused(&output, &["https://collector:4318", "--otlp-endpoint http://"]);
}
