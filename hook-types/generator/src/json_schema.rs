//! JSON Schema, with what only readers in Rust need taken out.

use anyhow::{Context as _, Result};
use hook_types::HookKind;
use hook_types::schema::HookSchema;
use serde_json::{Map, Value, json};

/// The texts of the schemas of params and of the reply.
///
/// # Errors
/// When a schema is no object.
pub fn of_hook(hook: &HookSchema) -> Result<(String, String)> {
    Ok((text(&params(hook)?)?, text(&reply(hook)?)?))
}

/// The params, as the IM core writes them: a field that may be absent is never null.
pub fn params(hook: &HookSchema) -> Result<Value> {
    let mut schema = members(hook.params.as_value())?.clone();
    let required = schema.get("required").cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            if required.as_array().is_none_or(|required| required.iter().all(|required| required != name)) {
                drop_null(property);
            }
        }
    }
    let head = ["$schema", "title", "description"];
    let head = head.map(|key| (key.to_owned(), schema.remove(key).unwrap_or_default()));
    Ok(cleaned(&head.into_iter().chain(schema).collect()))
}

/// The reply; null says as much as an empty object.
pub fn reply(hook: &HookSchema) -> Result<Value> {
    let mut object = members(hook.reply.as_value())?.clone();
    let dialect = object.remove("$schema").context("a schema without its dialect")?;
    let title = format!("{}Reply", hook.type_name);
    if hook.kind == HookKind::Notification {
        let description = format!("Reply of `{}`: it is ignored.", hook.name);
        return Ok(json!({ "$schema": dialect, "title": title, "description": description }));
    }
    object.remove("title");
    let description = object.remove("description").context("a reply without a description")?;
    let definitions = object.remove("$defs");
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), dialect);
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), description);
    schema.insert("anyOf".to_owned(), json!([object, { "type": "null" }]));
    schema.extend(definitions.map(|definitions| ("$defs".to_owned(), definitions)));
    Ok(cleaned(&Value::Object(schema)))
}

/// Comments of `hook-types` name the rules that they follow, which readers elsewhere do not have.
pub fn without_rules(description: &str) -> String {
    let mut text = description.to_owned();
    for mark in [" (S-", " (EC-"] {
        while let Some((before, after)) = text.split_once(mark).map(|(before, after)| (before.to_owned(), after)) {
            text = before + after.split_once(')').map_or("", |(_, after)| after);
        }
    }
    text
}

fn members(schema: &Value) -> Result<&Map<String, Value>> {
    schema.as_object().context("a schema that is no object")
}

/// `["string", "null"]` becomes `"string"`.
fn drop_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get("type")
        && let [one, null] = types.as_slice()
        && null == "null"
    {
        let one = one.clone();
        property.as_object_mut().map(|property| property.insert("type".to_owned(), one));
    }
}

/// Without defaults and widths: hooks get every field, and JSON has one kind of number.
fn cleaned(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, value)| {
                let says_little = *key == "format" && value.is_string() || *key == "default";
                !says_little
            });
            let cleaned = kept.map(|(key, value)| match value {
                Value::String(text) if key == "description" => (key.clone(), without_rules(text).into()),
                other => (key.clone(), cleaned(other)),
            });
            Value::Object(cleaned.collect())
        }
        Value::Array(items) => items.iter().map(cleaned).collect(),
        other => other.clone(),
    }
}

fn text(schema: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}
