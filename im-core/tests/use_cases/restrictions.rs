//! What members may do to each other (S-123 … S-130).

use hookd_im_core::conversations::{self, MAX_RESTRICTED, RestrictedPage, RestrictionChange, RestrictionResult};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{self, ChangeMessage, MessageChange, SendMessage};
use hookd_im_core::store::{ClientPage, MessageBody, Restriction, Standing, StandingChange, StandingDecision};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::scripted_engine::Script;
use crate::world::{Client, World, code, ids, message, refusal};

const SILENCE: RestrictionChange = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
const LET_SPEAK: RestrictionChange = RestrictionChange { is_lifted: true, ..SILENCE };

/// Tom, Jerry and Spike are members; Spike is offline.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

async fn change(
    (world, client, conversation): (&World, &Client, &ConversationId),
    change: RestrictionChange,
    clients: &[&str],
) -> Result<RestrictionResult, RequestError> {
    conversations::change_restriction(&world.core, &client.request(), conversation, change, ids(clients)).await
}

async fn silence(world: &World, client: &Client, conversation: &ConversationId, clients: &[&str]) {
    change((world, client, conversation), SILENCE, clients).await.unwrap();
}

async fn say(world: &World, client: &Client, conversation: &ConversationId) -> Result<(), RequestError> {
    messages::send(&world.core, &client.request(), message(conversation, "hi")).await.map(drop)
}

/// P-103, P-60.
#[tokio::test]
async fn a_silenced_member_says_nothing_and_hears_everything() {
    let (world, mut tom, mut jerry, conversation) = scene().await;
    let result = change((&world, &tom, &conversation), SILENCE, &["jerry", "jerry"]).await.unwrap();
    assert_eq!(result, RestrictionResult { allowed: ids(&["jerry"]), failed: Vec::new() });
    assert_eq!(jerry.news(), ["Silenced by tom", "members Silenced jerry by tom"]);
    assert_eq!(tom.news(), ["members Silenced jerry by tom"]);
    let (refused, _, detail) = refusal(say(&world, &jerry, &conversation).await);
    assert_eq!((refused, detail.as_deref()), (Code::Silenced, Some("the client is silenced in this conversation")));
    world.say(&tom, &conversation, "listen").await;
    assert_eq!(jerry.news(), ["tom says listen"]);

    let kept = world.core.store.missed_events(&world.app.id, &jerry.id, Timestamp(0), 100).await.unwrap();
    let kept: Vec<_> = kept.into_iter().filter(|event| event.payload["op"] == json!("shutuped")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        json!(kept[0].payload),
        json!({ "cmd": "conv", "op": "shutuped", "cid": conversation, "initBy": "tom" })
    );

    // Silencing once more changes nothing.
    assert_eq!(change((&world, &tom, &conversation), SILENCE, &["jerry"]).await.unwrap().allowed, ids(&["jerry"]));
    assert!(jerry.news().is_empty());
    let result = change((&world, &tom, &conversation), LET_SPEAK, &["jerry", "spike"]).await.unwrap();
    assert_eq!(result.allowed, ids(&["jerry", "spike"]));
    assert_eq!(jerry.news(), ["no longer Silenced by tom", "members no longer Silenced jerry by tom"]);
    say(&world, &jerry, &conversation).await.unwrap();
}

