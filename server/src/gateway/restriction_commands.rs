//! What clients do to what others may do: `conv/*_shutup`.

use super::conversation_commands::{clients, failed, named, reply};
use crate::gateway::protocol::pushes::texts;
use crate::gateway::protocol::replies::Recipient;
use crate::gateway::protocol::wire::{ConvCommand, GenericCommand, OpType};
use hookd_im_core::actor::Actor;
use hookd_im_core::conversations::{self, RestrictionChange};
use hookd_im_core::core::ImCore;
use hookd_im_core::error::RequestError;
use hookd_im_core::store::{ClientPage, Restriction};

/// Clients of a part of a list that names no number (P-102).
const DEFAULT_CLIENTS: i32 = 10;

/// `conv/add_shutup` → `shutup_added`, `conv/remove_shutup` → `shutup_removed`, `conv/query_shutup` → `shutup_result`,
/// `conv/check_shutup` → `check_result` (P-102).
pub(super) async fn silence(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    (op, conv): (OpType, ConvCommand),
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let restriction = Restriction::Silenced;
    let answer = ConvCommand { cid: Some(cid.as_str().to_owned()), ..ConvCommand::default() };
    let (op, answer) = match op {
        OpType::QueryShutup => {
            let page = page(conv.limit, conv.next);
            let found = conversations::restricted(core, actor, &cid, restriction, page).await?;
            (OpType::ShutupResult, ConvCommand { m: texts(&found.clients), next: found.next, ..answer })
        }
        OpType::CheckShutup => {
            let found = conversations::which_restricted(core, actor, &cid, restriction, clients(conv.m)).await?;
            (OpType::CheckResult, ConvCommand { m: texts(&found), ..answer })
        }
        changing => {
            let is_lifted = changing == OpType::RemoveShutup;
            let change = RestrictionChange { restriction, is_lifted };
            let changed = conversations::change_restriction(core, actor, &cid, change, clients(conv.m)).await?;
            let op = if is_lifted { OpType::ShutupRemoved } else { OpType::ShutupAdded };
            let failed_pids = changed.failed.into_iter().map(failed).collect();
            (op, ConvCommand { allowed_pids: texts(&changed.allowed), failed_pids, ..answer })
        }
    };
    Ok(reply(recipient, op, answer))
}

fn page(limit: Option<i32>, next: Option<String>) -> ClientPage {
    ClientPage { after: next, limit: limit.unwrap_or(DEFAULT_CLIENTS).max(0).unsigned_abs() }
}
