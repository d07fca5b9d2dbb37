//! What a guest imports.

use std::collections::HashMap;

use wasmtime::StoreLimits;
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::add_only_http_to_linker_async;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

use self::bindings::hookd::engine::leancache::{Failure, Part};
use self::bindings::wasi::logging::logging::Level;

#[allow(missing_docs, reason = "generated from the contract")]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../../../../wit/0.2.0",
        inline: "
            package hookd:host;
            world module {
                import wasi:logging/logging@0.1.0-draft;
                import hookd:engine/leancache@0.2.0;
                export hookd:engine/functions@0.2.0;
                export hookd:engine/background@0.2.0;
            }
        ",
        world: "hookd:host/module",
        imports: {
            "hookd:engine/leancache.execute": async,
            "hookd:engine/leancache.pipeline": async,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// The state of an instance: its variables, its log, and a Redis that knows a few commands.
pub struct Host {
    ctx: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    pub limits: StoreLimits,
    pub variables: Vec<(String, String)>,
    pub log: Vec<(String, String)>,
    pub stored: HashMap<Vec<u8>, Vec<u8>>,
}

impl Host {
    /// With variables, and without a limit of memory.
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self {
            ctx: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            limits: StoreLimits::default(),
            variables,
            log: Vec::new(),
            stored: HashMap::new(),
        }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: default_hooks(), table: &mut self.table, ctx: &mut self.http }
    }
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

pub(crate) fn add_to_linker(linker: &mut Linker<Host>) -> anyhow::Result<()> {
    use wasmtime_wasi::p2::bindings::io;
    io::error::add_to_linker::<Host, HasTable>(linker, |host| &mut host.table)?;
    io::poll::add_to_linker::<Host, HasTable>(linker, |host| &mut host.table)?;
    io::streams::add_to_linker::<Host, HasTable>(linker, |host| &mut host.table)?;
    clocks::wall_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    random::random::add_to_linker::<Host, WasiRandom>(linker, |host| host.ctx.random())?;
    add_only_http_to_linker_async(linker)?;
    cli::environment::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    bindings::wasi::logging::logging::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    bindings::hookd::engine::leancache::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    Ok(())
}

impl cli::environment::Host for Host {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.variables.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl bindings::wasi::logging::logging::Host for Host {
    fn log(&mut self, level: Level, _: String, message: String) {
        self.log.push((format!("{level:?}"), message));
    }
}

impl bindings::hookd::engine::leancache::Host for Host {
    async fn execute(&mut self, command: Vec<Vec<u8>>) -> Result<Vec<Part>, Failure> {
        self.pipeline(vec![command]).await
    }

    async fn pipeline(&mut self, commands: Vec<Vec<Vec<u8>>>) -> Result<Vec<Part>, Failure> {
        let mut parts = Vec::new();
        for mut words in commands {
            let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
            match (name.as_slice(), words.len()) {
                (b"SET", 3) => {
                    self.stored.insert(std::mem::take(&mut words[1]), std::mem::take(&mut words[2]));
                    parts.push(Part::Status("OK".to_owned()));
                }
                (b"GET", 2) => {
                    parts.push(self.stored.get(&words[1]).map_or(Part::Nil, |value| Part::Bulk(value.clone())))
                }
                (b"MGET", 2..) => {
                    parts.push(Part::Array(words.len() as u32 - 1));
                    let values = words[1..].iter().map(|key| self.stored.get(key));
                    parts.extend(values.map(|value| value.map_or(Part::Nil, |value| Part::Bulk(value.clone()))));
                }
                (b"STRLEN", 2) => {
                    let length = self.stored.get(&words[1]).map_or(0, Vec::len);
                    parts.push(Part::Integer(length as i64));
                }
                (b"HUGE", _) => parts.push(Part::Integer(i64::MAX)),
                (b"BROKEN", _) => parts.push(Part::Error("ERR broken".to_owned())),
                _ => return Err(Failure::Refused(format!("{} is not offered here", String::from_utf8_lossy(&name)))),
            }
        }
        Ok(parts)
    }
}
