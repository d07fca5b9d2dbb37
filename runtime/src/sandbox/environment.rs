//! `wasi:cli/environment`: the variables of a version.

use std::sync::Arc;

use wasmtime::component::{Component, HasData};
use wasmtime_wasi::p2::bindings::cli::environment;

/// What a call's guest reads as its environment; put together when it asks, for most never do.
pub(crate) type GuestVariables = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// True when the component can ask for variables.
pub(super) fn is_read_by(component: &Component, engine: &wasmtime::Engine) -> bool {
    component.component_type().imports(engine).any(|(name, _)| name.starts_with("wasi:cli/environment@"))
}

pub(super) struct EnvironmentView<'a>(pub(super) Option<&'a GuestVariables>);

/// Names the projection from a store's data to the view.
pub(super) struct HasEnvironment;

impl HasData for HasEnvironment {
    type Data<'a> = EnvironmentView<'a>;
}

impl environment::Host for EnvironmentView<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.0.map(|variables| variables()).unwrap_or_default())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}
