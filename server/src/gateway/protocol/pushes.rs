//! Pushes: commands without a serial number (P-2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::replies::json;
use super::wire::{
    CommandType, ConvCommand, ConvMemberInfo, DirectCommand, GenericCommand, LogItem, OpType, PatchCommand, PatchItem,
    RcpCommand, SessionCommand, UnreadCommand, UnreadTuple,
};
use super::{IM_SERVICE, PERMANENT};
use hookd_im_core::delivery::{
    ChangedAttributes, ChangedMembers, ChangedRestriction, ChangedRole, DeliveredMessage, Event, PatchedMessage,
    Receipt, UnreadCounts,
};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::content::is_recalled;
use hookd_im_core::store::{ConversationKind, MessageBody, Restriction, StoredMessage, UnreadConversation};
use hookd_im_core::timestamp::Timestamp;

/// The command that sends an event to `client`.
pub(crate) fn push(client: &ClientId, event: &Event) -> GenericCommand {
    let push = match event {
        Event::Joined(change) => kept(membership(OpType::Joined, change, false), change.server_timestamp),
        Event::Left(change) => kept(membership(OpType::Left, change, false), change.server_timestamp),
        Event::MembersJoined(change) => membership(OpType::MembersJoined, change, true),
        Event::MembersLeft(change) => membership(OpType::MembersLeft, change, true),
        Event::Restricted(change) => kept(restriction(change, false), change.server_timestamp),
        Event::MembersRestricted(change) => restriction(change, true),
        Event::RoleChanged(change) => role_changed(change),
        Event::ConversationUpdated(change) => updated(change),
        Event::Message(message) => direct(message),
        Event::MessagePatched(patch) => patched(patch),
        Event::Unread(counts) => unread(counts),
        Event::Receipt(receipt) => rcp(receipt),
        Event::SessionClosed { code, reason } => GenericCommand {
            session_message: Some(SessionCommand {
                code: Some(code.number()),
                reason: Some(if reason.is_empty() { code.name().to_owned() } else { reason.clone() }),
                ..SessionCommand::default()
            }),
            ..command(CommandType::Session, Some(OpType::Closed))
        },
    };
    GenericCommand { peer_id: Some(client.as_str().to_owned()), ..push }
}

/// The conversation whose state an event changes in clients. A message changes none: it can be applied at any time.
pub(crate) fn changed_conversation(event: &Event) -> Option<&ConversationId> {
    match event {
        Event::Joined(change) | Event::Left(change) | Event::MembersJoined(change) | Event::MembersLeft(change) => {
            Some(&change.conversation)
        }
        Event::Restricted(change) | Event::MembersRestricted(change) => Some(&change.conversation),
        Event::RoleChanged(change) => Some(&change.conversation),
        Event::ConversationUpdated(change) => Some(&change.conversation),
        Event::Message(_)
        | Event::MessagePatched(_)
        | Event::Unread(_)
        | Event::Receipt(_)
        | Event::SessionClosed { .. } => None,
    }
}

/// An item of the history (P-92).
pub(crate) fn log_item(message: StoredMessage, kind: ConversationKind) -> LogItem {
    let bin = matches!(message.body, MessageBody::Binary(_));
    LogItem {
        from: Some(message.from.as_str().to_owned()),
        data: Some(match message.body {
            MessageBody::Text(text) => text,
            MessageBody::Binary(bytes) => STANDARD.encode(bytes),
        }),
        timestamp: Some(message.timestamp.0),
        msg_id: Some(message.id.as_str().to_owned()),
        patch_timestamp: message.patched_at.map(|time| time.0),
        ack_at: message.acknowledged_at.map(|time| time.0),
        mention_all: Some(message.mention_all),
        mention_pids: texts(&message.mentions),
        bin: Some(bin),
        conv_type: Some(kind.number()),
        ..LogItem::default()
    }
}

/// Client ids on the wire.
pub(crate) fn texts(clients: &[ClientId]) -> Vec<String> {
    clients.iter().map(|client| client.as_str().to_owned()).collect()
}

fn command(command: CommandType, op: Option<OpType>) -> GenericCommand {
    GenericCommand {
        cmd: Some(command.into()),
        op: op.map(i32::from),
        service: Some(IM_SERVICE),
        ..GenericCommand::default()
    }
}

fn membership(op: OpType, change: &ChangedMembers, with_members: bool) -> GenericCommand {
    let conv = ConvCommand {
        cid: Some(change.conversation.as_str().to_owned()),
        m: if with_members { texts(&change.members) } else { Vec::new() },
        init_by: Some(change.by.as_str().to_owned()),
        udate: Some(change.updated_at.to_iso()),
        ..ConvCommand::default()
    };
    GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, Some(op)) }
}

fn restriction(change: &ChangedRestriction, of_others: bool) -> GenericCommand {
    let op = match (change.restriction, change.is_lifted, of_others) {
        (Restriction::Silenced, false, false) => OpType::Shutuped,
        (Restriction::Silenced, true, false) => OpType::Unshutuped,
        (Restriction::Silenced, false, true) => OpType::MembersShutuped,
        (Restriction::Silenced, true, true) => OpType::MembersUnshutuped,
        (Restriction::Blocked, false, false) => OpType::Blocked,
        (Restriction::Blocked, true, false) => OpType::Unblocked,
        (Restriction::Blocked, false, true) => OpType::MembersBlocked,
        (Restriction::Blocked, true, true) => OpType::MembersUnblocked,
    };
    let conv = ConvCommand {
        cid: Some(change.conversation.as_str().to_owned()),
        m: if of_others { texts(&change.clients) } else { Vec::new() },
        init_by: Some(change.by.as_str().to_owned()),
        ..ConvCommand::default()
    };
    GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, Some(op)) }
}

