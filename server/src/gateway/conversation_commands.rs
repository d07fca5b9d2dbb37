//! `conv/*`.

use serde_json::{Map, Value};

use crate::gateway::protocol::limits::ID_BYTES;
use crate::gateway::protocol::pushes::texts;
use crate::gateway::protocol::replies::{Recipient, error_command, json};
use crate::gateway::protocol::signature::signature;
use crate::gateway::protocol::wire::{
    CommandType, ConvCommand, ErrorCommand, GenericCommand, JsonObjectMessage, OpType,
};
use hookd_im_core::actor::Actor;
use hookd_im_core::conversations::{self, MAX_ATTRIBUTES_DEPTH, MembershipResult, StartConversation};
use hookd_im_core::core::ImCore;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::signature::SignedRequest;
use hookd_im_core::store::{ConversationKind, ConversationQuery, FailedMembers};

/// Rows of a query that names no number (P-75).
const DEFAULT_ROWS: i32 = 10;

/// `flag` bits of a query.
const COMPACT: i32 = 1;
const WITH_LAST_MESSAGE: i32 = 2;

/// `conv/start` → `conv/started` (P-65).
pub(super) async fn start(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    mut conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let kind = match (conv.transient.unwrap_or(false), conv.temp_conv.unwrap_or(false)) {
        (false, false) => ConversationKind::Basic,
        (true, false) => ConversationKind::ChatRoom,
        (false, true) => ConversationKind::Temporary,
        (true, true) => {
            let detail = "a chat room (`transient`) cannot be temporary (`tempConv`)";
            return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
        }
    };
    let members = clients(conv.m);
    let signature = signature(&mut conv.s, conv.t, &mut conv.n);
    conversations::check_signature(core, actor, SignedRequest::Create(&members), signature.as_ref()).await?;
    let new = StartConversation {
        members,
        attributes: object(conv.attr.as_ref(), "attr", Code::ConversationApiFailed)?,
        unique: conv.unique.unwrap_or(false),
        kind,
        ttl_seconds: conv.temp_conv_ttl,
    };
    let created = conversations::start(core, actor, new).await?;
    let conversation = created.conversation;
    let started = ConvCommand {
        cid: Some(conversation.id.as_str().to_owned()),
        cdate: Some(conversation.created_at.to_iso()),
        unique_id: conversation.unique_id,
        existing: created.existing.then_some(true),
        temp_conv_ttl: conversation.lifetime.map(|life| i32::try_from(life.ttl_seconds).unwrap_or(i32::MAX)),
        ..ConvCommand::default()
    };
    Ok(reply(recipient, OpType::Started, started))
}

/// `conv/add` → `conv/added` (P-67).
pub(super) async fn add(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let (cid, members) = signed_members(core, actor, conv, |cid, members| SignedRequest::Add(cid, members)).await?;
    let result = conversations::add(core, actor, &cid, members).await?;
    Ok(reply(recipient, OpType::Added, membership(&cid, result)))
}

/// `conv/remove` → `conv/removed` (P-67).
pub(super) async fn remove(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let (cid, members) = signed_members(core, actor, conv, |cid, members| SignedRequest::Remove(cid, members)).await?;
    let result = conversations::remove(core, actor, &cid, members).await?;
    Ok(reply(recipient, OpType::Removed, membership(&cid, result)))
}

/// The conversation and the clients of a request that changes members, after a look at its signature.
async fn signed_members(
    core: &ImCore,
    actor: &Actor,
    mut conv: ConvCommand,
    request: for<'a> fn(&'a ConversationId, &'a [ClientId]) -> SignedRequest<'a>,
) -> Result<(ConversationId, Vec<ClientId>), RequestError> {
    let cid = named(&conv)?;
    let members = clients(conv.m);
    let signature = signature(&mut conv.s, conv.t, &mut conv.n);
    conversations::check_signature(core, actor, request(&cid, &members), signature.as_ref()).await?;
    Ok((cid, members))
}

/// `conv/update` → `conv/updated` (P-71).
pub(super) async fn update(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let asked = match object(conv.attr.as_ref(), "attr", Code::ConversationApiFailed) {
        Ok(asked) => asked,
        // Whether there is such a conversation is said before anything about `attr`.
        Err(error) => return Err(conversations::existing(core, actor, &cid).await.err().unwrap_or(error)),
    };
    let updated = conversations::update(core, actor, &cid, asked).await?;
    let answer = ConvCommand {
        cid: Some(cid.as_str().to_owned()),
        udate: Some(updated.updated_at.to_iso()),
        attr_modified: Some(json(Value::Object(updated.changed).to_string())),
        ..ConvCommand::default()
    };
    Ok(reply(recipient, OpType::Updated, answer))
}

/// `conv/mute`, `conv/unmute` → `conv/updated` (P-72).
pub(super) async fn set_muted(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    (conv, mute): (ConvCommand, bool),
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let updated_at = conversations::set_muted(core, actor, &cid, mute).await?;
    let answer =
        ConvCommand { cid: Some(cid.as_str().to_owned()), udate: Some(updated_at.to_iso()), ..ConvCommand::default() };
    Ok(reply(recipient, OpType::Updated, answer))
}

