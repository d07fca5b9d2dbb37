//! The row of a conversation as clients see it (P-80).

use serde_json::{Map, Value, json};

use crate::ids::ClientId;
use crate::messages::content;
use crate::store::{Conversation, ConversationKind, FoundConversation, Lifetime, StoredMessage, Subscription};
use crate::timestamp::Timestamp;

/// Columns that only the server writes (P-65), and keys that it adds to rows and never stores (S-15).
const RESERVED: [&str; 26] = [
    "objectId",
    "createdAt",
    "updatedAt",
    "c",
    "m",
    "mu",
    "lm",
    "tr",
    "sys",
    "unique",
    "uniqueId",
    "ACL",
    "conv_type",
    "muted",
    "joined",
    "joinedAt",
    "temp",
    "ttl",
    "msg",
    "bin",
    "msg_from",
    "msg_mid",
    "msg_timestamp",
    "patch_timestamp",
    "mention_all",
    "mention_pids",
];

/// True for keys that a client cannot set.
pub(super) fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key)
}

/// The row for one asking client; `compact` leaves the members out.
pub(super) fn row(found: FoundConversation, asking: &ClientId, compact: bool) -> Map<String, Value> {
    let FoundConversation { conversation, last_message } = found;
    let Conversation {
        id,
        kind,
        lifetime,
        attributes: mut row,
        creator,
        members,
        muted,
        last_message_at,
        unique_id,
        created_at,
        updated_at,
        last_sequence: _,
        members_sequence: _,
        standing_version: _,
    } = conversation;
    let mut set = |key: &str, value: Value| {
        row.insert(key.to_owned(), value);
    };
    set("objectId", json!(id));
    set("createdAt", json!(created_at.to_iso()));
    set("updatedAt", json!(updated_at.to_iso()));
    set("conv_type", json!(kind.number()));
    if let Some(Lifetime { ttl_seconds, .. }) = lifetime {
        set("temp", json!(true));
        set("ttl", json!(ttl_seconds));
    }
    match kind {
        ConversationKind::ChatRoom => set("tr", json!(true)),
        ConversationKind::Service => set("sys", json!(true)),
        ConversationKind::Basic | ConversationKind::Temporary => {}
    }
    set("muted", json!(muted.contains(asking)));
    set("mu", json!(muted));
    if !compact && matches!(kind, ConversationKind::Basic | ConversationKind::Temporary) {
        set("m", json!(members));
    }
    if let Some(creator) = creator {
        set("c", json!(creator));
    }
    // Of a service conversation it is no client's business what it says to whom (S-7).
    if let Some(time) = last_message_at.filter(|_| kind != ConversationKind::Service) {
        set("lm", typed_date(time));
    }
    if let Some(unique_id) = unique_id {
        set("unique", json!(true));
        set("uniqueId", json!(unique_id));
    }
    if let Some(message) = last_message {
        set_last_message(&mut row, message);
    }
    row
}

/// What the row of a service conversation says about the asking client (S-10).
pub(super) fn set_subscription(row: &mut Map<String, Value>, subscription: Option<&Subscription>) {
    let mut set = |key: &str, value: Value| {
        row.insert(key.to_owned(), value);
    };
    set("joined", json!(subscription.is_some()));
    set("muted", json!(subscription.is_some_and(|subscription| subscription.is_muted)));
    if let Some(subscription) = subscription {
        set("joinedAt", json!(subscription.subscribed_at));
    }
}

fn set_last_message(row: &mut Map<String, Value>, message: StoredMessage) {
    let (text, is_binary) = content::to_text(&message.body);
    let mut set = |key: &str, value: Value| {
        row.insert(key.to_owned(), value);
    };
    set("msg", json!(text));
    set("bin", json!(is_binary));
    set("msg_mid", json!(message.id));
    set("msg_from", json!(message.from));
    set("msg_timestamp", json!(message.timestamp));
    set("mention_all", json!(message.mention_all));
    set("mention_pids", json!(message.mentions));
    if let Some(patched_at) = message.patched_at {
        set("patch_timestamp", json!(patched_at));
    }
}

