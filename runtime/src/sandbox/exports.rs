//! What a guest exports.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::LoadedModule;
use super::bindings::Module;
use super::bindings::background::{WorksOn, WorksOnIndices};
use super::state::CallState;
use crate::contract;

/// What an instance exports.
pub(super) struct Exports {
    pub(super) functions: Module,
    pub(super) finish: Option<Finish>,
}

/// Where a module exports the function that ends its work.
pub(super) struct Background(WorksOnIndices);

/// That function of an instance.
pub(super) struct Finish(WorksOn);

impl Background {
    /// `None` for a module without it.
    pub(super) fn of(module: &InstancePre<CallState>) -> wasmtime::Result<Option<Self>> {
        if module.component().get_export_index(None, contract::BACKGROUND).is_none() {
            return Ok(None);
        }
        WorksOnIndices::new(module).map(Self).map(Some)
    }

    fn load(&self, store: &mut Store<CallState>, instance: &Instance) -> wasmtime::Result<Finish> {
        self.0.load(store, instance).map(Finish)
    }
}

impl Finish {
    /// Returns when everything is done that the guest began.
    pub(super) async fn call(&self, store: &mut Store<CallState>) -> wasmtime::Result<()> {
        self.0.hookd_engine_background().call_finish(store).await
    }
}

impl LoadedModule {
    /// What an instance of the module exports.
    pub(super) async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<Exports> {
        let instance = self.instance.instantiate_async(&mut *store).await?;
        let functions = self.functions.load(&mut *store, &instance)?;
        let finish = match &self.background {
            Some(background) => Some(background.load(store, &instance)?),
            None => None,
        };
        Ok(Exports { functions, finish })
    }
}
