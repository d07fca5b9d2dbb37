//! `direct`, `patch` and `logs`.

use crate::gateway::protocol::pushes::log_item;
use crate::gateway::protocol::replies::Recipient;
use crate::gateway::protocol::wire::{
    AckCommand, CommandType, DirectCommand, GenericCommand, LogsCommand, OpType, PatchCommand, QueryDirection,
};
use hookd_im_core::actor::Actor;
use hookd_im_core::core::ImCore;
use hookd_im_core::delivery::Priority;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId, MessageId};
use hookd_im_core::messages::{self, ChangeMessage, History, MAX_MESSAGE_BYTES, MessageChange, SendMessage};
use hookd_im_core::store::{Direction, HistoryBound, HistoryQuery, MessageBody};
use hookd_im_core::timestamp::Timestamp;

/// Messages of a history query that names no number (P-92).
const DEFAULT_HISTORY: i32 = 20;

/// Messages that one history query may ask for.
const MAX_HISTORY: i32 = 100;

/// What a message has beside its own command.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendOptions {
    /// Of the outer command.
    pub(super) priority: Priority,
    /// The session wants receipts in conversations of more than two (P-51, bit 6).
    pub(super) group_receipts: bool,
}

/// `direct` → `ack` (P-81).
pub(super) async fn send(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    (direct, options): (DirectCommand, SendOptions),
) -> GenericCommand {
    let conversation = direct.cid.clone().unwrap_or_default();
    match accept(core, actor, direct, options).await {
        Ok(sent) => {
            let ack = AckCommand {
                cid: Some(sent.conversation.as_str().to_owned()),
                t: Some(sent.timestamp.0),
                uid: Some(sent.id.as_str().to_owned()),
                ..AckCommand::default()
            };
            GenericCommand { ack_message: Some(ack), ..recipient.reply(CommandType::Ack, None) }
        }
        Err(error) => recipient.send_failure(&error, &conversation),
    }
}

/// `patch/modify` → `patch/modified` (P-93).
pub(super) async fn change(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    patch: PatchCommand,
) -> Result<GenericCommand, RequestError> {
    let item = patch.patches.into_iter().next().unwrap_or_default();
    let no_conversation = || RequestError::detailed(Code::ConversationNotFound, "`patch/modify` has no `cid`");
    let change = match (item.recall, item.binary_msg) {
        (Some(true), _) => MessageChange::Recall,
        (_, binary) => MessageChange::Edit {
            body: match binary {
                Some(bytes) => MessageBody::Binary(bytes.into()),
                None => MessageBody::Text(item.data.unwrap_or_default()),
            },
            mentions: item.mention_pids.into_iter().map(ClientId::new).collect(),
            mention_all: item.mention_all.unwrap_or(false),
        },
    };
    let request = ChangeMessage {
        conversation: ConversationId::new(item.cid.ok_or_else(no_conversation)?),
        // Without them there is no such message. Whether there is such a conversation is said before that.
        id: MessageId::new(item.mid.unwrap_or_default()),
        timestamp: Timestamp(item.timestamp.unwrap_or_default()),
        change,
    };
    let changed_at = messages::change(core, actor, request).await?;
    let modified = PatchCommand { last_patch_time: Some(changed_at.0), ..PatchCommand::default() };
    Ok(GenericCommand { patch_message: Some(modified), ..recipient.reply(CommandType::Patch, Some(OpType::Modified)) })
}

/// `logs` → `logs` (P-92).
pub(super) async fn history(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    logs: LogsCommand,
) -> Result<GenericCommand, RequestError> {
    let cid =
        logs.cid.clone().ok_or_else(|| RequestError::detailed(Code::ConversationNotFound, "`logs` has no `cid`"))?;
    let History { kind, messages } =
        messages::history(core, actor, &ConversationId::new(cid.as_str()), history_query(logs)).await?;
    let logs = messages.into_iter().map(|message| log_item(message, kind)).collect();
    let logs = LogsCommand { cid: Some(cid), logs, ..LogsCommand::default() };
    Ok(GenericCommand { logs_message: Some(logs), ..recipient.reply(CommandType::Logs, None) })
}

