//! What a socket gets that an app does not let in: one of an app that is off, of another page, or of a banned client.

use hookd_im_core::app::ImSettings;
use hookd_im_core::ids::{AppId, ClientId};

use crate::client::{Client, Closed, error_code, login, message};
use crate::server::{APP, OTHER_APP, Server};
use crate::wire::{CommandType, GenericCommand, OpType, SessionCommand};

async fn set(server: &Server, change: impl FnOnce(&mut ImSettings)) {
    let app = AppId::new(APP);
    let mut settings = ImSettings::clone(&*server.core.settings.get(&app).await.unwrap());
    change(&mut settings);
    server.core.change_settings(&app, settings).await.unwrap();
}

fn open(client: &str) -> GenericCommand {
    login(Some(client), SessionCommand::default())
}

/// P-36, P-33.
#[tokio::test]
async fn an_app_that_is_switched_off_closes_its_sockets_and_refuses_log_ins() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut other = Client::connect(server.address).await;
    let of_other_app = GenericCommand { app_id: Some(OTHER_APP.into()), ..open("alice") };
    other.request(of_other_app).await;
    set(&server, |settings| settings.im_enabled = false).await;
    let closed = || Closed { code: 4100, reason: "APP_NOT_AVAILABLE".into() };
    assert_eq!(alice.closed().await, closed());
    let mut late = Client::connect(server.address).await;
    assert_eq!(error_code(&late.request(open("bob")).await), 4100);
    assert_eq!(late.closed().await, closed());
    other.assert_undisturbed().await;
    while server.core.online.is_online(&AppId::new(APP), &ClientId::new("alice")) {
        tokio::task::yield_now().await;
    }
    set(&server, |settings| settings.im_enabled = true).await;
    server.client("alice").await.assert_undisturbed().await;
}

/// P-58: a notice, and the socket stays for its other clients.
#[tokio::test]
async fn a_banned_client_is_told_and_the_other_clients_of_its_socket_go_on() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    client.log_in("bob").await;
    let app = hookd_im_core::app::AppDirectory::app(&*server.apps, &AppId::new(APP)).unwrap();
    server.lifecycle.ban(&server.core, &app, &ClientId::new("alice"), (None, [192, 0, 2, 1].into())).await.unwrap();
    let told = client.push().await;
    assert_eq!((told.cmd(), told.op(), told.peer_id.as_deref()), (CommandType::Session, OpType::Closed, Some("alice")));
    let session = told.session_message.unwrap();
    assert_eq!((session.code, session.reason.as_deref()), (Some(4106), Some("BLACKLISTED")));
    let as_alice = GenericCommand { peer_id: Some("alice".into()), ..message("c", "hi") };
    assert_eq!(error_code(&client.request(as_alice).await), 4105);
    assert_eq!(error_code(&client.request(open("alice")).await), 4106);
    client.assert_undisturbed().await;

    let mut late = Client::connect(server.address).await;
    assert_eq!(error_code(&late.request(open("alice")).await), 4106);
    late.log_in("carol").await;
}

/// S-33, P-36.
#[tokio::test]
async fn a_page_that_may_not_connect_is_answered_then_closed() {
    let server = Server::start().await;
    set(&server, |settings| settings.allowed_origins = vec!["https://chat.example.org".to_owned()]).await;
    let long = format!("https://{}", "x".repeat(5000));
    for origin in ["https://evil.example.org", "null", "", &long, "https://chat.example.org.evil"] {
        let mut page = Client::connect_from(server.address, origin).await;
        assert_eq!(error_code(&page.request(open("alice")).await), 4110, "{origin}");
        assert_eq!(page.closed().await, Closed { code: 4110, reason: "INVALID_ORIGIN".into() });
    }
    Client::connect_from(server.address, "https://chat.example.org").await.log_in("alice").await;
    server.client("alice").await.assert_undisturbed().await;
}
