//! Transactions of two nodes that would wait for each other, or take each other's numbers.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::ids::{Channel, NodeId};
use hookd_im_core::store::{Call, CallEntry, CallLimits, Calls as _, DeadLetterFilter, ImportedCall, NewCall};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::postgres::{PostgresAddress, PostgresStore};
use hookd_postgres_server::PostgresServer;

use crate::world::{app, open};

const LIMITS: CallLimits = CallLimits { calls: 10_000, bytes: 1 << 20 };

fn imported(channel: &str, number: u64, is_dead: bool) -> ImportedCall {
    let call = Call {
        number,
        target: "_messageSent".to_owned(),
        order_key: None,
        payload: "{}".to_owned().into(),
        remote_address: None,
        queued_at: Timestamp(1),
        attempts: 0,
    };
    let death = is_dead.then(|| ("trap".to_owned(), "x".to_owned(), Timestamp(number.cast_signed())));
    ImportedCall { channel: Channel::new(channel), call, due_at: Timestamp(1), death }
}

/// Lets all connections count in the same rows, and every transaction wait between two rows.
fn with_slow_counts(server: &PostgresServer) {
    server.sql(
        "DO $$
         BEGIN
             EXECUTE replace(pg_get_functiondef('count_calls'::regproc), 'pg_backend_pid() % 16', '0');
         END $$;
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep(0.3);
             RETURN NULL;
         END $$;
         CREATE TRIGGER then_wait AFTER INSERT ON calls FOR EACH STATEMENT EXECUTE FUNCTION wait()",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_of_two_nodes_over_the_same_channels_do_not_block_each_other() {
    let server = PostgresServer::start();
    let stores = [open(&server.url()).await, open(&server.url()).await];
    // The oldest letter of each node is of another channel.
    let letters = [("a", 1), ("b", 2), ("b", 3), ("a", 4)].map(|(channel, number)| imported(channel, number, true));
    stores[0].import_calls(&app(), letters.to_vec()).await.unwrap();
    with_slow_counts(&server);
    let retry = |store: Arc<PostgresStore>, numbers: Vec<u64>| async move {
        store.retry_dead_letters(&app(), &DeadLetterFilter::Numbers(numbers), LIMITS).await
    };
    let (one, other) = tokio::join!(retry(stores[0].clone(), vec![1, 2]), retry(stores[1].clone(), vec![3, 4]));
    assert_eq!((one.unwrap(), other.unwrap()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_of_two_nodes_over_the_same_channels_do_not_block_each_other() {
    let server = PostgresServer::start();
    let stores = [open(&server.url()).await, open(&server.url()).await];
    with_slow_counts(&server);
    let import = |store: Arc<PostgresStore>, calls: [(&'static str, u64); 2]| async move {
        let calls = calls.map(|(channel, number)| imported(channel, number, false));
        store.import_calls(&app(), calls.to_vec()).await
    };
    let (one, other) =
        tokio::join!(import(stores[0].clone(), [("a", 1), ("b", 2)]), import(stores[1].clone(), [("b", 3), ("a", 4)]),);
    one.unwrap();
    other.unwrap();
    assert_eq!(server.sql("SELECT count(*) FROM calls"), "4");
}

/// Nodes that find the numbers far behind at the same time: the later step must not go back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_raise_the_numbers_at_once_never_lower_them() {
    const NOW: i64 = 1_700_000_000_000;
    let server = PostgresServer::start();
    let at = async |time: i64| {
        let address = PostgresAddress::new(&server.url(), None).unwrap();
        Arc::new(PostgresStore::open_with_clock(&address, Arc::new(move || Timestamp(time))).await.unwrap())
    };
    let (ahead, behind) = (at(NOW + 30_000).await, at(NOW).await);
    let add = |store: Arc<PostgresStore>| async move {
        let call = NewCall {
            channel: Channel::new("_messageSent"),
            target: "_messageSent".to_owned(),
            order_key: None,
            payload: "{}".to_owned().into(),
            remote_address: None,
        };
        store.add_calls(&NodeId::generate(), &app(), vec![CallEntry::from(call)], LIMITS).await.unwrap()
    };
    let holder = hold_numbers(&server);
    let first = tokio::spawn(add(ahead));
    tokio::task::block_in_place(|| until_waiting(&server, 1));
    let second = tokio::spawn(add(behind));
    tokio::task::block_in_place(|| until_waiting(&server, 2));
    release(&server, holder);
    first.await.unwrap();
    second.await.unwrap();
    let newest: i64 = server.sql("SELECT last_value FROM call_numbers").parse().unwrap();
    assert!(newest >= NOW + 30_000, "{newest}");
    assert_eq!(server.sql("SELECT count(DISTINCT number) FROM calls"), "2");
}

/// Another session that lets no number be set until it is ended.
fn hold_numbers(server: &PostgresServer) -> Child {
    let hold = "BEGIN; ALTER SEQUENCE call_numbers OWNED BY NONE; SELECT pg_sleep(30)";
    let holder = Command::new("psql").args(["--command", hold, &server.url()]).spawn().unwrap();
    while server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "0" {}
    holder
}

fn release(server: &PostgresServer, mut holder: Child) {
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    let _ = holder.wait();
}

fn until_waiting(server: &PostgresServer, count: usize) {
    let began = std::time::Instant::now();
    while server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != count.to_string() {
        assert!(began.elapsed() < Duration::from_secs(20), "not waiting");
    }
}
