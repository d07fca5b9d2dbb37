//! The published frames of the client SDK's own encoder, in both directions (spec §3.9).

use prost::Message as _;
use tokio_tungstenite::tungstenite::Message;

use super::frame::{Encoding, encode};
use super::replies::Recipient;
use super::wire::{
    AckCommand, CommandType, DirectCommand, GenericCommand, LogsCommand, OpType, SessionCommand, UnreadCommand,
    UnreadTuple,
};
use hookd_im_core::error::{Code, RequestError};

const CONVERSATION: &str = "64f0c0ffee0000000000a001";

fn check(command: &GenericCommand, bytes: &str) {
    assert_eq!(hex::encode(encode(command)), bytes);
    let frame = Message::binary(hex::decode(bytes).unwrap());
    assert_eq!(&Encoding::Binary.decode(frame).unwrap(), command);
}

fn of(command: CommandType, op: Option<OpType>, peer: Option<&str>, serial: Option<i32>) -> GenericCommand {
    GenericCommand {
        cmd: Some(command.into()),
        op: op.map(i32::from),
        peer_id: peer.map(str::to_owned),
        i: serial,
        ..GenericCommand::default()
    }
}

#[test]
fn echo() {
    let command = of(CommandType::Echo, None, None, Some(7));
    check(&command, "080e2807");
    assert_eq!(Encoding::Base64.frame(encode(&command)), Message::text("CA4oBw=="));
    assert_eq!(Encoding::Base64.decode(Message::text("CA4oBw==")).unwrap(), command);
}

#[test]
fn session_open() {
    let command = GenericCommand {
        app_id: Some("app1".into()),
        session_message: Some(SessionCommand {
            ua: Some("js/5.0.0-rc.8".into()),
            r: Some(false),
            device_id: Some("d1".into()),
            last_patch_time: Some(1_700_000_000_123),
            config_bitmap: Some(187),
            ..SessionCommand::default()
        }),
        ..of(CommandType::Session, Some(OpType::Open), Some("alice"), Some(1))
    };
    check(
        &command,
        "080010011a04617070312205616c6963652801b20621220d6a732f352e302e302d72632e3828003a0264319001fbd095ffbc319801bb01",
    );
}

#[test]
fn session_opened() {
    let command = GenericCommand {
        service: Some(2),
        server_ts: Some(1_700_000_000_456),
        session_message: Some(SessionCommand {
            st: Some("tok".into()),
            st_ttl: Some(86_400),
            ..SessionCommand::default()
        }),
        ..of(CommandType::Session, Some(OpType::Opened), Some("alice"), Some(1))
    };
    check(&command, "080010052205616c6963652801400248c8d395ffbc31b206095203746f6b5880a305");
}

#[test]
fn direct() {
    let command = GenericCommand {
        direct_message: Some(DirectCommand {
            msg: Some("hi".into()),
            cid: Some(CONVERSATION.into()),
            dt: Some("u1".into()),
            mention_all: Some(false),
            ..DirectCommand::default()
        }),
        ..of(CommandType::Direct, None, None, Some(2))
    };
    check(&command, "08022802c206250a0268695a1836346630633066666565303030303030303030306130303172027531a80100");
}

#[test]
fn ack() {
    let command = GenericCommand {
        service: Some(2),
        ack_message: Some(AckCommand {
            cid: Some(CONVERSATION.into()),
            t: Some(1_700_000_000_789),
            uid: Some("q2sXr0yJQeC5m1d8nB7v_A".into()),
            ..AckCommand::default()
        }),
        ..of(CommandType::Ack, None, Some("alice"), Some(2))
    };
    check(
        &command,
        "08032205616c69636528024002ca063922183634663063306666656530303030303030303030613030312895d695ffbc3132167132735872\
         30794a516543356d3164386e4237765f41",
    );
}

#[test]
fn error_of_a_hook() {
    let recipient = Recipient { serial: Some(3), peer: Some("alice".into()) };
    let refused = RequestError::by_hook(Code::ConversationRejectedByApp, Some(9890), Some("closed".into()));
    let command = GenericCommand { server_ts: None, ..recipient.error(&refused) };
    check(
        &command,
        "08072205616c69636528034002ba063408d121121c434f4e564552534154494f4e5f52454a45435445445f42595f41505018a24d2206636c\
         6f7365643206636c6f736564",
    );
}

#[test]
fn logs() {
    let command = GenericCommand {
        logs_message: Some(LogsCommand {
            cid: Some("c".into()),
            l: Some(10),
            lctype: Some(-1),
            ..LogsCommand::default()
        }),
        ..of(CommandType::Logs, None, None, Some(4))
    };
    check(&command, "08062804ea06100a0163100a68ffffffffffffffffff01");
}

#[test]
fn unread() {
    let command = GenericCommand {
        service: Some(2),
        unread_message: Some(UnreadCommand {
            convs: vec![UnreadTuple { cid: "c".into(), ..UnreadTuple::default() }],
            notif_time: Some(1_700_000_000_999),
        }),
        ..of(CommandType::Unread, None, Some("alice"), None)
    };
    check(&command, "08052205616c6963654002d2060e0a050a0163100010e7d795ffbc31");
}

#[test]
fn unknown_fields_and_enum_numbers_are_tolerated() {
    let mut bytes = hex::decode("080e2807").unwrap();
    bytes.extend([0xc8, 0x3e, 0x01, 0x10, 0xe7, 0x07]);
    let command = GenericCommand::decode(bytes.as_slice()).unwrap();
    assert_eq!((command.i, command.op), (Some(7), Some(999)));
    assert_eq!(super::describe(&command), "echo/999");
}
