//! The environment variables of the version: the app's own (`hookd env set`), and those of the platform.
//!
//! ```
//! # use hook_sdk::{Failure, Result, env};
//! # fn token() -> Result<String> {
//! let token = env::var("REVIEW_TOKEN").ok_or_else(|| Failure::new(1, "REVIEW_TOKEN is not set"))?;
//! # Ok(token)
//! # }
//! ```
//!
//! The platform sets `LEANCLOUD_APP_ID`, `LEANCLOUD_APP_KEY`, `LEANCLOUD_APP_MASTER_KEY`, `LEANCLOUD_APP_HOOK_KEY`,
//! `LEANCLOUD_APP_ENV` (`production` or `stage`), `LEANCLOUD_VERSION_TAG` (the number of the version), and where the operator
//! named one `LEANCLOUD_API_SERVER` (base URL of the REST API). A module that reads no variable is given none, and is faster
//! for it.

/// The value of a variable; `None` when it is not set.
///
/// In a module this asks the engine for all variables, which costs about as much as the call itself: read once what is
/// needed several times. In tests on the developer's machine the variables are those of the process.
pub fn var(name: &str) -> Option<String> {
    vars().into_iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value)
}

/// All variables, names and values. What is not Unicode in the environment of a test's process is left out.
pub fn vars() -> Vec<(String, String)> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::wasi::cli::environment::get_environment();
    #[cfg(not(target_family = "wasm"))]
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
