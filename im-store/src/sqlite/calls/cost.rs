//! F-33: what the table of calls costs does not grow with it. Counted are the steps of SQLite's machine, which no busy
//! processor changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hookd_im_core::ids::{AppId, Channel, OrderKey};
use hookd_im_core::store::{Call, CallLimits, CallOutcome, DeadLetterFilter, NewCall, StoredCall};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::{Connection, params};

use super::claims::ClaimsOfChannel;
use super::{dead_letters, settling, waiting};
use crate::sqlite::schema::{migrate, migrate_to};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The schema of the time when nothing was counted.
const BEFORE_COUNTS: usize = 5;

fn app() -> AppId {
    AppId::new("demo")
}

fn presence() -> Channel {
    Channel::new("presence")
}

fn messages() -> Channel {
    Channel::new("_messageSent")
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

fn first(connection: &Connection, channel: &Channel) -> Call {
    let due = waiting::due(connection, &app(), channel, NOW, (1, &ClaimsOfChannel::default())).unwrap();
    due.calls.into_iter().next().unwrap()
}

fn settle(connection: &Connection, channel: &Channel, outcome: CallOutcome, dead_letter_limit: usize) {
    let call = first(connection, channel);
    settling::settle(connection, (&app(), channel), &[(call.number, outcome)], dead_letter_limit, NOW).unwrap();
}

fn call(order_key: Option<&str>) -> NewCall {
    let (channel, target) =
        if order_key.is_some() { (presence(), "_clientOffline") } else { (messages(), "_messageSent") };
    let order_key = order_key.map(OrderKey::new);
    NewCall { channel, target: target.to_owned(), order_key, payload: Bytes::from_static(b"{}"), remote_address: None }
}

fn dead() -> CallOutcome {
    CallOutcome::Dead { cause: "trap".to_owned(), reason: "unreachable".to_owned() }
}

fn all() -> DeadLetterFilter {
    DeadLetterFilter::All { target: None }
}

fn of_target(hook: &str) -> DeadLetterFilter {
    DeadLetterFilter::All { target: Some(hook.to_owned()) }
}

fn many() -> CallLimits {
    CallLimits { calls: usize::MAX, bytes: u64::MAX }
}

type Work = Box<dyn Fn(&Connection)>;

#[test]
fn no_step_costs_more_with_a_million_rows_than_twice_what_it_costs_with_a_hundred() {
    const FEW: i64 = 50;
    const MANY: i64 = 500_000;
    let (mut small, mut large) = (filled(FEW), filled(MANY));
    let works: [(&str, Work); 13] = [
        ("claim of a client's calls", Box::new(|c| assert_eq!(first(c, &presence()).number, 2))),
        ("claim of messages", Box::new(|c| assert_eq!(first(c, &messages()).number, 3))),
        (
            "look for a clock that was set back",
            Box::new(|c| assert!(!waiting::waits_too_long(c, &app(), &presence(), NOW).unwrap())),
        ),
        ("add a message", Box::new(|c| waiting::add(c, &app(), &call(None), NOW).unwrap())),
        ("add a client's call", Box::new(|c| waiting::add(c, &app(), &call(Some("tom")), NOW).unwrap())),
        ("settle a message", Box::new(|c| settle(c, &messages(), CallOutcome::Done, 10))),
        (
            "settle a client's call",
            Box::new(|c| {
                settle(c, &presence(), CallOutcome::Done, 10);
                assert_eq!(first(c, &presence()).number, 4);
            }),
        ),
        ("count what waits", Box::new(|c| assert_eq!(waiting::backlog(c).unwrap().len(), 2))),
        (
            "look for room",
            Box::new(|c| {
                let limits = CallLimits { calls: 10, bytes: u64::MAX };
                let stored = waiting::add_within(c, &app(), &call(None), limits, NOW).unwrap();
                assert_eq!(stored, StoredCall::Full);
            }),
        ),
        (
            "give a call up where the letters are as many as are kept",
            Box::new(|c| {
                let letters = c.query_row("SELECT letters FROM dead_letter_counts", [], |row| row.get::<_, i64>(0));
                settle(c, &messages(), dead(), usize::try_from(letters.unwrap()).unwrap());
            }),
        ),
        (
            "list the newest letters",
            Box::new(|c| assert_eq!(dead_letters::list(c, &app(), &all(), 10, true).unwrap().len(), 10)),
        ),
        (
            "list the letters of a hook that has none",
            Box::new(|c| {
                assert!(dead_letters::list(c, &app(), &of_target("_clientOnline"), 10, true).unwrap().is_empty());
            }),
        ),
        (
            "retry the oldest letters",
            Box::new(|c| {
                let retried = dead_letters::retry(c, (&app(), &all()), (None, 10), many(), NOW).unwrap();
                assert_eq!((retried.retried, retried.last), (10, Some((10, -10))));
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
    let before = count("calls");
    assert!(waiting::forget(&connection, &app(), 500).unwrap());
    assert_eq!(before - count("calls"), 500);
    while waiting::forget(&connection, &app(), 500).unwrap() {}
    for table in ["calls", "dead_letters", "call_counts", "dead_letter_counts"] {
        assert_eq!(count(table), 0, "{table}");
    }
}

#[test]
fn counts_and_first_calls_stay_true_after_every_change_of_rows() {
    let connection = filled(10);
    let check = |what: &str| {
        let wrong_counts = "
            SELECT count(*)
            FROM call_counts AS counted
            WHERE (calls, bytes) <> (
                SELECT count(*), coalesce(sum(length(payload)), 0)
                FROM calls
                WHERE app = counted.app AND channel = counted.channel
            )";
        let wrong_firsts = "
            SELECT count(*)
            FROM calls AS call
            WHERE is_first <> (
                order_key IS NULL OR NOT EXISTS (
                    SELECT 1
                    FROM calls
                    WHERE app = call.app
                        AND channel = call.channel
                        AND order_key = call.order_key
                        AND number < call.number
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
    settle(&connection, &presence(), dead(), 100);
    settle(&connection, &messages(), dead(), 100);
    check("after two deaths");
    connection.execute("DELETE FROM calls WHERE number = ?1", params![4]).unwrap();
    check("after a row was deleted");
    let retried = dead_letters::retry(&connection, (&app(), &all()), (None, 100), many(), NOW).unwrap();
    assert_eq!(retried.retried, 12);
    check("after the letters were retried");
    assert_eq!(first(&connection, &presence()).number, 2, "the oldest of its key is the first again");
    waiting::add(&connection, &app(), &call(Some("jerry")), NOW).unwrap();
    waiting::add(&connection, &app(), &call(None), NOW).unwrap();
    check("after two more calls");
    assert!(waiting::forget(&connection, &app(), 7).unwrap());
    check("after some were forgotten");
}
