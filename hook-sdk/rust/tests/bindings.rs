//! `src/bindings.rs` is what the contract in `wit/0.2.0` generates. Checked in, so that building a hook needs no generator.

use std::{env, fs, path::Path};

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};

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

    let path = crate_folder.join("src/bindings.rs");
    if env::var_os("UPDATE_BINDINGS").is_some() {
        fs::write(&path, generated).unwrap();
    } else {
        assert!(
            fs::read(&path).unwrap() == generated,
            "src/bindings.rs differs from wit/: run `UPDATE_BINDINGS=1 cargo test --test bindings`"
        );
    }
}
