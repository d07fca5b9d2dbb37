//! Who may log in at all (S-33, S-106, step 1): an app that is switched off, pages of browsers, and clients that are banned.

use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::app::ImSettings;
use hookd_im_core::conversations::{self, StartConversation};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConnectionId};
use hookd_im_core::messages;
use hookd_im_core::presence::{Login, LoginSource, NotBanned, OpenedSession, SessionLifecycle};
use hookd_im_core::store::ConversationKind;
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::world::{ADDRESS, World, basic, code, message, refusal};

/// Address of the operator.
const CALLER: &str = "198.51.100.1";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Door {
    world: World,
    lifecycle: SessionLifecycle,
}

impl Door {
    fn new() -> Self {
        Self { world: World::new(), lifecycle: SessionLifecycle::new(DAY) }
    }

    async fn open(&self, login: Login) -> Result<OpenedSession, RequestError> {
        let source = LoginSource { connection: ConnectionId(1000), remote_address: ADDRESS.parse().unwrap() };
        self.lifecycle.open(&self.world.core, &self.world.app, login, source, |_| {}).await
    }

    async fn log_in(&self, client: &str) -> Result<OpenedSession, RequestError> {
        self.open(Login { client: Some(ClientId::new(client)), ..Login::default() }).await
    }

    async fn come_back(&self, client: &str, token: &str) -> Result<OpenedSession, RequestError> {
        let (client, token) = (Some(ClientId::new(client)), Some(token.to_owned()));
        self.open(Login { client, token, reconnect: Some(true), ..Login::default() }).await
    }

    async fn ban(&self, client: &str, time: Option<Duration>) {
        let how = (time, CALLER.parse().unwrap());
        self.lifecycle.ban(&self.world.core, &self.world.app, &ClientId::new(client), how).await.unwrap();
        // A log-in of the same millisecond counts as one before.
        let banned_at = Timestamp::now();
        while Timestamp::now() <= banned_at {
            tokio::task::yield_now().await;
        }
    }

    async fn unban(&self, client: &str) {
        let (core, app) = (&self.world.core, &self.world.app.id);
        assert!(self.lifecycle.unban(core, app, &ClientId::new(client)).await.unwrap());
    }

    fn is_online(&self, client: &str) -> bool {
        self.world.core.online.is_online(&self.world.app.id, &ClientId::new(client))
    }

    async fn set(&self, change: impl FnOnce(&mut ImSettings)) {
        let mut settings = ImSettings::clone(&*self.world.core.settings.get(&self.world.app.id).await.unwrap());
        change(&mut settings);
        self.world.core.change_settings(&self.world.app.id, settings).await.unwrap();
    }
}

#[tokio::test]
async fn a_banned_client_is_put_out_and_cannot_log_in() {
    let door = Door::new();
    let world = &door.world;
    world.engine.reply("_clientOffline", "null");
    let (mut phone, mut tablet, mut jerry) = (world.client("tom"), world.client("tom"), world.client("jerry"));
    door.ban("tom", None).await;
    assert_eq!(
        (phone.news(), tablet.news(), jerry.news().len()),
        (vec!["closed 4106".into()], vec!["closed 4106".into()], 0)
    );
    assert!(!door.is_online("tom") && door.is_online("jerry"));
    world.notifications_are_done().await;
    let told = world.engine.calls_of("_clientOffline");
    assert_eq!(told.len(), 2);
    assert_eq!((&told[0]["peerId"], &told[0]["closeCode"]), (&json!("tom"), &json!(4)));
    assert_eq!(told[0]["sourceIP"], CALLER);

    assert_eq!(refusal(door.log_in("tom").await), (Code::Blacklisted, None, Some("the client is banned".to_owned())));
    assert!(!door.is_online("tom"));
    door.log_in("butch").await.unwrap();
    door.unban("tom").await;
    door.log_in("tom").await.unwrap();
}

