//! Identifiers. Newtypes, so that a swapped argument does not compile.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::timestamp::Timestamp;

/// Characters of a client id (S-1).
pub const MAX_CLIENT_ID_CHARACTERS: usize = 64;

/// What the ids of temporary conversations begin with.
const TEMPORARY: &str = "_tmp:";

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        // Shared: a message clones the ids of all its receivers.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:?}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }
    };
}

text_id! {
    /// A tenant.
    AppId
}
text_id! {
    /// A user of IM, also called "peer": 1 to 64 characters (S-1).
    ClientId
}
text_id! {
    /// A conversation: 24 lower-case hex digits, after `_tmp:` for a temporary one (S-3).
    ConversationId
}
text_id! {
    /// A message: 22 characters of URL-safe base64 (S-4).
    MessageId
}
text_id! {
    /// One installation of a client SDK, as it names itself (P-49).
    DeviceId
}

text_id! {
    /// A process that uses a store: another one after each start.
    NodeId
}
text_id! {
    /// Calls of one kind, which wait together.
    Channel
}
text_id! {
    /// What keeps calls in order: a client of the app, for calls about its sessions.
    OrderKey
}

impl NodeId {
    /// A new random id.
    pub fn generate() -> Self {
        Self::new(hex::encode(rand::random::<[u8; 12]>()))
    }
}

impl ConversationId {
    /// A new random id.
    pub fn generate() -> Self {
        Self::new(hex::encode(rand::random::<[u8; 12]>()))
    }

    /// A new random id of a temporary conversation.
    pub fn generate_temporary() -> Self {
        Self::new(format!("{TEMPORARY}{}", Self::generate()))
    }

    /// True for the ids of temporary conversations (S-3).
    pub fn is_temporary(&self) -> bool {
        self.0.starts_with(TEMPORARY)
    }
}

impl MessageId {
    /// A new id: 6 bytes of time in ms, and 10 random ones. New ids are beside each other in the index of a store. With random
    /// ones each message would change a page of its own there.
    pub fn generate() -> Self {
        let time = u128::from(Timestamp::now().0.unsigned_abs()) << 80;
        let random = rand::random::<u128>() >> 48;
        Self::new(URL_SAFE_NO_PAD.encode((time | random).to_be_bytes()))
    }
}

impl ClientId {
    /// The id for a login that names none (S-2, P-50).
    pub fn generate() -> Self {
        Self::new(hex::encode(rand::random::<[u8; 12]>()))
    }

    /// True for ids that S-1 allows: 1 to [`MAX_CLIENT_ID_CHARACTERS`] characters.
    pub fn is_valid(&self) -> bool {
        Self::is_valid_length(self.0.chars().count())
    }

    /// True for so many characters as S-1 allows.
    pub fn is_valid_length(characters: usize) -> bool {
        (1..=MAX_CLIENT_ID_CHARACTERS).contains(&characters)
    }
}

/// One logged-in (client, device) pair on one socket. Unique while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// One socket. Unique while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One request of a session. Unique while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::MessageId;
    use crate::timestamp::Timestamp;

    #[test]
    fn the_id_of_a_message_begins_with_its_time_and_differs_from_others_of_that_time() {
        let began = Timestamp::now().0;
        let ids: [_; 1000] = std::array::from_fn(|_| MessageId::generate());
        for id in &ids {
            let bytes = URL_SAFE_NO_PAD.decode(id.as_str()).unwrap();
            let time = bytes[..6].iter().fold(0, |time, byte| time << 8 | i64::from(*byte));
            assert!((began..=Timestamp::now().0).contains(&time), "{id}");
        }
        assert_eq!(std::collections::HashSet::from(ids).len(), 1000);
    }
}
