//! The checked-in files are those that `hook-types` generates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hook_types_generator::{COMMAND, generated_files};

#[test]
fn checked_in_files_are_those_of_hook_types() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in generated_files().unwrap() {
        let found = fs::read_to_string(root.join(&file.path)).unwrap_or_default();
        assert!(found == file.text, "`{}` differs from hook-types: run `{COMMAND}`", file.path);
    }
}

#[test]
fn no_schema_is_left_of_a_hook_that_is_gone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let generated: BTreeSet<_> = generated_files().unwrap().into_iter().map(|file| file.path).collect();
    for entry in fs::read_dir(root.join("hook-types/schema")).unwrap() {
        let path = format!("hook-types/schema/{}", entry.unwrap().file_name().display());
        assert!(generated.contains(&path), "`{path}` belongs to no hook");
    }
}
