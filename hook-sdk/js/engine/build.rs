//! Linker arguments, and the shim in a compressed form.

use std::path::Path;
use std::{env, fs};

const SHIM: &str = "src/generated/shim.js";
const BEST: u8 = 10;

fn main() -> std::io::Result<()> {
    // The stack of C and Rust in linear memory; `engine::STACK_BYTES` is what JavaScript may take of it.
    println!("cargo:rustc-link-arg-cdylib=-zstack-size=917504");
    for file in ["build.rs", "wit", SHIM] {
        println!("cargo:rerun-if-changed={file}");
    }
    let packed = miniz_oxide::deflate::compress_to_vec(&fs::read(SHIM)?, BEST);
    let folder = env::var_os("OUT_DIR").ok_or_else(|| std::io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&folder).join("shim.deflate"), packed)
}
