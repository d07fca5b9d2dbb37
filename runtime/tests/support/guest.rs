//! Guests written as text: a core module per guest, turned into a component against `wit/0.2.0`.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract that guests are built for, and one that the engine no longer speaks.
const CONTRACT: &str = "0.2.0";
const OLDER_CONTRACT: &str = "0.1.0";
/// Where the names and constants of a guest begin.
const DATA: usize = 1_024;
/// Where the definitions are laid out.
const DEFINITIONS: usize = 512;

/// A hook module under construction. Bodies are WAT instructions; `$args` points to the lowered arguments (name at 0,
/// params at 8), `(return (call $reply PTR LEN))` answers, and so does `(return (call $params))` with the params.
#[derive(Default)]
pub struct Guest {
    functions: Vec<(String, bool, String)>,
    definitions: Option<String>,
    imports: String,
    wit: String,
    data: Vec<u8>,
    start: String,
    /// Another version, or another text.
    contract: Option<(&'static str, String)>,
}

impl Guest {
    pub fn new() -> Self {
        Self::default()
    }

    /// Replies with its parameters.
    pub fn echo(self, name: &str) -> Self {
        self.function(name, "(return (call $params (local.get $args)))")
    }

    pub fn function(mut self, name: &str, body: &str) -> Self {
        self.functions.push((name.to_owned(), false, body.to_owned()));
        self
    }

    pub fn internal(mut self, name: &str, body: &str) -> Self {
        self.functions.push((name.to_owned(), true, body.to_owned()));
        self
    }

    /// Replies with a constant.
    pub fn replies(self, name: &str, text: &str) -> Self {
        let mut guest = self;
        let (at, length) = guest.constant(text);
        guest.function(name, &format!("(return (call $reply (i32.const {at}) (i32.const {length})))"))
    }

    /// Refuses with a code, a status and a text.
    pub fn fails(self, name: &str, code: i32, status: u16, message: &str) -> Self {
        let mut guest = self;
        let (at, length) = guest.constant(message);
        let body = format!(
            "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const {code}))
             (i32.store16 (i32.const 72) (i32.const {status})) (i32.store (i32.const 76) (i32.const {at}))
             (i32.store (i32.const 80) (i32.const {length})) (return (i32.const 64))"
        );
        guest.function(name, &body)
    }

    /// Runs before the definitions are answered.
    pub fn definitions(mut self, body: &str) -> Self {
        self.definitions = Some(body.to_owned());
        self
    }

    /// A core import, and what the world needs to say about it.
    pub fn import(mut self, wat: &str, wit: &str) -> Self {
        self.imports.push_str(wat);
        self.wit.push_str(wit);
        self
    }

    /// Items at the top level of the core module.
    pub fn items(mut self, wat: &str) -> Self {
        self.start.push_str(wat);
        self
    }

    /// Built for the contract of an older hookd.
    pub fn older_contract(self) -> Self {
        self.with_contract(OLDER_CONTRACT, |functions| functions.replacen(CONTRACT, OLDER_CONTRACT, 1))
    }

    /// Says that it was built for the present contract, with a `context` of its own.
    pub fn contract_of_another_shape(self) -> Self {
        self.with_contract(CONTRACT, |functions| functions.replacen("sequence: option<u64>,", "", 1))
    }

    fn with_contract(mut self, version: &'static str, change: impl Fn(&str) -> String) -> Self {
        let contract = include_str!("../../../wit/0.2.0/hookd.wit");
        let (functions, _) = contract.split_once("/// The app's Redis.").unwrap();
        let changed = change(functions);
        assert_ne!(changed, functions);
        self.contract = Some((version, format!("{changed} world module {{ export functions; }}")));
        self
    }

    /// Puts a text into the memory; answers address and length.
    pub fn constant(&mut self, text: &str) -> (usize, usize) {
        let at = DATA + self.data.len();
        self.data.extend_from_slice(text.as_bytes());
        (at, text.len())
    }

