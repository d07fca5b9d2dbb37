//! Discovery and missed events.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{conversation, members};
use crate::server::{APP, APP_KEY, Server};
use crate::wire::{ConvCommand, ConvMemberInfo, OpType};
use axum::Extension;
use hookd_im_core::app::ImSettings;
use hookd_im_core::ids::AppId;
use hookd_server::{ClientOverTls, GatewayConfig};

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

async fn call(server: &Server, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: im.example.org:81\r\nConnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

#[tokio::test]
async fn the_route_names_the_host_that_was_asked() {
    let server = Server::start().await;
    for target in ["/v1/route?appId=app1&secure=true", "//v1/route?appId=app1"] {
        let answer = call(&server, "GET", target, &[("X-Forwarded-Proto", "https")]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("content-type: application/json"));
        assert_eq!(answer.body["server"], "ws://im.example.org:81/");
        assert_eq!(answer.body["secondary"], answer.body["server"]);
        assert!(answer.body["ttl"].is_u64());
    }
}

#[tokio::test]
async fn a_client_over_tls_gets_a_url_over_tls() {
    let server = Server::layered(|router| router.layer(Extension(ClientOverTls))).await;
    let answer = call(&server, "GET", "/v1/route", &[]).await;
    assert_eq!(answer.body["server"], "wss://im.example.org:81/");
}

#[tokio::test]
async fn a_configured_url_wins() {
    let cases = [
        ("wss://chat.example.org/socket", "wss://chat.example.org/socket"),
        ("https://chat.example.org", "wss://chat.example.org"),
        ("http://chat.example.org", "ws://chat.example.org"),
    ];
    for (configured, answered) in cases {
        let public_url = Some(configured.to_owned());
        let server = Server::with(GatewayConfig { public_url, ..GatewayConfig::default() }).await;
        assert_eq!(call(&server, "GET", "/v1/route", &[]).await.body["server"], answered);
    }
}

#[tokio::test]
async fn a_path_that_is_neither_route_nor_socket_does_not_exist() {
    let server = Server::start().await;
    assert_eq!(call(&server, "GET", "/nothing", &[]).await.status, 404);
}

#[tokio::test]
async fn browsers_may_call_from_any_page() {
    let server = Server::start().await;
    let preflight = [
        ("Origin", "https://app.example.org"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x-lc-id,x-lc-key,x-lc-im-session-token"),
    ];
    let answer = call(&server, "OPTIONS", "/1.1/rtm/notifications", &preflight).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("access-control-allow-origin: *"));
    assert!(answer.head.contains("x-lc-im-session-token"));
}

#[tokio::test]
async fn missed_events_are_served_to_their_client_only() {
    let server = Server::start().await;
    let mut bob = crate::client::Client::connect(server.address).await;
    let opened = bob.log_in("bob").await;
    let (since, token) = (opened.server_ts.unwrap() - 1, opened.session_message.unwrap().st.unwrap());
    bob.socket.close(None).await.unwrap();
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    alice.request(conversation(OpType::Remove, members(&cid, &["bob"]))).await;

    let target =
        |client: &str, extra: &str| format!("/1.1/rtm/notifications?client_id={client}&start_ts={since}{extra}");
    let permanent = "&notification_type=permanent";
    let headers = [("X-LC-Id", APP), ("X-LC-Key", APP_KEY), ("X-LC-IM-Session-Token", token.as_str())];
    let answer = call(&server, "GET", &target("bob", permanent), &headers).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["hasMore"], false);
    let items = answer.body["notifications"].as_array().unwrap();
    let ops: Vec<_> = items.iter().map(|item| item["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["joined", "left"]);
    for item in items {
        assert_eq!(
            (&item["cmd"], &item["cid"], &item["initBy"]),
            (&"conv".into(), &cid.as_str().into(), &"alice".into())
        );
        assert_eq!(item["notificationType"], 1);
        assert!(item["serverTs"].as_i64().unwrap() > since);
    }
    let last = items[1]["serverTs"].as_i64().unwrap();
    let after = format!("/1.1/rtm/notifications?client_id=bob&start_ts={last}{permanent}");
    assert_eq!(call(&server, "GET", &after, &headers).await.body["notifications"], Value::Array(Vec::new()));

    let other_sdks = call(&server, "GET", &target("bob", ""), &headers).await;
    assert_eq!(other_sdks.body["permanent"]["notifications"].as_array().unwrap().len(), 2);
    assert_eq!(other_sdks.body["droppable"]["invalidLocalConvCache"], false);

    let refused = call(&server, "GET", &target("alice", permanent), &headers).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &4112.into()));
    let no_token = call(&server, "GET", &target("bob", permanent), &headers[..2]).await;
    assert_eq!((no_token.status, &no_token.body["code"]), (401, &4112.into()));
    let wrong_key = [headers[0], ("X-LC-Key", "wrong"), headers[2]];
    assert_eq!(call(&server, "GET", &target("bob", permanent), &wrong_key).await.status, 401);
}

