//! Questions to the compiler: what a name or a value is, where its name alone does not say it.
//!
//! `fs::copy` may be the standard library's or the user's own, `at.elapsed()` may read a clock, and
//! `CONFIG` may be a constant or a static. The expansion then holds a question about the type of it,
//! which never runs, and whose answer is an error with the lint's message or nothing. See `lint` in the
//! library. Of a function in a crate that the library does not know, the name is looked at when it is
//! called; so that is an error of the first run.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, Ident, Stmt};

use super::asked::{self, FUNCTIONS, RECEIVERS, RESULTS};
use super::path::{Segments, find};
use super::table::{PATHS, Rule};
use super::{Lint, shown};
use crate::runtime::{runtime, spanned};

/// A question about a value.
pub(super) struct Question {
    /// Of this method's receiver, or of what is called.
    of_receiver: bool,
    /// Kinds of the library, and what to say about a value of that kind.
    kinds: Vec<(&'static str, Said)>,
    span: Span,
}

/// What to say.
struct Said {
    what: String,
    why: &'static str,
    help: &'static str,
}

impl Said {
    fn by(rule: &'static Rule, what: String) -> Self {
        Self { what, why: rule.why, help: rule.help }
    }
}

impl Lint<'_> {
    /// Whether what is found here is reported. An escape that stands here is needed.
    fn asks(&mut self) -> bool {
        if let Some(allow) = self.allowed.last_mut() {
            allow.used = true;
        }
        self.allowed.is_empty() && !self.recorded
    }

