//! `wasi:http`: the requests of a function go to [`crate::egress`].

use std::sync::Arc;

use http::Request;
use wasmtime::Engine;
use wasmtime::component::{Component, ResourceTable};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks};

use crate::egress::{Grant, send};
use crate::logs::CallLog;
use crate::trace;

const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler";
/// Memory of one set of headers.
const MAX_FIELDS_BYTES: usize = 32 << 10;

/// True for a component that may send requests.
pub(super) fn is_used_by(component: &Component, engine: &Engine) -> bool {
    let component = component.component_type();
    let mut names = component.imports(engine).map(|(name, _)| name);
    names.any(|name| name.starts_with(OUTGOING_HANDLER))
}

/// Made when a guest first touches `wasi:http`.
pub(super) struct HttpState {
    ctx: WasiHttpCtx,
    requests: Requests,
}

struct Requests {
    /// Absent while a module is asked for its definitions.
    grant: Option<Grant>,
    log: Arc<CallLog>,
}

impl HttpState {
    pub(super) fn new(grant: Option<Grant>, log: &Arc<CallLog>) -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_FIELDS_BYTES);
        Self { ctx, requests: Requests { grant, log: log.clone() } }
    }

    pub(super) fn grant(&self) -> Option<&Grant> {
        self.requests.grant.as_ref()
    }

    pub(super) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks: &mut self.requests, table, ctx: &mut self.ctx }
    }
}

impl Drop for HttpState {
    fn drop(&mut self) {
        if let Some(grant) = &self.requests.grant {
            grant.budget.end_call();
        }
    }
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Requests {
    /// The request itself runs in a task that ends with the store, so with the call.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (grant, log) = (self.grant.clone(), self.log.clone());
        // Known here only: the request runs in a task of its own.
        let call = trace::of_call();
        Box::new(async move {
            let grant = grant.ok_or(Error::HttpRequestDenied)?;
            let response = send(grant, request, options, log, call).await?;
            let nothing_left: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, nothing_left))
        })
    }
}
