//! Is an upload a hook module? Asked before anything is compiled.

use api_types::Bundle;
use wasmparser::{Encoding, Parser, Payload};

use super::Refusal;
use super::bundles::refused;
use crate::contract;
use crate::sandbox::{offers, offers_to_http_app};

/// Names that an error text lists at most.
const LISTED: usize = 8;

/// Checks the size, the format, the exports and the imports.
pub(super) fn validate(bytes: &[u8], limit_bytes: usize) -> Result<(), Refusal> {
    if bytes.len() > limit_bytes {
        return Err(Refusal::TooLarge { size_bytes: bytes.len(), limit_bytes });
    }
    if Bundle::is_meant_by(bytes) {
        return Bundle::read(bytes).map(drop).map_err(refused);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Refusal::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(Refusal::CoreModule);
    }
    let outline = Outline::read(bytes)?;
    outline.check_contract()?;
    let has_functions = outline.exports.iter().any(|export| export == contract::FUNCTIONS);
    let is_http_app = !has_functions && outline.exports.iter().any(|export| export.starts_with(contract::HTTP_APP));
    let offers = if is_http_app { offers_to_http_app } else { offers };
    if let Some(import) = outline.imports.into_iter().find(|import| !offers(import)) {
        return Err(Refusal::UnknownImport { hint: hint(&import), import });
    }
    if !has_functions && !is_http_app {
        let present = outline.exports.into_iter().take(LISTED).collect();
        return Err(Refusal::MissingExport { export: contract::FUNCTIONS, present });
    }
    Ok(())
}

/// Checks that a stored module is for the contract of this engine.
pub(super) fn check_contract(bytes: &[u8]) -> Result<(), Refusal> {
    Outline::read(bytes)?.check_contract()
}

/// The imports and exports of a component.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let malformed = |error: wasmparser::BinaryReaderError| Refusal::Malformed(error.to_string());
        let mut outline = Self::default();
        // Nested modules and components come as sections of their own; only the outermost one meets the engine.
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(Refusal::CoreModule),
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        outline.imports.push(import.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        outline.exports.push(export.map_err(malformed)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn check_contract(&self) -> Result<(), Refusal> {
        contract::not_spoken(self.exports.iter().map(String::as_str))
            .map_or(Ok(()), |text| Err(Refusal::OtherContract(text)))
    }
}

fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:filesystem/") {
        "modules have no filesystem; compile the data in, or build for a target without one"
    } else if import.starts_with("wasi:sockets/") {
        "modules have no sockets"
    } else if import.starts_with("wasi:http/") {
        "modules may import wasi:http/outgoing-handler@0.2 to send requests, and export wasi:http/incoming-handler@0.2 to \
         answer them"
    } else if import.starts_with("hookd:engine/im@") {
        "this hookd does not offer it yet"
    } else if import.starts_with("wasi:") {
        "modules may import wasi:cli, wasi:io, wasi:clocks, wasi:random and wasi:http of version 0.2, and \
         wasi:logging/logging@0.1.0-draft"
    } else {
        "modules may import hookd:engine, wasi:logging and some of WASI 0.2 only; build it with `hookd build`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn text_is_not_wasm() {
        assert_eq!(validate(b"#!/bin/sh", 100), Err(Refusal::NotWasm));
        assert_eq!(validate(b"", 100), Err(Refusal::NotWasm));
    }

    #[test]
    fn a_bundle_is_read_whole() {
        assert!(matches!(validate(br#"{"hookdBundle":1"#, 100), Err(Refusal::InvalidBundle(_))));
        let refused = validate(br#"{"hookdBundle":7}"#, 100).unwrap_err().to_string();
        assert!(refused.contains("format 7") && refused.contains("build it again"), "{refused}");
    }

    #[test]
    fn a_core_module_is_distinguished_from_a_component() {
        assert_eq!(validate(&component("(module)"), 100), Err(Refusal::CoreModule));
    }

    #[test]
    fn a_component_that_ends_too_soon_is_malformed() {
        let whole = component(r#"(component (import "wasi:cli/exit@0.2.0" (instance)))"#);
        assert!(matches!(validate(&whole[..whole.len() - 3], 1_000), Err(Refusal::Malformed(_))));
        assert!(matches!(validate(b"\0asm\x07\0\x09\0", 1_000), Err(Refusal::Malformed(_))));
    }

    #[test]
    fn the_import_at_fault_is_named() {
        let bytes = component(
            r#"(component (import "wasi:cli/exit@0.2.0" (instance)) (import "wasi:sockets/tcp@0.2.0" (instance)))"#,
        );
        let Err(Refusal::UnknownImport { import, hint }) = validate(&bytes, 1_000) else { panic!("accepted") };
        assert_eq!((import.as_str(), hint), ("wasi:sockets/tcp@0.2.0", "modules have no sockets"));
    }

    #[test]
    fn interfaces_of_the_contract_that_this_engine_does_not_offer_yet_are_named() {
        let bytes = component(r#"(component (import "hookd:engine/im@0.2.0" (instance)))"#);
        let refused = validate(&bytes, 1_000).unwrap_err().to_string();
        assert!(refused.contains("`hookd:engine/im@0.2.0`") && refused.contains("does not offer it yet"), "{refused}");
    }

    #[test]
    fn imports_of_nested_components_do_not_count() {
        let bytes = component(r#"(component (component (import "made:up/thing@1.0.0" (instance))))"#);
        assert!(matches!(validate(&bytes, 1_000), Err(Refusal::MissingExport { .. })));
    }

    #[test]
    fn a_missing_export_is_named_with_what_is_there() {
        let bytes = component(r#"(component (instance $i) (export "made:up/thing@1.0.0" (instance $i)))"#);
        let text = validate(&bytes, 1_000).unwrap_err().to_string();
        assert!(text.contains("`hookd:engine/functions@0.2.0`"), "{text}");
        assert!(text.contains("it exports `made:up/thing@1.0.0`"), "{text}");
    }

    #[test]
    fn a_component_that_answers_http_requests_may_import_a_filesystem() {
        let app = |import: &str| {
            component(&format!(
                r#"(component (import "{import}" (instance)) (instance $i) (export "wasi:http/incoming-handler@0.2.3" (instance $i)))"#
            ))
        };
        assert_eq!(validate(&app("wasi:filesystem/preopens@0.2.3"), 1_000), Ok(()));
        for import in ["wasi:sockets/tcp@0.2.3", "wasi:filesystem/preopens@0.3.0", "fermyon:spin/redis@2.0.0"] {
            assert!(matches!(validate(&app(import), 1_000), Err(Refusal::UnknownImport { .. })), "{import}");
        }
    }

    #[test]
    fn an_upload_over_the_limit_is_refused_with_both_sizes() {
        let refused = validate(&component("(component)"), 4);
        assert_eq!(refused, Err(Refusal::TooLarge { size_bytes: 8, limit_bytes: 4 }));
    }
}
