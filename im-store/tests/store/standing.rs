//! What conversations hold about clients.

use hookd_im_core::error::{Code, Refusal};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, ChangedStanding, ClientPage, Conversation, EditMessage, EditedMessage, EventRange, MemberInfo,
    MembershipChange, MessageBody, NewMessage, NotAppended, Removal, Restriction, Role, Standing, StandingChange,
    StandingDecision, StoredCall, StoredEvent, StoredMessage,
};
use serde_json::json;

use crate::fixture::{Fixture, MANY, START, asked, at_most, clients, in_short, message, messages, sent};

const SILENCED: Restriction = Restriction::Silenced;

fn tom() -> ClientId {
    ClientId::new("tom")
}

async fn change(fixture: &Fixture, id: &ConversationId, change: StandingChange) -> Option<ChangedStanding> {
    let named = change.clients().to_vec();
    let decision = StandingDecision { change, failed: Vec::new() };
    let decide = Box::new(move |_: &Standing| Ok(decision));
    fixture.store.change_standing(&fixture.app, id, (&tom(), &named), decide, None).await.unwrap().map(Result::unwrap)
}

async fn restrict(fixture: &Fixture, conversation: &Conversation, names: &[&str]) -> Conversation {
    let asked = StandingChange::Restrict(SILENCED, clients(names));
    change(fixture, &conversation.id, asked).await.unwrap().conversation
}

async fn standing(fixture: &Fixture, conversation: &Conversation, names: &[&str]) -> Standing {
    fixture.store.standing(&fixture.app, &conversation.id, &clients(names)).await.unwrap().unwrap()
}

async fn listed(fixture: &Fixture, id: &ConversationId, after: Option<&str>, limit: u32) -> Vec<String> {
    let page = ClientPage { after: after.map(str::to_owned), limit };
    let found = fixture.store.restricted_clients(&fixture.app, id, SILENCED, &page).await.unwrap();
    found.iter().map(|client| client.as_str().to_owned()).collect()
}

pub async fn restrictions_are_counted_and_read_back(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry", "bu\0tch"], json!({})).await;
    let other = fixture.create(&["tom", "jerry"], json!({})).await;
    assert_eq!(standing(fixture, &conversation, &["tom"]).await, Standing::bare(conversation.clone()));
    let after = restrict(fixture, &conversation, &["jerry", "bu\0tch"]).await;
    assert_eq!(after, Conversation { standing_version: 1, ..conversation.clone() });
    assert_eq!(fixture.conversation(&conversation.id).await, after);
    let found = standing(fixture, &conversation, &["tom", "bu\0tch", "stranger"]).await;
    assert_eq!(found.silenced.named, clients(&["bu\0tch"]).into_iter().collect());
    assert_eq!((found.silenced.in_all, found.conversation), (2, after));
    assert_eq!(standing(fixture, &other, &["jerry"]).await.silenced.in_all, 0, "of another conversation");

    let lifted = StandingChange::Lift(SILENCED, clients(&["jerry"]));
    assert_eq!(change(fixture, &conversation.id, lifted).await.unwrap().conversation.standing_version, 2);
    let found = standing(fixture, &conversation, &["jerry", "bu\0tch"]).await;
    assert_eq!((found.silenced.named, found.silenced.in_all), (clients(&["bu\0tch"]).into_iter().collect(), 1));

    let nobody = StandingChange::Restrict(SILENCED, Vec::new());
    assert_eq!(change(fixture, &conversation.id, nobody).await.unwrap().conversation.standing_version, 2);
    for unknown in ["64f0c0ffee0000000000a001", "a\0b"] {
        let unknown = ConversationId::new(unknown);
        assert_eq!(change(fixture, &unknown, StandingChange::Lift(SILENCED, clients(&["tom"]))).await, None);
        assert!(fixture.store.standing(&fixture.app, &unknown, &[]).await.unwrap().is_none());
        assert!(listed(fixture, &unknown, None, 10).await.is_empty());
    }
}

pub async fn a_refused_change_of_standing_changes_nothing(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    let refusal = Refusal { code: Code::ConversationMembershipRequired, detail: None };
    let (refused, id) = (refusal.clone(), &conversation.id);
    let decide = Box::new(move |_: &Standing| Err(refused));
    let changed = fixture.store.change_standing(&fixture.app, id, (&tom(), &[tom()]), decide, None).await.unwrap();
    assert_eq!(changed.unwrap().unwrap_err(), refusal);
    assert_eq!(fixture.conversation(id).await, conversation);
}

pub async fn restricted_clients_come_in_order_and_in_parts(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    restrict(fixture, &conversation, &["b", "\u{1f600}", "a", "B", "\u{ff5e}", "b\0"]).await;
    let in_order = ["B", "a", "b", "b\0", "\u{ff5e}", "\u{1f600}"];
    assert_eq!(listed(fixture, &conversation.id, None, 10).await, in_order);
    assert_eq!(listed(fixture, &conversation.id, None, 2).await, in_order[..2]);
    assert_eq!(listed(fixture, &conversation.id, Some("a"), 3).await, in_order[2..5]);
    assert_eq!(listed(fixture, &conversation.id, Some("b\0"), 3).await, in_order[4..]);
    assert!(listed(fixture, &conversation.id, Some("\u{1f600}"), 3).await.is_empty());
}

