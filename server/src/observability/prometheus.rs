//! `/metrics` for Prometheus: the recorded metrics of the engine and the IM core, and the engine's own counters as
//! text. `docs/metrics.md` lists all of them.

mod process;

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use api_types::control::{AppStats, EngineStats, FunctionStats};
use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hookd_runtime::{Engine, LATENCY_BOUNDS};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::control::is_admin;

/// The metrics of this process, and the routes that show them.
#[derive(Clone)]
pub struct Metrics {
    /// The recorded metrics.
    pub recorded: PrometheusHandle,
    /// The engine in this process.
    pub engine: Option<Engine>,
}

impl Metrics {
    /// The route on a listener that strangers can reach. It needs the admin key: it shows the names and the traffic of
    /// all apps.
    pub fn for_admin(self, admin_key: String) -> Router {
        self.router(move |request| if is_admin(request.headers(), &admin_key) { None } else { Some(NO_ADMIN) })
    }

    /// The route on its own listener. Every client that reaches it may read it. A page of a browser on this machine may
    /// not, where the listener `is_loopback`.
    pub fn for_everyone(self, is_loopback: bool) -> Router {
        self.router(move |request| {
            let named = is_loopback && !names_this_machine(request.uri(), request.headers());
            named.then_some((StatusCode::FORBIDDEN, "ask for it by an address or as `localhost`\n"))
        })
    }

    fn router(
        self,
        refusal: impl Fn(&Request) -> Option<(StatusCode, &'static str)> + Clone + Send + Sync + 'static,
    ) -> Router {
        let answer = move |request: Request| {
            let answer = match refusal(&request) {
                None => answered(&self.recorded, self.engine.as_ref()),
                Some(refusal) => refusal.into_response(),
            };
            std::future::ready(answer)
        };
        Router::new().route("/metrics", get(answer))
    }
}

const NO_ADMIN: (StatusCode, &str) = (
    StatusCode::UNAUTHORIZED,
    "/metrics needs the admin key here, `Authorization: Bearer <admin key>`; `--metrics-listen` names an address for it alone\n",
);

/// False where the caller asked for a site by its name. A page whose site suddenly resolves to 127.0.0.1 (DNS rebinding) is
/// of this origin to its browser, which sends the site's name nevertheless.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let is_here = |host: &Authority| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
    };
    let host_is_here = |host: &header::HeaderValue| {
        host.to_str().ok().and_then(|host| host.parse().ok()).is_some_and(|host| is_here(&host))
    };
    // HTTP/2 has it in the address.
    uri.authority().is_none_or(is_here) && headers.get_all(header::HOST).iter().all(host_is_here)
}

fn answered(recorded: &PrometheusHandle, engine: Option<&Engine>) -> Response {
    // First, because it updates some of the recorded ones.
    let of_engine = engine.map(render).unwrap_or_default();
    let text = recorded.render() + &of_engine + &process::render();
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn render(engine: &Engine) -> String {
    let apps: Vec<AppStats> = engine.apps().iter().filter_map(|app| engine.app_stats(&app.id)).collect();
    of_stats(&engine.stats(), &apps)
}

fn of_stats(engine: &EngineStats, apps: &[AppStats]) -> String {
    let mut text = Exposition(String::new());
    calls(&mut text, apps);
    durations(&mut text, apps);
    text.family("hookd_call_peak_memory_bytes", "gauge", "Most linear memory that a call held, by app and function.");
    for (app, function) in functions(apps) {
        let labels = [("app", app), ("function", function.name.as_str())];
        text.sample("hookd_call_peak_memory_bytes", &labels, function.peak_memory_bytes);
    }
    text.family("hookd_app_running_calls", "gauge", "Calls of an app that have a place now.");
    for app in apps {
        text.sample("hookd_app_running_calls", &[("app", &app.app_id)], app.running_calls);
    }
    text.family("hookd_app_queued_calls", "gauge", "Calls of an app that wait for a place now.");
    for app in apps {
        text.sample("hookd_app_queued_calls", &[("app", &app.app_id)], app.queued_calls);
    }
    let dropped = "hookd_log_lines_dropped_total";
    text.family(
        dropped,
        "counter",
        "Log lines of functions that were not kept: over the call's `budget`, lost by the `disk`, or `damaged` on it.",
    );
    for app in apps {
        text.sample(dropped, &[("app", &app.app_id), ("reason", "budget")], app.log_lines_over_budget);
        text.sample(dropped, &[("app", &app.app_id), ("reason", "disk")], app.log_lines_lost);
        text.sample(dropped, &[("app", &app.app_id), ("reason", "damaged")], app.log_lines_damaged);
    }
    let single = [
        ("hookd_apps", "gauge", "Apps of the installation.", apps.len() as u64),
        ("hookd_running_instances", "gauge", "Guests that run now.", engine.running_instances),
        ("hookd_idle_instances", "gauge", "Guests of warm versions that wait for a call.", engine.idle_instances),
        ("hookd_guest_memory_bytes", "gauge", "Linear memory that guests hold now.", engine.guest_memory_bytes),
        (
            "hookd_guest_memory_budget_bytes",
            "gauge",
            "Linear memory that guests may hold together.",
            engine.guest_memory_budget_bytes,
        ),
        ("hookd_loaded_modules", "gauge", "Modules in memory.", engine.loaded_modules),
        ("hookd_undefined_calls_total", "counter", "Calls of undefined functions.", engine.undefined_calls),
    ];
    text.single(single);
    text.family("hookd_build_info", "gauge", "Always 1; the label is the version.");
    text.sample("hookd_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.0
}

fn functions(apps: &[AppStats]) -> impl Iterator<Item = (&str, &FunctionStats)> {
    apps.iter().flat_map(|app| app.functions.iter().map(|function| (app.app_id.as_str(), function)))
}

fn calls(text: &mut Exposition, apps: &[AppStats]) {
    text.family(
        "hookd_calls_total",
        "counter",
        "Calls of functions and hooks that ended, by app, function and outcome.",
    );
    for (app, function) in functions(apps) {
        for (outcome, count) in &function.outcomes {
            let labels = [("app", app), ("function", function.name.as_str()), ("outcome", outcome.as_str())];
            text.sample("hookd_calls_total", &labels, count);
        }
    }
}

fn durations(text: &mut Exposition, apps: &[AppStats]) {
    let name = "hookd_call_duration_seconds";
    text.family(
        name,
        "histogram",
        "Time from a call's arrival to its outcome, queueing included, by app and function.",
    );
    let bounds = LATENCY_BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string()).chain(["+Inf".to_owned()]);
    let bounds: Vec<String> = bounds.collect();
    for (app, function) in functions(apps) {
        let labels = [("app", app), ("function", function.name.as_str())];
        let mut so_far = 0;
        for (bound, count) in bounds.iter().zip(&function.durations) {
            so_far += count;
            let labels = [labels.as_slice(), &[("le", bound)]].concat();
            text.sample(&format!("{name}_bucket"), &labels, so_far);
        }
        text.sample(&format!("{name}_sum"), &labels, function.total_seconds);
        text.sample(&format!("{name}_count"), &labels, so_far);
    }
}

/// Prometheus' text format.
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Metrics without labels: name, kind, help, value.
    fn single<'a>(&mut self, metrics: impl IntoIterator<Item = (&'a str, &'a str, &'a str, u64)>) {
        for (name, kind, help, value) in metrics {
            self.family(name, kind, help);
            self.sample(name, &[], value);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
        let labels = labels.collect::<Vec<_>>().join(",");
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "{name}{braces} {value}");
    }
}