fn typed_date(time: Timestamp) -> Value {
    json!({ "__type": "Date", "iso": time.to_iso() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_reserved, row};
    use crate::ids::{ClientId, ConversationId, MessageId};
    use crate::store::{Conversation, ConversationKind, FoundConversation, MessageBody, StoredMessage};
    use crate::timestamp::Timestamp;

    fn conversation() -> Conversation {
        Conversation {
            id: ConversationId::new("64f0c0ffee0000000000a001"),
            kind: ConversationKind::Basic,
            lifetime: None,
            attributes: json!({ "name": "Planning", "attr": { "topic": 1 } }).as_object().unwrap().clone(),
            creator: Some(ClientId::new("alice")),
            members: vec![ClientId::new("alice"), ClientId::new("bob")],
            muted: vec![ClientId::new("bob")],
            last_message_at: Some(Timestamp(1_700_000_400_000)),
            unique_id: Some("ec0048c7d6b5a11cdb261b71a813eff3".to_owned()),
            created_at: Timestamp(1_700_000_000_123),
            updated_at: Timestamp(1_700_000_400_000),
            last_sequence: 1,
            members_sequence: 1,
            standing_version: 0,
        }
    }

    #[test]
    fn a_full_row() {
        let last_message = StoredMessage {
            id: MessageId::new("q2sXr0yJQeC5m1d8nB7v_A"),
            timestamp: Timestamp(1_700_000_400_000),
            from: ClientId::new("bob"),
            body: MessageBody::Binary(vec![0, 255]),
            mentions: vec![ClientId::new("alice")],
            mention_all: false,
            patched_at: Some(Timestamp(1_700_000_400_001)),
            acknowledged_at: None,
            sequence: 2,
        };
        let found = FoundConversation { conversation: conversation(), last_message: Some(last_message) };
        let expected = json!({
            "objectId": "64f0c0ffee0000000000a001", "name": "Planning", "attr": { "topic": 1 },
            "c": "alice", "m": ["alice", "bob"], "mu": ["bob"], "muted": true, "conv_type": 1,
            "unique": true, "uniqueId": "ec0048c7d6b5a11cdb261b71a813eff3",
            "createdAt": "2023-11-14T22:13:20.123Z", "updatedAt": "2023-11-14T22:20:00.000Z",
            "lm": { "__type": "Date", "iso": "2023-11-14T22:20:00.000Z" },
            "msg": "AP8=", "bin": true, "msg_mid": "q2sXr0yJQeC5m1d8nB7v_A", "msg_from": "bob",
            "msg_timestamp": 1_700_000_400_000_i64, "patch_timestamp": 1_700_000_400_001_i64,
            "mention_all": false, "mention_pids": ["alice"],
        });
        assert_eq!(Value::Object(row(found, &ClientId::new("bob"), false)), expected);
    }

    #[test]
    fn absent_fields_are_left_out_and_compact_leaves_the_members_out() {
        let bare = Conversation { creator: None, last_message_at: None, unique_id: None, ..conversation() };
        let row = row(FoundConversation { conversation: bare, last_message: None }, &ClientId::new("alice"), true);
        for absent in ["c", "m", "lm", "unique", "uniqueId", "msg", "bin", "msg_mid", "patch_timestamp"] {
            assert!(!row.contains_key(absent), "{absent}");
        }
        assert_eq!(row.get("muted"), Some(&json!(false)));
    }

    #[test]
    fn a_row_says_its_kind_and_has_members_only_where_these_are_stored() {
        let keys = |kind: ConversationKind| {
            let conversation = Conversation { kind, ..conversation() };
            let found = FoundConversation { conversation, last_message: None };
            let row = row(found, &ClientId::new("alice"), false);
            let has = |key| row.get(key) == Some(&json!(true));
            (row.get("conv_type").and_then(Value::as_i64), has("tr"), has("sys"), row.contains_key("m"))
        };
        assert_eq!(keys(ConversationKind::Basic), (Some(1), false, false, true));
        assert_eq!(keys(ConversationKind::ChatRoom), (Some(2), true, false, false));
        assert_eq!(keys(ConversationKind::Service), (Some(3), false, true, false));
        assert_eq!(keys(ConversationKind::Temporary), (Some(4), false, false, true));
    }

    #[test]
    fn clients_may_set_name_attr_and_columns_of_their_own() {
        for key in ["name", "attr", "colour"] {
            assert!(!is_reserved(key), "{key}");
        }
        for key in ["objectId", "m", "sys", "ACL", "msg", "muted"] {
            assert!(is_reserved(key), "{key}");
        }
    }
}