/// P-103: what another node has changed since the sender was checked counts.
pub async fn a_message_of_a_sender_checked_before_the_change_is_not_stored(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry"], json!({})).await;
    let with_token = |standing_version| NewMessage {
        standing_version,
        deduplication_token: Some("t".to_owned()),
        ..message(&conversation.id, "tom", "hi")
    };
    let sent = fixture.append(with_token(0)).await.unwrap();
    restrict(fixture, &conversation, &["jerry"]).await;
    assert_eq!(fixture.append(with_token(0)).await, Err(NotAppended::MembersChanged));
    assert_eq!(fixture.append(with_token(1)).await.unwrap().id, sent.id);
    fixture.say(&conversation, "bye").await;
}

pub async fn an_edit_is_decided_with_the_standing_of_the_author(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry"], json!({})).await;
    let said = fixture.say(&conversation, "hi").await;
    restrict(fixture, &conversation, &["tom", "jerry"]).await;
    let edit: EditMessage = Box::new(|standing: &Standing, message: &StoredMessage| {
        assert_eq!(standing.silenced.named.iter().collect::<Vec<_>>(), [&message.from]);
        let body = MessageBody::Text("bye".to_owned());
        Ok(EditedMessage { body, mentions: Vec::new(), mention_all: false })
    });
    let named = (&said.id, said.timestamp);
    let edited = fixture.store.edit_message(&fixture.app, &conversation.id, named, edit).await.unwrap();
    assert_eq!(edited.unwrap().unwrap().0, fixture.conversation(&conversation.id).await);
}

/// S-127: one transaction, as of any removal.
pub async fn blocked_members_are_removed_with_their_call(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry", "spike"], json!({})).await;
    let id = &conversation.id;
    let asked = clients(&["stranger", "spike", "jerry"]);
    let change = StandingChange::Restrict(Restriction::Blocked, asked.clone());
    let decide = Box::new(move |_: &Standing| Ok(StandingDecision { change, failed: Vec::new() }));
    let make = |change: &MembershipChange| Some(sent(change.changed[0].as_str()));
    let call = Some(CallFor { make: Box::new(make), limits: at_most(MANY) });
    let changed = fixture.store.change_standing(&fixture.app, id, (&tom(), &asked), decide, call).await.unwrap();
    let changed = changed.unwrap().unwrap();
    let (members, call) = (clients(&["spike", "jerry"]), StoredCall::Queued);
    assert_eq!(changed.removal, Some(Removal { members: members.clone(), sequence: 2, call }));
    assert_eq!(in_short(&fixture.claim(&messages()).await), ["spike"]);
    let now = fixture.conversation(id).await;
    assert_eq!((now.members.as_slice(), now.members_sequence, now.standing_version), (&[tom()][..], 2, 1));
    assert_eq!(now, changed.conversation);
    let range = EventRange { after: 1, since: START, limit: 10 };
    let events = fixture.store.stored_events(&fixture.app, id, range).await.unwrap().unwrap().events;
    let [StoredEvent::MembersChanged(left)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((left.is_join, &left.members, &left.by), (false, &members, &tom()));
}

/// P-97, S-104.
pub async fn roles_are_kept_until_their_members_leave(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "jerry", "bu\0tch"], json!({})).await;
    let (store, app, id) = (&fixture.store, &fixture.app, &conversation.id);
    let info = |number: u8, client: &str, role| {
        let id = format!("64f0c0ffee0000000000a00{number}");
        MemberInfo { id, client: ClientId::new(client), role }
    };
    for info in [info(1, "jerry", Role::Manager), info(2, "bu\0tch", Role::Manager), info(3, "jerry", Role::Member)] {
        change(fixture, id, StandingChange::SetRole(info)).await.unwrap();
    }
    let expected = [info(2, "bu\0tch", Role::Manager), info(1, "jerry", Role::Member)];
    assert_eq!(store.member_infos(app, id).await.unwrap(), expected, "the first id stays");
    let found = standing(fixture, &conversation, &["tom", "jerry"]).await;
    assert_eq!((found.roles, found.has_roles), ([(ClientId::new("jerry"), Role::Member)].into(), true));
    assert_eq!(found.conversation.standing_version, 3);

    store.remove_members(app, id, &asked(&["jerry"]), None).await.unwrap().unwrap();
    assert_eq!(store.member_infos(app, id).await.unwrap(), expected[..1]);
    let blocked = StandingChange::Restrict(Restriction::Blocked, clients(&["bu\0tch"]));
    change(fixture, id, blocked).await.unwrap();
    assert!(store.member_infos(app, id).await.unwrap().is_empty());
    assert!(!standing(fixture, &conversation, &["tom"]).await.has_roles);
    for unknown in ["64f0c0ffee0000000000a001", "a\0b"] {
        assert!(store.member_infos(app, &ConversationId::new(unknown)).await.unwrap().is_empty());
    }
}
