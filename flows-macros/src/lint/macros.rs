//! Macro calls: by their own name, and by what stands in their arguments.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::visit_mut::VisitMut;
use syn::{Expr, Ident, Macro, Token};

use super::Lint;
use super::path::{Segments, find};
use super::table::{COMBINATORS, MACROS, PATHS, RUNTIMES};
use crate::select::Select;

/// Macros that run nothing of what they are given.
const QUOTING: &[&str] = &["concat", "env", "include_str", "option_env", "quote", "stringify"];

impl Lint<'_> {
    /// Checks one call.
    pub(super) fn check_macro(&mut self, call: &mut Macro) {
        let full = self.scopes.resolve(&call.path).unwrap_or_default();
        let name = full.last().cloned().unwrap_or_default();
        if let Some(rule) = find(&full, MACROS) {
            self.report(&call.path, &format!("`{}!`", full.join("::")), rule.why, rule.help);
        }
        if let Some(ours) = foreign_combinator(&full) {
            self.foreign(call, &full, ours);
        } else if name == "select" {
            self.select(call);
        } else if !QUOTING.contains(&&*name) {
            self.arguments(call);
        }
    }

    /// Another library's combinator. It cannot be allowed: nobody checks what it awaits.
    fn foreign(&mut self, call: &mut Macro, full: &[String], ours: &str) {
        let message = format!(
            "`{}!` polls in an order that nobody records, so a replay may take another\n\
             help: `{ours}` does the same in every replay",
            full.join("::")
        );
        self.errors.on(&call.path, message);
        self.allowed.iter_mut().for_each(|allow| allow.used = true); // one mistake, one error
        self.scan(call.tokens.clone());
    }

    fn select(&mut self, call: &mut Macro) {
        let Ok(mut select) = Select::parse_call.parse2(call.tokens.clone()) else {
            return self.scan(call.tokens.clone()); // `rewrite` says what is wrong with it
        };
        for (pat, future, body) in select.arms_mut() {
            self.visit_expr_mut(future);
            self.scopes.enter();
            self.scopes.bind_pattern(pat, super::kind::LocalKind::Other);
            self.visit_expr_mut(body);
            self.scopes.leave();
        }
        call.tokens = select.into_token_stream();
    }

    /// Reads arguments as expressions, as far as they are; looks for paths in the rest.
    fn arguments(&mut self, call: &mut Macro) {
        let read = |input: ParseStream<'_>| {
            let mut out = TokenStream::new();
            while self.argument(input, &mut out) {}
            let rest = input.parse::<TokenStream>()?;
            self.scan(rest.clone());
            out.extend(rest);
            Ok(out)
        };
        if let Ok(tokens) = read.parse2(call.tokens.clone()) {
            call.tokens = tokens;
        }
    }

    /// One argument, with its name in front and what separates it from the next.
    fn argument(&mut self, input: ParseStream<'_>, out: &mut TokenStream) -> bool {
        let ahead = input.fork();
        let named =
            ahead.peek(Ident::peek_any) && ahead.peek2(Token![=]) && !ahead.peek2(Token![==]);
        let mut name = TokenStream::new();
        if named {
            name.extend(ahead.call(Ident::parse_any).map(ToTokens::into_token_stream));
            name.extend(ahead.parse::<Token![=]>().map(ToTokens::into_token_stream));
        }
        let Ok(mut expr) = ahead.parse::<Expr>() else { return false };
        let separator = match ahead.parse::<TokenTree>() {
            Ok(TokenTree::Punct(punct)) if matches!(punct.as_char(), ',' | ';') => Some(punct),
            Err(_) => None,
            Ok(_) => return false,
        };
        input.advance_to(&ahead);
        self.visit_expr_mut(&mut expr);
        name.to_tokens(out);
        expr.to_tokens(out);
        separator.to_tokens(out);
        separator.is_some()
    }

    /// Looks for paths among tokens whose syntax nobody knows.
    pub(super) fn scan(&mut self, tokens: TokenStream) {
        let mut path = Written::default();
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) if path.takes_ident() => path.push(ident),
                TokenTree::Punct(punct) if punct.as_char() == ':' => path.colon(punct),
                other => {
                    self.scanned(std::mem::take(&mut path));
                    match other {
                        TokenTree::Group(group) => self.scan(group.stream()),
                        TokenTree::Ident(ident) => path.push(ident),
                        TokenTree::Punct(punct) => path.after_dot = punct.as_char() == '.',
                        TokenTree::Literal(_) => {}
                    }
                }
            }
        }
        self.scanned(path);
    }

    fn scanned(&mut self, path: Written) {
        if path.after_dot || path.segments.is_empty() {
            return;
        }
        let written = path.segments;
        let is_local = matches!(&path.only, Some(name) if self.scopes.local(name).is_some());
        let Some(full) = self.scopes.resolve_segments(written.clone()) else { return };
        let Some(rule) = find(&full, PATHS).filter(|_| !is_local) else { return };
        self.report(path.tokens, &super::shown(&written, &full), rule.why, rule.help);
    }
}

/// What of ours does the same as another library's macro.
pub(super) fn foreign_combinator(full: &[String]) -> Option<&'static str> {
    let [first, .., name] = full else { return None };
    let known = COMBINATORS.iter().find(|(theirs, _)| theirs == name);
    known.filter(|_| RUNTIMES.contains(&first.as_str())).map(|(_, ours)| *ours)
}

/// A path among tokens.
#[derive(Default)]
struct Written {
    segments: Segments,
    /// The name, while it is the only one.
    only: Option<Ident>,
    tokens: TokenStream,
    colons: usize,
    after_dot: bool,
}

impl Written {
    /// An identifier goes on a path only behind `::`.
    fn takes_ident(&self) -> bool {
        self.segments.is_empty() || self.colons == 2
    }

    fn push(&mut self, ident: Ident) {
        self.segments.push(ident.unraw().to_string());
        self.only = (self.segments.len() == 1).then(|| ident.clone());
        self.tokens.extend([TokenTree::from(ident)]);
        self.colons = 0;
    }

    fn colon(&mut self, punct: proc_macro2::Punct) {
        if !self.segments.is_empty() {
            self.colons += 1;
            self.tokens.extend([TokenTree::from(punct)]);
        }
    }
}
