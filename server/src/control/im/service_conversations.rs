//! Service conversations: making them, who subscribes, and what they say.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use api_types::control::{
    NewServiceMessage, SentServiceMessage, ServiceConversation, ServiceConversationsQuery, Subscriber, SubscribersQuery,
};
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use hookd_im_core::actor::{Actor, Identity};
use hookd_im_core::app::App;
use hookd_im_core::conversations;
use hookd_im_core::error::RequestError;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::messages::{ServiceMessage, ServiceReceivers, send_from_service};
use hookd_im_core::store::{MessageBody, SubscriberPage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::input::{JsonBody, Named, Parameters};
use super::super::{ApiError, internal, to_the_end};
use super::{ImControl, Owner};

/// Most service conversations in one answer.
const MAX_LISTED: u32 = 100;

/// The part of the path after the app.
#[derive(Debug, Deserialize)]
pub(super) struct OfService {
    service: String,
}

/// The address that a control call came from; that of this machine for a call through a socket without one.
pub(super) struct Caller(IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

fn administrator(app: Arc<App>, Caller(address): Caller) -> Actor {
    Actor { app, identity: Identity::Administrator, address, origin: None }
}

pub(super) async fn create(
    State(control): State<ImControl>,
    Owner(app): Owner,
    caller: Caller,
    JsonBody(columns): JsonBody<Map<String, Value>>,
) -> Result<Json<ServiceConversation>, ApiError> {
    let actor = administrator(app, caller);
    let creating = async move { conversations::create_service(&control.core, &actor, columns).await };
    let created = to_the_end(creating).await?.map_err(refused)?;
    Ok(Json(ServiceConversation {
        id: created.id.as_str().to_owned(),
        created_at: created.created_at.to_iso(),
        columns: created.attributes,
    }))
}

pub(super) async fn list(
    State(control): State<ImControl>,
    Owner(app): Owner,
    caller: Caller,
    Parameters(ServiceConversationsQuery { skip, limit }): Parameters<ServiceConversationsQuery>,
) -> Result<Json<Vec<Map<String, Value>>>, ApiError> {
    let listing = (skip, limit.min(MAX_LISTED));
    let rows = conversations::services(&control.core, &administrator(app, caller), listing).await;
    rows.map(Json).map_err(refused)
}

pub(super) async fn subscribers(
    State(control): State<ImControl>,
    Owner(app): Owner,
    caller: Caller,
    Named(OfService { service }): Named<OfService>,
    Parameters(SubscribersQuery { client_id, limit }): Parameters<SubscribersQuery>,
) -> Result<Json<Vec<Subscriber>>, ApiError> {
    let (id, page) = (ConversationId::new(service), SubscriberPage { after: client_id.map(ClientId::new), limit });
    let found = conversations::subscribers(&control.core, &administrator(app, caller), &id, page).await;
    let shown = found.map_err(refused)?.into_iter().map(|found| Subscriber {
        subscriber: found.client.as_str().to_owned(),
        timestamp: found.subscribed_at.0,
        conv_id: found.conversation.as_str().to_owned(),
    });
    Ok(Json(shown.collect()))
}

pub(super) async fn send(
    State(control): State<ImControl>,
    Owner(app): Owner,
    caller: Caller,
    Named(OfService { service }): Named<OfService>,
    JsonBody(new): JsonBody<NewServiceMessage>,
) -> Result<Json<SentServiceMessage>, ApiError> {
    let to = match (new.to_clients, new.to_subscribers) {
        (Some(clients), false) => ServiceReceivers::Clients(clients.into_iter().map(ClientId::new).collect()),
        (None, true) => ServiceReceivers::Subscribers,
        _ => return Err(ApiError::BadRequest("give either `to_clients`, or `to_subscribers: true`".to_owned())),
    };
    let message = ServiceMessage {
        conversation: ConversationId::new(service),
        from: ClientId::new(new.from_client),
        to,
        body: MessageBody::Text(new.message),
        transient: new.transient,
        push_data: new.push_data,
    };
    let actor = administrator(app, caller);
    let sending = async move { send_from_service(&control.core, &actor, message).await };
    let sent = to_the_end(sending).await?.map_err(refused)?;
    Ok(Json(SentServiceMessage { id: sent.id.as_str().to_owned(), timestamp: sent.timestamp.0 }))
}

/// A refusal is the caller's fault; its code is part of the text.
fn refused(error: RequestError) -> ApiError {
    match error {
        RequestError::Store(error) => internal(error),
        RequestError::Refused { code, detail, .. } => {
            let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            ApiError::BadRequest(format!("{} ({}){detail}", code.name(), code.number()))
        }
    }
}
