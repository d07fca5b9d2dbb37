//! Hook projects in Rust: create one, and compile it to a module.

mod build;
mod componentize;
mod inspect;
mod project;
mod sdk;
mod toolchain;

pub use build::{BuiltModule, build, require_project};
pub use project::new_project;
pub use toolchain::Toolchain;