    pub fn build(mut self) -> Vec<u8> {
        let functions = std::mem::take(&mut self.functions);
        let mut dispatch = String::new();
        let mut definitions = String::new();
        for (index, (name, internal, body)) in functions.iter().enumerate() {
            let (at, length) = self.constant(name);
            writeln!(dispatch, "(if (call $is (local.get $args) (i32.const {at}) (i32.const {length})) (then {body}))")
                .unwrap();
            let entry = DEFINITIONS + 12 * index;
            writeln!(
                definitions,
                "(i32.store (i32.const {entry}) (i32.const {at})) (i32.store offset=4 (i32.const {entry}) \
                 (i32.const {length})) (i32.store8 offset=8 (i32.const {entry}) (i32.const {}))",
                i32::from(*internal)
            )
            .unwrap();
        }
        assert!(12 * functions.len() <= DATA - DEFINITIONS, "too many functions for the layout");
        let count = functions.len();
        let data: String = self.data.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let before = self.definitions.unwrap_or_default();
        let version = self.contract.as_ref().map_or(CONTRACT, |(version, _)| version);
        let wat = format!(
            r#"(module
            {imports}
            (memory (export "memory") 2)
            (data (i32.const {DATA}) "{data}")
            (global $free (mut i32) (i32.const 32768))
            {items}
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
              (local $at i32)
              (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
              (global.set $free (i32.add (local.get $at) (local.get 3)))
              (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
                (then (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536)))))))
              (local.get $at))
            (func $reply (param $ptr i32) (param $len i32) (result i32)
              (i32.store8 (i32.const 64) (i32.const 0))
              (i32.store (i32.const 68) (local.get $ptr))
              (i32.store (i32.const 72) (local.get $len))
              (i32.const 64))
            (func $params (param $args i32) (result i32)
              (call $reply (i32.load offset=8 (local.get $args)) (i32.load offset=12 (local.get $args))))
            (func $is (param $args i32) (param $name i32) (param $len i32) (result i32)
              (local $at i32)
              (if (i32.ne (i32.load offset=4 (local.get $args)) (local.get $len)) (then (return (i32.const 0))))
              (loop $next
                (if (i32.eq (local.get $at) (local.get $len)) (then (return (i32.const 1))))
                (if (i32.ne
                      (i32.load8_u (i32.add (i32.load (local.get $args)) (local.get $at)))
                      (i32.load8_u (i32.add (local.get $name) (local.get $at))))
                  (then (return (i32.const 0))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $next))
              (unreachable))
            (func (export "hookd:engine/functions@{version}#definitions") (result i32)
              {before}
              {definitions}
              (i32.store (i32.const 32) (i32.const {DEFINITIONS}))
              (i32.store (i32.const 36) (i32.const {count}))
              (i32.const 32))
            (func (export "hookd:engine/functions@{version}#call") (param $args i32) (result i32)
              {dispatch}
              (unreachable)))"#,
            imports = self.imports,
            items = self.start,
        );
        component(&wat, &self.wit, self.contract.as_ref().map(|(_, text)| text.as_str()))
    }
}

/// Makes a component of a core module, for the world of `wit/0.2.0` plus `wit` (packages, and imports after a line `world:`).
fn component(wat: &str, wit: &str, contract: Option<&str>) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/0.2.0");
    let mut package = match contract {
        Some(text) => resolve.push_str("contract.wit", text).unwrap(),
        None => resolve.push_dir(folder).unwrap().0,
    };
    let mut world = "module";
    if !wit.is_empty() {
        let (packages, imports) = wit.split_once("world:").unwrap();
        let text = format!(
            "package test:guest;\n world guest {{ include hookd:engine/module@{CONTRACT}; {imports} }}\n {packages}"
        );
        package = resolve.push_str("guest.wit", &text).unwrap();
        world = "guest";
    }
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}
