//! The frames of a client that sends what the fuzzer thinks of.

use bytes::Bytes;
use prost::Message as _;

use crate::gateway::protocol::wire::{
    CommandType, ConvCommand, DirectCommand, GenericCommand, JsonObjectMessage, LogsCommand, OpType, SessionCommand,
};

/// The placeholder for the client's conversation in an input, because an input cannot know its id.
const CONVERSATION: &str = "c";

/// All that is offered to a login, acknowledgements of transient messages among it.
const CONFIG_BITMAP: i64 = 187;

/// A command on its way to the server.
pub struct Sent {
    /// Its bytes.
    pub frame: Vec<u8>,
    /// The number of its reply, where one must come.
    pub serial: Option<i32>,
}

/// What the server sent.
pub struct Answer {
    /// The number of the command that it answers; `None` of a push.
    pub serial: Option<i32>,
    /// The conversation that it names.
    pub conversation: Option<String>,
}

/// The commands of an input, each behind its length, and a conversation in the place of `c`. Ends where the input is broken.
pub fn commands(input: &[u8], conversation: &str) -> Vec<Sent> {
    let mut rest = Bytes::copy_from_slice(input);
    let mut sent = Vec::new();
    while let Ok(mut command) = GenericCommand::decode_length_delimited(&mut rest) {
        for named in names(&mut command) {
            if named == CONVERSATION {
                conversation.clone_into(named);
            }
        }
        let serial = command.i.filter(|_| is_answered(&command));
        sent.push(Sent { frame: command.encode_to_vec(), serial });
    }
    sent
}

fn names(command: &mut GenericCommand) -> Vec<&mut String> {
    let GenericCommand { direct_message, logs_message, conv_message, patch_message, blacklist_message, .. } = command;
    let direct = direct_message.iter_mut().filter_map(|direct: &mut DirectCommand| direct.cid.as_mut());
    let logs = logs_message.iter_mut().filter_map(|logs: &mut LogsCommand| logs.cid.as_mut());
    let conv = conv_message.iter_mut().filter_map(|conv: &mut ConvCommand| conv.cid.as_mut());
    let patch = patch_message.iter_mut().flat_map(|patch| patch.patches.iter_mut().filter_map(|one| one.cid.as_mut()));
    let blacklist = blacklist_message.iter_mut().filter_map(|blacklist| blacklist.src_cid.as_mut());
    direct.chain(logs).chain(conv).chain(patch).chain(blacklist).collect()
}

/// Acknowledgements and read marks are not, and transient messages not of each session.
fn is_answered(command: &GenericCommand) -> bool {
    let kind = command.cmd.and_then(|kind| CommandType::try_from(kind).ok());
    let transient = command.direct_message.as_ref().is_some_and(|direct| direct.transient == Some(true));
    !matches!(kind, Some(CommandType::Ack | CommandType::Read)) && !transient
}

/// A login.
pub fn log_in(app: &str, client: &str, serial: i32) -> Vec<u8> {
    let session = SessionCommand { config_bitmap: Some(CONFIG_BITMAP), ..SessionCommand::default() };
    let command = GenericCommand {
        app_id: Some(app.to_owned()),
        peer_id: Some(client.to_owned()),
        session_message: Some(session),
        ..command(CommandType::Session, OpType::Open, serial)
    };
    command.encode_to_vec()
}

/// A new conversation with another client.
pub fn start_conversation(member: &str, serial: i32) -> Vec<u8> {
    let conv = ConvCommand {
        m: vec![member.to_owned()],
        unique: Some(false),
        attr: Some(JsonObjectMessage { data: "{}".to_owned() }),
        ..ConvCommand::default()
    };
    let command = GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, OpType::Start, serial) };
    command.encode_to_vec()
}

fn command(kind: CommandType, op: OpType, serial: i32) -> GenericCommand {
    GenericCommand { cmd: Some(kind.into()), op: Some(op.into()), i: Some(serial), ..GenericCommand::default() }
}

/// Reads a frame of the server; `None` for other bytes.
pub fn answer(frame: &[u8]) -> Option<Answer> {
    let command = GenericCommand::decode(frame).ok()?;
    let conversation = command.conv_message.and_then(|conv| conv.cid);
    Some(Answer { serial: command.i, conversation })
}
