use std::time::Duration;

use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    Conversation, ConversationKind, ConversationQuery, CreatedConversation, Direction, HistoryQuery, NewConversation,
    NewMessage, NotAppended,
};
use serde_json::json;

use crate::fixture::{Fixture, message, new_conversation, object};

const LIFE: Duration = Duration::from_secs(60);

async fn create(fixture: &Fixture, unique: bool) -> CreatedConversation {
    let new = NewConversation {
        id: ConversationId::generate_temporary(),
        kind: ConversationKind::Temporary,
        ttl_seconds: Some(60),
        ..new_conversation(&["jerry", "tom"], unique)
    };
    fixture.store.create_conversation(&fixture.app, new, None).await.unwrap().row
}

async fn history(fixture: &Fixture, conversation: &Conversation) -> usize {
    let newest = HistoryQuery { start: None, end: None, direction: Direction::Old, limit: 100, message_type: None };
    fixture.store.history(&fixture.app, &conversation.id, &newest).await.unwrap().len()
}

/// P-65.
pub async fn unique_temporary_conversations_are_apart_from_others_and_end_with_their_life(fixture: &Fixture) {
    let ordinary = new_conversation(&["jerry", "tom"], true);
    let ordinary = fixture.store.create_conversation(&fixture.app, ordinary, None).await.unwrap().row;
    let first = create(fixture, true).await;
    assert!(!first.existing && !ordinary.existing);
    let again = create(fixture, true).await;
    assert_eq!((again.existing, &again.conversation), (true, &first.conversation));
    let found = new_conversation(&["jerry", "tom"], true);
    let found = fixture.store.create_conversation(&fixture.app, found, None).await.unwrap().row;
    assert_eq!((found.existing, found.conversation.id), (true, ordinary.conversation.id));
    assert!(!create(fixture, false).await.existing);
    fixture.advance(LIFE);
    let next = create(fixture, true).await;
    assert!(!next.existing, "the first one is over, and not deleted yet");
    assert_eq!(create(fixture, true).await.conversation, next.conversation);
}

/// S-11.
pub async fn nothing_finds_a_conversation_whose_life_is_over(fixture: &Fixture) {
    let conversation = create(fixture, false).await.conversation;
    let tom = ClientId::new("tom");
    let query = ConversationQuery {
        filter: object(json!({"objectId": conversation.id})),
        limit: 10,
        temporary: true,
        ..ConversationQuery::default()
    };
    let looks = async || {
        let found = fixture.store.conversation(&fixture.app, &conversation.id).await.unwrap().is_some();
        let standing = fixture.store.standing(&fixture.app, &conversation.id, std::slice::from_ref(&tom)).await;
        let rows = fixture.store.find_conversations(&fixture.app, &tom, &query).await.unwrap();
        (found, standing.unwrap().is_some(), rows.len())
    };
    let said = || NewMessage { members_sequence: 1, ..message(&conversation.id, "tom", "hi") };
    fixture.advance(LIFE - Duration::from_millis(1));
    assert_eq!(looks().await, (true, true, 1));
    fixture.append(said()).await.unwrap();
    fixture.advance(Duration::from_millis(1));
    assert_eq!(looks().await, (false, false, 0));
    assert_eq!(fixture.append(said()).await.unwrap_err(), NotAppended::NoConversation);
}

/// S-12.
pub async fn expired_conversations_are_deleted_in_small_steps_and_no_others(fixture: &Fixture) {
    let (first, second) = (create(fixture, false).await.conversation, create(fixture, true).await.conversation);
    for number in 0..600 {
        fixture.say(&first, &number.to_string()).await;
    }
    fixture.say(&second, "hi").await;
    fixture.advance(LIFE);
    let (living, ordinary) = (create(fixture, false).await.conversation, fixture.create(&["tom"], json!({})).await);
    fixture.say(&living, "hi").await;
    fixture.say(&ordinary, "hi").await;
    let delete = async || fixture.store.delete_expired_conversations().await.unwrap();
    assert!(delete().await, "there is more than one step takes");
    assert_eq!(history(fixture, &first).await, 100, "a part is left");
    let mut steps = 1;
    while delete().await {
        steps += 1;
    }
    assert!(steps < 10, "{steps}");
    for (conversation, messages) in [(&first, 0), (&second, 0), (&living, 1), (&ordinary, 1)] {
        assert_eq!(history(fixture, conversation).await, messages, "{}", conversation.id);
    }
    assert!(!delete().await);
    // Its id is free again: nothing is left of it.
    let new = NewConversation { id: first.id.clone(), ..new_conversation(&["spike"], false) };
    let created = fixture.store.create_conversation(&fixture.app, new, None).await.unwrap().row.conversation;
    assert_eq!(fixture.conversation(&first.id).await, created);
}
