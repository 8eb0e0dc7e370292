//! How long functions are.

use crate::source::{File, code};

/// Lines of a function, from `fn` to its last brace.
const MOST: usize = 70;

/// Names every function that is longer than a screen.
pub(crate) fn fit_a_screen(file: &File) -> Vec<String> {
    functions(&code(&file.text))
        .into_iter()
        .filter(|function| function.lines > MOST)
        .map(|Function { name, line, lines }| {
            format!("{}:{line}: `{name}` has {lines} lines; the most is {MOST}", file.path)
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions of a source without comments and texts that have a body.
fn functions(code: &str) -> Vec<Function> {
    let starts = code.match_indices("fn ").map(|(at, _)| at);
    let whole = |at: &usize| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    starts.filter(whole).filter_map(|at| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let rest = &code[at..];
    let name = rest["fn ".len()..].trim_start();
    let length = name.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '#')?;
    if length == 0 {
        return None; // a pointer type, or a name that a macro puts in
    }
    let open = body(rest)?;
    let end = open + matching(&rest[open..])?;
    Some(Function {
        name: name[..length].to_owned(),
        line: code[..at].matches('\n').count() + 1,
        lines: rest[..end].matches('\n').count() + 1,
    })
}

/// Where the body begins; none for a declaration.
fn body(rest: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
        if depth < 0 {
            return None; // a type between parentheses
        }
    }
    None
}

fn matching(rest: &str) -> Option<usize> {
    let mut depth = 0;
    rest.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(lines: usize) -> File {
        let body = "    x();\n".repeat(lines - 2);
        File::planted("a.rs", &format!("\nasync fn long(a: [u8; 2]) -> u8 {{\n{body}}}\n"))
    }

    #[test]
    fn a_long_function_is_found() {
        assert_eq!(fit_a_screen(&planted(70)), [""; 0]);
        assert_eq!(fit_a_screen(&planted(71)), ["a.rs:2: `long` has 71 lines; the most is 70"]);
    }

    #[test]
    fn functions_are_told_from_types() {
        let source = "struct S { f: fn (u8), g: fn() -> u8 }\ntrait T { fn declared(&self); }\n\
                      impl S { fn r#try() { if a { b } } }";
        let found = functions(source);
        assert_eq!(found, [Function { name: "r#try".into(), line: 3, lines: 1 }]);
    }
}
