//! F-33: what the queue costs does not grow with it. Counted are the steps of SQLite's machine, which no busy processor changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hookd_im_core::hooks::FailureCause;
use hookd_im_core::hooks::queue::{Channel, Fate, Letters, NewCall, QueuedCall};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::schema::{migrate, migrate_to};
use super::{dead_letters, hook_call_repair, hook_calls};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The schema of the time when nothing was counted.
const BEFORE_COUNTS: usize = 5;

fn app() -> AppId {
    AppId::new("demo")
}

fn presence() -> Channel {
    Channel::of("_clientOnline")
}

fn messages() -> Channel {
    Channel::of("_messageSent")
}

/// So many calls of one client, as many of messages, and as many dead letters, all of one app, queued by an older program.
fn filled(rows: i64) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate_to(&mut connection, BEFORE_COUNTS).unwrap();
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";
    let of_client = "SELECT 2 * i, 'demo', 'presence', '_clientOnline', '{}', 'tom', i, i, 0 FROM n";
    let of_messages = "SELECT 2 * i + 1, 'demo', '_messageSent', '_messageSent', '{}', NULL, i, i, 0 FROM n";
    for calls in [of_client, of_messages] {
        let columns = "id, app, channel, hook, params, lane, queued_at, due_at, attempts";
        connection.execute(&format!("INSERT INTO hook_calls ({columns}) {numbers} {calls}"), [rows]).unwrap();
    }
    let letters = "SELECT -i, 'demo', '_messageSent', '{}', i, i, 1, 'trap', 'unreachable' FROM n";
    let columns = "id, app, hook, params, queued_at, died_at, attempts, cause, reason";
    connection.execute(&format!("INSERT INTO dead_letters ({columns}) {numbers} {letters}"), [rows]).unwrap();
    migrate(&mut connection).unwrap();
    connection
}

/// The steps that the work takes; it leaves nothing behind.
fn steps(connection: &mut Connection, work: &dyn Fn(&Connection)) -> u64 {
    let taken = Arc::new(AtomicU64::new(0));
    let counter = taken.clone();
    let count = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(1, Some(count)).unwrap();
    let transaction = connection.transaction().unwrap();
    work(&transaction);
    transaction.rollback().unwrap();
    connection.progress_handler(0, None::<fn() -> bool>).unwrap();
    taken.load(Ordering::Relaxed)
}

fn first(connection: &Connection, channel: Channel) -> QueuedCall {
    let due = hook_calls::due(connection, &app(), channel, NOW, 1, &HashMap::new()).unwrap();
    due.calls.into_iter().next().unwrap()
}

fn settle(connection: &Connection, channel: Channel, fate: Fate, bound: usize) {
    let call = first(connection, channel);
    hook_calls::settle(connection, &app(), &[(call, fate)], bound, NOW).unwrap();
}

fn call(lane: Option<&str>) -> NewCall {
    let hook = if lane.is_some() { "_clientOffline" } else { "_messageSent" };
    NewCall { hook, params: Bytes::from_static(b"{}"), lane: lane.map(ClientId::new), remote_address: None }
}

fn dead() -> Fate {
    Fate::Dead { cause: FailureCause::Trapped, reason: "unreachable".to_owned() }
}

fn all() -> Letters {
    Letters::All { hook: None }
}

fn of_hook(hook: &str) -> Letters {
    Letters::All { hook: Some(hook.to_owned()) }
}

type Work = Box<dyn Fn(&Connection)>;

