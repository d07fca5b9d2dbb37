//! What was aimed at, and whether this run met it.

use crate::in_process::InProcess;
use crate::modules::ThousandModules;
use crate::releases::Releases;
use crate::report::{OverHttp, Report};

/// What was aimed at, what was measured, and whether it is enough.
type Row = (&'static str, String, bool);

/// The table.
pub fn table(report: &Report) -> String {
    let mut table = "| target | measured | met |\n|---|--:|---|\n".to_owned();
    for (target, measured, met) in [calls(report), operations(report), javascript(report), python(report)].concat() {
        table.push_str(&format!("| {target} | {measured} | {} |\n", if met { "yes" } else { "no" }));
    }
    table
}

fn calls(Report { servers, in_process: InProcess { rust, .. }, fairness, .. }: &Report) -> Vec<Row> {
    let to_instantiation = rust.call.median_us / rust.instantiate.median_us;
    let late = servers.rust.at_rate.zip(servers.echo.at_rate).map(|(rust, echo)| rust.p99_us / echo.p99_us);
    let neighbour = fairness.p99_ratio();
    vec![
        (
            "call in process: at most 12 µs, or 2.5 × instantiation",
            format!("{:.1} µs, {to_instantiation:.1} ×", rust.call.median_us),
            rust.call.median_us <= 12.0 || to_instantiation <= 2.5,
        ),
        times("RPC: at least 5 × leanengine", &servers.rust, &servers.leanengine, 5.0),
        times("RPC: at least 0.45 × echo", &servers.rust, &servers.echo, 0.45),
        times("RPC, warm: at least 0.6 × echo", &servers.rust_warm, &servers.echo, 0.6),
        (
            "at 2,000 requests/s: p99 at most 2 × echo's",
            late.map_or("cannot keep it up".to_owned(), |late| format!("{late:.2} ×")),
            late.is_some_and(|late| late <= 2.0),
        ),
        ("beside an app that spins: p99 at most 2 ×", format!("{neighbour:.2} ×"), neighbour <= 2.0),
    ]
}

fn operations(report: &Report) -> Vec<Row> {
    let ThousandModules { rss_mib, first_call_ms: [_, _, first_call_ms], .. } = report.modules;
    let Releases { deploy_to_live_ms, rollback_ms } = report.releases;
    vec![
        ("1,000 modules: at most 1 GiB resident", format!("{rss_mib:.0} MiB"), rss_mib <= 1024.0),
        ("1,000 modules: any first call within 5 ms", format!("{first_call_ms:.2} ms"), first_call_ms <= 5.0),
        ("deploy to live: at most 1 s", format!("{deploy_to_live_ms:.0} ms"), deploy_to_live_ms <= 1000.0),
        ("rollback: at most 100 ms", format!("{rollback_ms:.0} ms"), rollback_ms <= 100.0),
    ]
}

fn javascript(report: &Report) -> Vec<Row> {
    let Report { servers, in_process: InProcess { rust, javascript, .. }, hello_world, .. } = report;
    let call_us = javascript.call.median_us;
    let to_rust = call_us / rust.call.median_us;
    let warm_us = javascript.warm.median_us;
    let deploy_s = hello_world.first_deploy_s.max(hello_world.deploy_s);
    let apps_mib = hello_world.apps_cost_mib();
    vec![
        ("JavaScript, call in process: at most 60 µs", format!("{call_us:.1} µs"), call_us <= 60.0),
        ("JavaScript, call in process: at most 5 × Rust", format!("{to_rust:.1} ×"), to_rust <= 5.0),
        ("JavaScript, warm call in process: at most 25 µs", format!("{warm_us:.1} µs"), warm_us <= 25.0),
        times("JavaScript: at least 4 × leanengine in express", &servers.js, &servers.leanengine, 4.0),
        times("JavaScript, warm: at least 5 × leanengine in express", &servers.js_warm, &servers.leanengine, 5.0),
        seconds("JavaScript, build: at most 2 s", hello_world.build_s, 2.0),
        seconds("JavaScript, build again: at most 1 s", hello_world.rebuild_s, 1.0),
        seconds("JavaScript, deploy to live: at most 3 s, the first too", deploy_s, 3.0),
        (
            "JavaScript, first call after a release: at most 10 ms",
            format!("{:.2} ms", hello_world.first_call_ms),
            hello_world.first_call_ms <= 10.0,
        ),
        ("JavaScript, ten apps: at most 100 MiB resident", format!("{apps_mib:.0} MiB"), apps_mib <= 100.0),
    ]
}

fn python(Report { servers, in_process: InProcess { python, .. }, .. }: &Report) -> Vec<Row> {
    let call_us = python.call.median_us;
    vec![
        times("Python, warm: at least 3 × leancloud", &servers.py_warm, &servers.leancloud_python, 3.0),
        ("Python, call in process: at most 600 µs", format!("{call_us:.0} µs"), call_us <= 600.0),
    ]
}

fn times(target: &'static str, server: &OverHttp, peer: &OverHttp, at_least: f64) -> Row {
    let times = server.times(peer);
    (target, format!("{times:.2} ×"), times >= at_least)
}

fn seconds(target: &'static str, measured: f64, at_most: f64) -> Row {
    (target, format!("{measured:.2} s"), measured <= at_most)
}
