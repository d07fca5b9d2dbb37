//! Linker arguments.

fn main() {
    // The stack of C and Rust in linear memory. `stack::LIMIT_BYTES` is well below it.
    println!("cargo:rustc-link-arg-cdylib=-zstack-size=1048576");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=wit");
}
