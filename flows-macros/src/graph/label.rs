//! Source as a label: on one line, in one form however it was formatted, and not too long.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// Characters of a label.
const LONGEST: usize = 72;

/// The text of some tokens.
pub(super) fn label(tokens: &impl ToTokens) -> String {
    let mut writer = Writer::default();
    writer.stream(tokens.to_token_stream());
    shortened(&writer.out)
}

fn shortened(text: &str) -> String {
    let text = &text.replace(char::is_control, " "); // a text may go over several lines
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Words after which an operator has one operand, and a parenthesis calls nothing.
const KEYWORDS: &[&str] =
    &["return", "break", "in", "if", "match", "let", "mut", "ref", "else", "move", "async", "as"];

#[derive(Default)]
struct Writer {
    out: String,
    /// How many `<` of types are open.
    angles: usize,
    /// The parameters of a closure have begun.
    bars: bool,
    /// An operator of one operand was written: what follows stands close to it.
    close: bool,
}

impl Writer {
    fn stream(&mut self, tokens: TokenStream) {
        let mut trees = tokens.into_iter().peekable();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Ident(word) => self.word(&word.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    let mut operator = String::from(punct.as_char());
                    let mut last = punct;
                    while last.spacing() == proc_macro2::Spacing::Joint
                        && let Some(TokenTree::Punct(next)) = trees.peek()
                        && goes_on(&operator, next.as_char())
                    {
                        last = next.clone();
                        operator.push(next.as_char());
                        trees.next();
                    }
                    self.operator(&operator);
                }
            }
        }
    }

    fn group(&mut self, delimiter: Delimiter, inside: TokenStream) {
        let (open, end) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{ ", " }"),
            Delimiter::None => ("", ""),
        };
        let is_call = self.out.ends_with(|c: char| c.is_alphanumeric() || "_)]>!?\"".contains(c));
        if delimiter == Delimiter::Brace || !is_call || self.ends_in_keyword() {
            self.space();
        }
        if inside.is_empty() {
            self.out.push_str(&format!("{}{}", open.trim_end(), end.trim_start()));
            return;
        }
        self.out.push_str(open);
        let angles = std::mem::take(&mut self.angles);
        self.close = true;
        self.stream(inside);
        self.angles = angles;
        self.close = false;
        self.out.push_str(end);
    }

    fn word(&mut self, word: &str) {
        self.space();
        self.out.push_str(word);
    }

    fn operator(&mut self, operator: &str) {
        let unary = self.close || self.out.is_empty() || self.ends_in_operator();
        let unary = unary || self.ends_in_keyword();
        let is_type = self.out.ends_with("::")
            || self.out.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().is_some_and(
                |word| word.starts_with(char::is_uppercase) && !self.out.ends_with(' '),
            );
        match operator {
            ".." | "..=" if self.out.ends_with(',') => {
                self.space();
                self.out.push_str(operator);
            }
            "." | "?" | "," | ";" | "::" | ":" | ".." | "..=" => self.out.push_str(operator),
            "<" if is_type => {
                self.angles += 1;
                self.out.push('<');
            }
            ">" if self.angles > 0 => {
                self.angles -= 1;
                self.out.push('>');
            }
            "|" if self.bars => {
                self.bars = false;
                self.out.push('|');
            }
            "!" if !unary => self.out.push('!'),
            "'" => {
                self.space();
                self.out.push('\'');
            }
            "!" | "-" | "*" | "&" | "&&" | "|" | "||" if unary => {
                self.space();
                self.out.push_str(operator);
                self.bars = operator == "|";
                self.close = true;
                return;
            }
            _ => {
                self.space();
                self.out.push_str(operator);
            }
        }
        self.close =
            matches!(operator, "::" | "." | ".." | "..=" | "'") || is_type && operator == "<";
    }

    fn space(&mut self) {
        let is_open = self.out.is_empty() || self.out.ends_with([' ', '(', '[']);
        if !self.close && !is_open {
            self.out.push(' ');
        }
        self.close = false;
    }

    fn ends_in_keyword(&self) -> bool {
        let last = self.out.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
        last.is_some_and(|word| KEYWORDS.contains(&word))
    }

    fn ends_in_operator(&self) -> bool {
        self.out.ends_with(|c: char| "=<>+-*/%&|^!,;:".contains(c)) && !self.out.ends_with("::")
    }
}

/// Whether a character belongs to the operator before it.
fn goes_on(operator: &str, next: char) -> bool {
    let whole = format!("{operator}{next}");
    let known = [
        "::", "..", "..=", "...", "==", "!=", "<=", ">=", "&&", "||", "=>", "->", "+=", "-=", "*=",
        "/=", "%=", "^=", "|=", "&=", "<<", "<<=",
    ];
    known.contains(&whole.as_str())
}

#[cfg(test)]
mod tests {
    use super::label;

    /// What is written as rustfmt would, comes out as it went in.
    #[test]
    fn source_is_shown_as_people_write_it() {
        for source in [
            "!warehouse.available",
            "a + b * -c == !d",
            "let Some(first) = said.chars().next()",
            "Ok(n) if n > 0",
            "order::Status::Open { id, .. }",
            "items.iter().map(|item| item.quantity)",
            "Err(Error::terminal(\"out of stock\"))",
            "Duration::from_secs(60)",
            "ctx.signal::<Vec<u8>>(\"answer\")",
            "(a, b) in pairs.iter().enumerate()",
            "0..=5",
            "&mut pending",
            "a < b && c >= d || e",
            "x as u64",
            "vec![1, 2]",
            "*count > 1",
            "Some(&x) | None",
            "f(&a, -1, !b)",
            "matches!(x, Some(_))",
            "closed[0]?",
        ] {
            let tokens: proc_macro2::TokenStream = source.parse().expect("tokens");
            assert_eq!(label(&tokens), source);
        }
    }

    #[test]
    fn formatting_does_not_matter() {
        let tokens: proc_macro2::TokenStream = "say(\"a\n\tb\")".parse().expect("tokens");
        assert_eq!(label(&tokens), "say(\"a  b\")");
        let tokens: proc_macro2::TokenStream = "a\n  .b( c ,d )\n && e".parse().expect("tokens");
        assert_eq!(label(&tokens), "a.b(c, d) && e");
    }

    #[test]
    fn long_ones_are_cut() {
        let long = "a.b()".repeat(40);
        let tokens: proc_macro2::TokenStream = long.parse().expect("tokens");
        let label = label(&tokens);
        assert_eq!(label.chars().count(), 72);
        assert!(label.ends_with('…'), "{label}");
    }
}
