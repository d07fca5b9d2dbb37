//! Traces of a message, as a collector gets them: one trace through the IM core and the engine, in whichever processes, and
//! out to Redis and to HTTP services.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::body::Bytes;
use axum::http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{MESSAGE, Redis, Server, Shape};

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

/// Answers every request with its head, until the process ends; answers host and port.
fn echo_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let lines = BufReader::new(socket.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let head = head.join("\n");
            write!(socket, "HTTP/1.1 404 Status\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{head}", head.len())
                .unwrap();
        }
    });
    host
}

/// The values of `traceparent` that the service got from a function.
fn trace_parents(server: &Server, params: &Value) -> Vec<String> {
    let path = server.data().join("fetch.json");
    std::fs::write(&path, params.to_string()).unwrap();
    let output = server.hookd(&["invoke", "fetch", "--params", path.to_str().unwrap()]);
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let head = reply["text"].as_str().unwrap_or_default();
    head.lines().filter_map(|line| line.strip_prefix("traceparent: ")).map(str::to_owned).collect()
}

#[test]
fn a_functions_http_request_is_part_of_the_trace_and_carries_it_on() {
    let collector = Collector::start();
    let arguments = ["--otlp-endpoint", &collector.url, "--allow-private-egress", "127.0.0.0/8"];
    let mut server = Server::start_with(&arguments);
    server.deploy("outbound");
    let host = echo_service();
    server.hookd_ok(&["settings", "--allow-host", &host]);

    let carried = trace_parents(&server, &json!({"url": format!("http://{host}/private-path?private=query")}));
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let params = json!({"url": format!("http://{host}/"), "headers": {"traceparent": own}});
    assert_eq!(trace_parents(&server, &params), [own], "what the function says itself stays");
    assert!(trace_parents(&server, &json!({"url": "http://other.example/"})).is_empty());
    stop(&mut server);

    let spans = collector.spans();
    let (calls, requests) = (&spans["function fetch"], &spans["http GET"]);
    assert_eq!((calls.len(), requests.len()), (3, 3));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let request = &requests[0];
    assert_eq!(request.span.parent_span_id, calls[0].span.span_id);
    assert_eq!(request.span.trace_id, calls[0].span.trace_id);
    assert_eq!(carried, [format!("00-{}-{}-01", hex(&request.span.trace_id), hex(&request.span.span_id))]);
    let (address, port) = host.split_once(':').unwrap();
    for (name, value) in [
        ("http.request.method", "GET"),
        ("server.address", address),
        ("server.port", port),
        ("http.response.status_code", "404"),
        ("error.type", "404"),
    ] {
        assert_eq!(request.attributes[name], value, "{name}");
    }
    assert_eq!(requests[2].attributes["server.address"], "other.example");
    assert_eq!(requests[2].attributes["error.type"], "host_not_allowed");
    assert!(!collector.everything().contains("private-path"), "a path is in a span");
}

#[test]
fn a_functions_use_of_redis_is_part_of_the_trace() {
    let (collector, redis) = (Collector::start(), Redis::start());
    let mut server = Server::start_with(&["--otlp-endpoint", &collector.url, "--redis-url", &redis.url()]);
    server.deploy("rate-limit");
    let params = server.data().join("message.json");
    std::fs::write(&params, MESSAGE).unwrap();
    server.hookd_ok(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    stop(&mut server);
    let spans = collector.spans();
    let [call] = spans["function _messageReceived"].as_slice() else { panic!("not exactly one call") };
    let [command] = spans["redis PIPELINE"].as_slice() else { panic!("not one of {:?}", spans.keys()) };
    assert_eq!(command.span.parent_span_id, call.span.span_id);
    assert_eq!(command.attributes["db.system.name"], "redis");
    assert_eq!(command.attributes["db.operation.batch.size"], "2");
    assert!(command.span.status.as_ref().is_none_or(|status| status.message.is_empty()));
    assert!(!collector.everything().contains("messages:"), "a key is in a span");
}

#[test]
fn an_endpoint_that_is_not_plain_http_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::harness::hookd_in(folder.path(), &["up", "--otlp-endpoint", "https://collector:4318"]);
    crate::harness::assert_refused(&output, &["https://collector:4318", "--otlp-endpoint http://"]);
}
