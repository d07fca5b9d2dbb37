//! JSON Schema of every hook, as hooks see its params and are to write its reply.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{AlwaysNull, Hook, HookKind, NoReply};

/// One hook for other languages.
#[derive(Clone, Debug)]
pub struct HookSchema {
    /// The reserved function name, for example `_messageReceived`.
    pub name: &'static str,
    /// What the names of its types begin with, for example `MessageReceived`.
    pub type_name: &'static str,
    /// When it is called.
    pub description: &'static str,
    /// Whether the reply is awaited.
    pub kind: HookKind,
    /// What it gets.
    pub params: Schema,
    /// What it may answer beside null. Wrong types that are read leniently are not in it.
    pub reply: Schema,
}

/// All hooks, in the order of the contract.
pub fn hooks() -> Vec<HookSchema> {
    crate::hook::schemas()
}

impl HookSchema {
    pub(crate) fn of<H>(type_name: &'static str, description: &'static str) -> Self
    where
        H: Hook<Params: JsonSchema, Reply: JsonSchema>,
    {
        // As this crate writes both: the IM core the params, the SDK the reply.
        let schema_of =
            |add: fn(SchemaGenerator) -> Schema| add(SchemaSettings::draft2020_12().for_serialize().into_generator());
        Self {
            name: H::NAME,
            type_name,
            description,
            kind: H::KIND,
            params: schema_of(SchemaGenerator::into_root_schema_for::<H::Params>),
            reply: schema_of(SchemaGenerator::into_root_schema_for::<H::Reply>),
        }
    }
}

impl JsonSchema for AlwaysNull {
    fn schema_name() -> Cow<'static, str> {
        "AlwaysNull".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "null" })
    }
}

impl JsonSchema for NoReply {
    fn schema_name() -> Cow<'static, str> {
        "NoReply".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Ignored." })
    }
}
