//! `#[register_node]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    FnArg, Ident, ImplItem, ImplItemFn, Item, ItemFn, ItemImpl, LitStr, Pat, Result, ReturnType, Signature,
    Type,
};

use crate::options::{NodeOptions, ParamOptions, first_paragraph, take_docs, wrong};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = NodeOptions::read(options)?;
    match syn::parse2::<Item>(item)? {
        Item::Fn(function) => function_node(&options, function),
        Item::Impl(block) => impl_node(&options, block),
        other => {
            wrong(&other, "register_node stands on an async fn, or on an impl block with an async fn run")
        }
    }
}

fn function_node(options: &NodeOptions, mut function: ItemFn) -> Result<TokenStream> {
    let arguments = Arguments::take(&mut function.sig)?;
    if let Some(receiver) = arguments.receiver {
        return Err(syn::Error::new(receiver, "a function has no self: put register_node on the impl block"));
    }
    let (visibility, name, block) = (&function.vis, &function.sig.ident, &function.block);
    let documentation = function.attrs.iter().filter(|a| a.path().is_ident("doc"));
    let kept = function.attrs.iter().filter(|a| !a.path().is_ident("doc"));
    let (inputs, output) = (&function.sig.inputs, &function.sig.output);
    let (documentation_text, ty, call) =
        (first_paragraph(&function.attrs), quote!(#name), quote!(Self::call));
    let node = Node { options, name: name.clone(), documentation: documentation_text, ty, call }
        .implement(&arguments)?;
    Ok(quote! {
        #(#documentation)*
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name;

        impl #name {
            /// The node's own function, without governance.
            #(#kept)*
            #[allow(clippy::too_many_arguments, clippy::unused_async, reason = "the arguments are the node's parameters")]
            #visibility async fn call(#inputs) #output #block
        }

        #node
    })
}

fn impl_node(options: &NodeOptions, mut block: ItemImpl) -> Result<TokenStream> {
    if let Some((_, path, _)) = &block.trait_ {
        return wrong(path, "register_node stands on an inherent impl block: it implements Node itself");
    }
    if !block.generics.params.is_empty() {
        return wrong(&block.generics, "a node has no type parameters: the registry holds it by name");
    }
    let mut documentation = first_paragraph(&block.attrs);
    let run = block.items.iter_mut().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "run" => Some(function),
        _ => None,
    });
    let Some(ImplItemFn { sig, attrs, .. }) = run else {
        return wrong(&block.self_ty, "this impl block needs an `async fn run(&self, …) -> Result<Value>`");
    };
    if documentation.is_empty() {
        documentation = first_paragraph(attrs);
    }
    let arguments = Arguments::take(sig)?;
    if arguments.receiver.is_none() {
        return wrong(&sig.ident, "`run` in an impl block takes `&self`");
    }
    let Type::Path(path) = &*block.self_ty else {
        return wrong(&block.self_ty, "expected the name of a type");
    };
    let Some(last) = path.path.segments.last() else { return wrong(path, "expected the name of a type") };
    let (ty, name) = (&block.self_ty, last.ident.clone());
    let node = Node { options, name, documentation, ty: quote!(#ty), call: quote!(#ty::run) }
        .implement(&arguments)?;
    Ok(quote! { #block #node })
}

/// What the function takes.
struct Arguments {
    receiver: Option<Span>,
    context: bool,
    params: Vec<Argument>,
}

struct Argument {
    name: LitStr,
    ty: Type,
    description: String,
    options: ParamOptions,
}

impl Arguments {
    /// Reads the arguments, and removes from them what only this macro understands.
    fn take(signature: &mut Signature) -> Result<Self> {
        if signature.asyncness.is_none() {
            return wrong(&signature.fn_token, "a node's function is async");
        }
        if !signature.generics.params.is_empty() {
            return wrong(
                &signature.generics,
                "a node's function has no generic parameters: its parameters are JSON",
            );
        }
        if matches!(signature.output, ReturnType::Default) {
            return wrong(
                &signature.ident,
                "a node's function gives hallmark_core::Result<serde_json::Value>",
            );
        }
        let mut found = Self { receiver: None, context: false, params: Vec::new() };
        for (index, argument) in signature.inputs.iter_mut().enumerate() {
            match argument {
                FnArg::Receiver(receiver) => {
                    if receiver.reference.is_none() || receiver.mutability.is_some() {
                        return wrong(receiver, "a node runs many times at once: take `&self`");
                    }
                    found.receiver = Some(receiver.span());
                }
                FnArg::Typed(typed) if is_context(&typed.ty) => {
                    if index > usize::from(found.receiver.is_some()) {
                        return wrong(typed, "the context stands first");
                    }
                    found.context = true;
                }
                FnArg::Typed(typed) => {
                    let options = ParamOptions::take(&mut typed.attrs)?;
                    let docs = take_docs(&mut typed.attrs);
                    if let Type::Reference(reference) = &*typed.ty {
                        return wrong(
                            reference,
                            "a parameter is owned: take String, Vec<T>, Map<String, Value> or Value",
                        );
                    }
                    let Pat::Ident(ident) = &*typed.pat else {
                        return wrong(&typed.pat, "a parameter has a plain name");
                    };
                    let text = ident.ident.to_string();
                    let name = LitStr::new(text.trim_start_matches("r#"), ident.span());
                    let name = options.name.clone().unwrap_or(name);
                    if found.params.iter().any(|p| p.name.value() == name.value()) {
                        return wrong(&name, "two parameters have this name");
                    }
                    let docs = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
                    let description =
                        options.describe.as_ref().map_or_else(|| docs.trim().to_owned(), LitStr::value);
                    found.params.push(Argument { name, ty: (*typed.ty).clone(), description, options });
                }
            }
        }
        Ok(found)
    }
}

fn is_context(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == "Context")
}

impl Argument {
    /// The expression that declares the parameter.
    fn declare(&self) -> Result<TokenStream> {
        let (name, ty, options) = (&self.name, &self.ty, &self.options);
        // Spanned at the type, so that "is not a parameter type" points there.
        let mut tokens = quote_spanned! {ty.span()=> ::hallmark_workflow::macros::declare::<#ty>(#name) };
        if !self.description.is_empty() {
            let text = &self.description;
            tokens.extend(quote!(.describe(#text)));
        }
        if let Some(default) = &options.default {
            tokens =
                quote_spanned!(default.span()=> ::hallmark_workflow::macros::optional(#tokens, #default));
        }
        if let Some(choices) = &options.choices {
            tokens.extend(quote!(.choices(#choices)));
        }
        for (method, bound) in [("minimum", &options.min), ("maximum", &options.max)] {
            if let Some(bound) = bound {
                let method = Ident::new(method, bound.span());
                let bound = quote_spanned!(bound.span()=> ::hallmark_workflow::macros::bound(#bound));
                tokens.extend(quote!(.#method(#bound)));
            }
        }
        if let Some(bound) = &options.max_length {
            tokens.extend(quote!(.max_length(#bound)));
        }
        match (options.pii, options.secret) {
            (true, true) => return wrong(name, "a parameter is pii or secret, not both: secret masks more"),
            (true, false) => tokens.extend(quote!(.pii())),
            (false, true) => tokens.extend(quote!(.secret())),
            (false, false) => {}
        }
        Ok(tokens)
    }
}

/// The node to implement.
struct Node<'o> {
    options: &'o NodeOptions,
    name: Ident,
    documentation: String,
    ty: TokenStream,
    /// The path of the function that does the work.
    call: TokenStream,
}

impl Node<'_> {
    /// The expression of the description.
    fn describe(&self, arguments: &Arguments) -> Result<TokenStream> {
        let options = self.options;
        let default_name = LitStr::new(&self.name.to_string(), self.name.span());
        let name = options.name.as_ref().unwrap_or(&default_name);
        let summary = options.summary.as_ref().map_or_else(|| self.documentation.clone(), LitStr::value);
        if summary.is_empty() {
            return wrong(&self.name, "a node says what it does: write a doc comment or summary = \"…\"");
        }
        let mut spec = quote!(::hallmark_workflow::NodeSpec::new(#name, #summary));
        if let Some(group) = &options.group {
            let variant = match group.value().as_str() {
                "agent" => quote!(Agent),
                "builtin" => quote!(Builtin),
                "custom" => quote!(Custom),
                _ => return wrong(group, "expected \"agent\", \"builtin\" or \"custom\""),
            };
            spec.extend(quote!(.group(::hallmark_workflow::Group::#variant)));
        }
        if let Some(timeout) = &options.timeout_ms {
            spec.extend(quote!(.timeout_ms(#timeout)));
        }
        if options.read_only {
            spec.extend(quote!(.read_only()));
        }
        if options.branching {
            spec.extend(quote!(.branching()));
        }
        let declared = arguments.params.iter().map(Argument::declare).collect::<Result<Vec<_>>>()?;
        Ok(quote!(#spec #(.param(#declared))*))
    }

    fn implement(&self, arguments: &Arguments) -> Result<TokenStream> {
        let (ty, call, spec) = (&self.ty, &self.call, self.describe(arguments)?);
        let locals: Vec<Ident> = (0..arguments.params.len()).map(|i| format_ident!("param_{i}")).collect();
        let taken = arguments.params.iter().zip(&locals).map(|(param, local)| {
            let (name, ty) = (&param.name, &param.ty);
            quote_spanned! {ty.span()=> let #local = ::hallmark_workflow::macros::take::<#ty>(spec, &mut input, #name)?; }
        });
        let receiver = arguments.receiver.map(|_| quote!(self,));
        let context = arguments.context.then(|| quote!(context,));
        Ok(quote! {
            impl ::hallmark_workflow::Node for #ty {
                fn spec(&self) -> &::hallmark_workflow::NodeSpec {
                    static SPEC: ::std::sync::OnceLock<::hallmark_workflow::NodeSpec> = ::std::sync::OnceLock::new();
                    SPEC.get_or_init(|| #spec)
                }

                fn run<'a>(
                    &'a self,
                    context: &'a ::hallmark_workflow::Context,
                    mut input: ::hallmark_workflow::Input,
                ) -> ::hallmark_workflow::BoxFuture<'a, ::hallmark_workflow::macros::Result> {
                    ::std::boxed::Box::pin(async move {
                        let spec = ::hallmark_workflow::Node::spec(self);
                        #(#taken)*
                        let _ = (spec, context, &mut input);
                        let result = #call(#receiver #context #(#locals),*).await?;
                        ::std::result::Result::Ok(::std::convert::Into::into(result))
                    })
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: TokenStream, item: TokenStream) -> String {
        expand(options, item).unwrap_err().to_string()
    }

    fn check(cases: &[(TokenStream, TokenStream, &str)]) {
        for (options, item, says) in cases {
            let error = error(options.clone(), item.clone());
            assert!(error.contains(says), "{item}: {error}");
        }
    }

    #[test]
    fn mistakes_in_options_are_named() {
        let good = quote!(
            async fn A(x: i64) -> Result<Value> {
                Ok(x.into())
            }
        );
        let summary = quote!(summary = "s");
        let bound = quote!(
            async fn A(#[param(maxi = 1)] x: i64) -> Result<Value> {}
        );
        let both = quote!(
            async fn A(#[param(pii, secret)] x: i64) -> Result<Value> {}
        );
        check(&[
            (quote!(), good.clone(), "a node says what it does"),
            (quote!(sumary = "s"), good.clone(), "expected name, summary, group"),
            (quote!(summary = "s", summary = "t"), good.clone(), "given twice"),
            (quote!(summary = "s", group = "model"), good, "expected \"agent\""),
            (summary.clone(), bound, "expected name, describe"),
            (summary, both, "pii or secret"),
        ]);
    }

    #[test]
    fn mistakes_in_what_it_stands_on_are_named() {
        let cases = [
            (
                quote!(
                    fn A() -> Result<Value> {}
                ),
                "is async",
            ),
            (
                quote!(
                    async fn A() {}
                ),
                "gives hallmark_core::Result",
            ),
            (
                quote!(
                    async fn A<T>(x: T) -> Result<Value> {}
                ),
                "no generic parameters",
            ),
            (
                quote!(
                    async fn A(x: &str) -> Result<Value> {}
                ),
                "is owned",
            ),
            (
                quote!(
                    async fn A((x, y): P) -> Result<Value> {}
                ),
                "a plain name",
            ),
            (
                quote!(
                    async fn A(x: i64, c: &Context) -> Result<Value> {}
                ),
                "stands first",
            ),
            (
                quote!(
                    async fn A(x: i64, #[param(name = "x")] y: i64) -> Result<Value> {}
                ),
                "have this name",
            ),
            (
                quote!(
                    struct A;
                ),
                "stands on an async fn",
            ),
            (quote!(impl Node for A {}), "an inherent impl block"),
            (quote!(impl A { fn other(&self) {} }), "needs an `async fn run"),
            (quote!(impl A { async fn run() -> Result<Value> {} }), "takes `&self`"),
            (quote!(impl A { async fn run(&mut self) -> Result<Value> {} }), "take `&self`"),
        ];
        check(&cases.map(|(item, says)| (quote!(summary = "s"), item, says)));
    }

    #[test]
    fn what_only_the_macro_understands_is_gone_from_what_it_gives() {
        let item = quote! {
            /// Does it.
            pub(crate) async fn A(/** the x */ #[param(min = 1)] x: i64) -> Result<Value> { Ok(x.into()) }
        };
        let given = expand(quote!(), item).unwrap().to_string();
        assert!(!given.contains("# [param") && given.contains("pub (crate) struct A"), "{given}");
        assert!(given.contains(". describe (\"the x\")"), "{given}");
    }
}