/// True for a message over the size limit, with all that is attached to it (S-27).
pub(super) fn is_oversized(direct: &DirectCommand) -> bool {
    let text = direct.msg.as_ref().map_or(0, String::len);
    let binary = direct.binary_msg.as_ref().map_or(0, bytes::Bytes::len);
    let push_data = direct.push_data.as_ref().map_or(0, String::len);
    text + binary + push_data > MAX_MESSAGE_BYTES
}

async fn accept(
    core: &ImCore,
    actor: &Actor,
    direct: DirectCommand,
    SendOptions { priority, group_receipts }: SendOptions,
) -> Result<messages::SentMessage, RequestError> {
    let is_will = direct.will == Some(true);
    let cid = direct.cid.ok_or_else(|| RequestError::code(Code::InvalidMessagingTarget))?;
    let body = match direct.binary_msg {
        Some(bytes) => MessageBody::Binary(bytes.into()),
        None => MessageBody::Text(direct.msg.unwrap_or_default()),
    };
    let message = SendMessage {
        conversation: ConversationId::new(cid),
        body,
        mentions: direct.mention_pids.into_iter().map(ClientId::new).collect(),
        mention_all: direct.mention_all.unwrap_or(false),
        transient: direct.transient.unwrap_or(false),
        priority,
        receipt: direct.r.unwrap_or(false),
        group_receipts,
        push_data: direct.push_data.filter(|data| !data.is_empty()),
        deduplication_token: direct.dt.filter(|token| !token.is_empty()),
    };
    match is_will {
        true => messages::set_will(core, actor, message).await,
        false => messages::send(core, actor, message).await,
    }
}

fn history_query(logs: LogsCommand) -> HistoryQuery {
    let bound = |time: Option<i64>, id: Option<String>, included: Option<bool>| {
        time.map(|time| HistoryBound {
            timestamp: Timestamp(time),
            id: id.filter(|id| !id.is_empty()).map(MessageId::new),
            included: included.unwrap_or(false),
        })
    };
    let direction = match logs.direction() {
        QueryDirection::Old => Direction::Old,
        QueryDirection::New => Direction::New,
    };
    let limit = logs.l.or(logs.limit).unwrap_or(DEFAULT_HISTORY).clamp(0, MAX_HISTORY);
    HistoryQuery {
        start: bound(logs.t, logs.mid, logs.t_included),
        end: bound(logs.tt, logs.tmid, logs.tt_included),
        direction,
        limit: limit.unsigned_abs(),
        message_type: logs.lctype,
    }
}

#[cfg(test)]
mod tests {
    use super::{history_query, is_oversized};
    use crate::gateway::protocol::wire::{DirectCommand, LogsCommand, QueryDirection};
    use hookd_im_core::messages::MAX_MESSAGE_BYTES;
    use hookd_im_core::store::Direction;

    #[test]
    fn a_history_query_without_fields_asks_for_the_newest_twenty() {
        let query = history_query(LogsCommand::default());
        assert_eq!((query.limit, query.direction), (20, Direction::Old));
        assert!(query.start.is_none() && query.end.is_none() && query.message_type.is_none());
    }

    #[test]
    fn history_limits_are_kept_between_none_and_a_hundred() {
        let limit = |l, limit| history_query(LogsCommand { l, limit, ..LogsCommand::default() }).limit;
        assert_eq!(limit(Some(0), None), 0);
        assert_eq!(limit(Some(-1), None), 0);
        assert_eq!(limit(Some(1000), None), 100);
        assert_eq!(limit(None, Some(7)), 7);
    }

    #[test]
    fn bounds_need_a_time() {
        let query = history_query(LogsCommand {
            t: Some(5),
            mid: Some("m".into()),
            t_included: Some(true),
            tmid: Some("n".into()),
            direction: Some(QueryDirection::New.into()),
            ..LogsCommand::default()
        });
        let start = query.start.unwrap();
        assert_eq!((start.timestamp.0, start.id.unwrap().as_str(), start.included), (5, "m", true));
        assert!(query.end.is_none());
        assert_eq!(query.direction, Direction::New);
    }

    #[test]
    fn push_data_counts_towards_the_size() {
        let direct = |msg: usize, push: usize| DirectCommand {
            msg: Some("x".repeat(msg)),
            push_data: Some("x".repeat(push)),
            ..DirectCommand::default()
        };
        assert!(!is_oversized(&direct(MAX_MESSAGE_BYTES - 1, 1)));
        assert!(is_oversized(&direct(MAX_MESSAGE_BYTES, 1)));
    }
}
