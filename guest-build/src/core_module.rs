//! Core modules of any language, made by a compiler that knows the contract only: C, C++, Zig …

use std::path::Path;

use wit_component::{ComponentEncoder, metadata};

use crate::{BuildError, ProjectError};

/// What a core module begins with. A component has another number of the format.
const HEAD: [u8; 8] = *b"\0asm\x01\0\0\0";

/// Whether these are the bytes of a core module, which is no component yet.
pub fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(&HEAD)
}

/// Makes a component of a core module in which the bindings have left the types of its imports and exports. `path` is for
/// messages.
///
/// # Errors
/// When it was linked without these types, or imports something else too.
pub fn component_of(core_module: &[u8], path: &Path) -> Result<Vec<u8>, BuildError> {
    let path = path.display();
    if !is_core_module(core_module) {
        let problem = format!("`{path}` is not a core module of WebAssembly");
        let hint = "a component needs no build: `hookd deploy` takes it as it is";
        return Err(ProjectError::new(problem).hint(hint).into());
    }
    let (without_types, _) = metadata::decode(core_module)
        .map_err(BuildError::component("cannot read the types that the bindings left in the module"))?;
    if without_types.is_none() {
        let problem = format!("`{path}` does not say which functions of the contract it has");
        let hint = "link what `wit-bindgen` made beside the bindings, such as `…_component_type.o`; see docs/other-languages.md";
        return Err(ProjectError::new(problem).hint(hint).into());
    }
    let encoder = ComponentEncoder::default().validate(true).module(core_module);
    let component = encoder.and_then(|mut encoder| encoder.encode());
    component.map_err(|reason| {
        let problem = format!("`{path}` cannot become a component: {reason:#}");
        let hint = "a hook module imports what the contract names, and nothing of a system: no files, no `printf`";
        ProjectError::new(problem).hint(hint).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> ProjectError {
        match component_of(bytes, Path::new("x.wasm")) {
            Err(BuildError::Project(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_module_without_the_types_of_its_functions_is_refused_with_what_to_link() {
        let error = refused(&HEAD);
        assert!(error.to_string().starts_with("`x.wasm` does not say"), "{error}");
        assert!(error.hint_text().unwrap().contains("component_type.o"));
    }

    #[test]
    fn a_component_needs_no_build() {
        let component = b"\0asm\x0d\0\x01\0";
        assert!(!is_core_module(component));
        assert!(refused(component).hint_text().unwrap().contains("hookd deploy"));
    }
}
