use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    Conversation, ConversationKind, ConversationQuery, EventRange, FoundConversation, NewConversation,
};
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::fixture::{Fixture, new_conversation, object};

const ALL: [ConversationKind; 4] =
    [ConversationKind::Basic, ConversationKind::ChatRoom, ConversationKind::Service, ConversationKind::Temporary];

async fn create(fixture: &Fixture, kind: ConversationKind) -> Conversation {
    let ordinary = new_conversation(&["tom"], false);
    let members = match kind {
        ConversationKind::Basic | ConversationKind::Temporary => ordinary.members.clone(),
        ConversationKind::ChatRoom | ConversationKind::Service => Vec::new(),
    };
    let (id, ttl_seconds) = match kind {
        ConversationKind::Temporary => (ConversationId::new(format!("_tmp:{}", ordinary.id)), Some(60)),
        _ => (ordinary.id.clone(), None),
    };
    let attributes = object(json!({"name": kind.number()}));
    let new = NewConversation { id, kind, ttl_seconds, members, attributes, ..ordinary };
    fixture.store.create_conversation(&fixture.app, new, None).await.unwrap().row.conversation
}

async fn find(fixture: &Fixture, asking: &str, query: ConversationQuery) -> Vec<FoundConversation> {
    let query = ConversationQuery { limit: 100, sort: Some("name".to_owned()), ..query };
    fixture.store.find_conversations(&fixture.app, &ClientId::new(asking), &query).await.unwrap()
}

fn kinds(found: &[FoundConversation]) -> Vec<ConversationKind> {
    found.iter().map(|found| found.conversation.kind).collect()
}

fn filter(filter: Value) -> ConversationQuery {
    ConversationQuery { filter: object(filter), ..ConversationQuery::default() }
}

/// S-6, S-7.
pub async fn a_conversation_is_of_the_kind_that_it_was_made_as(fixture: &Fixture) {
    for kind in ALL {
        let created = create(fixture, kind).await;
        assert_eq!(fixture.conversation(&created.id).await, created);
        assert_eq!((created.kind, created.lifetime.is_some()), (kind, kind == ConversationKind::Temporary));
        let range = EventRange { after: 0, since: Timestamp(0), limit: 10 };
        let events = fixture.store.stored_events(&fixture.app, &created.id, range).await.unwrap().unwrap();
        assert_eq!((events.kind, events.members), (kind, created.members));
    }
}

/// P-75, P-77, P-80.
pub async fn queries_find_conversations_by_their_kind(fixture: &Fixture) {
    use ConversationKind::{Basic, ChatRoom, Service};
    for kind in ALL {
        create(fixture, kind).await;
    }
    for (asked, expected) in [
        (json!({}), &[Basic][..]),
        (json!({"tr": true}), &[ChatRoom]),
        (json!({"tr": true, "name": 1}), &[]),
        (json!({"sys": true}), &[Service]),
        (json!({"tr": true, "sys": true}), &[]),
        (json!({"$and": [{"tr": true}, {"sys": {"$ne": true}}]}), &[ChatRoom]),
        (json!({"tr": {"$exists": false}}), &[Basic, Service]),
        (json!({"name": {"$gt": 0}}), &[Basic, ChatRoom, Service]),
    ] {
        assert_eq!(kinds(&find(fixture, "tom", filter(asked.clone())).await), expected, "{asked}");
    }
}

/// P-76.
pub async fn temporary_conversations_are_found_by_their_ids_only(fixture: &Fixture) {
    let mut ids = Vec::new();
    for kind in ALL {
        ids.push(create(fixture, kind).await.id);
    }
    let by_ids = || filter(json!({"objectId": {"$in": ids}}));
    use ConversationKind::{Basic, ChatRoom, Service, Temporary};
    assert_eq!(kinds(&find(fixture, "tom", by_ids()).await), [Basic, ChatRoom, Service]);
    let temporary = ConversationQuery { temporary: true, ..by_ids() };
    assert_eq!(kinds(&find(fixture, "tom", temporary).await), [Temporary]);
    assert_eq!(kinds(&find(fixture, "tom", filter(json!({"m": "tom"}))).await), [Basic]);
}

/// S-71.
pub async fn any_client_sees_the_last_message_of_a_chat_room(fixture: &Fixture) {
    let (room, basic) =
        (create(fixture, ConversationKind::ChatRoom).await, create(fixture, ConversationKind::Basic).await);
    fixture.say(&room, "for all").await;
    fixture.say(&basic, "for members").await;
    let asked = ConversationQuery { with_last_message: true, ..filter(json!({"name": {"$gt": 0}})) };
    let seen = |found: Vec<FoundConversation>| found.into_iter().map(|found| found.last_message.is_some()).collect();
    let (by_tom, by_eve): (Vec<bool>, Vec<bool>) =
        (seen(find(fixture, "tom", asked.clone()).await), seen(find(fixture, "eve", asked).await));
    assert_eq!((by_tom, by_eve), (vec![true, true], vec![false, true]));
}
