//! `ack` and `read` of clients, and `conv/max_read`.

use crate::gateway::protocol::replies::Recipient;
use crate::gateway::protocol::wire::{
    AckCommand, CommandType, ConvCommand, GenericCommand, MaxReadTuple, OpType, ReadCommand, ReadTuple,
};
use hookd_im_core::actor::Actor;
use hookd_im_core::core::ImCore;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ConversationId, MessageId};
use hookd_im_core::receipts::{self, Marks};
use hookd_im_core::store::{Acknowledged, ReceiptMarks};
use hookd_im_core::timestamp::Timestamp;

use super::protocol::limits::ID_BYTES;

/// `ack` of a client (P-85).
pub(super) async fn acknowledge(core: &ImCore, actor: &Actor, ack: AckCommand) -> Result<(), RequestError> {
    let acknowledged = match (ack.fromts, ack.tots, ack.mid) {
        (Some(from), Some(to), _) => Acknowledged::Range { from: Timestamp(from), to: Timestamp(to) },
        (_, _, Some(id)) if id.len() <= ID_BYTES => Acknowledged::Message(MessageId::new(id)),
        _ => return Ok(()),
    };
    match conversation(ack.cid) {
        Some(conversation) => receipts::acknowledge(core, actor, &conversation, &acknowledged).await,
        None => Ok(()),
    }
}

/// `read` (P-88).
pub(super) async fn read(core: &ImCore, actor: &Actor, read: ReadCommand) -> Result<(), RequestError> {
    let ReadCommand { cid, cids, convs } = read;
    // Without a time in the older forms: all of it.
    let whole = cid.into_iter().chain(cids).map(|cid| ReadTuple { cid, ..ReadTuple::default() });
    let read = convs.into_iter().chain(whole).filter_map(|ReadTuple { cid, timestamp, .. }| {
        Some((conversation(Some(cid))?, Timestamp(timestamp.unwrap_or(i64::MAX))))
    });
    receipts::mark_read(core, actor, read.collect()).await
}

/// `conv/max_read` → `conv/max_read` (P-91).
pub(super) async fn marks(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let no_conversation = || RequestError::detailed(Code::ConversationNotFound, "`conv/max_read` has no `cid`");
    let cid = conv.cid.ok_or_else(no_conversation)?;
    let Marks { delivered_at, read_at, members } =
        receipts::marks(core, actor, &ConversationId::new(cid.as_str())).await?;
    let asked_for_all = conv.query_all_members == Some(true);
    let marks = match asked_for_all {
        true => ConvCommand { max_read_tuples: members.into_iter().map(tuple).collect(), ..ConvCommand::default() },
        false => ConvCommand {
            max_ack_timestamp: delivered_at.map(|time| time.0),
            max_read_timestamp: read_at.map(|time| time.0),
            ..ConvCommand::default()
        },
    };
    let reply = recipient.reply(CommandType::Conv, Some(OpType::MaxRead));
    Ok(GenericCommand { conv_message: Some(ConvCommand { cid: Some(cid), ..marks }), ..reply })
}

fn tuple(ReceiptMarks { client, delivered_at, read_at }: ReceiptMarks) -> MaxReadTuple {
    MaxReadTuple {
        pid: Some(client.as_str().to_owned()),
        max_ack_timestamp: delivered_at.map(|time| time.0),
        max_read_timestamp: read_at.map(|time| time.0),
    }
}

/// A conversation that can exist.
fn conversation(cid: Option<String>) -> Option<ConversationId> {
    cid.filter(|cid| cid.len() <= ID_BYTES).map(ConversationId::new)
}
