//! Silencing a client in a conversation for a time (S-126, R-80).

use std::time::Duration;

use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, Refusal, RequestError};
use crate::ids::{ClientId, ConversationId};
use crate::store::{ConversationKind, Standing, StandingChange, StandingDecision};
use crate::timestamp::Timestamp;

/// How long a client is silenced at most.
pub const LONGEST_SILENCE: Duration = Duration::from_hours(24);

/// Clients of a conversation that are silenced for a time, at once.
const MAX_SILENCED_FOR_A_TIME: usize = 10_000;

/// Silences a client, also one that is no member, from now on for so many seconds, in place of a time from before. Its messages and
/// edits fail with 4315. The end comes by itself, and no one is told of it.
///
/// # Errors
/// 4320 not by the administrator, 4301 a client id that no client can have, or not 1 second to [`LONGEST_SILENCE`], 4303 no such
/// conversation, 4314 a temporary one, 4561 too many clients are silenced.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, conversation = %conversation, %client))]
pub async fn silence_for(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    client: &ClientId,
    seconds: u32,
) -> Result<(), RequestError> {
    let time = Duration::from_secs(seconds.into());
    if !(Duration::from_secs(1)..=LONGEST_SILENCE).contains(&time) {
        let longest = LONGEST_SILENCE.as_secs();
        let detail = format!("a silence of {seconds} seconds was asked for; it lasts 1 to {longest}");
        return Err(RequestError::detailed(Code::ConversationApiFailed, detail));
    }
    change(core, actor, conversation, StandingChange::SilenceUntil(client.clone(), Timestamp::now().plus(time))).await
}

/// Ends the silence of a client that is for a time, if there is one.
///
/// # Errors
/// As [`silence_for`].
#[tracing::instrument(skip_all, fields(app = %actor.app.id, conversation = %conversation, %client))]
pub async fn end_silence(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    client: &ClientId,
) -> Result<(), RequestError> {
    change(core, actor, conversation, StandingChange::EndSilence(client.clone())).await
}

async fn change(
    core: &ImCore,
    actor: &Actor,
    conversation: &ConversationId,
    change: StandingChange,
) -> Result<(), RequestError> {
    actor.check_administrator()?;
    let clients = change.clients().to_vec();
    super::check_members(&clients)?;
    let [client] = clients.as_slice() else { return Ok(()) };
    let _lock = core.lock_to_change_members(&actor.app.id, conversation).await;
    core.check_app(actor)?;
    let decide = Box::new(move |standing: &Standing| decide(standing, change));
    let changing = core.store.change_standing(&actor.app.id, conversation, (client, &clients), decide, None);
    changing.await?.ok_or_else(|| RequestError::code(Code::ConversationNotFound))??;
    Ok(())
}

fn decide(standing: &Standing, change: StandingChange) -> Result<StandingDecision, Refusal> {
    let refused = |code, detail: String| Err(Refusal { code, detail: Some(detail) });
    if standing.conversation.kind == ConversationKind::Temporary {
        let detail = "in a temporary conversation no client is silenced";
        return refused(Code::NormalConversationRequired, detail.to_owned());
    }
    let silenced = &standing.silenced_for_a_time;
    if let StandingChange::SilenceUntil(client, _) = &change
        && !silenced.named.contains(client)
        && silenced.in_all >= MAX_SILENCED_FOR_A_TIME
    {
        let detail = format!("at most {MAX_SILENCED_FOR_A_TIME} clients are silenced for a time in a conversation");
        return refused(Code::SilencedMemberListFull, detail);
    }
    Ok(StandingDecision { change, failed: Vec::new() })
}
