//! `#[derive(Model)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprArray, Fields, GenericArgument, LitStr, PathArguments, Result,
    Token, Type,
};

use crate::options::wrong;

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let Data::Struct(data) = &input.data else {
        return wrong(&input.ident, "a model is a struct: its fields are the columns");
    };
    let Fields::Named(fields) = &data.fields else {
        return wrong(&input.ident, "the fields of a model have names");
    };
    if !input.generics.params.is_empty() {
        return wrong(&input.generics, "a model has no type parameters: its columns have one type each");
    }
    let (ident, name) = (&input.ident, input.ident.to_string());
    let mut statements = Vec::new();
    for field in &fields.named {
        let column = field.ident.as_ref().map(|i| i.to_string().trim_start_matches("r#").to_owned());
        if let Some(statement) = field_statement(&field.attrs, &field.ty, &column.unwrap_or_default())? {
            statements.push(statement);
        }
    }
    if statements.is_empty() {
        return wrong(&input.ident, "a model has at least one field");
    }
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("model")) {
        attribute.parse_nested_meta(|meta| {
            statements.push(model_statement(&meta)?);
            Ok(())
        })?;
    }
    Ok(quote! {
        impl ::hallmark_dataflow::Model for #ident {
            fn declaration() -> ::hallmark_dataflow::ModelDecl {
                let mut model = ::hallmark_dataflow::ModelDecl::new(#name);
                #(#statements)*
                model
            }
        }
    })
}