#[tokio::test]
async fn a_ban_ends_with_its_time() {
    let door = Door::new();
    door.ban("tom", Some(DAY)).await;
    let (_, _, detail) = refusal(door.log_in("tom").await);
    assert!(detail.unwrap().starts_with("the client is banned until 20"));
    door.world.advance(DAY);
    door.log_in("tom").await.unwrap();
}

/// A stranger learns no more from a ban than the client itself would, and a wrong signature does not hide one.
#[tokio::test]
async fn a_ban_is_looked_for_before_signature_and_token() {
    let door = Door::new();
    door.set(|settings| settings.login_signature = true).await;
    assert_eq!(code(door.log_in("tom").await), Code::SignatureFailed);
    door.ban("tom", None).await;
    assert_eq!(code(door.log_in("tom").await), Code::Blacklisted);
    assert_eq!(code(door.come_back("tom", "no token").await), Code::Blacklisted);
}

#[tokio::test]
async fn the_tokens_of_a_banned_client_are_void_and_it_logs_in_afresh_after_the_ban() {
    let door = Door::new();
    let (core, app, tom) = (&door.world.core, &door.world.app, ClientId::new("tom"));
    let token = door.log_in("tom").await.unwrap().token.text;
    let authenticate = async || door.lifecycle.authenticate(core, app, &tom, &token).await;
    authenticate().await.unwrap();
    door.ban("tom", None).await;
    assert_eq!(code(door.come_back("tom", &token).await), Code::Blacklisted);
    assert_eq!(code(authenticate().await), Code::SessionTokenExpired);
    door.unban("tom").await;
    // The SDK drops its token then, and comes without one (P-52).
    assert_eq!(code(door.come_back("tom", &token).await), Code::SessionTokenExpired);
    assert_eq!(code(authenticate().await), Code::SessionTokenExpired);
    door.log_in("tom").await.unwrap();
}

#[tokio::test]
async fn a_token_from_before_a_ban_serves_no_http_call_while_the_client_is_away() {
    let door = Door::new();
    let (core, app, tom) = (&door.world.core, &door.world.app, ClientId::new("tom"));
    let opened = door.log_in("tom").await.unwrap();
    let ending = hookd_im_core::presence::Ending::Lost(None);
    door.lifecycle.end(core, app, &opened.session, ending, None).kept(core, &app.id).await.unwrap();
    door.ban("tom", None).await;
    let refused = door.lifecycle.authenticate(core, app, &tom, &opened.token.text).await;
    assert_eq!(code(refused), Code::SessionTokenExpired);
}

#[tokio::test]
async fn a_ban_while_a_client_logs_in_wins() {
    let door = Arc::new(Door::new());
    let (looked, go_on) = door.world.store.after_ban_read.next();
    let logging_in = tokio::spawn({
        let door = door.clone();
        async move { door.log_in("tom").await.map(drop) }
    });
    looked.await.unwrap();
    door.ban("tom", None).await;
    go_on.send(()).unwrap();
    assert_eq!(code(logging_in.await.unwrap()), Code::Blacklisted);
    assert!(!door.is_online("tom"));
}

#[tokio::test]
async fn a_banned_client_leaves_its_room_for_good_and_no_will() {
    let door = Door::new();
    let world = &door.world;
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let pair = world.conversation(&mut tom, &["jerry"]).await;
    let room = StartConversation { kind: ConversationKind::ChatRoom, ..basic(&[]) };
    let room = conversations::start(&world.core, &tom.request(), room).await.unwrap().conversation.id;
    messages::set_will(&world.core, &tom.request(), message(&pair, "I am gone")).await.unwrap();
    jerry.events();
    door.ban("tom", None).await;
    assert_eq!(conversations::count(&world.core, &jerry.request(), &room).await.unwrap(), 0);
    door.unban("tom").await;
    door.log_in("tom").await.unwrap();
    assert_eq!(conversations::count(&world.core, &jerry.request(), &room).await.unwrap(), 0);
    assert!(jerry.news().is_empty());
}

