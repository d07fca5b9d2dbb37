//! Requests about conversations that the server of the app must have signed.

use super::existing;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::signature::{self, Signature, SignedRequest};
use crate::timestamp::Timestamp;

/// Checks the signature of a request, where the app has switched that on. To be asked before hooks (S-135). A client may leave
/// without one (S-104).
///
/// # Errors
/// 4303 no such conversation, 4302 with a detail when the signature is missing or wrong.
pub async fn check_signature(
    core: &ImCore,
    actor: &Actor,
    request: SignedRequest<'_>,
    signature: Option<&Signature>,
) -> Result<(), RequestError> {
    if !core.settings.get(&actor.app.id).await?.conversation_signature {
        return Ok(());
    }
    let client = actor.client()?;
    if let SignedRequest::Add(conversation, _) | SignedRequest::Remove(conversation, _) = request {
        existing(core, actor, conversation).await?;
    }
    if let (SignedRequest::Remove(_, [member]), None) = (request, signature)
        && member == client
    {
        return Ok(());
    }
    let checked = signature::check((&actor.app, client), request, signature, Timestamp::now());
    checked.map_err(|problem| RequestError::detailed(Code::ConversationSignatureFailed, problem))
}
