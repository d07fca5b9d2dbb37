//! The exports and imports of a core module.

use wasmparser::{CustomSectionReader, KnownCustom, Name, Parser, Payload};

use crate::BuildError;

/// The section in which the SDK's attributes note the name of each function, a line each.
const FUNCTIONS_SECTION: &str = "hookd-functions";

/// The exports of the SDK, which the engine calls.
const CALL_EXPORT: &str = "hookd:engine/functions@0.2.0#call";

/// How an export begins of what the engine asks over HTTP instead.
const HTTP_EXPORT: &str = "wasi:http/incoming-handler@0.2.";

/// Parts of the symbols behind `std::print!` and `std::eprint!`, in both manglings of the compiler.
const STD_PRINT_SYMBOLS: [&str; 4] =
    ["2io5stdio6__print", "2io5stdio7__eprint", "2io5stdio6_print17h", "2io5stdio7_eprint17h"];

/// The result.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The SDK is linked in, or bindings that answer HTTP requests.
    pub has_functions: bool,
    /// It is asked for its functions over HTTP.
    pub is_http_app: bool,
    /// Names of the functions, sorted; twice if defined twice.
    pub functions: Vec<String>,
    /// The macros of `std` are used, which write nowhere in a module.
    pub prints_to_nowhere: bool,
}

/// Looks into a core module that was built with the SDK.
pub fn inspect(core_module: &[u8]) -> Result<Inspection, BuildError> {
    let mut found = Inspection::default();
    for payload in Parser::new(0).parse_all(core_module) {
        match payload.map_err(BuildError::component("the compiler made no WebAssembly module"))? {
            Payload::ExportSection(exports) => {
                for export in exports.into_iter().flatten() {
                    found.is_http_app |= export.name.starts_with(HTTP_EXPORT);
                    found.has_functions |= found.is_http_app || export.name == CALL_EXPORT;
                }
            }
            Payload::CustomSection(section) if section.name() == FUNCTIONS_SECTION => {
                let names = String::from_utf8_lossy(section.data());
                found.functions.extend(names.lines().map(str::to_owned));
            }
            Payload::CustomSection(section) => found.prints_to_nowhere |= names_std_print(&section),
            _ => {}
        }
    }
    found.functions.sort_unstable();
    Ok(found)
}

fn names_std_print(section: &CustomSectionReader<'_>) -> bool {
    let KnownCustom::Name(subsections) = section.as_known() else { return false };
    subsections.into_iter().flatten().any(|subsection| match subsection {
        Name::Function(names) => names.into_iter().flatten().any(|naming| is_std_print(naming.name)),
        _ => false,
    })
}

fn is_std_print(symbol: &str) -> bool {
    STD_PRINT_SYMBOLS.iter().any(|print| symbol.contains(print))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn with_section(mut module: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).ok().filter(|length| *length < 128).unwrap();
        let body = [&[length(name.as_bytes())], name.as_bytes(), data].concat();
        module.extend([0, length(&body)]);
        module.extend(body);
        module
    }

    #[test]
    fn functions_are_read_from_every_section_of_theirs() {
        let module = with_section(EMPTY_MODULE.to_vec(), FUNCTIONS_SECTION, b"_messageSent\nhello\n");
        let module = with_section(module, FUNCTIONS_SECTION, b"_messageReceived\n");
        let functions = inspect(&module).unwrap().functions;
        assert_eq!(functions, ["_messageReceived", "_messageSent", "hello"]);
    }

    #[test]
    fn std_print_is_known_by_its_symbol() {
        let name = "_RNvNtNtCsltCTEextEob_3std2io5stdio6__print";
        let entry = [&[1, 0, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
        let names = [&[1, u8::try_from(entry.len()).unwrap()], entry.as_slice()].concat();
        assert!(inspect(&with_section(EMPTY_MODULE.to_vec(), "name", &names)).unwrap().prints_to_nowhere);
        assert!(is_std_print("_ZN3std2io5stdio6_print17h0123456789abcdefE"));
        assert!(!is_std_print("_RNvNtNtCsltCTEextEob_3std2io5stdio31print_to_buffer_if_capture_used"));
    }

    #[test]
    fn bare_module_has_nothing() {
        assert_eq!(inspect(EMPTY_MODULE).unwrap(), Inspection::default());
    }

    #[test]
    fn text_is_no_module() {
        assert!(inspect(b"#!/bin/sh").is_err());
    }
}
