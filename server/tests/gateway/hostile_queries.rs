//! F-6: queries that cost as much as a client can make them cost.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hookd_im_core::ids::{AppId, ClientId, ConversationId};
use hookd_im_core::store::{ConversationKind, NewConversation};
use serde_json::{Map, Value, json};

use crate::client::{Client, conversation, error_code, json as text, login, message};
use crate::server::{APP, OTHER_APP, Server};
use crate::wire::{CommandType, ConvCommand, GenericCommand, OpType, SessionCommand};

const ROWS: usize = 2_000;

/// Requests of one socket that are in work at the same time.
const AT_ONCE: usize = 64;

/// Much less than what the queries take together, and much more than a send takes on a busy machine.
const QUICK: Duration = Duration::from_secs(1);

async fn fill(server: &Server) {
    for first in (0..ROWS).step_by(500) {
        let creates = (first..first + 500).map(|number| {
            let attributes = json!({"name": format!("room {number} {}", "aA".repeat(40))});
            let new = NewConversation {
                id: ConversationId::generate(),
                kind: ConversationKind::Basic,
                ttl_seconds: None,
                attributes: attributes.as_object().unwrap().clone(),
                creator: Some(ClientId::new("alice")),
                members: vec![ClientId::new("alice")],
                unique: false,
            };
            let store = server.core.store.clone();
            async move { store.create_conversation(&AppId::new(APP), new, None).await.unwrap() }
        });
        join_all(creates).await;
    }
}

fn query(filter: &Value) -> GenericCommand {
    let conv = ConvCommand { r#where: Some(text(&filter.to_string())), ..ConvCommand::default() };
    conversation(OpType::Query, conv)
}

/// Nothing matches, and each pattern looks through each name.
fn patterns(number: usize) -> Value {
    let one = |number: usize| json!({"name": {"$regex": format!("(a|A)*{number}z$"), "$options": "i"}});
    json!({"$or": (0..number).map(one).collect::<Vec<_>>()})
}

/// Sends until the queries are answered; answers how long the slowest took.
async fn slowest_send(neighbour: &mut Client, cid: &str, queries: impl Future<Output = ()>) -> Duration {
    let mut slowest = Duration::ZERO;
    tokio::pin!(queries);
    loop {
        let started = Instant::now();
        assert_eq!(neighbour.request(message(cid, "hi")).await.cmd(), CommandType::Ack);
        slowest = slowest.max(started.elapsed());
        if futures::poll!(&mut queries).is_ready() {
            return slowest;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_queries_of_many_patterns_do_not_delay_the_sends_of_another_app() {
    let server = Server::start().await;
    fill(&server).await;
    let mut neighbour = Client::connect(server.address).await;
    let of_other = GenericCommand { app_id: Some(OTHER_APP.into()), ..login(Some("carol"), SessionCommand::default()) };
    assert_eq!(neighbour.request(of_other).await.op(), OpType::Opened);
    let cid = neighbour.create_conversation(&["carol"]).await;
    neighbour.push().await;
    neighbour.push().await;

    let mut hostile = server.client("alice").await;
    let queries = async {
        let mut serials = Vec::new();
        for _ in 0..AT_ONCE {
            serials.push(hostile.start(query(&patterns(200))).await);
        }
        for _ in 0..AT_ONCE {
            let reply = hostile.read().await;
            assert!(serials.contains(&reply.i.unwrap()));
            assert_eq!(error_code(&reply), 4310);
            assert!(reply.error_message.unwrap().detail.unwrap().contains("16 patterns"));
        }
    };
    let slowest = slowest_send(&mut neighbour, &cid, queries).await;
    assert!(slowest < QUICK, "{slowest:?}");

    let queries = async {
        for _ in 0..AT_ONCE {
            hostile.start(query(&patterns(16))).await;
        }
        for _ in 0..AT_ONCE {
            let reply = hostile.read().await;
            let refused = reply.error_message.as_ref().map(|error| error.code);
            assert!(matches!(refused, None | Some(4310)), "{reply:?}");
        }
    };
    let slowest = slowest_send(&mut neighbour, &cid, queries).await;
    assert!(slowest < QUICK, "{slowest:?}");
    let all: Map<String, Value> = json!({"name": {"$regex": "^room 7 "}}).as_object().unwrap().clone();
    let reply = hostile.request(query(&Value::Object(all))).await;
    let rows: Value = serde_json::from_str(&reply.conv_message.unwrap().results.unwrap().data).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1, "the next query works");
    let found = ConversationId::new(rows[0]["objectId"].as_str().unwrap());
    assert!(server.core.store.conversation(&AppId::new(APP), &found).await.unwrap().is_some());
}
