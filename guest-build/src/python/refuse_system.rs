//! Gives a component a filesystem and sockets of its own that refuse everything, so that it asks the engine for none.
//!
//! CPython's C library imports both. The engine offers neither, and a module cannot need them: what it reads comes from
//! its memory, and its requests go through `wasi:http`.

use std::collections::HashMap;

use wasm_encoder::reencode::{Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentImportSection, ComponentInstanceSection, ComponentSectionId, ComponentTypeSection, ConstExpr, DataSection,
    ExportKind, ExportSection, Function, FunctionSection, MemorySection, MemoryType, Module, RawSection, TypeSection,
    ValType,
};
use wasmparser::{ComponentTypeRef, Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    LiftLowerAbi, ManglingAndAbi, Resolve, Type, TypeDefKind, WasmExport, WasmExportKind, WorldId, WorldItem, WorldKey,
};

use crate::BuildError;

/// Packages that are refused.
const REFUSED: [&str; 2] = ["wasi:filesystem/", "wasi:sockets/"];
/// Where the core module below keeps what its functions answer.
const EMPTY_AT: i32 = 0;
const ERROR_AT: i32 = 128;

fn is_refused(import: &str) -> bool {
    REFUSED.iter().any(|package| import.starts_with(package))
}

/// Wraps the component into one that has the same other imports, and only the export `export`.
///
/// # Errors
/// When the component has a form that componentize-py never made.
pub(super) fn refuse_system(component: &[u8], export: &str) -> Result<Vec<u8>, BuildError> {
    let stand_in = stand_in(component)?;
    let mut wrapper = Wrapper::new(&stand_in);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::ComponentTypeSection(section) => {
                let mut types = ComponentTypeSection::new();
                wrapper.numbers.parse_component_type_section(&mut types, section).map_err(malformed)?;
                wrapper.outer.section(&types);
            }
            Payload::ComponentAliasSection(section) => {
                let mut aliases = ComponentAliasSection::new();
                wrapper.numbers.parse_component_alias_section(&mut aliases, section).map_err(malformed)?;
                wrapper.outer.section(&aliases);
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(malformed)?;
                    wrapper.import(import.name.name, import.ty)?;
                }
            }
            // What follows is inside; all imports come first.
            Payload::ModuleSection { .. } => return wrapper.finish(component, export),
            _ => {}
        }
    }
    Err(malformed("it has no code"))
}

fn malformed(reason: impl std::fmt::Display) -> BuildError {
    BuildError::component("componentize-py made a component that hookd does not understand")(reason)
}

/// The numbers of instances in the new component, by those in the old one.
#[derive(Default)]
struct Numbers {
    instances: Vec<u32>,
    /// In a type, numbers mean others.
    depth: u32,
}

impl Reencode for Numbers {
    type Error = std::convert::Infallible;
}

impl ReencodeComponent for Numbers {
    fn component_instance_index(&mut self, index: u32) -> u32 {
        let moved = self.instances.get(index as usize).copied().filter(|_| self.depth == 0);
        moved.unwrap_or(index)
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }
}

/// The new component while it is put together.
struct Wrapper<'a> {
    outer: Component,
    numbers: Numbers,
    /// What the wrapped component gets, by name.
    given: Vec<(String, u32)>,
    stand_in: &'a StandIn,
    stood_in: Option<HashMap<String, u32>>,
    instances: u32,
}

impl<'a> Wrapper<'a> {
    fn new(stand_in: &'a StandIn) -> Self {
        Self {
            outer: Component::new(),
            numbers: Numbers::default(),
            given: Vec::new(),
            stand_in,
            stood_in: None,
            instances: 0,
        }
    }

    fn import(&mut self, name: &str, ty: ComponentTypeRef) -> Result<(), BuildError> {
        let ComponentTypeRef::Instance(_) = ty else { return Err(malformed(format!("it imports `{name}` alone"))) };
        let number = if is_refused(name) {
            self.stood_in()?.get(name).copied().ok_or_else(|| malformed(format!("nothing stands in for `{name}`")))?
        } else {
            let ty = self.numbers.component_type_ref(ty).map_err(malformed)?;
            let mut imports = ComponentImportSection::new();
            imports.import(name, ty);
            self.outer.section(&imports);
            self.new_instance()
        };
        self.numbers.instances.push(number);
        self.given.push((name.to_owned(), number));
        Ok(())
    }

    fn new_instance(&mut self) -> u32 {
        self.instances += 1;
        self.instances - 1
    }

    /// The interfaces that the stand-in exports. It is made with the first of them: what it needs was imported before.
    fn stood_in(&mut self) -> Result<&HashMap<String, u32>, BuildError> {
        if self.stood_in.is_none() {
            self.outer.section(&nested(&self.stand_in.component));
            let arguments = self.arguments(&self.stand_in.imports)?;
            let mut made = ComponentInstanceSection::new();
            made.instantiate(0, arguments);
            self.outer.section(&made);
            let instance = self.new_instance();
            let mut aliases = ComponentAliasSection::new();
            let mut numbers = HashMap::new();
            for name in &self.stand_in.exports {
                aliases.alias(Alias::InstanceExport { instance, kind: ComponentExportKind::Instance, name });
                numbers.insert(name.clone(), self.new_instance());
            }
            self.outer.section(&aliases);
            self.stood_in = Some(numbers);
        }
        self.stood_in.as_ref().ok_or_else(|| malformed("nothing stands in"))
    }

