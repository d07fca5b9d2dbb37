//! Versions of the contract between a module and the engine (`wit/`).
//!
//! A released version is never edited: additions make 0.2.1, 0.2.2 and so on, and an engine of 0.2.x calls every module of
//! 0.2.y with y <= x.

/// The interface that every module exports, in the version that this engine speaks.
pub(crate) const FUNCTIONS: &str = "hookd:engine/functions@0.2.0";
/// The interface of a module whose work goes on after its reply.
pub(crate) const BACKGROUND: &str = "hookd:engine/background@0.2.0";
/// What a module exports instead that was made to answer HTTP requests; any version of 0.2.
pub(crate) const HTTP_APP: &str = "wasi:http/incoming-handler@0.2.";
/// The name without its version.
const FUNCTIONS_OF_ANY: &str = "hookd:engine/functions@";
/// The newest first.
const SPOKEN: [&str; 1] = ["0.2.0"];

/// True for the versions of `hookd:engine` that this engine speaks.
pub(crate) fn is_spoken(version: &str) -> bool {
    SPOKEN.contains(&version)
}

/// Says what to do about a module that exports the functions of a version that this engine does not speak.
pub(crate) fn not_spoken<'a>(mut exports: impl Iterator<Item = &'a str>) -> Option<String> {
    let version = exports.find_map(|export| export.strip_prefix(FUNCTIONS_OF_ANY))?;
    let [newest] = SPOKEN;
    (!is_spoken(version)).then(|| built_for_another(&format!("version {version} of the contract, not {newest}")))
}

/// The text of a module whose functions are not those that this engine calls.
pub(crate) fn built_for_another(reason: &str) -> String {
    format!("the module was built for another version of hookd ({reason}); build it again with the present hook-sdk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_and_newer_versions_are_distinguished_from_supported_ones() {
        assert!(is_spoken("0.2.0"));
        for other in ["0.1.0", "0.2.1", "0.3.0", "1.0.0", "0.2", "0.2.x", ""] {
            assert!(!is_spoken(other), "{other}");
        }
        assert_eq!(not_spoken([FUNCTIONS, "made:up/thing@1.0.0"].into_iter()), None);
        assert_eq!(not_spoken(["made:up/thing@1.0.0"].into_iter()), None);
        let told = not_spoken(["hookd:engine/functions@0.1.0"].into_iter()).unwrap();
        assert!(told.contains("version 0.1.0") && told.contains("build it again"), "{told}");
    }
}