/// What one word of `#[model(…)]` does; a word that is none of these is an option, as in `__dataflow__`.
fn model_statement(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let Some(word) = meta.path.get_ident().map(ToString::to_string) else {
        return Err(meta.error("expected a word"));
    };
    Ok(match word.as_str() {
        "table" => {
            let table: LitStr = meta.value()?.parse()?;
            quote!(model.table = ::std::option::Option::Some(#table.to_owned());)
        }
        "primary_key" => {
            let names = texts(meta)?;
            quote!(model.set_key(&[#(#names.to_owned()),*]);)
        }
        "check" => {
            let condition: LitStr = meta.value()?.parse()?;
            quote!(model = model.check(::std::option::Option::None, #condition);)
        }
        "unique" => {
            let names = texts(meta)?;
            quote!(model.indexes.push(::hallmark_dataflow::Index {
                fields: ::std::vec![#(#names.to_owned()),*], unique: true, ..::std::default::Default::default()
            });)
        }
        "index" => index_statement(meta)?,
        option => {
            let value =
                if meta.input.peek(Token![=]) { json(&meta.value()?.parse()?)? } else { quote!(true.into()) };
            quote!(model.options.insert(#option.to_owned(), #value);)
        }
    })
}

/// `index(fields = ["a"], name = "i", unique, method = "gin", condition = "…", include = ["b"])`.
fn index_statement(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let mut sets = Vec::new();
    let mut has_fields = false;
    meta.parse_nested_meta(|inner| {
        let word = inner.path.get_ident().map(ToString::to_string).unwrap_or_default();
        sets.push(match word.as_str() {
            "fields" => {
                has_fields = true;
                let names = texts(&inner)?;
                quote!(index.fields = ::std::vec![#(#names.to_owned()),*];)
            }
            "include" => {
                let names = texts(&inner)?;
                quote!(index.include = ::std::vec![#(#names.to_owned()),*];)
            }
            "unique" => quote!(index.unique = true;),
            "name" | "method" | "operator_class" | "condition" => {
                let (text, field): (LitStr, syn::Ident) =
                    (inner.value()?.parse()?, syn::Ident::new(&word, proc_macro2::Span::call_site()));
                quote!(index.#field = ::std::option::Option::Some(#text.to_owned());)
            }
            _ => {
                return Err(inner
                    .error("expected fields, name, unique, method, operator_class, condition or include"));
            }
        });
        Ok(())
    })?;
    if !has_fields {
        return Err(meta.error("an index needs fields = [\"…\"]"));
    }
    Ok(quote! {{
        let mut index = ::hallmark_dataflow::Index::default();
        #(#sets)*
        model.indexes.push(index);
    }})
}

/// One field; nothing for one that is skipped.
fn field_statement(attributes: &[Attribute], ty: &Type, column: &str) -> Result<Option<TokenStream>> {
    let mut name = column.to_owned();
    let (mut kind, mut skipped, mut sets) = (None, false, Vec::new());
    for attribute in attributes.iter().filter(|a| a.path().is_ident("field")) {
        attribute.parse_nested_meta(|meta| {
            let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match word.as_str() {
                "skip" => skipped = true,
                "name" => name = meta.value()?.parse::<LitStr>()?.value(),
                "kind" => kind = Some(kind_word(&meta.value()?.parse::<LitStr>()?)?),
                _ => sets.push(keyword(&meta, &word)?),
            }
            Ok(())
        })?;
    }
    if skipped {
        return Ok(None);
    }
    let (inner, nullable) = match argument(ty, "Option") {
        Some(inner) => (inner, true),
        None => (ty, false),
    };
    let kind = match kind {
        Some(kind) => kind,
        None => kind_of(inner)?,
    };
    Ok(Some(quote! {{
        let mut field = ::hallmark_dataflow::Field::new(#name, ::hallmark_dataflow::FieldType::#kind);
        field.nullable = #nullable;
        #(#sets)*
        model.fields.push(field);
    }}))
}

fn keyword(meta: &ParseNestedMeta<'_>, word: &str) -> Result<TokenStream> {
    let field = syn::Ident::new(if word.is_empty() { "_" } else { word }, proc_macro2::Span::call_site());
    let some = |value: TokenStream| quote!(::std::option::Option::Some(#value));
    Ok(match word {
        "primary_key" | "unique" | "index" => quote!(field.#field = true;),
        "auto_increment" => {
            let does: syn::LitBool = meta.value()?.parse()?;
            quote!(field.auto_increment = ::std::option::Option::Some(#does);)
        }
        "max_length" | "min_length" | "max_digits" | "decimal_places" => {
            let count = some({
                let count: syn::LitInt = meta.value()?.parse()?;
                quote!(#count)
            });
            quote!(field.#field = #count;)
        }
        "minimum" | "maximum" | "above" | "below" => {
            let (value, exclusive) = (json(&meta.value()?.parse()?)?, matches!(word, "above" | "below"));
            let field = if matches!(word, "minimum" | "above") { quote!(minimum) } else { quote!(maximum) };
            let limit = some(quote!(::hallmark_dataflow::Limit { value: #value, exclusive: #exclusive }));
            quote!(field.#field = #limit;)
        }
        "pattern" | "renamed_from" | "enum_type" => {
            let text: LitStr = meta.value()?.parse()?;
            quote!(field.#field = ::std::option::Option::Some(#text.to_owned());)
        }
        "references" => {
            let text: LitStr = meta.value()?.parse()?;
            quote!(field.foreign_key = ::std::option::Option::Some(#text.to_owned());)
        }
        "on_delete" => {
            let text: LitStr = meta.value()?.parse()?;
            let action = match text.value().as_str() {
                "cascade" => quote!(Cascade),
                "restrict" => quote!(Restrict),
                "set_null" => quote!(SetNull),
                "set_default" => quote!(SetDefault),
                _ => return wrong(&text, "expected cascade, restrict, set_null or set_default"),
            };
            quote!(field.on_delete = ::std::option::Option::Some(::hallmark_dataflow::OnDelete::#action);)
        }
        "choices" => {
            let list: ExprArray = meta.value()?.parse()?;
            let values = list.elems.iter().map(json).collect::<Result<Vec<_>>>()?;
            quote!(field.choices = ::std::vec![#(#values),*];)
        }
        "default" => {
            let value = some({
                let value = json(&meta.value()?.parse()?)?;
                quote!(::hallmark_dataflow::FieldDefault::Value(#value))
            });
            quote!(field.default = #value;)
        }
        "default_now" => {
            quote!(field.default = ::std::option::Option::Some(::hallmark_dataflow::FieldDefault::Now);)
        }
        "default_today" => {
            quote!(field.default = ::std::option::Option::Some(::hallmark_dataflow::FieldDefault::Today);)
        }
        "default_uuid" => {
            quote!(field.default = ::std::option::Option::Some(::hallmark_dataflow::FieldDefault::Uuid);)
        }
        _ => {
            return Err(meta.error(
                "expected primary_key, auto_increment, unique, index, max_length, min_length, minimum, maximum, above, below, \
                 pattern, max_digits, decimal_places, choices, references, on_delete, default, default_now, default_today, \
                 default_uuid, renamed_from, enum_type, kind, name or skip",
            ));
        }
    })
}

/// A literal, or a list of such, as a JSON value.
fn json(expr: &Expr) -> Result<TokenStream> {
    match expr {
        Expr::Array(array) => {
            let items = array.elems.iter().map(json).collect::<Result<Vec<_>>>()?;
            Ok(quote!(::hallmark_dataflow::Value::Array(::std::vec![#(#items),*])))
        }
        Expr::Lit(_) | Expr::Unary(_) => Ok(quote!(::hallmark_dataflow::Value::from(#expr))),
        other => wrong(other, "expected a literal or a list of literals"),
    }
}

fn texts(meta: &ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    let content;
    let value = meta.value()?;
    syn::bracketed!(content in value);
    let list: Punctuated<LitStr, Token![,]> = Punctuated::parse_terminated(&content)?;
    Ok(list.into_iter().collect())
}

/// The last word of a type's path.
fn word(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    }
}

/// The first type argument, if the type's last word is this.
fn argument<'a>(ty: &'a Type, wanted: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|s| s.ident == wanted)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|a| if let GenericArgument::Type(inner) = a { Some(inner) } else { None })
}

fn kind_of(ty: &Type) -> Result<TokenStream> {
    let name = word(ty).unwrap_or_default();
    let element = argument(ty, "Vec").and_then(word);
    Ok(match (name.as_str(), element.as_deref()) {
        ("i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32", _) => quote!(Integer),
        ("String", _) => quote!(Text),
        ("f32" | "f64", _) => quote!(Float),
        ("bool", _) => quote!(Boolean),
        ("Decimal", _) => quote!(Decimal),
        ("Timestamp" | "DateTime" | "OffsetDateTime" | "Zoned" | "SystemTime", _) => quote!(Timestamp),
        ("Date" | "NaiveDate", _) => quote!(Date),
        ("Time" | "NaiveTime", _) => quote!(Time),
        ("Uuid", _) => quote!(Uuid),
        ("Vec", Some("u8")) | ("Bytes", _) => quote!(Bytes),
        ("Vec", Some("f32" | "f64")) => quote!(FloatArray),
        ("Vec" | "HashSet" | "BTreeSet" | "VecDeque", _) => quote!(Array),
        ("HashMap" | "BTreeMap" | "Map", _) => quote!(Object),
        ("Value", _) => quote!(Json),
        _ => {
            return wrong(
                ty,
                "no field type is known for this; say it with #[field(kind = \"object\")], or leave it out with #[field(skip)]",
            );
        }
    })
}

fn kind_word(text: &LitStr) -> Result<TokenStream> {
    Ok(match text.value().as_str() {
        "integer" => quote!(Integer),
        "text" => quote!(Text),
        "float" => quote!(Float),
        "decimal" => quote!(Decimal),
        "boolean" => quote!(Boolean),
        "timestamp" => quote!(Timestamp),
        "date" => quote!(Date),
        "time" => quote!(Time),
        "uuid" => quote!(Uuid),
        "bytes" => quote!(Bytes),
        "object" => quote!(Object),
        "array" => quote!(Array),
        "float_array" => quote!(FloatArray),
        "json" => quote!(Json),
        _ => {
            return wrong(
                text,
                "expected integer, text, float, decimal, boolean, timestamp, date, time, uuid, bytes, object, array, \
                 float_array or json",
            );
        }
    })
}
