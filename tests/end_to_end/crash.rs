//! A server that is killed in the middle of a release comes back with the old version or the new one, whole.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::harness::{Control, Server, build_name, good, numbered_probe};

/// Crashes in a normal run: each act and each point of a deployment once. `HOOKD_CRASHES=50` for the full run.
const CRASHES: usize = 9;

/// What is live, and the variable that the next version gets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    production: u64,
    staging: u64,
    variable: Option<String>,
}

/// When the server is killed.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// As soon as the deployment reports its step with this number.
    Step(usize),
    /// So long after the request was sent.
    After(Duration),
}

/// What is under way when the server is killed.
#[derive(Clone, Copy, Debug)]
enum Act {
    Deploy(&'static str),
    Publish,
    Rollback,
    SetVariable,
}

/// The acts and points of the first crashes, which come by plan; later ones are drawn.
const PLAN: [(Act, Option<Point>); 9] = [
    (Act::Deploy("production"), Some(Point::Step(0))),
    (Act::Deploy("staging"), Some(Point::Step(1))),
    (Act::Deploy("production"), Some(Point::Step(2))),
    (Act::Deploy("staging"), Some(Point::Step(3))),
    (Act::Deploy("production"), Some(Point::Step(4))),
    (Act::Publish, None),
    (Act::SetVariable, None),
    (Act::Rollback, None),
    (Act::Deploy("production"), None),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_the_old_version_or_the_new_one() {
    let crashes = std::env::var("HOOKD_CRASHES").map_or(CRASHES, |text| text.parse().expect("a number"));
    let mut server = Server::start();
    let control = Control::of(&server);
    // The build of each module, by its hash.
    let mut builds: HashMap<String, String> = HashMap::new();
    for (environment, build) in [("production", 1), ("staging", 2)] {
        let release = good(control.deploy(environment, numbered_probe(build))).await["release"].take();
        builds.insert(text(&release, "module"), build_name(build));
    }
    let mut done = 0;
    for crash in 0..crashes {
        let (act, planned) = PLAN[crash % PLAN.len()];
        let point = planned.filter(|_| crash < PLAN.len()).unwrap_or_else(|| drawn_point(act));
        let before = state(&control).await;
        let build = u32::try_from(crash).unwrap() + 3;
        let (request, after) = begin(&control, act, &before, build).await;
        let answered = kill_during(&mut server, request, point).await;
        server.start_again();

        let now = state(&control).await;
        eprintln!("{crash}: {act:?}, killed {point:?}, answered: {answered}; {before:?} -> {now:?}");
        assert!(now == before || now == after, "neither the old state nor {after:?}");
        assert!(!answered || now == after, "what was answered is lost");
        done += usize::from(now == after);
        if let Act::Deploy(environment) = act
            && now == after
        {
            let number = if environment == "staging" { now.staging } else { now.production };
            builds.insert(text(&version(&control, number).await, "module"), build_name(build));
        }
        assert_callable(&control, now.production, &builds).await;
        assert_nothing_is_left_over(&server, &control).await;
    }
    eprintln!("{done} of {crashes} acts were done when the server died");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_release_half_done() {
    let server = Server::start();
    let control = Control::of(&server);
    for build in [1, 2] {
        good(control.deploy("production", numbered_probe(build))).await;
    }
    for round in 0..20 {
        let to = json!({"version": round % 2 + 1}).to_string();
        let request = format!(
            "POST /hookd/v1/apps/demo/rollback HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             x-lc-key: {},master\r\ncontent-length: {}\r\n\r\n{to}",
            server.key("master_key"),
            to.len(),
        );
        let mut stream = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
        // It may be carried out or not, but what is recorded and what is live must come to agree.
        let mut agreed = 0;
        for _ in 0..500 {
            let recorded = releases(&control).await[0]["version"].clone();
            let live = good(control.get("")).await["production"]["version"].clone();
            agreed = if recorded == live { agreed + 1 } else { 0 };
            if agreed == 5 {
                break;
            }
        }
        assert_eq!(agreed, 5, "round {round}: another version is live than is recorded");
    }
}

/// The request of an act, and the state that it leads to.
async fn begin(control: &Control, act: Act, before: &State, build: u32) -> (RequestBuilder, State) {
    let newest = newest_version(control).await;
    match act {
        Act::Deploy(environment) => {
            let after = match environment {
                "staging" => State { staging: newest + 1, ..before.clone() },
                _ => State { production: newest + 1, ..before.clone() },
            };
            (control.deploy(environment, numbered_probe(build)), after)
        }
        Act::Publish => (control.post("/publish", &json!({})), State { production: before.staging, ..before.clone() }),
        Act::Rollback => (control.post("/rollback", &json!({"version": 1})), State { production: 1, ..before.clone() }),
        Act::SetVariable => {
            let value = build.to_string();
            let staging = if before.staging == before.production { newest + 1 } else { newest + 2 };
            let after = State { production: newest + 1, staging, variable: Some(value.clone()) };
            (control.set_variable("PROBE", &value), after)
        }
    }
}

/// Sends the request and kills the server at the point; true when a good answer came before.
async fn kill_during(server: &mut Server, request: RequestBuilder, point: Point) -> bool {
    let (told, mut steps) = mpsc::unbounded_channel();
    let asking = tokio::spawn(async move {
        let mut response = request.send().await.ok()?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            answer.extend_from_slice(&chunk);
            // The receiver is gone once the server is dead.
            let lines = chunk.iter().filter(|&&byte| byte == b'\n').count();
            (0..lines).for_each(|_| told.send(()).unwrap_or_default());
        }
        let last = answer.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty())?;
        let last: Value = serde_json::from_slice(last).ok()?;
        Some(response.status().is_success() && (last["event"].is_null() || last["event"] == "released"))
    });
    match point {
        Point::Step(step) => {
            for _ in 0..=step {
                // `None`: the deployment was faster than its news.
                let _ = steps.recv().await;
            }
        }
        Point::After(delay) => tokio::time::sleep(delay).await,
    }
    server.kill();
    asking.await.unwrap().unwrap_or(false)
}

/// A time within which the act ends or nearly so; for a deployment also a step.
fn drawn_point(act: Act) -> Point {
    // The keys of a new state are random.
    let drawn = RandomState::new().hash_one(0);
    match act {
        Act::Deploy(_) if drawn.is_multiple_of(2) => Point::Step(usize::try_from(drawn / 2 % 5).unwrap()),
        Act::Deploy(_) => Point::After(Duration::from_millis(drawn / 2 % 1_500)),
        _ => Point::After(Duration::from_micros(drawn % 15_000)),
    }
}

async fn state(control: &Control) -> State {
    let app = good(control.get("")).await;
    let listed = good(control.get("/env")).await;
    let variable = listed["variables"][0]["value"].as_str().map(str::to_owned);
    let live = |environment: &str| app[environment]["version"].as_u64().expect("a live version");
    State { production: live("production"), staging: live("staging"), variable }
}

async fn releases(control: &Control) -> Vec<Value> {
    good(control.get("/releases?limit=1000")).await.as_array().unwrap().clone()
}

async fn newest_version(control: &Control) -> u64 {
    releases(control).await.iter().map(|release| release["version"].as_u64().unwrap()).max().unwrap()
}

async fn version(control: &Control, number: u64) -> Value {
    good(control.get(&format!("/versions/{number}"))).await
}

/// What is live in production answers as the version that it is said to be.
async fn assert_callable(control: &Control, live: u64, builds: &HashMap<String, String>) {
    let called = control.probe(0).await;
    assert_eq!(called.status(), 200, "production is not callable");
    let report = called.json::<Value>().await.unwrap()["result"][0].clone();
    let version = version(control, live).await;
    assert_eq!(report["tag"], live.to_string());
    assert_eq!(Some(&text(&report, "build")), builds.get(&text(&version, "module")), "another module than recorded");
    assert_eq!(report["probe"], version["variables"][0]["value"], "other variables than recorded");
}

/// Modules and machine code that a version names, and nothing else.
async fn assert_nothing_is_left_over(server: &Server, control: &Control) {
    let named: HashSet<String> = releases(control).await.iter().map(|release| text(release, "module")).collect();
    for folder in ["modules", "artifacts"] {
        for entry in std::fs::read_dir(server.data().join("engine").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let hash = name.split(['.', '-']).next().unwrap();
            assert!(named.contains(hash), "`{folder}/{name}` belongs to no version");
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}")).to_owned()
}