fn role_changed(change: &ChangedRole) -> GenericCommand {
    let conv = ConvCommand {
        cid: Some(change.conversation.as_str().to_owned()),
        init_by: Some(change.by.as_str().to_owned()),
        info: Some(ConvMemberInfo {
            pid: Some(change.client.as_str().to_owned()),
            role: Some(change.role.name().to_owned()),
            info_id: None,
        }),
        ..ConvCommand::default()
    };
    GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, Some(OpType::MemberInfoChanged)) }
}

fn updated(change: &ChangedAttributes) -> GenericCommand {
    let conv = ConvCommand {
        cid: Some(change.conversation.as_str().to_owned()),
        init_by: Some(change.by.as_str().to_owned()),
        udate: Some(change.updated_at.to_iso()),
        attr: Some(json(change.asked.clone())),
        attr_modified: Some(json(change.changed.clone())),
        ..ConvCommand::default()
    };
    GenericCommand { conv_message: Some(conv), ..command(CommandType::Conv, Some(OpType::Updated)) }
}

/// Only kept events carry a server time: older clients move their cursor on every push that has one (P-62).
fn kept(push: GenericCommand, server_timestamp: Option<Timestamp>) -> GenericCommand {
    let server_ts = server_timestamp.map(|time| time.0);
    GenericCommand { notification_type: server_ts.map(|_| PERMANENT), server_ts, ..push }
}

fn direct(message: &DeliveredMessage) -> GenericCommand {
    let (msg, binary_msg) = body(&message.body);
    let direct = DirectCommand {
        msg,
        binary_msg,
        from_peer_id: Some(message.from.as_str().to_owned()),
        timestamp: Some(message.timestamp.0),
        cid: Some(message.conversation.as_str().to_owned()),
        id: Some(message.id.as_str().to_owned()),
        transient: message.transient.then_some(true),
        mention_pids: texts(&message.mentions),
        mention_all: Some(message.mention_all),
        conv_type: Some(message.kind.number()),
        ..DirectCommand::default()
    };
    GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }
}

fn patched(patch: &PatchedMessage) -> GenericCommand {
    let (data, binary_msg) = body(&patch.body);
    let item = PatchItem {
        cid: Some(patch.conversation.as_str().to_owned()),
        mid: Some(patch.id.as_str().to_owned()),
        timestamp: Some(patch.timestamp.0),
        recall: Some(is_recalled(&patch.body)),
        data,
        patch_timestamp: Some(patch.patched_at.0),
        from: Some(patch.from.as_str().to_owned()),
        binary_msg,
        mention_all: Some(patch.mention_all),
        mention_pids: texts(&patch.mentions),
        patch_code: patch.reason.as_ref().map(|reason| reason.code),
        patch_reason: patch.reason.as_ref().map(|reason| reason.detail.clone()),
    };
    let patch = PatchCommand { patches: vec![item], last_patch_time: None };
    GenericCommand { patch_message: Some(patch), ..command(CommandType::Patch, Some(OpType::Modify)) }
}

fn unread(counts: &UnreadCounts) -> GenericCommand {
    let item = |unread: &UnreadConversation| {
        let last = unread.last_message.as_ref();
        let (data, binary_msg) = last.map_or((None, None), |message| body(&message.body));
        UnreadTuple {
            cid: unread.conversation.as_str().to_owned(),
            unread: i32::try_from(unread.count).unwrap_or(i32::MAX),
            mid: last.map(|message| message.id.as_str().to_owned()),
            timestamp: last.map(|message| message.timestamp.0),
            from: last.map(|message| message.from.as_str().to_owned()),
            data,
            patch_timestamp: last.and_then(|message| message.patched_at).map(|time| time.0),
            mentioned: Some(unread.is_mentioned),
            binary_msg,
            conv_type: Some(unread.kind.number()),
        }
    };
    let unread =
        UnreadCommand { convs: counts.conversations.iter().map(item).collect(), notif_time: Some(counts.counted_at.0) };
    GenericCommand { unread_message: Some(unread), ..command(CommandType::Unread, None) }
}

fn rcp(receipt: &Receipt) -> GenericCommand {
    let rcp = RcpCommand {
        id: Some(receipt.message.as_str().to_owned()),
        cid: Some(receipt.conversation.as_str().to_owned()),
        t: Some(receipt.mark.0),
        read: receipt.is_read.then_some(true),
        from: Some(receipt.by.as_str().to_owned()),
    };
    GenericCommand { rcp_message: Some(rcp), ..command(CommandType::Rcp, None) }
}

/// Text and binary form; a text message must not even have an empty binary one (P-7).
fn body(body: &MessageBody) -> (Option<String>, Option<Bytes>) {
    match body {
        MessageBody::Text(text) => (Some(text.clone()), None),
        MessageBody::Binary(bytes) => (None, Some(Bytes::copy_from_slice(bytes))),
    }
}
