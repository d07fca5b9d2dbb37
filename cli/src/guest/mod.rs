//! Hook projects in Rust: create one, and compile it to a module.

mod build;
mod componentize;
mod inspect;
mod project;
mod sdk;
mod sources;
mod toolchain;

pub use build::{BuiltModule, build, require_project};
pub use project::new_project;
pub use sources::{Sources, sources};
pub use toolchain::Toolchain;