#[tokio::test]
async fn only_members_silence_and_ask_and_only_members_are_silenced() {
    let (world, tom, _jerry, conversation) = scene().await;
    let stranger = world.client("stranger");
    let by_stranger = (&world, &stranger, &conversation);
    assert_eq!(code(change(by_stranger, SILENCE, &["tom"]).await), Code::ConversationMembershipRequired);
    assert_eq!(code(change(by_stranger, LET_SPEAK, &["tom"]).await), Code::ConversationMembershipRequired);
    let (core, asking, silenced) = (&world.core, stranger.request(), Restriction::Silenced);
    let page = ClientPage { after: None, limit: 10 };
    let asked = conversations::restricted(core, &asking, &conversation, silenced, page).await;
    assert_eq!(code(asked), Code::ConversationMembershipRequired);
    let asked = conversations::which_restricted(core, &asking, &conversation, silenced, ids(&["tom"])).await;
    assert_eq!(code(asked), Code::ConversationMembershipRequired);

    let result = change((&world, &tom, &conversation), SILENCE, &["stranger", "spike"]).await.unwrap();
    assert_eq!(result.allowed, ids(&["spike"]));
    assert_eq!(result.failed.len(), 1);
    assert_eq!(result.failed[0].code, Code::ConversationMembershipRequired);
    assert_eq!(result.failed[0].members, ids(&["stranger"]));
    for names in [&["", "spike"][..], &[&"x".repeat(65)]] {
        let refused = change((&world, &tom, &conversation), SILENCE, names).await;
        assert_eq!(code(refused), Code::ConversationApiFailed);
    }
    let nowhere = ConversationId::generate();
    assert_eq!(code(change((&world, &tom, &nowhere), SILENCE, &["spike"]).await), Code::ConversationNotFound);
}

