//! What both backends share of the views that clients have of service conversations.

use hookd_im_core::ids::ClientId;

/// Stands for all subscribers: no client has this id.
pub(crate) const ALL_SUBSCRIBERS: &str = "";

/// The end of a period that has none yet.
pub(crate) const OPEN: i64 = i64::MAX;

/// In whose views a message is, by the receivers that it is stored with.
pub(crate) fn of_message<'a>(receivers: Option<&'a [ClientId]>, sender: &'a ClientId) -> Vec<&'a str> {
    match receivers {
        None => vec![ALL_SUBSCRIBERS],
        Some([]) => vec![sender.as_str()],
        Some(receivers) => receivers.iter().map(ClientId::as_str).collect(),
    }
}

/// The clients among them that did not send it: what is unread is kept for them.
pub(crate) fn of_receivers(receivers: Option<&[ClientId]>) -> Vec<&str> {
    receivers.unwrap_or_default().iter().map(ClientId::as_str).collect()
}
