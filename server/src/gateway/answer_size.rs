//! How large the answer to a command can be: its room is taken before it is worked out, so that a client that asks much and
//! reads nothing holds little.

use crate::gateway::byte_budget::ANSWER_BYTES;
use crate::gateway::protocol::limits::{LISTED_CLIENTS, MENTION_BYTES};
use crate::gateway::protocol::wire::{CommandType, GenericCommand, OpType};
use hookd_im_core::messages::MAX_MESSAGE_BYTES;
use hookd_im_core::store::QUERY_ANSWER_BYTES;

/// Bytes of large answers that may wait for all sockets of one app.
pub(super) const APP_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What an answer has beside its texts.
const BARE_BYTES: usize = 512;

/// Messages of a history query at most (P-92).
const HISTORY: usize = 100;

/// Bytes of the answer at most; `None` where it is small.
pub(super) fn answer_bytes(command: &GenericCommand) -> Option<usize> {
    let bytes = match (command.cmd(), command.op()) {
        (CommandType::Logs, _) => {
            let asked = command.logs_message.as_ref().and_then(|logs| logs.l.or(logs.limit));
            let messages = asked.map_or(HISTORY, |asked| usize::try_from(asked).unwrap_or(0).min(HISTORY));
            // Of a binary message the body is base64.
            messages * (BARE_BYTES + MAX_MESSAGE_BYTES / 3 * 4 + MENTION_BYTES)
        }
        (CommandType::Conv, OpType::Query) => QUERY_ANSWER_BYTES,
        (CommandType::Conv, OpType::Add | OpType::Remove | OpType::MaxRead) => LISTED_CLIENTS * BARE_BYTES,
        (CommandType::Conv, OpType::AddShutup | OpType::RemoveShutup | OpType::QueryShutup | OpType::CheckShutup) => {
            LISTED_CLIENTS * BARE_BYTES
        }
        (CommandType::Blacklist, _) => LISTED_CLIENTS * BARE_BYTES,
        _ => return None,
    };
    Some((bytes + BARE_BYTES).min(ANSWER_BYTES))
}
