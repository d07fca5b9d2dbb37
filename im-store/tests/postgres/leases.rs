//! Nodes that are lost, and nodes that only seem to be.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{AppSettings, FailureCause, HookCall, HookCaller, HookEngine, HookFailure};
use hookd_im_core::ids::{AppId, Channel, NodeId, OrderKey, SessionId};
use hookd_im_core::push::{PushFailure, PushGateway, SignedPush};
use hookd_im_core::store::{
    CallEntry, CallLimits, CallOutcome, Calls as _, NewCall, Nodes as _, OpenSession, SessionEntry,
};
use hookd_im_store::postgres::PostgresStore;
use hookd_postgres_server::PostgresServer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{app, open};

const LIMITS: CallLimits = CallLimits { calls: 10_000, bytes: 1 << 20 };
const LONG: Duration = Duration::from_secs(600);

fn call(client: &str) -> NewCall {
    NewCall {
        channel: Channel::new("presence"),
        target: "_clientOffline".to_owned(),
        order_key: Some(OrderKey::new(client)),
        payload: Bytes::from_static(b"{}"),
        remote_address: None::<IpAddr>,
    }
}

async fn open_sessions(store: &PostgresStore, node: &NodeId, sessions: u64) {
    let entries = (0..sessions).map(|session| {
        let opened = OpenSession { session: SessionId(session), call_if_lost: call(&session.to_string()) };
        CallEntry { call: None, session: Some(SessionEntry::Opened(opened)) }
    });
    store.add_calls(node, &app(), entries.collect(), LIMITS).await.unwrap();
}

/// Nothing is called in these tests.
struct NoApps;

impl AppDirectory for NoApps {
    fn app(&self, _: &AppId) -> Option<Arc<App>> {
        None
    }
}

#[async_trait]
impl HookEngine for NoApps {
    fn defines(&self, _: &App, _: &str) -> bool {
        false
    }

    async fn call(&self, _: HookCall) -> Result<Bytes, HookFailure> {
        Err(HookFailure { cause: FailureCause::Unavailable, message: String::new() })
    }
}

#[async_trait]
impl PushGateway for NoApps {
    async fn send(&self, _: SignedPush) -> Result<(), PushFailure> {
        Err(PushFailure(String::new()))
    }
}

#[tokio::test]
async fn a_node_that_starts_ends_its_earlier_process_and_no_node_whose_lease_is_over() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let (starting, earlier, living) = (NodeId::generate(), NodeId::generate(), NodeId::generate());
    // As all leases are after an outage of the database.
    for node in [&earlier, &living] {
        store.begin_lease(node, Duration::ZERO).await.unwrap();
        open_sessions(&store, node, 2).await;
    }
    let settings = Arc::new(AppSettings::new(store.clone()));
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let hooks = HookCaller::new(
        starting.clone(),
        (Arc::new(NoApps), store.clone()),
        (Arc::new(NoApps), Arc::new(NoApps)),
        settings,
        tasks,
        shutdown,
    );
    hooks.notifications().recover(Some(&earlier)).await;
    assert_eq!(server.sql("SELECT DISTINCT node FROM open_sessions"), living.as_str());
    assert!(store.renew_lease(&living, LONG).await.unwrap());
    assert!(store.renew_lease(&starting, LONG).await.unwrap());
}

#[tokio::test]
async fn calls_of_a_node_without_lease_and_sessions_are_made_by_another_one() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let (lost, living) = (NodeId::generate(), NodeId::generate());
    store.begin_lease(&living, LONG).await.unwrap();
    store.add_calls(&lost, &app(), vec![call("tom").into()], LIMITS).await.unwrap();
    let channel = Channel::new("presence");
    assert_eq!(store.claim(&lost, &app(), &channel, 10).await.unwrap().calls.len(), 1);
    assert_eq!(store.end_lost_nodes(&living).await.unwrap(), 0, "it has no sessions");
    let taken = store.claim(&living, &app(), &channel, 10).await.unwrap().calls;
    assert_eq!(taken.len(), 1);
    let done = vec![(taken[0].number, CallOutcome::Done)];
    store.settle(&living, &app(), &channel, done, 10).await.unwrap();
    assert!(store.backlog().await.unwrap().is_empty());
}

/// More sessions than are ended in one transaction.
const MANY: u64 = 1_100;

#[tokio::test]
async fn a_node_that_lost_a_part_of_its_sessions_learns_it() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let (slow, other) = (NodeId::generate(), NodeId::generate());
    store.begin_lease(&other, LONG).await.unwrap();
    store.begin_lease(&slow, Duration::ZERO).await.unwrap();
    open_sessions(&store, &slow, MANY).await;
    server.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
         CREATE TRIGGER refused BEFORE INSERT ON calls FOR EACH ROW WHEN (NEW.order_key = '700') EXECUTE FUNCTION refuse()",
    );
    assert!(store.end_lost_nodes(&other).await.is_err(), "after some were ended");
    let left = || server.sql("SELECT count(*) FROM open_sessions").parse::<u64>().unwrap();
    assert!((1..MANY).contains(&left()), "{}", left());
    assert!(!store.renew_lease(&slow, LONG).await.unwrap());
    store.begin_lease(&slow, LONG).await.unwrap();
    server.sql("DROP TRIGGER refused ON calls");
    assert_eq!(store.end_lost_nodes(&other).await.unwrap(), 0, "it lives");
    assert!(left() > 0);
}

#[tokio::test]
async fn the_rest_of_an_ending_that_broke_off_is_ended_later() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let (dead, other) = (NodeId::generate(), NodeId::generate());
    store.begin_lease(&other, LONG).await.unwrap();
    store.begin_lease(&dead, Duration::ZERO).await.unwrap();
    open_sessions(&store, &dead, MANY).await;
    server.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
         CREATE TRIGGER refused BEFORE INSERT ON calls FOR EACH ROW WHEN (NEW.order_key = '700') EXECUTE FUNCTION refuse()",
    );
    assert!(store.end_lost_nodes(&other).await.is_err());
    server.sql("DROP TRIGGER refused ON calls");
    assert!(store.end_lost_nodes(&other).await.unwrap() > 0);
    assert_eq!(store.backlog().await.unwrap()[0].waiting, MANY);
}
