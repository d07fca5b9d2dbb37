//! Clients that the app kicks (S-36, S-37, S-107, P-54, R-66).

use std::time::Duration;

use hook_types::ClientSignParams;
use hookd_im_core::delivery::{Event, KickedClient};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{AppId, ClientId, ConnectionId};
use hookd_im_core::presence::{Login, LoginSource, NotKicked, OpenedSession, SessionLifecycle, sign_login_of_user};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::world::{ADDRESS, World, code};

const CALLER: &str = "198.51.100.1";

fn lifecycle() -> SessionLifecycle {
    SessionLifecycle::new(Duration::from_secs(3600))
}

async fn open(world: &World, lifecycle: &SessionLifecycle, login: Login) -> Result<OpenedSession, RequestError> {
    let source = LoginSource { connection: ConnectionId(0), remote_address: ADDRESS.parse().unwrap() };
    let login = Login { client: Some(ClientId::new("tom")), ..login };
    lifecycle.open(&world.core, &world.app, login, source, |_| {}).await
}

/// Comes back with a session token.
fn with(token: &str) -> Login {
    Login { reconnect: Some(true), token: Some(token.to_owned()), ..Login::default() }
}

async fn kick(world: &World, lifecycle: &SessionLifecycle, client: &str, reason: &str) -> Result<(), NotKicked> {
    let by = CALLER.parse().unwrap();
    lifecycle.kick(&world.core, &world.app, &ClientId::new(client), (reason, by)).await
}

#[tokio::test]
async fn all_sessions_of_the_client_end_and_are_told_why() {
    let (world, lifecycle) = (World::new(), lifecycle());
    world.engine.reply("_clientOffline", "null");
    let (mut phone, mut laptop, mut jerry) = (world.client("tom"), world.client("tom"), world.client("jerry"));
    kick(&world, &lifecycle, "tom", "maintenance").await.unwrap();
    for session in [&mut phone, &mut laptop] {
        let [Event::SessionClosed { code, reason }] = &session.events()[..] else { panic!("one notice") };
        assert_eq!((*code, reason.as_str()), (Code::KickedByApp, "maintenance"));
    }
    assert!(jerry.events().is_empty());
    assert!(!world.core.online.is_online(&world.app.id, &phone.id));
    assert!(world.core.online.is_online(&world.app.id, &jerry.id));
    world.notifications_are_done().await;
    let calls = world.engine.calls_of("_clientOffline");
    assert_eq!(calls.len(), 2);
    for call in calls {
        let kicked = json!({"peerId": "tom", "closeCode": 4, "closeMsg": "maintenance", "sourceIP": CALLER});
        let told: Value = kicked.as_object().unwrap().keys().map(|key| (key.clone(), call[key].clone())).collect();
        assert_eq!(told, kicked);
    }
}

/// P-54: not 4112, which would make the client log in afresh.
#[tokio::test]
async fn tokens_from_before_are_void_also_for_the_next_process_and_later_ones_are_not() {
    let (world, before) = (World::new(), lifecycle());
    let token = open(&world, &before, Login::default()).await.unwrap().token.text;
    let is_accepted = async |world: &World, lifecycle: &SessionLifecycle| {
        let client = ClientId::new("tom");
        lifecycle.authenticate(&world.core, &world.app, &client, &token).await
    };
    is_accepted(&world, &before).await.unwrap();
    kick(&world, &before, "tom", "").await.unwrap();
    assert_eq!(code(open(&world, &before, with(&token)).await), Code::KickedByApp);
    assert_eq!(code(is_accepted(&world, &before).await), Code::SessionTokenExpired);

    let (world, after) = (world.restarted().await, lifecycle());
    assert_eq!(code(open(&world, &after, with(&token)).await), Code::KickedByApp);
    let token = open(&world, &after, Login::default()).await.unwrap().token.text;
    open(&world, &after, with(&token)).await.unwrap();
}

/// A client that is offline keeps nothing either.
#[tokio::test]
async fn the_token_of_a_client_that_is_offline_is_void() {
    let (world, lifecycle) = (World::new(), lifecycle());
    let opened = open(&world, &lifecycle, Login::default()).await.unwrap();
    world.core.online.remove(&world.app.id, &opened.session.client, opened.session.id).unwrap();
    kick(&world, &lifecycle, "tom", "").await.unwrap();
    assert_eq!(code(open(&world, &lifecycle, with(&opened.token.text)).await), Code::KickedByApp);
}

