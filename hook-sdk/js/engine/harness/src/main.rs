//! `run-bundle BUNDLE.json HOOK [PARAMS.json]`: loads a bundle and calls a hook of it once. The reply goes to stdout, the log
//! to stderr. Variables are those of this process whose names begin with `HOOK_`, without that.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use hookd_js_engine_harness::{App, Host, built, caller, engine, load};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, hook, params @ ..] = arguments.as_slice() else {
        eprintln!("usage: run-bundle BUNDLE.json HOOK [PARAMS.json]");
        return Ok(ExitCode::from(1));
    };
    let bundle: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(bundle).context("the bundle")?)?;
    let params = params.first().map_or_else(|| Ok("{}".to_owned()), std::fs::read_to_string)?;
    let variables: Vec<(String, String)> =
        std::env::vars().filter_map(|(name, value)| Some((name.strip_prefix("HOOK_")?.to_owned(), value))).collect();

    let engine = engine()?;
    let core_module = built(bundle["http"] == true)?;
    let started = Instant::now();
    let given = serde_json::to_value(variables.iter().cloned().collect::<std::collections::BTreeMap<_, _>>())?;
    let loaded = load(&engine, &core_module, &bundle, &given)?;
    eprintln!("loaded in {:?}: {}", started.elapsed(), loaded.answer);
    if loaded.answer["ok"] != true {
        return Ok(ExitCode::from(1));
    }
    let started = Instant::now();
    let app = App::new(&engine, &loaded.component)?;
    eprintln!("{} bytes, compiled in {:?}", loaded.component.len(), started.elapsed());

    let (mut store, module) = app.instance(Host::new(variables)).await?;
    let functions = module.hookd_engine_functions();
    for definition in functions.call_definitions(&mut store).await? {
        eprintln!("defines {}{}", definition.name, if definition.internal { " (internal)" } else { "" });
    }
    let started = Instant::now();
    let outcome = functions.call_call(&mut store, hook, &params, caller()).await;
    let took = started.elapsed();
    if outcome.is_ok() {
        module.hookd_engine_background().call_finish(&mut store).await?;
    }
    for (level, line) in &store.data().log {
        eprintln!("[{level}] {line}");
    }
    eprintln!("called in {took:?}");
    match outcome? {
        Ok(reply) => println!("{reply}"),
        Err(failure) => {
            println!("{failure:?}");
            return Ok(ExitCode::from(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}