/// P-97, P-19.
#[tokio::test]
async fn roles_are_served_to_members_only() {
    let server = Server::start().await;
    let settings = ImSettings { roles: true, ..ImSettings::default() };
    server.core.settings.update(&AppId::new(APP), settings.clone()).await.unwrap();
    let mut alice = crate::client::Client::connect(server.address).await;
    let token = alice.log_in("alice").await.session_message.unwrap().st.unwrap();
    let mut carol = crate::client::Client::connect(server.address).await;
    let of_carol = carol.log_in("carol").await.session_message.unwrap().st.unwrap();
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let info = ConvMemberInfo { role: Some("Manager".into()), ..ConvMemberInfo::default() };
    let conv = ConvCommand { target_client_id: Some("bob".into()), info: Some(info), ..members(&cid, &[]) };
    let updated = alice.request(conversation(OpType::MemberInfoUpdate, conv)).await;
    assert_eq!(updated.op(), OpType::MemberInfoUpdated, "{updated:?}");
    let info = updated.conv_message.unwrap().info.unwrap();
    assert_eq!((info.pid.as_deref(), info.role.as_deref()), (Some("bob"), Some("Manager")));

    let target = |client: &str, filter: &str| {
        let filter = filter.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
        format!("/1.1/classes/_ConversationMemberInfo?client_id={client}&where={filter}")
    };
    let of_cid = format!("{{\"cid\":\"{cid}\"}}");
    let headers = |token| [("X-LC-Id", APP), ("X-LC-Key", APP_KEY), ("X-LC-IM-Session-Token", token)];
    let answer = call(&server, "GET", &target("alice", &of_cid), &headers(&token)).await;
    assert_eq!(answer.status, 200);
    let [row] = answer.body["results"].as_array().unwrap().as_slice() else { panic!("{}", answer.body) };
    assert_eq!((&row["clientId"], &row["role"], &row["cid"]), (&"bob".into(), &"Manager".into(), &cid.as_str().into()));
    assert_eq!(row["objectId"].as_str().unwrap().len(), 24);

    let nowhere = "{\"cid\":\"64f0c0ffee0000000000a001\"}";
    let long = format!("{{\"cid\":\"{}\"}}", "x".repeat(5_000));
    for (client, filter, token, status, code) in [
        ("carol", of_cid.as_str(), of_carol.as_str(), 403, 4317),
        ("alice", &of_cid, &of_carol, 401, 4112),
        ("alice", &of_cid, "nonsense", 401, 4112),
        ("alice", nowhere, &token, 404, 4303),
        ("alice", "nonsense", &token, 400, 4301),
        ("alice", "{}", &token, 400, 4301),
        ("alice", "{\"cid\":{\"$ne\":\"\"}}", &token, 400, 4301),
        ("alice", &long, &token, 400, 4301),
    ] {
        let refused = call(&server, "GET", &target(client, filter), &headers(token)).await;
        assert_eq!((refused.status, &refused.body["code"]), (status, &code.into()), "{client} {}", &filter[..2]);
    }
    let settings = ImSettings { roles: false, ..settings };
    server.core.settings.update(&AppId::new(APP), settings).await.unwrap();
    let off = call(&server, "GET", &target("alice", &of_cid), &headers(&token)).await;
    assert_eq!((off.status, &off.body["code"]), (403, &4325.into()));
}

/// S-33.
#[tokio::test]
async fn the_tokens_of_an_app_that_is_off_serve_no_call_until_it_is_on() {
    let server = Server::with_settings(ImSettings { roles: true, ..ImSettings::default() }).await;
    let mut alice = crate::client::Client::connect(server.address).await;
    let token = alice.log_in("alice").await.session_message.unwrap().st.unwrap();
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let headers = [("X-LC-Id", APP), ("X-LC-Key", APP_KEY), ("X-LC-IM-Session-Token", token.as_str())];
    let targets = [
        "/1.1/rtm/notifications?client_id=alice".to_owned(),
        format!("/1.1/classes/_ConversationMemberInfo?client_id=alice&where=%7B%22cid%22:%22{cid}%22%7D"),
    ];
    for (is_on, status, code) in [(false, 403, Value::from(4100)), (true, 200, Value::Null)] {
        let settings = ImSettings { roles: true, im_enabled: is_on, ..ImSettings::default() };
        server.core.change_settings(&AppId::new(APP), settings).await.unwrap();
        for target in &targets {
            let answer = call(&server, "GET", target, &headers).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &code), "{target}: {}", answer.body);
        }
    }
}
