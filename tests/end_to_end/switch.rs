//! Releases under load: no call is lost, and none sees two versions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Control, Server, build_name, good, numbered_probe};

/// Seconds of load; `HOOKD_SWITCH_SECONDS=30` for the full run.
const SECONDS: u64 = 4;
const BUILDS: u32 = 4;
const CALLERS: usize = 6;
/// A few milliseconds, so that many calls are under way at every switch.
const TURNS: u64 = 2_000_000;

/// What a call reported of its version: build, number and variable.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    build: String,
    tag: u64,
    probe: Option<String>,
}

impl Seen {
    fn of(report: &Value) -> Self {
        Self {
            build: report["build"].as_str().unwrap().to_owned(),
            tag: report["tag"].as_str().unwrap().parse().unwrap(),
            probe: report["probe"].as_str().map(str::to_owned),
        }
    }
}

/// Calls without a pause until it is stopped; fails on the first call that is lost or mixed.
async fn call(control: Control, stop: Arc<AtomicBool>) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let response = control.probe(TURNS).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "a call was lost: {body}");
        let (start, end) = (Seen::of(&body["result"][0]), Seen::of(&body["result"][1]));
        assert_eq!(start, end, "a call saw two versions");
        seen.push(end);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_or_mixed_while_releases_come() {
    let seconds = std::env::var("HOOKD_SWITCH_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let server = Server::start();
    let control = Control::of(&server);
    // What each version must report, by its number.
    let mut versions: HashMap<u64, Seen> = HashMap::new();
    let mut probe = None;
    for build in 0..BUILDS {
        // Compiled beforehand: the load shall meet switches, not compilations.
        let answer = good(control.deploy("production", numbered_probe(build))).await;
        let tag = answer["release"]["version"].as_u64().unwrap();
        versions.insert(tag, Seen { build: build_name(build), tag, probe: None });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(call(control.clone(), stop.clone()))).collect();

    let mut deploy_times = Vec::new();
    let mut rollback_times = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for second in 0..seconds {
        ticks.tick().await;
        let build = u32::try_from(second).unwrap() % BUILDS;
        let begun = Instant::now();
        let answer = good(control.deploy("production", numbered_probe(build))).await;
        deploy_times.push(begun.elapsed());
        let tag = answer["release"]["version"].as_u64().unwrap();
        let expected = Seen { build: build_name(build), tag, probe: probe.clone() };
        versions.insert(tag, expected.clone());
        let next = control.probe(0).await.json::<Value>().await.unwrap();
        assert_eq!(Seen::of(&next["result"][0]), expected, "the next call after a release gets it");
        // Between the deployments the other acts, by turns.
        match second % 2 {
            0 => {
                let value = second.to_string();
                let answer = good(control.set_variable("PROBE", &value)).await;
                probe = Some(value);
                let tag = answer["releases"][0]["version"].as_u64().unwrap();
                versions.insert(tag, Seen { build: build_name(build), tag, probe: probe.clone() });
            }
            _ => {
                let begun = Instant::now();
                let answer = good(control.post("/rollback", &json!({}))).await;
                rollback_times.push(begun.elapsed());
                assert!(versions.contains_key(&answer["version"].as_u64().unwrap()));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut calls = 0;
    let mut met = HashMap::new();
    for caller in callers {
        for seen in caller.await.unwrap() {
            assert_eq!(versions.get(&seen.tag), Some(&seen), "a version reports what it was not made of");
            calls += 1;
            *met.entry(seen.tag).or_insert(0) += 1;
        }
    }
    deploy_times.sort();
    rollback_times.sort();
    eprintln!(
        "{calls} calls met {} of {} versions in {seconds} s; deploy: median {:?}, slowest {:?}; rollback: median {:?}, \
         slowest {:?}",
        met.len(),
        versions.len(),
        deploy_times[deploy_times.len() / 2],
        deploy_times.last().unwrap(),
        rollback_times[rollback_times.len() / 2],
        rollback_times.last().unwrap(),
    );
    assert!(met.len() as u64 >= seconds, "the calls met too few versions to tell anything: {met:?}");
}
