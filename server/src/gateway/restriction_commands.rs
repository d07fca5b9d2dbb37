//! What clients do to what others may do: `conv/*_shutup` and `blacklist/*`.

use super::conversation_commands::{clients, failed, named, reply};
use crate::gateway::protocol::pushes::texts;
use crate::gateway::protocol::replies::{Recipient, error_command};
use crate::gateway::protocol::signature::signature;
use crate::gateway::protocol::wire::{
    BlacklistCommand, CommandType, ConvCommand, ErrorCommand, GenericCommand, OpType,
};
use hookd_im_core::actor::Actor;
use hookd_im_core::conversations::{self, RestrictionChange};
use hookd_im_core::core::ImCore;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::signature::SignedRequest;
use hookd_im_core::store::{ClientPage, ConversationPage, Restriction};

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

/// `blacklist/block` → `blocked`, `blacklist/unblock` → `unblocked`, `blacklist/query` → `query_result`,
/// `blacklist/check_block` → `check_result` (P-104). With `srcPid` they are about the client's own list (S-128).
pub(super) async fn blacklist(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    (op, blacklist): (OpType, BlacklistCommand),
) -> Result<GenericCommand, RequestError> {
    let (op, answer) = match &blacklist.src_cid {
        Some(cid) => of_conversation(core, actor, &ConversationId::new(cid.as_str()), (op, blacklist)).await?,
        None => of_client(core, actor, (op, blacklist)).await?,
    };
    Ok(GenericCommand { blacklist_message: Some(answer), ..recipient.reply(CommandType::Blacklist, Some(op)) })
}

/// The list of clients that a conversation has blocked.
async fn of_conversation(
    core: &ImCore,
    actor: &Actor,
    cid: &ConversationId,
    (op, mut asked): (OpType, BlacklistCommand),
) -> Result<(OpType, BlacklistCommand), RequestError> {
    let restriction = Restriction::Blocked;
    let answer = BlacklistCommand { src_cid: Some(cid.as_str().to_owned()), ..BlacklistCommand::default() };
    let pids = clients(asked.to_pids);
    Ok(match op {
        OpType::Query => {
            let found = conversations::restricted(core, actor, cid, restriction, page(asked.limit, asked.next)).await?;
            let blocked_pids = texts(&found.clients);
            (OpType::QueryResult, BlacklistCommand { blocked_pids, next: found.next, ..answer })
        }
        OpType::CheckBlock => {
            let found = conversations::which_restricted(core, actor, cid, restriction, pids).await?;
            (OpType::CheckResult, BlacklistCommand { blocked_pids: texts(&found), ..answer })
        }
        changing => {
            let is_lifted = changing == OpType::Unblock;
            let request = if is_lifted { SignedRequest::Unblock(cid, &pids) } else { SignedRequest::Block(cid, &pids) };
            let signature = signature(&mut asked.s, asked.t, &mut asked.n);
            conversations::check_signature(core, actor, request, signature.as_ref()).await?;
            let change = RestrictionChange { restriction, is_lifted };
            let changed = conversations::change_restriction(core, actor, cid, change, pids).await?;
            let op = if is_lifted { OpType::Unblocked } else { OpType::Blocked };
            let failed_pids = changed.failed.into_iter().map(failed).collect();
            (op, BlacklistCommand { allowed_pids: texts(&changed.allowed), failed_pids, ..answer })
        }
    })
}

/// The list of conversations to which the client does not want to be added by others. Their ids stand where those of clients
/// do otherwise.
async fn of_client(
    core: &ImCore,
    actor: &Actor,
    (op, mut asked): (OpType, BlacklistCommand),
) -> Result<(OpType, BlacklistCommand), RequestError> {
    let client = actor.client()?;
    if asked.src_pid.take().map(ClientId::new).as_ref() != Some(client) {
        let detail = "the command needs `srcCid`, or the acting client as `srcPid`";
        return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    }
    let answer = BlacklistCommand { src_pid: Some(client.as_str().to_owned()), ..BlacklistCommand::default() };
    let cids: Vec<_> = asked.to_cids.into_iter().map(ConversationId::new).collect();
    let signature = signature(&mut asked.s, asked.t, &mut asked.n);
    Ok(match op {
        OpType::Query => {
            let ClientPage { after, limit } = page(asked.limit, asked.next);
            let found = conversations::refused(core, actor, ConversationPage { after, limit }).await?;
            let blocked_cids = ids(&found.conversations);
            (OpType::QueryResult, BlacklistCommand { blocked_cids, next: found.next, ..answer })
        }
        OpType::CheckBlock => {
            let found = conversations::which_refused(core, actor, cids).await?;
            (OpType::CheckResult, BlacklistCommand { blocked_cids: ids(&found), ..answer })
        }
        OpType::Unblock => {
            conversations::check_signature(core, actor, SignedRequest::Accept(&cids), signature.as_ref()).await?;
            let accepted = conversations::accept(core, actor, cids).await?;
            (OpType::Unblocked, BlacklistCommand { allowed_pids: ids(&accepted), ..answer })
        }
        _ => {
            conversations::check_signature(core, actor, SignedRequest::Refuse(&cids), signature.as_ref()).await?;
            let change = conversations::refuse(core, actor, cids).await?;
            let full = format!("the list of a client has at most {} conversations", conversations::MAX_REFUSED);
            let failed_pids = [
                (change.unknown, RequestError::code(Code::ConversationNotFound)),
                (change.beyond, RequestError::detailed(Code::BlacklistFull, full)),
            ];
            let failed_pids = failed_pids.into_iter().filter(|(cids, _)| !cids.is_empty());
            let failed_pids = failed_pids.map(|(cids, why)| ErrorCommand { pids: ids(&cids), ..error_command(&why) });
            let failed_pids = failed_pids.collect();
            (OpType::Blocked, BlacklistCommand { allowed_pids: ids(&change.refused), failed_pids, ..answer })
        }
    })
}

fn ids(conversations: &[ConversationId]) -> Vec<String> {
    conversations.iter().map(|id| id.as_str().to_owned()).collect()
}

fn page(limit: Option<i32>, next: Option<String>) -> ClientPage {
    ClientPage { after: next, limit: limit.unwrap_or(DEFAULT_CLIENTS).max(0).unsigned_abs() }
}
