//! Returns its version at the start and at the end of a call: not hostile, but it exposes an engine that mixes
//! versions.

use std::hint::black_box;

use hook_sdk::{env, prelude::*};
use serde::{Deserialize, Serialize};

/// Tests write another number over the zeros, and so have as many builds as they like without building.
static BUILD: &str = "hookd-build-0000";

/// How long to stay, in turns of a loop; a million takes a few milliseconds.
#[derive(Deserialize)]
struct Stay {
    #[serde(default)]
    turns: u64,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Serialize)]
struct Version {
    build: String,
    tag: Option<String>,
    probe: Option<String>,
}

#[function]
fn probe(stay: Stay) -> Result<(Version, Version)> {
    let start = version();
    let mut sum = 0;
    for turn in 0..stay.turns {
        sum = black_box(turn ^ sum);
    }
    Ok((start, version()))
}

#[function]
fn variable(asked: Name) -> Result<Option<String>> {
    Ok(env::var(&asked.name))
}

#[function]
fn variables() -> Result<Vec<(String, String)>> {
    Ok(env::vars())
}

fn version() -> Version {
    Version { build: black_box(BUILD).to_owned(), tag: env::var("LEANCLOUD_VERSION_TAG"), probe: env::var("PROBE") }
}
