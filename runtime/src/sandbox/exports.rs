//! What a guest exports.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyIndices};

use super::LoadedModule;
use super::bindings::background::{WorksOn, WorksOnIndices};
use super::bindings::{Module, ModuleIndices};
use super::state::CallState;
use crate::contract;

/// What an instance exports.
pub(super) struct Exports {
    pub(super) functions: Functions,
    pub(super) finish: Option<Finish>,
}

/// The functions of an instance.
pub(super) enum Functions {
    /// Those of the contract.
    Contract(Module),
    /// It answers HTTP requests, as a LeanEngine app does.
    HttpApp(Proxy),
}

/// Where a module exports its functions.
pub(super) enum FunctionsExport {
    Contract(ModuleIndices),
    HttpApp(ProxyIndices),
}

impl FunctionsExport {
    pub(super) fn of(module: &InstancePre<CallState>, is_http_app: bool) -> wasmtime::Result<Self> {
        if is_http_app {
            return ProxyIndices::new(module).map(Self::HttpApp);
        }
        ModuleIndices::new(module).map(Self::Contract)
    }

    fn load(&self, store: &mut Store<CallState>, instance: &Instance) -> wasmtime::Result<Functions> {
        match self {
            Self::Contract(indices) => indices.load(store, instance).map(Functions::Contract),
            Self::HttpApp(indices) => indices.load(store, instance).map(Functions::HttpApp),
        }
    }
}

/// True for a component that answers HTTP requests and has none of the contract's functions.
pub(super) fn is_http_app<'a>(exports: impl Iterator<Item = &'a str>) -> bool {
    let mut answers = false;
    for export in exports {
        if export == contract::FUNCTIONS {
            return false;
        }
        answers |= export.starts_with(contract::HTTP_APP);
    }
    answers
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
    /// True when it is asked over HTTP.
    pub(super) fn is_http_app(&self) -> bool {
        matches!(self.functions, FunctionsExport::HttpApp(_))
    }

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
