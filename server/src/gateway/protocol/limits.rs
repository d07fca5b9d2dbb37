//! How long the ids, tokens and lists of a command may be. Longer ones are refused before they are kept, looked up or
//! passed to a hook: any client may send it, and each of its requests would hold the memory.

use super::wire::{
    AckCommand, BlacklistCommand, ConvCommand, DirectCommand, GenericCommand, LogsCommand, OpType, PatchItem,
    SessionCommand,
};
use hookd_im_core::conversations::{ASKED_CONVERSATIONS, MAX_ATTRIBUTES_BYTES};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, MAX_CLIENT_ID_CHARACTERS};

/// Bytes of an id that only the server makes up: app, conversation, message. Its own have 24 at most.
pub(crate) const ID_BYTES: usize = 128;

/// Bytes of a `dt`; the SDKs send 36.
pub(crate) const TOKEN_BYTES: usize = 128;

/// Bytes of a device id, a push token or a tag. They are part of every session token of the login.
pub(crate) const DEVICE_BYTES: usize = 256;

/// Bytes of a signature, and of its nonce. A signature has 40.
pub(crate) const SIGNATURE_BYTES: usize = 128;

/// Bytes of a session token: more than the longest that this server signs.
pub(crate) const SESSION_TOKEN_BYTES: usize = 8192;

/// Clients in one list (P-23).
pub(crate) const LISTED_CLIENTS: usize = 500;

/// Conversations that one command marks as read; further ones of it are not.
pub(crate) const READ_CONVERSATIONS: usize = 500;

/// Bytes of the client ids that one message mentions: they are stored and sent with each copy of it.
pub(crate) const MENTION_BYTES: usize = 32 * 1024;

/// Bytes of the place where a part of a list begins: a client id.
pub(crate) const NEXT_BYTES: usize = 4 * MAX_CLIENT_ID_CHARACTERS;

/// Bytes of the list that a query is sorted by.
pub(crate) const SORT_BYTES: usize = 512;

/// Checks a command that a use case is to carry out.
///
/// # Errors
/// 4401 and 4303 for an id that no conversation can have, 4109, 4301, 4304 and 4310 with a detail for all else.
pub(crate) fn check(command: &GenericCommand) -> Result<(), RequestError> {
    if let Some(direct) = &command.direct_message {
        check_message(direct)?;
    }
    if let Some(logs) = &command.logs_message {
        check_history(logs)?;
    }
    if let Some(patch) = command.patch_message.as_ref().and_then(|patch| patch.patches.first()) {
        check_change(patch)?;
    }
    if let Some(conv) = &command.conv_message {
        check_conversation(conv, command.op == Some(OpType::Start.into()))?;
        if command.op == Some(OpType::IsMember.into()) {
            check_asked(&conv.cids)?;
        }
    }
    if let Some(blacklist) = &command.blacklist_message {
        check_blacklist(blacklist)?;
    }
    Ok(())
}

/// The command without all that no use case reads: a frame of 64 KiB can hold 30,000 empty items of a list, which take
/// megabytes once they are read.
pub(crate) fn without_the_unread(command: GenericCommand) -> GenericCommand {
    let direct = command.direct_message.map(|direct| DirectCommand { to_peer_ids: Vec::new(), ..direct });
    let logs = command.logs_message.map(|logs| LogsCommand { logs: Vec::new(), ..logs });
    let conv = command.conv_message.map(|conv| ConvCommand {
        max_read_tuples: Vec::new(),
        cids: if command.op == Some(OpType::IsMember.into()) { conv.cids } else { Vec::new() },
        allowed_pids: Vec::new(),
        failed_pids: Vec::new(),
        ..conv
    });
    // One command changes one message.
    let patch = command.patch_message.map(|mut patch| {
        patch.patches.truncate(1);
        patch
    });
    let blacklist = command.blacklist_message.map(|blacklist| BlacklistCommand {
        blocked_pids: Vec::new(),
        blocked_cids: Vec::new(),
        allowed_pids: Vec::new(),
        failed_pids: Vec::new(),
        ..blacklist
    });
    let ack = command.ack_message.map(|ack| AckCommand { ids: Vec::new(), ..ack });
    let read = command.read_message.map(|mut read| {
        read.convs.truncate(READ_CONVERSATIONS);
        read.cids.truncate(READ_CONVERSATIONS);
        read
    });
    GenericCommand {
        cmd: command.cmd,
        op: command.op,
        peer_id: command.peer_id,
        i: command.i,
        priority: command.priority,
        ack_message: ack,
        read_message: read,
        direct_message: direct,
        logs_message: logs,
        conv_message: conv,
        patch_message: patch,
        blacklist_message: blacklist,
        ..GenericCommand::default()
    }
}