    fn arguments(&self, names: &[String]) -> Result<Vec<(String, ComponentExportKind, u32)>, BuildError> {
        let argument = |name: &String| {
            let given = self.given.iter().find(|(given, _)| given == name);
            let &(_, number) = given.ok_or_else(|| malformed(format!("it imports `{name}` too late")))?;
            Ok((name.clone(), ComponentExportKind::Instance, number))
        };
        names.iter().map(argument).collect()
    }

    fn finish(mut self, component: &[u8], export: &str) -> Result<Vec<u8>, BuildError> {
        self.outer.section(&nested(component));
        let names: Vec<String> = self.given.iter().map(|(name, _)| name.clone()).collect();
        let arguments = self.arguments(&names)?;
        let mut made = ComponentInstanceSection::new();
        made.instantiate(u32::from(self.stood_in.is_some()), arguments);
        self.outer.section(&made);
        let instance = self.new_instance();
        let mut aliases = ComponentAliasSection::new();
        aliases.alias(Alias::InstanceExport { instance, kind: ComponentExportKind::Instance, name: export });
        self.outer.section(&aliases);
        let exported = self.new_instance();
        let mut exports = ComponentExportSection::new();
        exports.export(export, ComponentExportKind::Instance, exported, None);
        self.outer.section(&exports);
        Ok(self.outer.finish())
    }
}

fn nested(component: &[u8]) -> RawSection<'_> {
    RawSection { id: ComponentSectionId::Component.into(), data: component }
}

/// A component that exports what is refused.
struct StandIn {
    component: Vec<u8>,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Made of the very interfaces that the component imports, so that it fits any release of them.
#[expect(clippy::indexing_slicing, reason = "ids of the same package of interfaces are always there")]
fn stand_in(component: &[u8]) -> Result<StandIn, BuildError> {
    let DecodedWasm::Component(mut resolve, world) = wit_component::decode(component).map_err(chain)? else {
        return Err(malformed("it is a package of interfaces"));
    };
    let keys: Vec<WorldKey> = resolve.worlds[world].imports.keys().cloned().collect();
    let refused: Vec<(String, WorldKey)> =
        keys.into_iter().map(|key| (resolve.name_world_key(&key), key)).filter(|(name, _)| is_refused(name)).collect();
    resolve.worlds[world].exports.clear();
    for (_, key) in &refused {
        if let Some(item) = resolve.worlds[world].imports.shift_remove(key) {
            resolve.worlds[world].exports.insert(key.clone(), item);
        }
    }
    let mut module = core_module(&resolve, world);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(chain)?;
    let component =
        ComponentEncoder::default().module(&module).and_then(|mut encoder| encoder.encode()).map_err(chain)?;
    let imports = imports(&component)?;
    Ok(StandIn { component, imports, exports: refused.into_iter().map(|(name, _)| name).collect() })
}

/// An error with all its causes.
fn chain(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BuildError {
    let error = error.into();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    malformed(text)
}

fn imports(component: &[u8]) -> Result<Vec<String>, BuildError> {
    let (mut names, mut depth) = (Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    names.push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Functions that answer an error where the interface has one, and nothing where it has a list. No others can be called
/// without a handle, and no function here gives one.
#[expect(clippy::indexing_slicing, reason = "ids of the same package of interfaces are always there")]
fn core_module(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let (mut types, mut functions, mut code, mut exports) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new(), ExportSection::new());
    let mangling = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut count = 0;
    let mut define = |name: &str, params: Vec<ValType>, results: Vec<ValType>, answer: Option<i32>| {
        types.ty().function(params, results);
        functions.function(count);
        let mut body = Function::new([]);
        match answer {
            Some(address) => body.instructions().i32_const(address).end(),
            None => body.instructions().unreachable().end(),
        };
        code.function(&body);
        exports.export(name, ExportKind::Func, count);
        count += 1;
    };
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for function in resolve.interfaces[*id].functions.values() {
            let WasmSignature { params, results, retptr, .. } =
                resolve.wasm_signature(AbiVariant::GuestExport, function);
            let fails = function.result.is_some_and(|result| is_result(resolve, result));
            let answer = retptr.then_some(if fails { ERROR_AT } else { EMPTY_AT });
            let export = WasmExport::Func { interface: Some(key), func: function, kind: WasmExportKind::Normal };
            define(&resolve.wasm_export_name(mangling, export), values(&params), values(&results), answer);
        }
    }
    let realloc = resolve.wasm_export_name(mangling, WasmExport::Realloc);
    define(&realloc, vec![ValType::I32; 4], vec![ValType::I32], None);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None });
    exports.export(&resolve.wasm_export_name(mangling, WasmExport::Memory), ExportKind::Memory, 0);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(ERROR_AT), [1]);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code).section(&data);
    module.finish()
}

#[expect(clippy::indexing_slicing, reason = "ids of the same package of interfaces are always there")]
fn is_result(resolve: &Resolve, ty: Type) -> bool {
    let Type::Id(id) = ty else { return false };
    match &resolve.types[id].kind {
        TypeDefKind::Result(_) => true,
        TypeDefKind::Type(alias) => is_result(resolve, *alias),
        _ => false,
    }
}

fn values(types: &[WasmType]) -> Vec<ValType> {
    types
        .iter()
        .map(|ty| match ty {
            WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
            WasmType::F32 => ValType::F32,
            WasmType::F64 => ValType::F64,
            WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        })
        .collect()
}
