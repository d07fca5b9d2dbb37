//! The functions that the shim answers with.

use std::cell::OnceCell;

use rquickjs::{Ctx, Function, Object, Persistent};

thread_local! {
    static ENTRY: OnceCell<Entry> = const { OnceCell::new() };
}

pub(crate) struct Entry {
    pub(crate) load: Persistent<Function<'static>>,
    pub(crate) definitions: Persistent<Function<'static>>,
    pub(crate) call: Persistent<Function<'static>>,
    pub(crate) describe_error: Option<Persistent<Function<'static>>>,
    /// Asked about uncaught exceptions; answers true where the app's own handler took it.
    pub(crate) uncaught: Option<Persistent<Function<'static>>>,
}

/// Keeps what the shim gave.
pub(crate) fn set<'js>(ctx: &Ctx<'js>, given: &Object<'js>) -> rquickjs::Result<()> {
    let function = |name: &str| -> rquickjs::Result<Persistent<Function<'static>>> {
        Ok(Persistent::save(ctx, given.get::<_, Function<'_>>(name)?))
    };
    let optional = |name: &str| -> rquickjs::Result<Option<Persistent<Function<'static>>>> {
        Ok(given.get::<_, Option<Function<'_>>>(name)?.map(|function| Persistent::save(ctx, function)))
    };
    let entry = Entry {
        load: function("load")?,
        definitions: function("definitions")?,
        call: function("call")?,
        describe_error: optional("describeError")?,
        uncaught: optional("uncaught")?,
    };
    ENTRY.with(|kept| kept.set(entry)).map_err(|_| rquickjs::Error::Unknown)
}

/// Asks for one from anywhere; none before the shim is loaded.
pub(crate) fn with<Out>(work: impl FnOnce(&Entry) -> Out) -> Option<Out> {
    ENTRY.with(|entry| entry.get().map(work))
}
