//! Commands of one app on large values, beside the other apps of the same process.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures::poll;
use hookd_runtime::{CacheReply, Limits};

use crate::{Backend, TestApp};

const MEMBERS: usize = 30_000;

fn limits() -> Limits {
    Limits { cache_bytes: 64 << 20, cache_commands: 100_000, ..Limits::default() }
}

/// Runs the command with so many words behind it, in pieces.
async fn fill(app: &TestApp<'_>, command: &str, count: usize, words: impl Fn(usize) -> String) {
    let all: Vec<usize> = (0..count).collect();
    for piece in all.chunks(1_000) {
        let piece: Vec<String> = piece.iter().map(|number| words(*number)).collect();
        let reply = app.run(&format!("{command} {}", piece.join(" "))).await;
        assert!(!reply.starts_with('!'), "{reply}");
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// F-12.
#[test]
fn commands_on_large_values_run_beside_the_thread_that_serves() {
    // The one thread for such commands can be held.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let backend = Backend::embedded().await;
        let app = backend.app("heavy").await;
        let member = |number: usize| format!("m{number}");
        fill(&app, "SADD s", MEMBERS, member).await;
        fill(&app, "ZADD z", MEMBERS, |number| format!("{number} m{number}")).await;
        fill(&app, "RPUSH l", MEMBERS, member).await;
        fill(&app, "HSET h", 10_000, |number| format!("f{number} v")).await;
        let limits = limits();
        for line in LONG {
            let mut running = Box::pin(app.engine.cache(&app.app, vec![words(line)], &limits));
            let release = hold_thread();
            assert!(poll!(&mut running).is_pending(), "`{line}` held the thread up");
            drop(release);
            let replies = running.await.unwrap();
            assert!(!matches!(*replies, [CacheReply::Error(_)]), "{line}: {replies:?}");
        }
        let _held = hold_thread();
        for line in SHORT {
            let mut running = Box::pin(app.engine.cache(&app.app, vec![words(line)], &limits));
            assert!(poll!(&mut running).is_ready(), "`{line}` took the long way");
        }
    });
}

/// Keeps the thread busy until the sender is dropped.
fn hold_thread() -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv());
    release
}

const LONG: [&str; 23] = [
    "SMEMBERS s",
    "SUNION s s",
    "SUNIONSTORE t s",
    "SINTERSTORE t s s",
    "SDIFF s t",
    "SRANDMEMBER t -100000",
    "SPOP t",
    "SPOP t 20000",
    "ZRANK z m20000",
    "ZCOUNT z 0 1",
    "ZRANGE z 0 1",
    "ZREVRANGEBYSCORE z 10 0",
    "ZPOPMIN z 10000",
    "ZREMRANGEBYSCORE z 0 15000",
    "LRANGE l 0 -1",
    "LINSERT l BEFORE m20000 x",
    "LREM l 0 m25000",
    "LPOP l 10000",
    "LTRIM l 1 20000",
    "HGETALL h",
    "RENAME h s",
    "DEL z",
    "SET l 1",
];
const SHORT: [&str; 7] = ["SADD t x", "SISMEMBER t x", "INCR n", "GET n", "LPUSH k x", "LPOP k", "HGET s f1"];

/// F-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_commands_of_others_do_not_wait_for_an_app_with_large_values() {
    let backend = Backend::embedded().await;
    let (heavy, other) = (backend.app("heavy").await, backend.app("other").await);
    fill(&heavy, "SADD s", MEMBERS, |number| format!("m{number}")).await;
    let commands = |count| std::iter::repeat_n(words("SUNIONSTORE t s"), count).collect();
    let started = Instant::now();
    heavy.engine.cache(&heavy.app, commands(5), &limits()).await.unwrap();
    // A tenth of one request below, while nothing else runs.
    let a_tenth = started.elapsed();
    let running: Vec<_> = (0..32)
        .map(|_| {
            let (engine, app, commands) = (heavy.engine.clone(), heavy.app.clone(), commands(50));
            tokio::spawn(async move {
                loop {
                    let commands = Vec::clone(&commands);
                    // They wait for each other, which may be too long for some.
                    let _ = engine.cache(&app, commands, &limits()).await;
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let (engine, app) = (other.engine.clone(), other.app.clone());
        let asked = Instant::now();
        let counting = tokio::spawn(async move { engine.cache(&app, vec![words("INCR n")], &limits()).await });
        counting.await.unwrap().unwrap();
        latencies.push(asked.elapsed());
    }
    running.iter().for_each(tokio::task::JoinHandle::abort);
    latencies.sort_unstable();
    assert!(latencies[90] < a_tenth, "{latencies:?}, {a_tenth:?} for a tenth of a request with large values");
}

/// F-12.
#[tokio::test]
async fn thousands_of_small_sets_after_a_large_one_cost_no_more_than_their_members() {
    let backend = Backend::embedded().await;
    let app = backend.app("heavy").await;
    fill(&app, "SADD s", MEMBERS, |number| format!("m{number}")).await;
    let keys: Vec<String> = (0..4_999).map(|number| format!("k{number}")).collect();
    let adding = keys.iter().map(|key| words(&format!("SADD {key} {key} m0"))).collect();
    app.engine.cache(&app.app, adding, &limits()).await.unwrap();
    let started = Instant::now();
    app.engine.cache(&app.app, vec![words("SUNION s s")], &limits()).await.unwrap();
    // For all members of the large set, twice.
    let of_members = started.elapsed();
    for (command, left) in [("SDIFF", MEMBERS - 1), ("SINTER", 1), ("SUNION", MEMBERS + keys.len())] {
        let started = Instant::now();
        let command = words(&format!("{command} s {}", keys.join(" ")));
        let replies = app.engine.cache(&app.app, vec![command], &limits()).await.unwrap();
        assert!(matches!(&*replies, [CacheReply::Array(members)] if members.len() == left));
        let elapsed = started.elapsed();
        assert!(elapsed < of_members * 50, "{elapsed:?}, and {of_members:?} for all members of the large set twice");
    }
}