/// Checks a login. Its client id is checked where clients log in.
///
/// # Errors
/// 4103 with a detail, 4112 for a token that cannot be one of this server.
pub(crate) fn check_login(session: &SessionCommand) -> Result<(), RequestError> {
    for (field, text) in
        [("deviceId", &session.device_id), ("deviceToken", &session.device_token), ("tag", &session.tag)]
    {
        bounded(field, text.as_deref(), DEVICE_BYTES, Code::InvalidLogin)?;
    }
    bounded("s", session.s.as_deref(), SIGNATURE_BYTES, Code::SignatureFailed)?;
    bounded("n", session.n.as_deref(), SIGNATURE_BYTES, Code::SignatureFailed)?;
    check_session_token(session)
}

/// Checks the token that a session shows.
///
/// # Errors
/// 4112 for one that cannot be of this server.
pub(crate) fn check_session_token(session: &SessionCommand) -> Result<(), RequestError> {
    bounded("st", session.st.as_deref(), SESSION_TOKEN_BYTES, Code::SessionTokenExpired)
}

fn check_message(direct: &DirectCommand) -> Result<(), RequestError> {
    bounded("cid", direct.cid.as_deref(), ID_BYTES, Code::InvalidMessagingTarget)?;
    bounded("dt", direct.dt.as_deref(), TOKEN_BYTES, Code::FrameTooLong)?;
    check_mentions(&direct.mention_pids)
}

fn check_change(patch: &PatchItem) -> Result<(), RequestError> {
    bounded("cid", patch.cid.as_deref(), ID_BYTES, Code::ConversationNotFound)?;
    bounded("mid", patch.mid.as_deref(), ID_BYTES, Code::MessageNotFound)?;
    check_mentions(&patch.mention_pids)
}

fn check_mentions(mentions: &[String]) -> Result<(), RequestError> {
    clients("mentionPids", mentions, Code::FrameTooLong, Code::FrameTooLong)?;
    let bytes: usize = mentions.iter().map(String::len).sum();
    if bytes > MENTION_BYTES {
        let detail = format!("the ids of `mentionPids` have {bytes} bytes; at most {MENTION_BYTES} are allowed");
        return Err(RequestError::detailed(Code::FrameTooLong, detail));
    }
    Ok(())
}

fn check_history(logs: &LogsCommand) -> Result<(), RequestError> {
    bounded("cid", logs.cid.as_deref(), ID_BYTES, Code::ConversationNotFound)?;
    bounded("mid", logs.mid.as_deref(), ID_BYTES, Code::ConversationApiFailed)?;
    bounded("tmid", logs.tmid.as_deref(), ID_BYTES, Code::ConversationApiFailed)
}