#[tokio::test]
async fn signatures_from_before_are_void_and_later_ones_are_not() {
    let (world, lifecycle) = (World::new(), lifecycle());
    world.set(|settings| settings.login_signature = true).await;
    let user = ClientSignParams { object_id: "tom".to_owned(), ..ClientSignParams::default() };
    let sign = async || sign_login_of_user(&world.core, &world.app, &user, ADDRESS.parse().unwrap()).await.unwrap().1;
    let before = sign().await;
    open(&world, &lifecycle, Login { signature: Some(before.clone()), ..Login::default() }).await.unwrap();
    kick(&world, &lifecycle, "tom", "").await.unwrap();
    let refused = open(&world, &lifecycle, Login { signature: Some(before.clone()), ..Login::default() }).await;
    assert_eq!(code(refused), Code::SignatureFailed);
    let kicked_at = world.core.store.kicked_at(&world.app.id, &ClientId::new("tom")).await.unwrap().unwrap();
    while Timestamp::now() <= kicked_at {
        tokio::task::yield_now().await;
    }
    open(&world, &lifecycle, Login { signature: Some(sign().await), ..Login::default() }).await.unwrap();
}

/// Its checks were made before.
#[tokio::test]
async fn a_log_in_that_is_under_way_fails() {
    let (world, lifecycle) = (World::new(), lifecycle());
    let (app, client) = (world.app.id.clone(), ClientId::new("tom"));
    let at = Timestamp::now().plus(Duration::from_secs(60));
    let kick = KickedClient { app, client, at, reason: String::new(), by: CALLER.parse().unwrap(), is_banned: false };
    let ended = lifecycle.end_kicked(&world.core, &world.app, &kick);
    ended.kept(&world.core, &world.app.id).await.unwrap();
    assert_eq!(code(open(&world, &lifecycle, Login::default()).await), Code::KickedByApp);
}

/// So does one that began while the kick was being kept, and has looked already.
#[tokio::test]
async fn a_log_in_that_looked_before_the_kick_was_kept_fails() {
    let (world, lifecycle) = (World::new(), lifecycle());
    let opened = open(&world, &lifecycle, Login::default()).await.unwrap();
    world.core.online.remove(&world.app.id, &opened.session.client, opened.session.id).unwrap();
    let token = opened.token.text;
    let (kicks, keep) = world.store.before_kick.next();
    let (looked, go_on) = world.store.after_kick_read.next();
    let logging_in = async {
        kicks.await.unwrap();
        let kick_began_at = Timestamp::now();
        while Timestamp::now() <= kick_began_at {
            tokio::task::yield_now().await;
        }
        open(&world, &lifecycle, with(&token)).await
    };
    let kicking = async {
        looked.await.unwrap();
        keep.send(()).unwrap();
    };
    let kicked = async {
        kick(&world, &lifecycle, "tom", "").await.unwrap();
        go_on.send(()).unwrap();
    };
    let (logged_in, (), ()) = tokio::join!(logging_in, kicking, kicked);
    assert_eq!(code(logged_in), Code::KickedByApp);
    assert!(!world.core.online.is_online(&world.app.id, &ClientId::new("tom")));
}

#[tokio::test]
async fn a_reason_that_is_too_long_kicks_no_one() {
    let (world, lifecycle) = (World::new(), lifecycle());
    let mut tom = world.client("tom");
    let refused = kick(&world, &lifecycle, "tom", &"é".repeat(21)).await;
    assert!(matches!(refused, Err(NotKicked::ReasonTooLong(21))));
    assert!(tom.events().is_empty());
    kick(&world, &lifecycle, "tom", &"é".repeat(20)).await.unwrap();
    assert_eq!(tom.news(), ["closed 4115"]);
}

#[tokio::test]
async fn the_clients_of_other_apps_keep_what_they_have() {
    let (world, lifecycle) = (World::new(), lifecycle());
    kick(&world, &lifecycle, "tom", "").await.unwrap();
    let client = ClientId::new("tom");
    assert_eq!(world.core.store.kicked_at(&AppId::new("other"), &client).await.unwrap(), None);
    assert!(world.core.store.kicked_at(&world.app.id, &client).await.unwrap().is_some());
}
