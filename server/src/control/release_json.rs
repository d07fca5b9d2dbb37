//! Releases as answers show them.

use hookd_runtime::{PastRelease, Release};
use serde_json::{Value, json};

use api_types::rfc3339;

pub(super) fn release_json(release: &Release) -> Value {
    json!({
        "app_id": release.app_id,
        "environment": release.environment.to_string(),
        "version": release.version,
        "module": release.module,
        "isolation": release.isolation,
        "functions": release.definitions.iter().map(|definition| &definition.name).collect::<Vec<_>>(),
    })
}

/// With what the history says of it.
pub(super) fn past_release_json(past: &PastRelease) -> Value {
    let mut json = release_json(&past.release);
    if let Value::Object(fields) = &mut json {
        fields.insert("act".to_owned(), past.act.name().into());
        fields.insert("at".to_owned(), rfc3339::millis(past.at).into());
        fields.insert("size_bytes".to_owned(), past.size_bytes.into());
        fields.insert("author".to_owned(), past.author.clone().into());
        fields.insert("message".to_owned(), past.message.clone().into());
        fields.insert("live".to_owned(), past.is_live.into());
    }
    json
}
