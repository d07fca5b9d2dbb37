//! Sub-protocols, and the two forms of a frame.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use thiserror::Error;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::wire::GenericCommand;

/// How commands travel on a socket (P-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Binary frames of protobuf.
    Binary,
    /// Text frames of the same bytes in standard base64 with padding.
    Base64,
}

/// A sub-protocol that this server speaks (P-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SubProtocol {
    /// Echoed in the handshake.
    pub(crate) name: &'static str,
    /// Its frames.
    pub(crate) encoding: Encoding,
}

/// `.1` is served like `.3`: its clients understand `unread` too.
const KNOWN: [SubProtocol; 4] = [
    SubProtocol { name: "lc.protobuf2.3", encoding: Encoding::Binary },
    SubProtocol { name: "lc.proto2base64.3", encoding: Encoding::Base64 },
    SubProtocol { name: "lc.protobuf2.1", encoding: Encoding::Binary },
    SubProtocol { name: "lc.proto2base64.1", encoding: Encoding::Base64 },
];

impl SubProtocol {
    /// The first of a comma list that is known.
    pub(crate) fn select(offered: &str) -> Option<Self> {
        offered.split(',').find_map(|name| KNOWN.into_iter().find(|known| known.name == name.trim()))
    }
}

/// Bytes that are not a command (close code 4114).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum MalformedFrame {
    /// The frame is binary where text is due, or the other way round.
    #[error("the frame has the wrong type for its sub-protocol")]
    WrongType,
    /// The text is not base64.
    #[error("the frame is not base64")]
    Base64,
    /// The bytes are not protobuf of the schema.
    #[error("the frame is not a protobuf command")]
    Protobuf,
}

impl Encoding {
    /// Reads a data frame.
    pub(crate) fn decode(self, frame: Message) -> Result<GenericCommand, MalformedFrame> {
        let bytes = match (self, frame) {
            (Self::Binary, Message::Binary(bytes)) => bytes,
            (Self::Base64, Message::Text(text)) => {
                STANDARD.decode(text.as_str()).map_err(|_| MalformedFrame::Base64)?.into()
            }
            _ => return Err(MalformedFrame::WrongType),
        };
        GenericCommand::decode(bytes).map_err(|_| MalformedFrame::Protobuf)
    }

    /// Makes the frame of an encoded command.
    pub(crate) fn frame(self, bytes: Bytes) -> Message {
        match self {
            Self::Binary => Message::Binary(bytes),
            Self::Base64 => Message::Text(Utf8Bytes::from(STANDARD.encode(bytes))),
        }
    }
}

/// The bytes of a command.
pub(crate) fn encode(command: &GenericCommand) -> Bytes {
    command.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::{Encoding, MalformedFrame, SubProtocol};
    use tokio_tungstenite::tungstenite::Message;

    #[test]
    fn the_first_known_sub_protocol_of_an_offer_is_taken() {
        let name = |offer| SubProtocol::select(offer).map(|chosen| chosen.name);
        assert_eq!(name("lc.protobuf2.3"), Some("lc.protobuf2.3"));
        assert_eq!(name("lc.protobuf.3, lc.proto2base64.3,lc.protobuf2.3"), Some("lc.proto2base64.3"));
        assert_eq!(name("lc.protobuf2.2"), None);
        assert_eq!(name(""), None);
    }

    #[test]
    fn frames_of_the_wrong_type_or_content_are_malformed() {
        let decode = |encoding: Encoding, frame: Message| encoding.decode(frame).map(|_| ());
        assert_eq!(decode(Encoding::Binary, Message::text("CA4oBw==")), Err(MalformedFrame::WrongType));
        assert_eq!(decode(Encoding::Base64, Message::binary(vec![8, 14])), Err(MalformedFrame::WrongType));
        assert_eq!(decode(Encoding::Base64, Message::text("*")), Err(MalformedFrame::Base64));
        assert_eq!(decode(Encoding::Binary, Message::binary(vec![0xff; 4])), Err(MalformedFrame::Protobuf));
        assert_eq!(decode(Encoding::Base64, Message::text("CA4oBw==")), Ok(()));
    }
}
