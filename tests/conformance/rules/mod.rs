//! The rules of `engine-contract` §1 as requests and answers.

pub mod answers;
pub mod bodies;
pub mod cors;
pub mod credentials;
pub mod hook_key;
pub mod routes;

/// Every function that the engines serve, as `_ops/metadatas` lists them.
const FUNCTIONS: [&str; 19] = [
    "_custom",
    "_messageReceived",
    "_serviceEvent",
    "boolean",
    "breaks",
    "caller",
    "echo",
    "garbled",
    "insideOnly",
    "late",
    "list",
    "nothing",
    "null",
    "number",
    "refuses",
    "refusesAs418",
    "refusesAsSuccess",
    "refusesWordless",
    "text",
];