/// `conv/query` → `conv/results` (P-75, P-76).
pub(super) async fn query(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let flag = conv.flag.unwrap_or(0);
    let flags = ConversationQuery {
        compact: flag & COMPACT != 0,
        with_last_message: flag & WITH_LAST_MESSAGE != 0,
        ..ConversationQuery::default()
    };
    let rows = if conv.temp_conv_ids.is_empty() {
        let query = ConversationQuery {
            filter: object(conv.r#where.as_ref(), "where", Code::ConversationQueryFailed)?,
            sort: conv.sort.filter(|sort| !sort.is_empty()),
            skip: conv.skip.unwrap_or(0).max(0).unsigned_abs(),
            limit: conv.limit.unwrap_or(DEFAULT_ROWS).max(0).unsigned_abs(),
            ..flags
        };
        conversations::find(core, actor, query).await?
    } else {
        // No conversation has a longer id.
        let ids = conv.temp_conv_ids.into_iter().filter(|id| id.len() <= ID_BYTES).map(ConversationId::new);
        conversations::find_temporary(core, actor, &ids.collect::<Vec<_>>(), flags).await?
    };
    let rows = Value::Array(rows.into_iter().map(Value::Object).collect());
    let results = ConvCommand { results: Some(json(rows.to_string())), ..ConvCommand::default() };
    Ok(reply(recipient, OpType::Results, results))
}

/// `conv/count` → `conv/result` (P-73).
pub(super) async fn count(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let members = conversations::count(core, actor, &cid).await?;
    let result = ConvCommand {
        cid: Some(cid.as_str().to_owned()),
        count: Some(i32::try_from(members).unwrap_or(i32::MAX)),
        ..ConvCommand::default()
    };
    Ok(reply(recipient, OpType::Result, result))
}

/// `conv/is_member` → `conv/result` (P-74): an object with an answer for each id.
pub(super) async fn is_member(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let asked: Vec<_> = conv.cids.into_iter().map(ConversationId::new).collect();
    let answers = conversations::is_member(core, actor, &asked).await?;
    let answers = asked.iter().zip(answers).map(|(id, answer)| (id.as_str().to_owned(), Value::Bool(answer)));
    let results = Some(json(Value::Object(answers.collect()).to_string()));
    Ok(reply(recipient, OpType::Result, ConvCommand { results, ..ConvCommand::default() }))
}

/// `conv/members` → `conv/result` (P-74).
pub(super) async fn members(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let limit = conv.limit.map_or(conversations::ROOM_SAMPLE, |limit| usize::try_from(limit).unwrap_or(0));
    let sample = conversations::sample(core, actor, &cid, limit).await?;
    let result = ConvCommand { cid: Some(cid.as_str().to_owned()), m: texts(&sample), ..ConvCommand::default() };
    Ok(reply(recipient, OpType::Result, result))
}

/// The answer to a command that this server does not have; a conversation that does not exist is said first (P-71).
pub(super) async fn refuse(
    core: &ImCore,
    actor: &Actor,
    what: &str,
    conversation: Option<&ConversationId>,
) -> RequestError {
    match conversation {
        Some(id) => match conversations::existing(core, actor, id).await {
            Ok(_) => unsupported(what),
            Err(error) => error,
        },
        None => unsupported(what),
    }
}

/// The conversation that a command is about: its `cid`, or the one id that a query asks for.
pub(super) fn conversation_of(conv: &ConvCommand) -> Option<ConversationId> {
    let id = match &conv.cid {
        Some(cid) => cid.clone(),
        None => {
            let filter: Map<String, Value> = foreign_json::from_str(&conv.r#where.as_ref()?.data).ok()?;
            filter.get("objectId")?.as_str()?.to_owned()
        }
    };
    Some(ConversationId::new(id))
}

pub(super) fn reply(recipient: &Recipient, op: OpType, conv: ConvCommand) -> GenericCommand {
    GenericCommand { conv_message: Some(conv), ..recipient.reply(CommandType::Conv, Some(op)) }
}

fn membership(cid: &ConversationId, result: MembershipResult) -> ConvCommand {
    ConvCommand {
        cid: Some(cid.as_str().to_owned()),
        allowed_pids: texts(&result.allowed),
        failed_pids: result.failed.into_iter().map(failed).collect(),
        udate: Some(result.updated_at.to_iso()),
        ..ConvCommand::default()
    }
}

pub(super) fn failed(failed: FailedMembers) -> ErrorCommand {
    let error = RequestError::Refused { code: failed.code, detail: failed.detail, app_code: None };
    ErrorCommand { pids: texts(&failed.members), ..error_command(&error) }
}

pub(super) fn named(conv: &ConvCommand) -> Result<ConversationId, RequestError> {
    conv.cid
        .as_deref()
        .map(ConversationId::new)
        .ok_or_else(|| RequestError::detailed(Code::ConversationNotFound, "the command has no `cid`"))
}

pub(super) fn clients(ids: Vec<String>) -> Vec<ClientId> {
    ids.into_iter().map(ClientId::new).collect()
}

fn object(json: Option<&JsonObjectMessage>, field: &str, code: Code) -> Result<Map<String, Value>, RequestError> {
    let Some(json) = json else { return Ok(Map::new()) };
    if foreign_json::depth(&json.data) > MAX_ATTRIBUTES_DEPTH {
        return Err(RequestError::detailed(code, format!("`{field}` nests deeper than {MAX_ATTRIBUTES_DEPTH} levels")));
    }
    foreign_json::from_str(&json.data)
        .map_err(|error| RequestError::detailed(code, format!("`{field}` is not a JSON object: {error}")))
}

/// The answer to features of the protocol that this server does not have.
pub(super) fn unsupported(what: &str) -> RequestError {
    RequestError::detailed(Code::InternalError, format!("{what} is not supported by this server"))
}
