use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Item, ItemFn, spanned::Spanned};

use crate::{import, signature};

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !arguments.is_empty() {
        let problem = "`#[hook]` takes nothing: the type of the params says which hook it is";
        return Err(Error::new(arguments.span(), problem));
    }
    match syn::parse2(item)? {
        Item::Fn(function) => define(function),
        Item::Use(import) => Ok(import::expand(&import)),
        other => Err(Error::new(other.span(), "`#[hook]` belongs to a function, or to the `use` of one")),
    }
}

fn define(mut function: ItemFn) -> syn::Result<TokenStream> {
    let arguments = signature::read(&function, "hook")?;
    let Some(params) = &arguments.params else {
        let problem = "`#[hook]`: the function needs the params of a hook, for example `MessageReceivedParams`";
        return Err(Error::new(function.sig.ident.span(), problem));
    };
    signature::print_to_log(&mut function);
    let call = signature::call(&function, &arguments);
    let name = quote_spanned!(params.span()=>
        <<#params as ::hook_sdk::__private::Params>::Hook as ::hook_sdk::__private::Hook>::NAME
    );
    let run = quote_spanned!(function.sig.output.span()=>
        ::hook_sdk::__private::run_hook(params, |params: #params| #call)
    );
    let entry = entry(&name);
    Ok(quote! {
        #function

        const _: () = {
            fn run(params: &str, context: &::hook_sdk::Context) -> ::hook_sdk::Result<::std::string::String> {
                let _ = context;
                #run
            }

            ::hook_sdk::__private::submit! {
                ::hook_sdk::__private::Function { name: #name, internal: false, run }
            }

            #entry
        };
    })
}

/// The static by which `hookd build` knows that the module has this function.
pub fn entry(name: &TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_family = "wasm")]
        #[used]
        #[unsafe(link_section = "hookd-functions")]
        static ENTRY: [u8; { #name.len() + 1 }] = ::hook_sdk::__private::name_entry(#name);
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::expand;

    #[track_caller]
    fn assert_refused(arguments: proc_macro2::TokenStream, item: proc_macro2::TokenStream, problem: &str) {
        let error = expand(arguments, item).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }

    #[test]
    fn name_given_beside_the_type() {
        let item = quote!(
            fn f(message: MessageReceivedParams) -> Result<MessageReceivedReply> {}
        );
        assert_refused(quote!(_messageReceived), item, "the type of the params says which hook it is");
    }

    #[test]
    fn no_params() {
        assert_refused(
            quote!(),
            quote!(
                fn f() -> Result<()> {}
            ),
            "the function needs the params of a hook",
        );
    }

    #[test]
    fn no_result() {
        let item = quote!(
            fn f(message: MessageSentParams) {}
        );
        assert_refused(quote!(), item, "must return a `Result`");
        let item = quote!(
            fn f(message: MessageReceivedParams) -> MessageReceivedReply {}
        );
        assert_refused(quote!(), item, "must return a `Result`");
    }

    #[test]
    fn async_function() {
        let item = quote!(
            async fn f(message: MessageSentParams) -> Result<()> {}
        );
        assert_refused(quote!(), item, "remove `async`");
    }

    #[test]
    fn generic_function() {
        let item = quote!(
            fn f<P>(message: P) -> Result<()> {}
        );
        assert_refused(quote!(), item, "cannot be generic");
    }

    #[test]
    fn second_argument_that_is_no_context() {
        let item = quote!(
            fn f(message: MessageSentParams, name: String) -> Result<()> {}
        );
        assert_refused(quote!(), item, "the second argument is `&Context`");
    }

    #[test]
    fn third_argument() {
        let item = quote!(
            fn f(message: MessageSentParams, context: &Context, name: String) -> Result<()> {}
        );
        assert_refused(quote!(), item, "only the params and `&Context`");
    }

    #[test]
    fn something_else_than_a_function() {
        assert_refused(
            quote!(),
            quote!(
                struct Hook;
            ),
            "belongs to a function",
        );
    }
}
