//! Hooks of other crates.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, ItemUse, UseTree};

/// A hook registers itself, but the linker leaves out unreferenced items, so the module refers to it.
pub fn expand(import: &ItemUse) -> TokenStream {
    let mut functions = Vec::new();
    collect(&import.tree, &mut Vec::new(), &mut functions);
    let leading = &import.leading_colon;
    quote! {
        #import

        const _: () = {
            #(
                const _: () = {
                    #[used]
                    static LINK: ::hook_sdk::__private::Link = ::hook_sdk::__private::Link(#leading #functions as *const ());
                };
            )*
        };
    }
}

/// The full path of every function that is imported. A glob names none, so it imports no hook.
fn collect(tree: &UseTree, path: &mut Vec<Ident>, functions: &mut Vec<TokenStream>) {
    match tree {
        UseTree::Path(segment) => {
            path.push(segment.ident.clone());
            collect(&segment.tree, path, functions);
            path.pop();
        }
        UseTree::Name(leaf) => functions.push(join(path, &leaf.ident)),
        UseTree::Rename(leaf) => functions.push(join(path, &leaf.ident)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, functions)),
        UseTree::Glob(_) => {}
    }
}

fn join(path: &[Ident], leaf: &Ident) -> TokenStream {
    quote!(#(#path ::)* #leaf)
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::{ItemUse, parse_quote};

    use super::collect;

    #[test]
    fn every_name_of_a_use_is_found_by_its_full_path() {
        let import: ItemUse = parse_quote! {
            pub use a::{b, c::{d as e}, f::*};
        };
        let mut functions = Vec::new();
        collect(&import.tree, &mut Vec::new(), &mut functions);
        let functions: Vec<_> = functions.iter().map(ToString::to_string).collect();
        assert_eq!(functions, [quote!(a::b).to_string(), quote!(a::c::d).to_string()]);
    }
}
