//! The names that a module may give its functions.

use std::collections::HashSet;

use api_types::Definition;

use super::Refusal;

/// Functions of one module.
const MAX_FUNCTIONS: usize = 1_000;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Refuses names that could not be called, and names that are there twice.
pub(super) fn check(definitions: &[Definition]) -> Result<(), Refusal> {
    if definitions.len() > MAX_FUNCTIONS {
        return Err(Refusal::TooManyFunctions { count: definitions.len(), limit: MAX_FUNCTIONS });
    }
    let mut seen = HashSet::new();
    for Definition { name, .. } in definitions {
        if let Some(problem) = problem(name) {
            let name = name.chars().take(64).flat_map(char::escape_default).collect();
            return Err(Refusal::InvalidName { name, problem });
        }
        if !seen.insert(name) {
            return Err(Refusal::DuplicateName(name.clone()));
        }
    }
    Ok(())
}

fn problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > MAX_NAME_BYTES {
        Some("is longer than 128 bytes")
    } else if name.contains('/') {
        Some("contains a slash; in URLs a slash separates a class from its hook")
    } else if name.chars().any(|character| character.is_control() || character.is_whitespace()) {
        Some("contains blanks or control characters")
    } else if name == "_ops" {
        Some("is reserved for the list of functions")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Definition> {
        names.iter().map(|&name| Definition { name: name.to_owned(), internal: false }).collect()
    }

    #[test]
    fn hooks_functions_and_foreign_registrations_are_valid() {
        assert_eq!(check(&named(&["hello", "_messageReceived", "__before_save_for_Post", "你好"])), Ok(()));
    }

    #[test]
    fn a_name_twice_is_refused_by_name() {
        assert_eq!(check(&named(&["a", "b", "a"])), Err(Refusal::DuplicateName("a".to_owned())));
    }

    #[test]
    fn names_that_cannot_be_called_are_refused() {
        for name in ["", "a/b", "a b", "a\n", "_ops", &"x".repeat(129)] {
            assert!(matches!(check(&named(&[name])), Err(Refusal::InvalidName { .. })), "{name}");
        }
    }
}
