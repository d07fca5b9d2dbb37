//! `src/bindings.rs`, and the bindings of the example in C, are what the contract in `wit/0.2.0` generates. Checked in, so that
//! building a hook needs no generator.

#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test")]

use std::{env, fs, path::Path};

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};

const COMMAND: &str = "UPDATE_BINDINGS=1 cargo test --test bindings";
const HEADER: &str = "// Generated from wit/ by `UPDATE_BINDINGS=1 cargo test --test bindings`; do not edit.\n";

#[test]
fn checked_in_bindings_are_those_of_the_contract() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(crate_folder.join("../../wit/0.2.0")).unwrap();
    let world = resolve.select_world(&[package], Some("module")).unwrap();
    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        default_bindings_module: Some("crate::bindings".to_owned()),
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, generated) = files.iter().next().expect("one file is generated");
    let generated = [HEADER.as_bytes(), generated].concat();

    check(&crate_folder.join("src/bindings.rs"), &generated);
}

#[test]
fn checked_in_bindings_of_the_example_in_c_are_those_of_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let example = root.join("examples-hooks/c-word-count");
    let mut resolve = Resolve::default();
    resolve.push_path(root.join("wit/0.2.0")).unwrap();
    let (package, _) = resolve.push_path(example.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("word-count")).unwrap();
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files).unwrap();
    assert_eq!(files.iter().count(), 3);
    for (name, generated) in files.iter() {
        check(&example.join("bindings").join(name), generated);
    }
}

fn check(path: &Path, generated: &[u8]) {
    if env::var_os("UPDATE_BINDINGS").is_some() {
        fs::write(path, generated).unwrap();
    } else {
        let found = fs::read(path).unwrap_or_default();
        assert!(found == generated, "`{}` differs from wit/: run `{COMMAND}` in hook-sdk/rust", path.display());
    }
}