fn check_conversation(conv: &ConvCommand, starts: bool) -> Result<(), RequestError> {
    bounded("cid", conv.cid.as_deref(), ID_BYTES, Code::ConversationNotFound)?;
    let too_many = if starts { Code::ConversationFull } else { Code::ConversationApiFailed };
    clients("m", &conv.m, Code::ConversationApiFailed, too_many)?;
    if conv.temp_conv_ids.len() > LISTED_CLIENTS {
        let detail =
            format!("`tempConvIds` has {} ids; at most {LISTED_CLIENTS} are allowed", conv.temp_conv_ids.len());
        return Err(RequestError::detailed(Code::ConversationQueryFailed, detail));
    }
    bounded("s", conv.s.as_deref(), SIGNATURE_BYTES, Code::ConversationSignatureFailed)?;
    bounded("n", conv.n.as_deref(), SIGNATURE_BYTES, Code::ConversationSignatureFailed)?;
    let attributes = conv.attr.as_ref().map(|attr| attr.data.as_str());
    bounded("attr", attributes, MAX_ATTRIBUTES_BYTES, Code::ConversationApiFailed)?;
    let target = conv.info.as_ref().and_then(|info| info.pid.as_deref());
    bounded("info.pid", target, NEXT_BYTES, Code::ConversationApiFailed)?;
    bounded("targetClientId", conv.target_client_id.as_deref(), NEXT_BYTES, Code::ConversationApiFailed)?;
    let role = conv.info.as_ref().and_then(|info| info.role.as_deref());
    bounded("info.role", role, ID_BYTES, Code::UnknownRole)?;
    bounded("next", conv.next.as_deref(), NEXT_BYTES, Code::ConversationApiFailed)?;
    bounded("sort", conv.sort.as_deref(), SORT_BYTES, Code::ConversationQueryFailed)
}

fn check_asked(cids: &[String]) -> Result<(), RequestError> {
    if cids.len() > ASKED_CONVERSATIONS {
        let detail = format!("`cids` has {} ids; at most {ASKED_CONVERSATIONS} are allowed", cids.len());
        return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    }
    cids.iter().try_for_each(|cid| bounded("cids", Some(cid), ID_BYTES, Code::ConversationNotFound))
}

fn check_blacklist(blacklist: &BlacklistCommand) -> Result<(), RequestError> {
    bounded("srcCid", blacklist.src_cid.as_deref(), ID_BYTES, Code::ConversationNotFound)?;
    clients("toPids", &blacklist.to_pids, Code::ConversationApiFailed, Code::ConversationApiFailed)?;
    bounded("srcPid", blacklist.src_pid.as_deref(), NEXT_BYTES, Code::ConversationApiFailed)?;
    if blacklist.to_cids.len() > LISTED_CLIENTS {
        let named = blacklist.to_cids.len();
        let detail = format!("`toCids` names {named} conversations; at most {LISTED_CLIENTS} are allowed");
        return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    }
    for id in &blacklist.to_cids {
        bounded("toCids", Some(id), ID_BYTES, Code::ConversationApiFailed)?;
    }
    bounded("next", blacklist.next.as_deref(), NEXT_BYTES, Code::ConversationApiFailed)?;
    bounded("s", blacklist.s.as_deref(), SIGNATURE_BYTES, Code::BlacklistSignatureFailed)?;
    bounded("n", blacklist.n.as_deref(), SIGNATURE_BYTES, Code::BlacklistSignatureFailed)
}

fn bounded(field: &str, text: Option<&str>, limit: usize, code: Code) -> Result<(), RequestError> {
    let bytes = text.map_or(0, str::len);
    if bytes > limit {
        let detail = format!("`{field}` has {bytes} bytes; at most {limit} are allowed");
        return Err(RequestError::detailed(code, detail));
    }
    Ok(())
}

fn clients(field: &str, ids: &[String], invalid: Code, too_many: Code) -> Result<(), RequestError> {
    if ids.len() > LISTED_CLIENTS {
        let detail = format!("`{field}` names {} clients; at most {LISTED_CLIENTS} are allowed", ids.len());
        return Err(RequestError::detailed(too_many, detail));
    }
    let wrong = ids.iter().map(|id| id.chars().count()).find(|characters| !ClientId::is_valid_length(*characters));
    if let Some(characters) = wrong {
        let detail = format!(
            "`{field}` names a client id of {characters} characters; a client id has 1 to {MAX_CLIENT_ID_CHARACTERS}"
        );
        return Err(RequestError::detailed(invalid, detail));
    }
    Ok(())
}
