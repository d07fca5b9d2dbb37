//! Hook projects in Rust: create one, and compile it to a module.

mod build;
mod componentize;
mod inspect;
mod project;
mod sdk;
mod toolchain;

pub use build::{BuiltModule, build};
pub use project::new_project;
