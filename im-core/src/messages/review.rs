//! What `_messageReceived` makes of a message.

use hook_types::{MessageReceived, MessageReceivedParams, MessageReceivedReply};

use super::{MAX_MESSAGE_BYTES, SendMessage, content};
use crate::conversations::texts;
use crate::core::ImCore;
use crate::delivery::PatchReason;
use crate::error::{Code, RequestError};
use crate::hooks::aborted_by;
use crate::ids::ClientId;
use crate::request::RequestContext;
use crate::store::MessageBody;
use crate::timestamp::Timestamp;

/// A message that may go out.
pub(super) struct Reviewed {
    /// The body to store and deliver.
    pub(super) body: MessageBody,
    /// Who gets it.
    pub(super) receivers: Vec<ClientId>,
    /// Present when the body is not the sender's.
    pub(super) rewrite: Option<Rewrite>,
}

/// The hook changed the body.
pub(super) struct Rewrite {
    /// What the sender is told about it (S-50).
    pub(super) reason: Option<PatchReason>,
}

/// Asks `_messageReceived` (S-89) and takes over what it changes.
///
/// # Errors
/// 4402 with the hook's code and detail when it drops the message; 4200 when it failed and the policy is to abort.
pub(super) async fn review(
    core: &ImCore,
    request: &RequestContext,
    message: &SendMessage,
    receivers: Vec<ClientId>,
    received_at: Timestamp,
) -> Result<Reviewed, RequestError> {
    let (content, bin) = content::to_text(&message.body);
    let params = MessageReceivedParams {
        from_peer: request.client.as_str().to_owned(),
        conv_id: message.conversation.as_str().to_owned(),
        to_peers: texts(&receivers),
        transient: message.transient,
        bin,
        content,
        receipt: message.receipt,
        timestamp: received_at.0,
        source_ip: request.remote_address.to_string(),
        ..MessageReceivedParams::default()
    };
    let check = |reply: &MessageReceivedReply| new_body(reply, bin).map(drop);
    let reply = core
        .hooks
        .before_checked::<MessageReceived>(&request.app, &params, Some(request.remote_address), check)
        .await
        .map_err(aborted_by::<MessageReceived>(Code::InternalError))?;
    if reply.drop {
        return Err(RequestError::by_hook(Code::MessageRejectedByApp, reply.code, reply.detail));
    }
    Ok(obey(reply, message.body.clone(), bin, receivers))
}

fn obey(reply: MessageReceivedReply, body: MessageBody, bin: bool, receivers: Vec<ClientId>) -> Reviewed {
    let changed = new_body(&reply, bin).ok().flatten().filter(|changed| *changed != body);
    let receivers = match reply.to_peers {
        Some(peers) => peers.into_iter().map(ClientId::new).collect(),
        None => receivers,
    };
    match changed {
        Some(body) => {
            // Negative codes are the server's own (S-50).
            let code = reply.code.filter(|code| *code > 0);
            let detail = reply.detail.unwrap_or_default();
            let reason = code.map(|code| PatchReason { code: code.into(), detail });
            Reviewed { body, receivers, rewrite: Some(Rewrite { reason }) }
        }
        None => Reviewed { body, receivers, rewrite: None },
    }
}

/// The body that a reply asks for; the error says why it cannot be one.
fn new_body(reply: &MessageReceivedReply, bin: bool) -> Result<Option<MessageBody>, String> {
    let Some(text) = reply.content.as_deref().filter(|_| !reply.drop) else {
        return Ok(None);
    };
    let body = content::from_text(text, reply.bin.unwrap_or(bin))
        .map_err(|error| format!("`content` is not Base64 although `bin` is true: {error}"))?;
    let size = content::size(&body);
    if size > MAX_MESSAGE_BYTES {
        return Err(format!("`content` has {size} bytes; a message has at most {MAX_MESSAGE_BYTES}"));
    }
    Ok(Some(body))
}
