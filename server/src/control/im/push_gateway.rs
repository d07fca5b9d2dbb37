//! Who may set which push gateway of an app: the owner of the app a public address, the operator any address.

use axum::http::HeaderMap;
use hookd_im_core::app::ImSettings;
use hookd_im_core::push::TO_LOG;
use reqwest::Url;
use serde_json::{Map, Value};

use super::super::{ApiError, is_admin};
use super::ImControl;
use crate::remote_engine::check_host;

/// The setting with the address.
const PUSH_GATEWAY: &str = "push_gateway";

/// The setting that says whether the operator or the owner of the app set the address. It follows from the keys of the
/// request. It cannot be set and is not shown.
pub(super) const BY_OPERATOR: &str = "push_gateway_by_operator";

/// Notes whether the operator or the owner sets the gateway, if the change sets one.
///
/// # Errors
/// It is no URL, or not the owner's to name.
pub(super) async fn note_who_names_the_gateway(
    control: &ImControl,
    headers: &HeaderMap,
    changes: &Map<String, Value>,
    changed: &mut ImSettings,
) -> Result<(), ApiError> {
    if !changes.contains_key(PUSH_GATEWAY) {
        return Ok(());
    }
    changed.push_gateway_by_operator = false;
    let Some(gateway) = changed.push_gateway.as_deref().filter(|gateway| *gateway != TO_LOG) else { return Ok(()) };
    let refused = |problem: String| ApiError::BadRequest(format!("`{PUSH_GATEWAY}`: {problem}"));
    let url = usable(gateway).map_err(refused)?;
    changed.push_gateway_by_operator = is_admin(headers, &control.admin_key);
    if changed.push_gateway_by_operator {
        return Ok(());
    }
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    check_host(host, port, &*control.addresses).await.map_err(|error| refused(error.to_string()))
}

/// An address that pushes can be posted to.
fn usable(gateway: &str) -> Result<Url, String> {
    let expected = format!("`{gateway}` is neither `{TO_LOG}` nor a URL like `https://push.example.org/hookd`");
    let url = Url::parse(gateway).map_err(|_| expected.clone())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(expected);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL must not hold a password: it is shown to those who see the settings".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn only_urls_over_http_can_be_gateways() {
        for good in ["http://192.0.2.1:1/a?b=c", "https://push.example.org"] {
            assert!(usable(good).is_ok(), "{good}");
        }
        for bad in
            ["", "logs", "push.example.org", "ftp://x", "file:///etc/passwd", "unix:/a", "https://u:p@x", "http://"]
        {
            assert!(usable(bad).is_err(), "{bad}");
        }
    }
}