/// Developers choose the names of functions.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_resolves_to_this_machine_is_not_the_machine() {
        let open = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.extend(hosts.iter().map(|host| (header::HOST, host.parse().unwrap())));
            names_this_machine(&uri.parse().unwrap(), &headers)
        };
        for host in ["localhost", "LocalHost:7410", "127.0.0.1:7410", "[::1]:7410", "192.0.2.7"] {
            assert!(open("/metrics", &[host]), "{host}");
            assert!(open(&format!("http://{host}/metrics"), &[]), "{host}");
        }
        for host in
            ["attacker.example", "attacker.example:7410", "localhost.attacker.example", "127.0.0.1.attacker.example"]
        {
            assert!(!open("/metrics", &[host]), "{host}");
            assert!(!open("/metrics", &["localhost", host]), "{host}");
            assert!(!open("http://localhost/metrics", &[host]), "{host}");
            assert!(!open(&format!("http://{host}/metrics"), &["localhost"]), "{host}");
        }
        for host in ["", "a b", "\u{e4}"] {
            assert!(!open("/metrics", &[host]), "{host}");
        }
        assert!(open("/metrics", &[]), "no browser");
    }

    #[test]
    fn counters_become_prometheus_text() {
        let mut durations = vec![0; LATENCY_BOUNDS.len() + 1];
        durations[0] = 2;
        durations[20] = 1;
        let function = FunctionStats {
            name: "odd\"name\\".to_owned(),
            outcomes: [("replied".to_owned(), 2), ("timeout".to_owned(), 1)].into(),
            durations,
            total_seconds: 16.5,
            peak_memory_bytes: 65_536,
        };
        let app = AppStats {
            app_id: "demo".to_owned(),
            functions: vec![function],
            running_calls: 1,
            queued_calls: 2,
            log_lines_over_budget: 3,
            log_lines_lost: 4,
            log_lines_damaged: 5,
        };
        let engine = EngineStats {
            running_instances: 1,
            idle_instances: 0,
            guest_memory_bytes: 65_536,
            guest_memory_budget_bytes: 1 << 20,
            loaded_modules: 1,
            undefined_calls: 5,
        };
        let text = of_stats(&engine, &[app]);
        for line in [
            r#"hookd_calls_total{app="demo",function="odd\"name\\",outcome="timeout"} 1"#,
            r#"hookd_call_duration_seconds_bucket{app="demo",function="odd\"name\\",le="0.00001"} 2"#,
            r#"hookd_call_duration_seconds_bucket{app="demo",function="odd\"name\\",le="15"} 2"#,
            r#"hookd_call_duration_seconds_bucket{app="demo",function="odd\"name\\",le="+Inf"} 3"#,
            r#"hookd_call_duration_seconds_sum{app="demo",function="odd\"name\\"} 16.5"#,
            r#"hookd_log_lines_dropped_total{app="demo",reason="disk"} 4"#,
            r#"hookd_log_lines_dropped_total{app="demo",reason="damaged"} 5"#,
            r#"hookd_app_queued_calls{app="demo"} 2"#,
            "hookd_undefined_calls_total 5",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is not in:\n{text}");
        }
        let kinds = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(kinds, text.lines().filter(|line| line.starts_with("# HELP")).count());
    }
}
