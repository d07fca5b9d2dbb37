//! Rows of open sessions: each session that is lost with its process gets one `_clientOffline`, and no other does, though
//! writes fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hookd_im_core::ids::{ClientId, ConnectionId};
use hookd_im_core::presence::{Ending, Login, LoginSource, Session, SessionLifecycle};

use crate::world::{ADDRESS, World};

const HOOK: &str = "_clientOffline";

struct Office {
    world: World,
    lifecycle: SessionLifecycle,
}

impl Office {
    fn new() -> Self {
        let world = World::new();
        world.engine.reply(HOOK, "null");
        Self { world, lifecycle: SessionLifecycle::new(Duration::from_secs(3600)) }
    }

    async fn log_in(&self, client: &str) -> Arc<Session> {
        self.log_in_with_tag(client, None).await
    }

    async fn log_in_with_tag(&self, client: &str, tag: Option<String>) -> Arc<Session> {
        let world = &self.world;
        let login = Login { client: Some(ClientId::new(client)), tag, ..Login::default() };
        let source = LoginSource { connection: ConnectionId(0), remote_address: ADDRESS.parse().unwrap() };
        let opened = self.lifecycle.open(&world.core, &world.app, login, source, |_| {}).await.unwrap();
        opened.displaced.kept(&world.core, &world.app.id).await.unwrap();
        opened.session
    }

    async fn lose(&self, session: &Session) {
        let world = &self.world;
        let ended = self.lifecycle.end(&world.core, &world.app, session, Ending::Lost(None), None);
        ended.kept(&world.core, &world.app.id).await.unwrap();
    }

    fn the_next_write_fails(&self) {
        self.world.store.refuses_adds.store(1, Ordering::SeqCst);
    }

    async fn store_open_sessions(&self) {
        self.lifecycle.store_open_sessions(&self.world.core).await;
    }

    /// The clients that the next process calls the hook for, after this one was killed.
    async fn offline_after_a_kill(self) -> Vec<String> {
        self.world.notifications_are_done().await;
        let world = self.world.killed().await;
        let calls = world.engine.calls_of(HOOK);
        let mut clients: Vec<_> = calls.iter().map(|call| call["peerId"].as_str().unwrap().to_owned()).collect();
        clients.sort();
        clients
    }
}

#[tokio::test]
async fn a_log_in_that_could_not_be_written_is_written_later() {
    let office = Office::new();
    office.the_next_write_fails();
    office.log_in("tom").await;
    office.store_open_sessions().await;
    assert_eq!(office.offline_after_a_kill().await, ["tom"]);
}

#[tokio::test]
async fn a_row_that_could_not_be_deleted_goes_with_the_next_write() {
    let office = Office::new();
    let tom = office.log_in("tom").await;
    office.the_next_write_fails();
    office.lose(&tom).await;
    office.log_in("jerry").await;
    assert_eq!(office.offline_after_a_kill().await, ["jerry"]);
}

#[tokio::test]
async fn a_row_that_could_not_be_deleted_goes_without_another_write() {
    let office = Office::new();
    let tom = office.log_in("tom").await;
    office.the_next_write_fails();
    office.lose(&tom).await;
    let core = office.world.core.clone();
    tokio::spawn(async move { core.hooks.notifications().watch().await });
    while office.world.store.adds.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(office.offline_after_a_kill().await, [""; 0]);
}

#[tokio::test]
async fn a_row_that_may_be_there_though_its_write_failed_goes_with_its_session() {
    let office = Office::new();
    office.world.store.loses_adds.store(1, Ordering::SeqCst);
    let tom = office.log_in("tom").await;
    office.lose(&tom).await;
    assert_eq!(office.offline_after_a_kill().await, [""; 0]);
}

#[tokio::test]
async fn sessions_are_stored_again_after_others_ended_their_node() {
    let office = Office::new();
    office.log_in("tom").await;
    let jerry = office.log_in("jerry").await;
    let ended = office.world.core.store.end_node(&office.world.node).await.unwrap();
    assert_eq!(ended, 2);
    // The others make these calls.
    office.world.core.hooks.notifications().resume().await;
    office.world.core.hooks.notifications().recover(None).await;
    office.store_open_sessions().await;
    office.lose(&jerry).await;
    assert_eq!(office.offline_after_a_kill().await, ["tom"]);
}

#[tokio::test]
async fn nothing_is_stored_again_before_the_node_has_a_lease() {
    let office = Office::new();
    office.the_next_write_fails();
    office.log_in("tom").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    office.store_open_sessions().await;
    assert_eq!(office.world.store.adds.load(Ordering::SeqCst), 0);
    office.world.core.hooks.notifications().recover(None).await;
    office.store_open_sessions().await;
    assert_eq!(office.offline_after_a_kill().await, ["tom"]);
}

#[tokio::test]
async fn what_waits_to_be_written_is_bounded_in_bytes() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let office = Office::new();
    let store = &office.world.store;
    // Nothing reaches the disk.
    store.refuses_adds.store(100, Ordering::SeqCst);
    let (writing, go_on) = store.before_add.next();
    // A quarter of what may wait: the tag is also in the call that is due when the node dies.
    office.world.engine.reply("_clientOnline", "null");
    let tag = "x".repeat(8 * 1024 * 1024);
    let clients: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    let mut coming: FuturesUnordered<_> =
        clients.iter().map(|client| office.log_in_with_tag(client, Some(format!("{tag}{client}")))).collect();
    for _ in 0..2 {
        let let_in = tokio::time::timeout(PATIENCE, coming.next()).await;
        assert!(let_in.is_ok(), "they wait for the store: all of it is in memory");
    }
    writing.await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(coming.count().await, 4);
    assert_eq!(store.entries.load(Ordering::SeqCst), 4);
}
