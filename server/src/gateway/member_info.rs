//! Roles of members: `conv/member_info_update`, and `GET /1.1/classes/_ConversationMemberInfo` (P-97).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::conversation_commands::{named, reply};
use super::notifications::{authenticated_app, header};
use super::reject::{refusal, rejection};
use crate::gateway::protocol::limits::ID_BYTES;
use crate::gateway::protocol::replies::Recipient;
use crate::gateway::protocol::wire::{ConvCommand, ConvMemberInfo, GenericCommand, OpType};
use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::app::App;
use hookd_im_core::conversations;
use hookd_im_core::core::ImCore;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::MemberInfo;

/// `conv/member_info_update` → `conv/member_info_updated` (P-97).
pub(super) async fn set_role(
    core: &ImCore,
    actor: &Actor,
    recipient: &Recipient,
    conv: ConvCommand,
) -> Result<GenericCommand, RequestError> {
    let cid = named(&conv)?;
    let asked = conv.info.unwrap_or_default();
    let target = ClientId::new(conv.target_client_id.or(asked.pid).unwrap_or_default());
    let info = conversations::set_role(core, actor, &cid, (target, asked.role.as_deref().unwrap_or_default())).await?;
    let answer = ConvCommand {
        cid: Some(cid.as_str().to_owned()),
        info: Some(ConvMemberInfo {
            pid: Some(info.client.as_str().to_owned()),
            role: Some(info.role.name().to_owned()),
            info_id: None,
        }),
        ..ConvCommand::default()
    };
    Ok(reply(recipient, OpType::MemberInfoUpdated, answer))
}

/// The query of the call.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    client_id: String,
    r#where: String,
}

/// Answers the stored roles of a conversation, to a member of it.
pub(super) async fn member_infos(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(app) = authenticated_app(&shared, &headers) else {
        return rejection(StatusCode::UNAUTHORIZED, 401, "Unauthorized.");
    };
    let Some(conversation) = conversation_of(&asked.r#where) else {
        let text = "`where` must be a JSON object with the `cid` of a conversation, and nothing else";
        return rejection(StatusCode::BAD_REQUEST, Code::ConversationApiFailed.number(), text);
    };
    let client = ClientId::new(asked.client_id);
    let token = header(&headers, "x-lc-im-session-token").unwrap_or_default();
    match infos_for(&shared, (&app, client, token), address, &conversation).await {
        Ok(found) => {
            let results: Vec<Value> = found.into_iter().map(|info| row(&conversation, info)).collect();
            Json(json!({ "results": results })).into_response()
        }
        Err(error) => refusal(&app.id, &error, "roles cannot be read"),
    }
}

/// What a client gets with its session token.
async fn infos_for(
    shared: &Shared,
    (app, client, token): (&Arc<App>, ClientId, &str),
    address: SocketAddr,
    conversation: &ConversationId,
) -> Result<Vec<MemberInfo>, RequestError> {
    shared.lifecycle.authenticate(&shared.core, app, &client, token).await?;
    let actor = Actor { app: app.clone(), identity: Identity::Client(client), address: address.ip(), origin: None };
    conversations::member_infos(&shared.core, &actor, conversation).await
}

/// The conversation that a `where` names.
fn conversation_of(filter: &str) -> Option<ConversationId> {
    let Ok(Value::Object(filter)) = foreign_json::from_str(filter) else { return None };
    let cid = filter.get("cid")?.as_str()?;
    (filter.len() == 1 && cid.len() <= ID_BYTES).then(|| ConversationId::new(cid))
}

fn row(conversation: &ConversationId, info: MemberInfo) -> Value {
    json!({ "objectId": info.id, "cid": conversation, "clientId": info.client, "role": info.role.name() })
}
