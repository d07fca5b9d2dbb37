//! Subscriptions to service conversations.

use std::time::Duration;

use hookd_im_core::error::Code;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    CallFor, CallLimits, Committed, Conversation, ConversationKind, FailedMembers, MemberRules, MembersUnchanged,
    MembershipRequest, NewConversation, Restriction, Standing, StandingChange, StandingDecision, StoredCall,
    SubscriberPage, Subscription, SubscriptionChange,
};

use crate::fixture::{Fixture, MANY, asked, clients, in_short, messages, new_conversation, sent};

pub async fn service(fixture: &Fixture) -> Conversation {
    let kind = ConversationKind::Service;
    let new = NewConversation { kind, members: Vec::new(), creator: None, ..new_conversation(&["tom"], false) };
    fixture.store.create_conversation(&fixture.app, new, None).await.unwrap().row.conversation
}

fn wish(client: &str) -> MembershipRequest {
    MembershipRequest { by: ClientId::new(client), ..asked(&[client]) }
}

async fn subscribe(fixture: &Fixture, service: &Conversation, client: &str) -> SubscriptionChange {
    let wish = wish(client);
    let subscribing = fixture.store.subscribe(&fixture.app, &service.id, &wish, MANY, None);
    subscribing.await.unwrap().unwrap().row
}

async fn unsubscribe(fixture: &Fixture, service: &Conversation, client: &str) -> SubscriptionChange {
    let client = ClientId::new(client);
    let ending = fixture.store.unsubscribe(&fixture.app, &service.id, &client, None);
    ending.await.unwrap().unwrap().row
}

async fn count(fixture: &Fixture, service: &Conversation) -> u64 {
    fixture.store.count_subscribers(&fixture.app, &service.id).await.unwrap()
}

async fn of(fixture: &Fixture, client: &str, services: &[ConversationId]) -> Vec<Subscription> {
    fixture.store.subscriptions(&fixture.app, &ClientId::new(client), services).await.unwrap()
}

fn done() -> SubscriptionChange {
    SubscriptionChange { is_changed: true, failed: Vec::new() }
}

///
pub async fn a_subscription_keeps_its_first_time_until_it_ends(fixture: &Fixture) {
    let service = service(fixture).await;
    assert_eq!(service.creator, None);
    assert_eq!(fixture.conversation(&service.id).await, service);
    let since = fixture.now();
    assert_eq!(subscribe(fixture, &service, "to\0m").await, done());
    fixture.advance(Duration::from_secs(1));
    assert_eq!(subscribe(fixture, &service, "to\0m").await, SubscriptionChange::default());
    let (conversation, client) = (service.id.clone(), ClientId::new("to\0m"));
    let expected = Subscription { conversation, client, subscribed_at: since, is_muted: false };
    let asked = [service.id.clone(), ConversationId::new("64f0c0ffee0000000000a001"), ConversationId::new("a\0b")];
    assert_eq!(of(fixture, "to\0m", &asked).await, [expected]);
    assert!(of(fixture, "jerry", &asked).await.is_empty());
    assert_eq!(count(fixture, &service).await, 1);
    assert_eq!(fixture.conversation(&service.id).await, service, "the row does not change with it");

    assert_eq!(unsubscribe(fixture, &service, "to\0m").await, done());
    assert_eq!(unsubscribe(fixture, &service, "to\0m").await, SubscriptionChange::default());
    assert_eq!((of(fixture, "to\0m", &asked).await.len(), count(fixture, &service).await), (0, 0));
}

///
pub async fn subscribers_come_in_the_order_of_their_times_and_in_parts(fixture: &Fixture) {
    let service = service(fixture).await;
    for client in ["zoe", "anna", "tom"] {
        subscribe(fixture, &service, client).await;
    }
    fixture.advance(Duration::from_secs(1));
    subscribe(fixture, &service, "adam").await;
    let listed = async |after: Option<&str>, limit| {
        let page = SubscriberPage { after: after.map(ClientId::new), limit };
        let found = fixture.store.subscribers(&fixture.app, &service.id, &page).await.unwrap();
        found.into_iter().map(|found| found.client).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 10).await, clients(&["anna", "tom", "zoe", "adam"]));
    assert_eq!(listed(None, 2).await, clients(&["anna", "tom"]));
    assert_eq!(listed(Some("tom"), 2).await, clients(&["zoe", "adam"]));
    assert!(listed(Some("adam"), 2).await.is_empty() && listed(Some("nobody"), 2).await.is_empty());
}