/// A member that comes back does so without its voice.
#[tokio::test]
async fn leaving_does_not_end_the_silence() {
    let (world, tom, jerry, conversation) = scene().await;
    silence(&world, &tom, &conversation, &["jerry"]).await;
    conversations::remove(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
    assert_eq!(code(say(&world, &jerry, &conversation).await), Code::InvalidMessagingTarget);
    conversations::add(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
    assert_eq!(code(say(&world, &jerry, &conversation).await), Code::Silenced);
    conversations::remove(&world.core, &jerry.request(), &conversation, ids(&["jerry"])).await.unwrap();
    let lifted = change((&world, &tom, &conversation), LET_SPEAK, &["jerry"]).await.unwrap();
    assert_eq!(lifted.allowed, ids(&["jerry"]), "also of one that is away");
}

/// S-125: the list is read in parts of 1 to 100.
#[tokio::test]
async fn the_silenced_are_listed_in_parts() {
    let (world, tom, _jerry, conversation) = scene().await;
    let names: Vec<String> = (0..102).map(|number| format!("m{number:03}")).collect();
    let members: Vec<ClientId> = names.iter().map(ClientId::new).collect();
    let tom = tom.request();
    conversations::add(&world.core, &tom, &conversation, members.clone()).await.unwrap();
    conversations::change_restriction(&world.core, &tom, &conversation, SILENCE, members.clone()).await.unwrap();
    let part = async |after: Option<&str>, limit| {
        let page = ClientPage { after: after.map(str::to_owned), limit };
        conversations::restricted(&world.core, &tom, &conversation, Restriction::Silenced, page).await.unwrap()
    };
    let first = part(None, 1000).await;
    assert_eq!(first, RestrictedPage { clients: members[..100].to_vec(), next: Some("m099".to_owned()) });
    assert_eq!(part(Some("m099"), 2).await, RestrictedPage { clients: members[100..].to_vec(), next: None });
    assert_eq!(part(None, 0).await.clients, members[..1]);
    assert_eq!(part(Some("zzz"), 10).await, RestrictedPage { clients: Vec::new(), next: None });
    let asked = ids(&["m101", "tom", "m000", "m101"]);
    let found = conversations::which_restricted(&world.core, &tom, &conversation, Restriction::Silenced, asked);
    assert_eq!(found.await.unwrap(), ids(&["m101", "m000"]));
}

/// S-27, and S-22: those that do not fit are a partial result.
#[tokio::test]
async fn no_more_than_the_limit_are_silenced() {
    let (world, tom, _jerry, conversation) = scene().await;
    let tom = tom.request();
    // Members that are silenced stay on the list when they leave.
    let many: Vec<ClientId> = (0..MAX_RESTRICTED - 3).map(|number| ClientId::new(format!("m{number:03}"))).collect();
    conversations::add(&world.core, &tom, &conversation, many.clone()).await.unwrap();
    conversations::change_restriction(&world.core, &tom, &conversation, SILENCE, many.clone()).await.unwrap();
    conversations::remove(&world.core, &tom, &conversation, many).await.unwrap();
    let more: Vec<ClientId> = (0..5).map(|number| ClientId::new(format!("n{number}"))).collect();
    conversations::add(&world.core, &tom, &conversation, more.clone()).await.unwrap();
    let silencing = conversations::change_restriction(&world.core, &tom, &conversation, SILENCE, more.clone());
    let result = silencing.await.unwrap();
    assert_eq!(result.allowed, more[..3]);
    assert_eq!(result.failed.len(), 1);
    assert_eq!((result.failed[0].code, &result.failed[0].members[..]), (Code::SilencedMemberListFull, &more[3..]));
    assert!(result.failed[0].detail.as_ref().is_some_and(|detail| detail.contains("500")));
}

/// What was checked before the hook is checked again after it, also for a message that is not stored.
#[tokio::test]
async fn a_sender_that_is_silenced_while_the_hook_is_asked_does_not_post() {
    for transient in [false, true] {
        let (world, tom, mut jerry, conversation) = scene().await;
        world.engine.define("_messageReceived", Script::Wait);
        let (request, waits) = (tom.request(), world.engine.next_wait());
        let hi = SendMessage { transient, ..message(&conversation, "hi") };
        let (sent, ()) = tokio::join!(messages::send(&world.core, &request, hi), async {
            waits.await.unwrap();
            silence(&world, &jerry, &conversation, &["tom"]).await;
            world.engine.open_gate();
        });
        assert_eq!(code(sent), Code::Silenced);
        assert_eq!(jerry.news(), ["members Silenced tom by jerry"]);
        assert!(world.history(&conversation).await.is_empty());
    }
}

/// The store looks once more: another process may have silenced the sender after the check under the lock.
#[tokio::test]
async fn a_sender_that_is_silenced_before_the_commit_does_not_post() {
    let (world, tom, jerry, conversation) = scene().await;
    let (comes, go_on) = world.store.before_write.next();
    let (sent, ()) = tokio::join!(say(&world, &tom, &conversation), async {
        comes.await.unwrap();
        // As another node does: without the lock of this process.
        let asked = ids(&["tom"]);
        let change = StandingChange::Restrict(Restriction::Silenced, asked.clone());
        let decide = Box::new(move |_: &Standing| Ok(StandingDecision { change, failed: Vec::new() }));
        let changing =
            world.core.store.change_standing(&world.app.id, &conversation, (&jerry.id, &asked), decide, None);
        changing.await.unwrap().unwrap().unwrap();
        go_on.send(()).unwrap();
    });
    assert_eq!(code(sent), Code::Silenced);
    assert!(world.history(&conversation).await.is_empty());
}

/// An edit says something new; a recall does not.
#[tokio::test]
async fn a_silenced_author_recalls_and_does_not_edit() {
    let (world, tom, jerry, conversation) = scene().await;
    world
        .set(|settings| {
            settings.message_edit = true;
            settings.message_recall = true;
        })
        .await;
    let said = world.say(&jerry, &conversation, "hi").await;
    let request = |change| ChangeMessage {
        conversation: conversation.clone(),
        id: said.id.clone(),
        timestamp: said.timestamp,
        change,
    };
    let edit = || {
        let body = MessageBody::Text("spam".to_owned());
        request(MessageChange::Edit { body, mentions: Vec::new(), mention_all: false })
    };
    world.engine.define("_messageUpdate", Script::Wait);
    let (asking, waits) = (jerry.request(), world.engine.next_wait());
    let (edited, ()) = tokio::join!(messages::change(&world.core, &asking, edit()), async {
        waits.await.unwrap();
        silence(&world, &tom, &conversation, &["jerry"]).await;
        world.engine.open_gate();
    });
    assert_eq!(code(edited), Code::Silenced);
    world.engine.reply("_messageUpdate", "null");
    assert_eq!(code(messages::change(&world.core, &jerry.request(), edit()).await), Code::Silenced);
    messages::change(&world.core, &jerry.request(), request(MessageChange::Recall)).await.unwrap();
}
