//! What a value of an attribute argument may be: text, a duration, a number, a flag, a group.
//!
//! Each reader gives `None` after an error, so that its caller goes on with the other keys.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, Type, UnOp};

use super::{Arg, Value, duration};
use crate::errors::Errors;

impl Arg {
    /// `name = "order"`: text that is not blank.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        let key = &self.key;
        match self.literal() {
            Some((false, Lit::Str(text))) if text.value().trim().is_empty() => {
                errors.on(text, format!("`{key}` is empty; write `{key} = \"{example}\"`"));
                None
            }
            Some((false, Lit::Str(text))) if text.value().contains(char::is_control) => {
                errors.on(text, format!("`{key}` has a character that nobody sees; remove it"));
                None
            }
            Some((false, Lit::Str(text))) => Some(text.clone()),
            _ => self.expected(&format!("text: `{key} = \"{example}\"`"), errors),
        }
    }

    /// `response = Cart`: a type.
    pub(crate) fn ty(&self, example: &str, errors: &mut Errors) -> Option<Type> {
        match &self.value {
            Value::Type(given) => Some(given.clone()),
            _ => self.expected(&format!("a type: `{} = {example}`", self.key), errors),
        }
    }

    /// `start_to_close = "30s"`.
    pub(crate) fn duration(&self, errors: &mut Errors) -> Option<Duration> {
        let key = &self.key;
        match self.literal() {
            Some((false, Lit::Str(text))) => duration::parse(&text.value())
                .map_err(|problem| errors.on(text, format!("`{key}`: {problem}")))
                .ok(),
            Some((false, Lit::Int(number))) if number.suffix().is_empty() => {
                let problem = format!("`{key} = {number}` has no unit; {}", duration::ALLOWED);
                errors.on(number, problem);
                None
            }
            _ => self.expected(&format!("a duration in quotes: `{key} = \"30s\"`"), errors),
        }
    }

    /// A duration that is longer than nothing.
    pub(crate) fn limit(&self, errors: &mut Errors) -> Option<Duration> {
        let duration = self.duration(errors)?;
        if duration.is_zero() {
            let key = &self.key;
            errors.on(key, format!("`{key}` must be longer than zero; leave it out for no limit"));
            return None;
        }
        Some(duration)
    }

    /// `version = 2`: a whole number, at least 1.
    pub(crate) fn count(&self, errors: &mut Errors) -> Option<u32> {
        let key = &self.key;
        let number = match self.literal() {
            Some((false, Lit::Int(number))) => number.base10_parse::<u32>().ok(),
            _ => None,
        };
        if number.is_none() || number == Some(0) {
            return self.expected(&format!("a whole number from 1: `{key} = 1`"), errors);
        }
        number
    }

    /// `jitter = 0.1`: a number within bounds; `allowed` says which in the error.
    pub(crate) fn number(
        &self,
        bounds: impl std::ops::RangeBounds<f64>,
        allowed: &str,
        errors: &mut Errors,
    ) -> Option<f64> {
        let number = match self.literal() {
            Some((minus, Lit::Int(number))) => signed(minus, number.base10_parse().ok()),
            Some((minus, Lit::Float(number))) => signed(minus, number.base10_parse().ok()),
            _ => None,
        };
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => self.expected(allowed, errors),
        }
    }

    /// `transaction`: stands alone.
    pub(crate) fn flag(&self, errors: &mut Errors) -> bool {
        let alone = matches!(self.value, Value::Flag);
        if !alone {
            let key = &self.key;
            self.expected::<()>(&format!("no value: write just `{key}`"), errors);
        }
        alone
    }

    /// `retry(…)`.
    pub(crate) fn group(&self, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        match &self.value {
            Value::Group(tokens) => Some(tokens.clone()),
            _ => self.expected(&format!("a list in parentheses: `{example}`"), errors),
        }
    }

    fn expected<T>(&self, what: &str, errors: &mut Errors) -> Option<T> {
        let message = format!("`{}` takes {what}", self.key);
        match &self.value {
            Value::Assigned(value) => errors.on(value, message),
            _ => errors.on(&self.key, message),
        }
        None
    }

    /// The literal of `key = literal`, and whether a minus stands before it.
    fn literal(&self) -> Option<(bool, &Lit)> {
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit { lit, .. })) => Some((false, lit)),
            Value::Assigned(Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. })) => {
                let Expr::Lit(ExprLit { lit, .. }) = &**expr else { return None };
                Some((true, lit))
            }
            _ => None,
        }
    }
}

fn signed(minus: bool, number: Option<f64>) -> Option<f64> {
    number.map(|number| if minus { -number } else { number })
}

/// A duration as an expression.
pub(crate) fn tokens_of(duration: Duration) -> TokenStream {
    match u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) {
        millis if millis % 1000 == 0 => {
            let seconds = millis / 1000;
            quote!(::std::time::Duration::from_secs(#seconds))
        }
        millis => quote!(::std::time::Duration::from_millis(#millis)),
    }
}