pub async fn a_subscriber_mutes_and_nobody_else(fixture: &Fixture) {
    let service = service(fixture).await;
    subscribe(fixture, &service, "tom").await;
    let mute = async |client: &str, is_muted| {
        let client = ClientId::new(client);
        fixture.store.mute_subscription(&fixture.app, &service.id, &client, is_muted).await.unwrap()
    };
    let is_muted = async || of(fixture, "tom", std::slice::from_ref(&service.id)).await[0].is_muted;
    assert!(mute("tom", true).await && !mute("jerry", true).await);
    assert!(is_muted().await);
    assert!(mute("tom", false).await && !is_muted().await);
}

/// S-103, step 5.
pub async fn rules_and_a_limit_decide_where_a_subscription_is_written(fixture: &Fixture) {
    let (service, other) = (service(fixture).await, service(fixture).await);
    let (store, app) = (&fixture.store, &fixture.app);
    let change = StandingChange::Restrict(Restriction::Blocked, clients(&["jerry"]));
    let decide = Box::new(move |_: &Standing| Ok(StandingDecision { change, failed: Vec::new() }));
    let (by, blocked) = (ClientId::new("tom"), clients(&["jerry"]));
    store.change_standing(app, &service.id, (&by, &blocked), decide, None).await.unwrap().unwrap().unwrap();
    let rules = MemberRules { blacklist: true, ..MemberRules::default() };
    let request = MembershipRequest { rules, ..wish("jerry") };
    let refused = store.subscribe(app, &service.id, &request, MANY, None).await.unwrap().unwrap().row;
    let [FailedMembers { code, members, .. }] = &refused.failed[..] else { panic!("{refused:?}") };
    assert_eq!((refused.is_changed, *code, members), (false, Code::BlockedByConversation, &blocked));

    subscribe(fixture, &service, "tom").await;
    let beyond = store.subscribe(app, &other.id, &wish("tom"), 1, None).await.unwrap().unwrap().row;
    assert_eq!((beyond.is_changed, beyond.failed[0].code), (false, Code::ConversationFull));
    let again = store.subscribe(app, &service.id, &wish("tom"), 1, None).await.unwrap().unwrap().row;
    assert_eq!(again, SubscriptionChange::default(), "it has this one");
    let unknown = ConversationId::new("64f0c0ffee0000000000a001");
    let refused = store.subscribe(app, &unknown, &wish("tom"), MANY, None).await.unwrap();
    assert_eq!(refused.unwrap_err(), MembersUnchanged::NoConversation);
}

pub async fn a_change_of_a_subscription_has_its_call(fixture: &Fixture) {
    let (service, tom) = (service(fixture).await, ClientId::new("tom"));
    let (store, app) = (&fixture.store, &fixture.app);
    let call = |text: &'static str| {
        let limits = CallLimits { calls: MANY, bytes: u64::MAX };
        Some(CallFor { make: Box::new(move |_: &SubscriptionChange| Some(sent(text))), limits })
    };
    let mut calls = Vec::new();
    for _ in 0..2 {
        let subscribed = store.subscribe(app, &service.id, &wish("tom"), MANY, call("came")).await.unwrap();
        let Committed { call, .. } = subscribed.unwrap();
        calls.push(call);
    }
    for _ in 0..2 {
        let Committed { call, .. } = store.unsubscribe(app, &service.id, &tom, call("went")).await.unwrap().unwrap();
        calls.push(call);
    }
    assert_eq!(calls, [StoredCall::Queued, StoredCall::None, StoredCall::Queued, StoredCall::None]);
    assert_eq!(in_short(&fixture.claim(&messages()).await), ["came", "went"]);
}

/// One client, many conversations, at the same time.
pub async fn subscriptions_at_the_same_time_lose_nothing(fixture: &Fixture) {
    let mut services = Vec::new();
    for _ in 0..6 {
        services.push(service(fixture).await.id);
    }
    let (store, app, request) = (&fixture.store, &fixture.app, wish("tom"));
    let subscribing = services.iter().map(|id| store.subscribe(app, id, &request, 4, None));
    let changes = futures::future::join_all(subscribing).await;
    let changed = changes.into_iter().filter(|change| change.as_ref().unwrap().as_ref().unwrap().row.is_changed);
    assert_eq!((changed.count(), of(fixture, "tom", &services).await.len()), (4, 4));

    let names: Vec<String> = (0..8).map(|number| format!("client {number}")).collect();
    let requests: Vec<_> = names.iter().map(|name| wish(name)).collect();
    let subscribing = requests.iter().map(|request| store.subscribe(app, &services[0], request, MANY, None));
    for changed in futures::future::join_all(subscribing).await {
        assert!(changed.unwrap().unwrap().row.is_changed);
    }
    let own = u64::from(!of(fixture, "tom", &services[..1]).await.is_empty());
    assert_eq!(store.count_subscribers(app, &services[0]).await.unwrap(), 8 + own);
}
