//! JSON Schema of every hook, as hooks see its params and are to write its reply.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{AlwaysNull, HookKind, NoReply};

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

/// As this crate writes the type: the IM core writes params so, and the SDK replies.
pub(crate) fn of<Written: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Written>()
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
