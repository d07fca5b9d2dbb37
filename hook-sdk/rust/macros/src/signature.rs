//! What hooks and functions have in common: a plain function with params and maybe a context.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Error, FnArg, ItemFn, ReturnType, Type, parse_quote, spanned::Spanned};

/// The arguments of an annotated function.
pub struct Arguments {
    /// Type of the first one.
    pub params: Option<Type>,
    /// Span of the second one, `&Context`.
    pub context: Option<Span>,
}

/// Reads the signature; `attribute` is its name, for messages.
pub fn read(item: &ItemFn, attribute: &str) -> syn::Result<Arguments> {
    let signature = &item.sig;
    let refuse = |span: Span, problem: &str| Err(Error::new(span, format!("`#[{attribute}]`: {problem}")));
    if let Some(keyword) = &signature.asyncness {
        return refuse(keyword.span(), "the function runs to its end in one go; remove `async`");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "the function cannot be generic");
    }
    if !returns_result(&signature.output) {
        return refuse(signature.ident.span(), "the function must return a `Result`");
    }
    let mut types = Vec::new();
    for argument in &signature.inputs {
        match argument {
            FnArg::Typed(typed) => types.push((*typed.ty).clone()),
            FnArg::Receiver(receiver) => return refuse(receiver.span(), "a method cannot be called by the engine"),
        }
    }
    let mut types = types.into_iter();
    let (params, context, more) = (types.next(), types.next(), types.next());
    if let Some(more) = more {
        return refuse(more.span(), "only the params and `&Context` can be passed");
    }
    let context = match context {
        None => None,
        Some(Type::Reference(reference)) => Some(reference.span()),
        Some(other) => return refuse(other.span(), "the second argument is `&Context`"),
    };
    Ok(Arguments { params, context })
}

/// By name, as far as a macro can see. The compiler's own message about a missing `Result` would point at generated code.
fn returns_result(output: &ReturnType) -> bool {
    match output {
        ReturnType::Type(_, ty) => match &**ty {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Result"),
            _ => false,
        },
        ReturnType::Default => false,
    }
}

/// The call of the function, with `params` and `context` in scope.
pub fn call(item: &ItemFn, arguments: &Arguments) -> TokenStream {
    let name = &item.sig.ident;
    let params = arguments.params.as_ref().map(|ty| quote_spanned!(ty.span()=> params,));
    let context = arguments.context.map(|span| quote_spanned!(span=> context));
    let output = item.sig.output.span();
    quote_spanned!(output=> #name(#params #context))
}

/// Lets the body print to the app's log: the macros of std write nowhere in a module.
pub fn print_to_log(item: &mut ItemFn) {
    let shadows = parse_quote! {
        #[allow(unused_imports, reason = "most bodies print nothing")]
        use ::hook_sdk::{dbg, eprint, eprintln, print, println};
    };
    item.block.stmts.insert(0, shadows);
}