    /// A path that no rule forbids by its name: asks what function it is.
    pub(super) fn ask_function(&mut self, expr: &ExprPath) -> Option<Expr> {
        let name = expr.path.segments.last()?.ident.unraw().to_string();
        if expr.qself.is_some() || name.contains(char::is_uppercase) || self.is_own(expr) {
            return None;
        }
        let written: Segments =
            expr.path.segments.iter().map(|at| at.ident.unraw().to_string()).collect();
        let (known, named) = (known(&written, &name), named(&written, &name));
        if known.is_empty() && named.is_empty() || !self.asks() {
            return None;
        }
        let span = expr.path.segments.last()?.ident.span();
        let runtime = runtime(self.krate, located(span));
        let function = Ident::new("function", Span::mixed_site());
        let questions = known.into_iter().map(|(path, said)| {
            let other = if path.starts_with("tokio::") { quote!(#runtime::) } else { quote!(::) };
            let path: TokenStream = path.parse().unwrap_or_default();
            let other = spanned(quote!(#other #path), located(span));
            let of = quote_spanned!(located(span)=> #runtime::lint::Functions(#function, #other));
            self.question(&of, &said, span)
        });
        let questions: Vec<_> = questions.collect();
        let passed = match &named[..] {
            [] => function.to_token_stream(),
            named => {
                let named = named.iter().map(|(krate, name, said)| {
                    let message = self.message(said);
                    quote!((#krate, #name, #message))
                });
                quote_spanned!(located(span)=> #runtime::lint::called(#function, &[#(#named),*]))
            }
        };
        let block = quote_spanned! {located(span)=>
            let #function = #expr;
            #(#questions)*
            #passed
        };
        parsed(group(Delimiter::Brace, block, expr.span()))
    }

    /// The same of one that is not called here. A name alone may be a variable's that some macro has
    /// made, which is no function to be passed on.
    pub(super) fn ask_value(&mut self, expr: &ExprPath) -> Option<Expr> {
        let asks = expr.path.segments.len() > 1 && self.rule_of(expr).is_none();
        asks.then(|| self.ask_function(expr)).flatten()
    }

    /// What to ask about a call, if its name is one of those.
    pub(super) fn question_about(&mut self, expr: &Expr) -> Option<Question> {
        let (name, span, kinds, of_receiver) = match expr {
            Expr::Call(call) => {
                let Expr::Path(function) = &*call.func else { return None };
                let first = call.args.first();
                if self.is_own(function) || first.is_some_and(|first| self.is_context(first)) {
                    return None;
                }
                let last = &function.path.segments.last()?.ident;
                (last, last.span(), RESULTS, false)
            }
            Expr::MethodCall(call) if call.args.is_empty() && !self.is_context(&call.receiver) => {
                (&call.method, call.method.span(), RECEIVERS, true)
            }
            _ => return None,
        };
        let kinds: Vec<_> =
            kinds.iter().filter(|kind| kind.names.iter().any(|n| name == n)).collect();
        if kinds.is_empty() || !self.asks() {
            return None;
        }
        let said = |kind: &&asked::AskedKind| {
            let like: Segments = kind.like.split("::").map(str::to_owned).collect();
            Some((kind.kind, Said::by(find(&like, PATHS)?, format!("`{name}`"))))
        };
        Some(Question { of_receiver, kinds: kinds.iter().filter_map(said).collect(), span })
    }

    /// Puts it beside the call.
    pub(super) fn put(&self, question: &Question, expr: &mut Expr) {
        let span = located(question.span);
        let runtime = runtime(self.krate, span);
        let ask = |value: &TokenStream| -> TokenStream {
            let about = question.kinds.iter().map(|(kind, said)| {
                let kind = Ident::new(kind, span);
                let of =
                    quote_spanned!(span=> #runtime::lint::Value::of(#value, #runtime::lint::#kind));
                self.question(&of, said, question.span)
            });
            about.collect()
        };
        let seen = |value: &Expr| {
            let it = Ident::new("it", Span::mixed_site());
            let questions = ask(&it.to_token_stream());
            let given = quote_spanned!(span=> #value, |#it| { #questions });
            let given = group(Delimiter::Parenthesis, given, value.span());
            let seen = crate::runtime::runtime(self.krate, value.span());
            parsed(quote_spanned!(value.span()=> #seen::lint::seen #given))
        };
        let asked = match &mut *expr {
            Expr::MethodCall(call) if question.of_receiver && is_place(&call.receiver) => {
                let receiver = &call.receiver;
                let questions = ask(&quote_spanned!(span=> &#receiver));
                parsed(quote_spanned!(span=> { #questions #call }))
            }
            Expr::MethodCall(call) if question.of_receiver => {
                if let Some(asked) = seen(&call.receiver) {
                    *call.receiver = asked;
                }
                None
            }
            other => seen(other),
        };
        if let Some(asked) = asked {
            *expr = asked;
        }
    }

    /// A value that is dropped where it was made: asks whether somebody had to await it.
    pub(super) fn ask_dropped(&self, expr: &mut Expr) {
        if self.recorded {
            return;
        }
        let (at, span) = (expr.span(), located(expr.span()));
        let (library, runtime) = (runtime(self.krate, at), runtime(self.krate, span));
        let it = Ident::new("it", Span::mixed_site());
        let given = quote_spanned! {span=> #expr, |#it| {
            use #runtime::lint::{First as _, Last as _};
            #runtime::lint::Dispensable::wanted((&&&&#runtime::lint::Dropped(#it)).answer());
        }};
        let given = group(Delimiter::Parenthesis, given, at);
        if let Some(asked) = parsed(quote_spanned!(at=> #library::lint::seen #given)) {
            *expr = asked;
        }
    }

    /// The name of a static or constant: asks whether it is the same in every replay.
    pub(super) fn ask_global(&mut self, expr: &ExprPath) {
        let path = &expr.path;
        if !self.is_global(expr) || self.is_unsafe || !self.asks() {
            return;
        }
        let span = located(path.span());
        let runtime = runtime(self.krate, span);
        let asked = Ident::new(if self.reached { "Reached" } else { "Global" }, span);
        self.before.extend(syn::parse2::<Stmt>(quote_spanned! {span=>
            if false {
                use #runtime::lint::{First as _, Last as _, Second as _, Third as _};
                #runtime::lint::Constant::wanted((&&&&&#runtime::lint::#asked(&#path)).answer());
            }
        }));
    }

    /// Whether a name is written as those of statics and constants are.
    pub(super) fn is_global(&self, expr: &ExprPath) -> bool {
        let segments = &expr.path.segments;
        let Some(name) = segments.last().map(|at| at.ident.unraw().to_string()) else {
            return false;
        };
        name.len() > 1
            && name.contains(char::is_uppercase)
            && !name.contains(char::is_lowercase)
            && segments.iter().rev().skip(1).all(|at| !is_type(&at.ident))
            && expr.qself.is_none()
            && !self.is_own(expr)
    }

    /// An error with the lint's message, if the answer is that no replay can repeat it.
    fn question(&self, of: &TokenStream, said: &Said, span: Span) -> TokenStream {
        let runtime = runtime(self.krate, located(span));
        let message = escaped(&format!("{} {}", said.what, said.why));
        let help = escaped(&self.in_users_words(said.help));
        quote_spanned! {located(span)=>
            if false {
                use #runtime::lint::{First as _, Last as _};
                #[diagnostic::on_unimplemented(
                    message = #message,
                    label = "a replay could not repeat it",
                    note = #help
                )]
                trait Repeatable: Sized {
                    fn wanted(self) {}
                }
                #[diagnostic::do_not_recommend]
                impl Repeatable for #runtime::lint::Fine {}
                Repeatable::wanted((&&&&#of).answer());
            }
        }
    }

    fn message(&self, said: &Said) -> String {
        format!("{} {}\nhelp: {}", said.what, said.why, self.in_users_words(said.help))
    }
}

/// What functions of this name there are that can be compared with it.
fn known(written: &[String], name: &str) -> Vec<(&'static str, Said)> {
    let functions = FUNCTIONS.iter().filter_map(|function| {
        let path = function.split("::<").next()?;
        let full: Segments = path.split("::").map(str::to_owned).collect();
        let rule = find(&full, PATHS).filter(|_| may_be(written, &full, name))?;
        Some((*function, Said::by(rule, shown(written, &full))))
    });
    functions.collect()
}

/// Functions of this name in crates that the library does not know: the crate, the name there.
fn named(written: &[String], name: &str) -> Vec<(String, String, Said)> {
    let patterns = PATHS.iter().flat_map(|rule| rule.paths.iter().map(move |path| (rule, *path)));
    let functions = patterns.filter_map(|(rule, path)| {
        let full: Segments = path.split("::").map(str::to_owned).collect();
        let [krate, .., last] = &full[..] else { return None };
        if ["std", "tokio", ".."].contains(&krate.as_str()) || !may_be(written, &full, name) {
            return None;
        }
        let ty = full[1..].iter().rev().nth(1).filter(|ty| ty.starts_with(char::is_uppercase));
        let name = ty.map_or_else(|| last.clone(), |ty| format!("{ty}::{last}"));
        Some((krate.clone(), name, Said::by(rule, shown(written, &full))))
    });
    functions.collect()
}

/// Whether a written path may stand for a function. Too many types have a `new` to ask all of them.
fn may_be(written: &[String], full: &[String], name: &str) -> bool {
    let of = |path: &[String]| path.iter().rev().nth(1).cloned();
    full.last().is_some_and(|last| last == name) && (name != "new" || of(full) == of(written))
}

/// Where it stands, as what a macro has made.
fn located(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// A group that stands where the user wrote what is in it: so does an expression that begins with it.
fn group(delimiter: Delimiter, tokens: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(span);
    TokenTree::from(group).into()
}

fn parsed(tokens: TokenStream) -> Option<Expr> {
    syn::parse2(tokens).ok()
}

/// In such a text, braces have a meaning.
fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// By its look: what is a type's own is no static.
fn is_type(name: &Ident) -> bool {
    let name = name.unraw().to_string();
    let is_number = name.strip_prefix(['f', 'i', 'u']).is_some_and(|rest| {
        rest == "size" || rest.starts_with(|digit: char| digit.is_ascii_digit())
    });
    is_number || name == "char" || name.starts_with(char::is_uppercase)
}

/// Something that stands there without being computed, so that it may be named twice.
fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        Expr::Index(index) => {
            is_place(&index.expr) && matches!(*index.index, Expr::Lit(_) | Expr::Path(_))
        }
        _ => false,
    }
}
