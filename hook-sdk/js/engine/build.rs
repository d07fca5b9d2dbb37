//! Linker arguments, and the shim in a compressed form.

use std::path::Path;
use std::{env, fs};

const SHIM: &str = "src/generated/shim.js";
const BEST: u8 = 10;

fn main() -> std::io::Result<()> {
    // The stack of C and Rust in linear memory; `engine::STACK_BYTES` is what JavaScript may take of it.
    println!("cargo:rustc-link-arg-cdylib=-zstack-size=917504");
    // The times of files do not tell of every change when git writes them.
    println!("cargo:rerun-if-env-changed=SHIM_HASH");
    for file in ["build.rs", "wit", SHIM] {
        println!("cargo:rerun-if-changed={file}");
    }
    let folder = env::var_os("OUT_DIR").ok_or_else(|| std::io::Error::other("cargo names no OUT_DIR"))?;
    let shim = fs::read(SHIM)?;
    fs::write(Path::new(&folder).join("shim.length"), shim.len().to_string())?;
    fs::write(Path::new(&folder).join("shim.deflate"), miniz_oxide::deflate::compress_to_vec(&shim, BEST))
}
