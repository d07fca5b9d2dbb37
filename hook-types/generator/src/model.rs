//! What the schemas say, in the few forms that hooks need.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use hook_types::HookKind;
use hook_types::schema::HookSchema;
use serde_json::{Map, Value};

use crate::json_schema::{self, without_rules};

/// All types, by name.
pub struct Types {
    /// Params and replies, in the order of the hooks. Hooks that share a reply have it once.
    pub records: Vec<Record>,
    /// What stands for another type, such as the reply of a hook for one that it shares.
    pub aliases: BTreeMap<String, (String, Type)>,
}

/// An object with known fields.
#[derive(PartialEq)]
pub struct Record {
    pub name: String,
    pub description: String,
    pub fields: Vec<Field>,
    /// Of these exactly one is there.
    pub alternatives: Vec<Field>,
}

#[derive(PartialEq)]
pub struct Field {
    pub name: String,
    pub description: String,
    pub form: Type,
    pub is_required: bool,
}

#[derive(Clone, PartialEq)]
pub enum Type {
    Text,
    Integer,
    Boolean,
    Null,
    /// With any members.
    Object,
    List(Box<Type>),
    Named(String),
    OneOf(Vec<Type>),
}

impl Types {
    pub fn of(hooks: &[HookSchema]) -> Result<Self> {
        let mut types = Self { records: Vec::new(), aliases: BTreeMap::new() };
        for hook in hooks {
            let name = format!("{}Params", hook.type_name);
            types.add(&name, &json_schema::params(hook)?).with_context(|| format!("params of {}", hook.name))?;
            if hook.kind == HookKind::Notification {
                continue;
            }
            // The object alone: every reply may be null too.
            let name = format!("{}Reply", hook.type_name);
            types.add(&name, hook.reply.as_value()).with_context(|| format!("reply of {}", hook.name))?;
        }
        Ok(types)
    }

    fn add(&mut self, name: &str, schema: &Value) -> Result<()> {
        for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            self.aliases.insert(name.clone(), (description_of(definition), type_of(definition)?));
        }
        let title = schema.get("title").and_then(Value::as_str).context("a schema without a title")?;
        if title != name {
            let description = format!("What {} may answer.", name.trim_end_matches("Reply"));
            self.aliases.insert(name.to_owned(), (description, Type::Named(title.to_owned())));
        }
        if self.records.iter().all(|record| record.name != title) {
            self.records.push(record_of(title, schema)?);
        }
        Ok(())
    }
}

fn record_of(name: &str, schema: &Value) -> Result<Record> {
    let mut alternatives = Vec::new();
    for alternative in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        for mut field in fields_of(alternative)? {
            field.description = description_of(alternative);
            alternatives.push(field);
        }
    }
    let (name, description) = (name.to_owned(), description_of(schema));
    Ok(Record { name, description, fields: fields_of(schema)?, alternatives })
}

fn fields_of(schema: &Value) -> Result<Vec<Field>> {
    let properties: &Map<_, _> =
        schema.get("properties").and_then(Value::as_object).context("an object without fields")?;
    let required = schema.get("required").and_then(Value::as_array);
    let field = |(name, property): (&String, &Value)| {
        Ok(Field {
            name: name.clone(),
            description: description_of(property),
            form: type_of(property).with_context(|| format!("field {name}"))?,
            is_required: required.is_some_and(|required| required.iter().any(|required| required == name)),
        })
    };
    properties.iter().map(field).collect()
}

fn type_of(schema: &Value) -> Result<Type> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return Ok(Type::Named(reference.trim_start_matches("#/$defs/").to_owned()));
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return Ok(Type::OneOf(choices.iter().map(type_of).collect::<Result<_>>()?));
    }
    match schema.get("type") {
        Some(Value::String(name)) => named_type(name, schema),
        Some(Value::Array(names)) => {
            let names = names.iter().map(|name| named_type(name.as_str().unwrap_or_default(), schema));
            Ok(Type::OneOf(names.collect::<Result<_>>()?))
        }
        _ => bail!("a form without a word in other languages: {schema}"),
    }
}

fn named_type(name: &str, schema: &Value) -> Result<Type> {
    Ok(match name {
        "string" => Type::Text,
        "integer" => Type::Integer,
        "boolean" => Type::Boolean,
        "null" => Type::Null,
        "object" if schema.get("properties").is_none() => Type::Object,
        "array" => Type::List(Box::new(type_of(schema.get("items").context("a list of what?")?)?)),
        _ => bail!("a form without a word in other languages: {schema}"),
    })
}

fn description_of(schema: &Value) -> String {
    without_rules(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}