#[test]
fn no_step_of_the_queue_costs_more_with_a_million_rows_than_twice_what_it_costs_with_a_hundred() {
    const FEW: i64 = 50;
    const MANY: i64 = 500_000;
    let (mut small, mut large) = (filled(FEW), filled(MANY));
    let works: [(&str, Work); 13] = [
        ("claim of a client's calls", Box::new(|c| assert_eq!(first(c, presence()).sequence, 2))),
        ("claim of messages", Box::new(|c| assert_eq!(first(c, messages()).sequence, 3))),
        (
            "look for a clock that was set back",
            Box::new(|c| assert!(!hook_call_repair::waits_too_long(c, &app(), presence(), NOW).unwrap())),
        ),
        ("queue a message", Box::new(|c| hook_calls::push(c, &app(), &call(None), NOW).unwrap())),
        ("queue a client's call", Box::new(|c| hook_calls::push(c, &app(), &call(Some("tom")), NOW).unwrap())),
        ("settle a message", Box::new(|c| settle(c, messages(), Fate::Done, 10))),
        (
            "settle a client's call",
            Box::new(|c| {
                settle(c, presence(), Fate::Done, 10);
                assert_eq!(first(c, presence()).sequence, 4);
            }),
        ),
        ("count what waits", Box::new(|c| assert_eq!(hook_calls::backlog(c).unwrap().len(), 2))),
        ("look for a place", Box::new(|c| assert_eq!(hook_calls::free_places(c, &app(), 10).unwrap(), 0))),
        (
            "give a call up where the letters are as many as are kept",
            Box::new(|c| {
                let letters = c.query_row("SELECT letters FROM dead_letter_counts", [], |row| row.get::<_, i64>(0));
                settle(c, messages(), dead(), usize::try_from(letters.unwrap()).unwrap());
            }),
        ),
        (
            "list the newest letters",
            Box::new(|c| assert_eq!(dead_letters::list(c, &app(), &all(), 10, true).unwrap().len(), 10)),
        ),
        (
            "list the letters of a hook that has none",
            Box::new(|c| {
                assert!(dead_letters::list(c, &app(), &of_hook("_clientOnline"), 10, true).unwrap().is_empty());
            }),
        ),
        (
            "revive the oldest letters",
            Box::new(|c| {
                let revived = dead_letters::revive(c, &app(), &all(), (None, 10), NOW).unwrap();
                assert_eq!((revived.revived, revived.last), (10, Some((10, -10))));
            }),
        ),
    ];
    for (what, work) in works {
        let (few, many) = (steps(&mut small, work.as_ref()), steps(&mut large, work.as_ref()));
        assert!(many <= 2 * few, "{what}: {few} steps with {FEW} rows of a kind, {many} with {MANY}");
    }
}

#[test]
fn a_bound_that_was_lowered_and_an_app_that_is_forgotten_cost_many_small_writes() {
    let connection = filled(2_000);
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get::<_, usize>(0)).unwrap()
    };
    let pruned = dead_letters::prune(&connection, &app(), 100).unwrap();
    assert!((1..500).contains(&pruned), "{pruned}");
    assert_eq!(count("dead_letters"), 2_000 - pruned);
    let before = count("hook_calls");
    assert!(hook_calls::forget(&connection, &app(), 500).unwrap());
    assert_eq!(before - count("hook_calls"), 500);
    while hook_calls::forget(&connection, &app(), 500).unwrap() {}
    for table in ["hook_calls", "dead_letters", "hook_call_counts", "dead_letter_counts"] {
        assert_eq!(count(table), 0, "{table}");
    }
}

#[test]
fn counts_and_first_calls_stay_true_after_every_change_of_rows() {
    let connection = filled(10);
    let check = |what: &str| {
        let wrong_counts = "
            SELECT count(*)
            FROM hook_call_counts AS counted
            WHERE calls <> (
                SELECT count(*) FROM hook_calls WHERE app = counted.app AND channel = counted.channel
            )";
        let wrong_firsts = "
            SELECT count(*)
            FROM hook_calls AS call
            WHERE first <> (
                lane IS NULL OR NOT EXISTS (
                    SELECT 1 FROM hook_calls WHERE app = call.app AND lane = call.lane AND id < call.id
                )
            )";
        let wrong_letters = "
            SELECT count(*)
            FROM dead_letter_counts AS counted
            WHERE letters <> (SELECT count(*) FROM dead_letters WHERE app = counted.app)";
        for sql in [wrong_counts, wrong_firsts, wrong_letters] {
            assert_eq!(connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{what}: {sql}");
        }
    };
    check("after the migration");
    let (head, message) = (first(&connection, presence()), first(&connection, messages()));
    hook_calls::settle(&connection, &app(), &[(head, dead()), (message, dead())], 100, NOW).unwrap();
    check("after two deaths");
    connection.execute("DELETE FROM hook_calls WHERE id = ?1", params![4]).unwrap();
    check("after a row was taken away");
    assert_eq!(dead_letters::revive(&connection, &app(), &all(), (None, 100), NOW).unwrap().revived, 12);
    check("after the letters were revived");
    assert_eq!(first(&connection, presence()).sequence, 2, "the oldest of its lane is the first again");
    let online = NewCall {
        hook: "_clientOnline",
        params: Bytes::from_static(b"{}"),
        lane: Some(ClientId::new("jerry")),
        remote_address: None,
    };
    hook_calls::push(&connection, &app(), &online, NOW).unwrap();
    hook_calls::insert(&connection, &app(), "outbox", &NewCall { lane: None, ..online }, NOW).unwrap();
    check("after two more calls");
    let row = connection.last_insert_rowid().unsigned_abs();
    assert!(super::outbox::release(&connection, row, "_messageSent").unwrap());
    check("after one left the outbox");
}