#[tokio::test]
async fn only_ids_that_a_client_can_have_are_banned() {
    let door = Door::new();
    for id in ["", &"x".repeat(65)] {
        let how = (None, CALLER.parse().unwrap());
        let banned = door.lifecycle.ban(&door.world.core, &door.world.app, &ClientId::new(id), how).await;
        assert!(matches!(banned, Err(NotBanned::InvalidClient)), "{id}");
    }
}

#[tokio::test]
async fn an_app_that_is_off_takes_no_log_ins_and_no_messages_until_it_is_on() {
    let door = Door::new();
    let (mut tom, mut jerry) = (door.world.client("tom"), door.world.client("jerry"));
    let conversation = door.world.conversation(&mut tom, &["jerry"]).await;
    door.set(|settings| settings.im_enabled = false).await;
    let off = (Code::AppNotAvailable, None, Some("app `demo` is switched off".to_owned()));
    assert_eq!(refusal(door.log_in("spike").await), off);
    jerry.events();
    // One that was on its way.
    let sent = messages::send(&door.world.core, &tom.request(), message(&conversation, "hi")).await;
    assert_eq!((refusal(sent), jerry.news()), (off, vec![]));
    door.set(|settings| settings.im_enabled = true).await;
    door.log_in("spike").await.unwrap();
    door.world.say(&tom, &conversation, "hi").await;
}

#[tokio::test]
async fn an_app_that_is_switched_off_while_a_client_logs_in_does_not_keep_it() {
    let door = Arc::new(Door::new());
    let (looked, go_on) = door.world.store.after_ban_read.next();
    let logging_in = tokio::spawn({
        let door = door.clone();
        async move { door.log_in("tom").await.map(drop) }
    });
    looked.await.unwrap();
    door.set(|settings| settings.im_enabled = false).await;
    go_on.send(()).unwrap();
    assert_eq!(code(logging_in.await.unwrap()), Code::AppNotAvailable);
    assert!(!door.is_online("tom"));
}

#[tokio::test]
async fn pages_of_browsers_are_let_in_as_the_app_says_and_other_programs_always() {
    let door = Door::new();
    let from = async |origin: Option<&str>| {
        let (client, web_origin) = (Some(ClientId::new("tom")), origin.map(str::to_owned));
        door.open(Login { client, web_origin, ..Login::default() }).await.map(drop)
    };
    let evil = Some("https://evil.example.org");
    from(evil).await.unwrap();
    door.set(|settings| settings.allowed_origins = vec!["https://chat.example.org".to_owned()]).await;
    from(Some("https://chat.example.org")).await.unwrap();
    from(None).await.unwrap();
    assert_eq!(code(from(evil).await), Code::InvalidOrigin);
    door.set(|settings| settings.allowed_origins = Vec::new()).await;
    from(evil).await.unwrap();
}

/// S-154, item 20.
#[tokio::test]
async fn so_many_clients_log_in_on_a_day_and_a_refused_one_does_not_count() {
    let door = Door::new();
    door.log_in("early").await.unwrap();
    door.set(|settings| settings.daily_users = 2).await;
    door.ban("tyke", None).await;
    assert_eq!(code(door.log_in("tyke").await), Code::Blacklisted);
    door.log_in("tom").await.unwrap();
    door.log_in("jerry").await.unwrap();
    let (refused, _, detail) = refusal(door.log_in("spike").await);
    assert_eq!((refused, detail.unwrap().starts_with("2 clients")), (Code::AppQuotaExceeded, true));
    assert!(!door.is_online("spike"));
    door.log_in("tom").await.unwrap();
    door.world.advance(DAY);
    door.log_in("spike").await.unwrap();
    door.set(|settings| settings.daily_users = 0).await;
    door.log_in("butch").await.unwrap();
}
