//! `select! { pattern = future => expression, … }`: the first of several durable futures.
//!
//! The futures are awaited as one, which gives an enum of as many variants; the losers are dropped;
//! then the winner's expression runs where it stands, so that `?`, `break`, `continue`, `return`
//! and `.await` work in it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Pat, Path, Token};

use crate::join::{MOST, durable, krate, refuse_awaited};

const USAGE: &str = "`select!` takes arms: `pattern = future => expression, …`";

/// A call of `select!`.
pub(crate) struct Select {
    krate: Path,
    arms: Vec<Arm>,
}

struct Arm {
    pat: Pat,
    future: Expr,
    body: Expr,
}

/// Expands a call.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    match Select::parse_call.parse2(tokens).and_then(Select::check) {
        Ok(select) => select.expansion(),
        Err(error) => error.into_compile_error(),
    }
}

impl Select {
    /// Parses the arguments.
    pub(crate) fn parse_call(input: ParseStream<'_>) -> syn::Result<Self> {
        let krate = krate(input)?;
        let mut arms = Vec::new();
        while !input.is_empty() {
            refuse_foreign_syntax(input)?;
            arms.push(Arm::parse(input)?);
        }
        Ok(Self { krate, arms })
    }

    /// Patterns, futures and bodies.
    pub(crate) fn arms_mut(&mut self) -> impl Iterator<Item = (&Pat, &mut Expr, &mut Expr)> {
        self.arms.iter_mut().map(|Arm { pat, future, body }| (&*pat, future, body))
    }

    /// Pattern, future and body of each arm.
    pub(crate) fn arms(&self) -> impl Iterator<Item = (&Pat, &Expr, &Expr)> {
        self.arms.iter().map(|arm| (&arm.pat, &arm.future, &arm.body))
    }

    fn check(self) -> syn::Result<Self> {
        let count = self.arms.len();
        if count == 0 {
            return Err(syn::Error::new(Span::call_site(), format!("no arms; {USAGE}")));
        }
        if let Some(first_too_many) = self.arms.get(MOST) {
            let message = format!(
                "`select!` takes up to {MOST} arms, and here are {count}; nest calls, or use \
                 `flows::race` for futures of one type"
            );
            return Err(syn::Error::new_spanned(&first_too_many.pat, message));
        }
        Ok(self)
    }

    fn expansion(&self) -> TokenStream {
        let krate = &self.krate;
        let futures = self.arms.iter().map(|arm| durable(krate, &arm.future));
        let won = Ident::new("won", Span::mixed_site());
        let result = format_ident!("Select{}", self.arms.len());
        let arms = self.arms.iter().enumerate().map(|(at, Arm { pat, body, .. })| {
            let variant = format_ident!("_{at}");
            quote! {
                #krate::__private::#result::#variant(#won) => {
                    let #pat = #won;
                    #body
                }
            }
        });
        quote! {{
            let #won = #krate::__private::durable(
                #krate::__private::select((#(#futures,)*))
            ).await;
            match #won { #(#arms)* }
        }}
    }
}

impl Arm {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let usage = |error: syn::Error| syn::Error::new(error.span(), format!("{error}; {USAGE}"));
        let pat = Pat::parse_multi_with_leading_vert(input).map_err(usage)?;
        refuse_refutable(&pat)?;
        input.parse::<Token![=]>().map_err(usage)?;
        let future = input.parse::<Expr>().map_err(usage)?;
        refuse_awaited("select", &future)?;
        refuse_condition(input)?;
        input.parse::<Token![=>]>().map_err(usage)?;
        let body = Expr::parse_with_earlier_boundary_rule(input).map_err(usage)?;
        let needs_comma = !ends_itself(&body) && !input.is_empty();
        if input.parse::<Option<Token![,]>>()?.is_none() && needs_comma {
            return Err(usage(input.error("expected `,`")));
        }
        Ok(Self { pat, future, body })
    }
}

/// The expressions after which a `match` wants no comma either.
fn ends_itself(body: &Expr) -> bool {
    matches!(
        body,
        Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Unsafe(_)
    )
}

/// What other libraries' `select!` have and this one does not need.
fn refuse_foreign_syntax(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![else]) || next_is(input, &["default", "complete"], "=>") {
        let message = "`select!` has no such arm: it waits until one of its futures is done; for \
                       a limit, add an arm `_ = ctx.sleep(limit) => …`";
        return Err(input.error(message));
    }
    if next_is(input, &["biased"], ";") {
        let message = "remove `biased;`: `select!` always tries its arms from first to last";
        return Err(input.error(message));
    }
    Ok(())
}

fn next_is(input: ParseStream<'_>, words: &[&str], then: &str) -> bool {
    let fork = input.fork();
    let Ok(word) = fork.parse::<Ident>() else { return false };
    let follows = if then == ";" { fork.peek(Token![;]) } else { fork.peek(Token![=>]) };
    follows && words.iter().any(|known| word == known)
}

/// The patterns that can be seen not to match everything; the compiler finds the others.
fn refuse_refutable(pat: &Pat) -> syn::Result<()> {
    let path = match pat {
        Pat::TupleStruct(pat) => pat.path.get_ident(),
        Pat::Ident(pat) => Some(&pat.ident),
        _ => None,
    };
    let is_variant = path
        .is_some_and(|name| ["Ok", "Err", "Some", "None"].iter().any(|variant| name == variant));
    if is_variant || matches!(pat, Pat::Lit(_) | Pat::Range(_)) {
        let message = "the first future done wins, whatever it gives, so the pattern must match \
                       everything: bind it, and `match` in the arm";
        return Err(syn::Error::new_spanned(pat, message));
    }
    Ok(())
}

fn refuse_condition(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![,]) && input.peek2(Token![if]) {
        let message = "`select!` has no conditions: put an `if` around it, or into the arm";
        return Err(input.error(message));
    }
    Ok(())
}

impl ToTokens for Select {
    /// The arguments again; `rewrite` adds the crate itself.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let arms =
            self.arms.iter().map(|Arm { pat, future, body }| quote!(#pat = #future => #body,));
        tokens.extend(quote!(#(#arms)*));
    }
}
