use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ItemFn, LitStr, meta, parse::Parser, spanned::Spanned};

use crate::{hook, signature};

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(item)?;
    let mut name = LitStr::new(&function.sig.ident.to_string(), function.sig.ident.span());
    let mut internal = false;
    let parser = meta::parser(|option| {
        if option.path.is_ident("name") {
            name = option.value()?.parse()?;
            Ok(())
        } else if option.path.is_ident("internal") {
            internal = true;
            Ok(())
        } else {
            Err(option.error("`#[function]` knows `name = \"…\"` and `internal`"))
        }
    });
    parser.parse2(arguments)?;

    let arguments = signature::read(&function, "function")?;
    signature::print_to_log(&mut function);
    let call = signature::call(&function, &arguments);
    let params = match &arguments.params {
        Some(params) => quote!(#params),
        None => quote!(::hook_sdk::__private::Ignored),
    };
    let run = quote_spanned!(function.sig.output.span()=>
        ::hook_sdk::__private::run_function(NAME, params, |params: #params| { let _ = &params; #call })
    );
    let check = quote_spanned!(name.span()=> ::hook_sdk::__private::not_reserved(NAME););
    let entry = hook::entry(&quote!(NAME));
    Ok(quote! {
        #function

        const _: () = {
            const NAME: &str = #name;
            const _: () = #check

            fn run(params: &str, context: &::hook_sdk::Context) -> ::hook_sdk::Result<::std::string::String> {
                let _ = context;
                #run
            }

            ::hook_sdk::__private::submit! {
                ::hook_sdk::__private::Function { name: NAME, internal: #internal, run }
            }

            #entry
        };
    })
}
