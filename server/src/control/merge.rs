//! How a patch changes settings.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ApiError, internal};

/// What is there with `changes` applied; maps of single hooks are merged, not replaced, and lose what is
/// `null`. `kind` is what an entry is called.
pub(super) fn merge<T: Serialize + DeserializeOwned>(
    current: &T,
    changes: Map<String, Value>,
    kind: &str,
) -> Result<T, ApiError> {
    let mut merged = serde_json::to_value(current).map_err(internal)?;
    for (key, value) in changes {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(present)), Value::Object(more)) => {
                present.extend(more);
                present.retain(|_, value| !value.is_null());
            }
            (Some(present), value) => *present = value,
            (None, _) => {
                let known: Vec<&str> =
                    merged.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                let text = format!("unknown {kind} `{key}`; known are {}", known.join(", "));
                return Err(ApiError::BadRequest(text));
            }
        }
    }
    serde_path_to_error::deserialize(merged).map_err(|wrong| {
        ApiError::BadRequest(format!("invalid value for {kind} `{}`: {}", wrong.path(), wrong.inner()))
    })
}

#[cfg(test)]
mod tests {
    use hookd_im_core::app::{FailurePolicy, ImSettings};
    use hookd_runtime::Limits;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let settings: ImSettings =
            merge(&ImSettings::default(), object(json!({"on_hook_failure": "abort"})), "setting").ok().unwrap();
        let expected = ImSettings { on_hook_failure: FailurePolicy::Abort, ..ImSettings::default() };
        assert_eq!(settings, expected);
    }

    #[test]
    fn an_unknown_limit_is_refused_with_the_known_ones() {
        let refused = merge(&Limits::default(), object(json!({"memory": 1})), "limit").err();
        let Some(ApiError::BadRequest(text)) = refused else { panic!("not refused") };
        assert!(text.contains("`memory`") && text.contains("memory_bytes"), "{text}");
    }
}
