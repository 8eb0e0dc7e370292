//! Reads a body in the order in which it is evaluated.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ExprAsync, ExprBinary, ExprBlock, ExprCall, ExprClosure,
    ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprMethodCall, ExprReturn, ExprUnary, ExprWhile,
    Ident, Item, Label, Lifetime, Local, Macro, Pat, Token, UnOp,
};

use super::calls::{self, is_context};
use super::label::label;
use super::{Node, Part};
use crate::select::Select;

/// Collects the nodes of what it visits.
pub(super) struct Reader<'a> {
    contexts: &'a [Ident],
    nodes: Vec<Node>,
    /// Variables that hold a saga.
    sagas: Vec<Ident>,
    /// Variables that hold a scope.
    scopes: Vec<Ident>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(contexts: &'a [Ident]) -> Self {
        Self { contexts, nodes: Vec::new(), sagas: Vec::new(), scopes: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Node> {
        self.nodes
    }

    /// The nodes of something that stands by itself.
    fn apart(&self, read: impl FnOnce(&mut Self)) -> Vec<Node> {
        let (sagas, scopes) = (self.sagas.clone(), self.scopes.clone());
        let mut reader = Self { sagas, scopes, ..Self::new(self.contexts) };
        read(&mut reader);
        reader.nodes
    }

    fn block(&self, block: &Block) -> Vec<Node> {
        self.apart(|reader| reader.visit_block(block))
    }

    fn expr(&self, expr: &Expr) -> Vec<Node> {
        self.apart(|reader| reader.visit_expr(expr))
    }

    /// What a lane does: an `async` block there is only a way to write several steps.
    fn lane(&self, expr: &Expr) -> Vec<Node> {
        match expr {
            Expr::Async(block) => self.block(&block.block),
            Expr::Paren(paren) => self.lane(&paren.expr),
            other => self.expr(other),
        }
    }

    /// Adds a node, unless there is nothing in it.
    fn push(&mut self, node: Node) {
        if node.stands_alone() || node.parts.iter().any(|part| !part.nodes.is_empty()) {
            self.nodes.push(node);
        }
    }

    fn around(&mut self, kind: &'static str, label: String, span: Span, nodes: Vec<Node>) {
        self.push(Node::around(kind, label, span, nodes));
    }

    /// `if ctx.patched("id")`, or of its negation; the condition is no step of its own then.
    fn if_patched(&mut self, branch: &ExprIf) -> bool {
        let negated = match &*branch.cond {
            Expr::Unary(ExprUnary { op: UnOp::Not(_), expr, .. }) => Some(&**expr),
            _ => None,
        };
        let id = calls::patched(negated.unwrap_or(&branch.cond), self.contexts);
        let Some(id) = id else { return false };
        let then = self.block(&branch.then_branch);
        let other = self.otherwise(branch);
        let (new, old) = if negated.is_some() { (other, then) } else { (then, other) };
        let parts = vec![Part::new("", new), Part::new("", old)];
        let span = branch.if_token.span();
        self.push(Node { parts, ..Node::new("IfPatched", id, span) });
        true
    }

    fn otherwise(&self, branch: &ExprIf) -> Vec<Node> {
        branch.else_branch.as_ref().map(|(_, other)| self.expr(other)).unwrap_or_default()
    }

    /// `join!` and its like, `select!`, and macros whose arguments are expressions.
    fn combinator(&mut self, name: &str, call: &Macro) {
        let span = call.path.span();
        if name == "select" {
            let Ok(select) = Select::parse_call.parse2(call.tokens.clone()) else { return };
            let parts = select.arms().flat_map(|(pat, future, body)| {
                let lane = self.lane(future);
                [Part::new(label(pat), lane), Part::new("", self.expr(body))]
            });
            let parts = parts.collect();
            return self.push(Node { parts, ..Node::new("Select", "", span) });
        }
        let kind = if name == "join" { "Join" } else { "TryJoin" };
        let lanes = arguments(call).iter().map(|expr| self.lane(expr)).collect::<Vec<_>>();
        let parts = lanes.into_iter().map(|lane| Part::new("", lane)).collect();
        self.push(Node { parts, ..Node::new(kind, "", span) });
    }

    /// A method of the context. What stands in its arguments comes first.
    fn ask_context(&mut self, call: &ExprMethodCall) {
        let span = call.method.span();
        let name = call.method.unraw().to_string();
        let args: Vec<_> = call.args.iter().collect();
        match (name.as_str(), &args[..]) {
            ("timeout", [limit, future]) => {
                self.visit_expr(limit);
                let inside = self.lane(future);
                self.around("Timeout", label(limit), span, inside);
            }
            ("shield", [future]) => {
                let inside = self.lane(future);
                self.around("Shield", String::new(), span, inside);
            }
            ("batch", [items, n, map]) => {
                let parts = [*items, *map];
                let inside =
                    self.apart(|reader| parts.iter().for_each(|part| reader.visit_expr(part)));
                self.around("Batch", label(n), span, inside);
            }
            ("side_effect", _) => self.nodes.extend(calls::of_context(call)),
            _ => {
                args.iter().for_each(|arg| self.visit_expr(arg));
                self.nodes.extend(calls::of_context(call));
            }
        }
    }

    /// The name in `let saga = ctx.saga()` and `let scope = ctx.scope()`.
    fn begin(&mut self, local: &Local, init: &Expr) {
        let (Pat::Ident(name), Expr::MethodCall(call)) = (&local.pat, init) else { return };
        if !is_context(&call.receiver, self.contexts) {
            return;
        }
        match call.method.to_string().as_str() {
            "saga" => self.sagas.push(name.ident.clone()),
            "scope" => self.scopes.push(name.ident.clone()),
            _ => {}
        }
    }

    /// `run` of a saga or of a scope.
    fn run(&mut self, call: &ExprMethodCall) -> bool {
        let kind = if is_context(&call.receiver, &self.sagas) {
            "Saga"
        } else if is_context(&call.receiver, &self.scopes) {
            "Scope"
        } else {
            return false;
        };
        if call.method != "run" {
            return false;
        }
        let inside = match (kind, call.args.first()) {
            ("Scope", Some(future)) => self.lane(future),
            _ => self.apart(|reader| call.args.iter().for_each(|arg| reader.visit_expr(arg))),
        };
        self.around(kind, String::new(), call.method.span(), inside);
        true
    }

    /// An option of a call belongs to the call's node. What stands in its arguments comes after that.
    fn option(&mut self, call: &ExprMethodCall, option: (String, String)) {
        self.visit_expr(&call.receiver);
        if let Some(node) = self.nodes.iter_mut().rfind(|node| node.kind == "Call") {
            node.options.push(option);
        }
        call.args.iter().for_each(|arg| self.visit_expr(arg));
    }

    fn end(&mut self, kind: &'static str, label: String, span: Span) {
        // `return ctx.continue_as_new(…)` has ended already
        if self.nodes.last().is_none_or(|last| last.kind != "ContinueAsNew") {
            self.nodes.push(Node::new(kind, label, span));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, _: &'ast Item) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_local(&mut self, local: &'ast Local) {
        let Some(init) = &local.init else { return };
        self.visit_expr(&init.expr);
        self.begin(local, &init.expr);
        if let Some((token, diverge)) = &init.diverge {
            let otherwise = self.expr(diverge);
            let label = format!("{} = {}", label(&local.pat), label(&init.expr));
            self.around("LetElse", label, token.span(), otherwise);
        }
    }

    fn visit_expr_if(&mut self, branch: &'ast ExprIf) {
        if self.if_patched(branch) {
            return;
        }
        self.visit_expr(&branch.cond);
        let parts = vec![
            Part::new("", self.block(&branch.then_branch)),
            Part::new("", self.otherwise(branch)),
        ];
        let span = branch.if_token.span();
        self.push(Node { parts, ..Node::new("If", label(&branch.cond), span) });
    }

    fn visit_expr_match(&mut self, choice: &'ast ExprMatch) {
        self.visit_expr(&choice.expr);
        let parts = choice.arms.iter().map(|arm| {
            let nodes = self.apart(|reader| {
                reader.visit_pat(&arm.pat); // its guard may await
                reader.visit_expr(&arm.body);
            });
            Part::new(label(&arm.pat), nodes)
        });
        let parts = parts.collect();
        let span = choice.match_token.span();
        self.push(Node { parts, ..Node::new("Match", label(&choice.expr), span) });
    }

    /// What stands right of `&&` and `||` happens only sometimes.
    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        self.visit_expr(&binary.left);
        let (right, not) = match binary.op {
            BinOp::And(_) => (self.expr(&binary.right), false),
            BinOp::Or(_) => (self.expr(&binary.right), true),
            _ => return self.visit_expr(&binary.right),
        };
        let condition = label(&binary.left);
        let condition = if not { format!("!({condition})") } else { condition };
        self.around("If", condition, binary.op.span(), right);
    }

    fn visit_expr_loop(&mut self, round: &'ast ExprLoop) {
        let body = self.block(&round.body);
        let label = name_of(round.label.as_ref());
        self.around("Loop", label, round.loop_token.span(), body);
    }

    fn visit_expr_while(&mut self, round: &'ast ExprWhile) {
        let body = self.apart(|reader| {
            reader.visit_expr(&round.cond);
            reader.visit_block(&round.body);
        });
        let label = and_label(label(&round.cond), round.label.as_ref());
        self.around("While", label, round.while_token.span(), body);
    }

    fn visit_expr_for_loop(&mut self, round: &'ast ExprForLoop) {
        self.visit_expr(&round.expr);
        let each = format!("{} in {}", label(&round.pat), label(&round.expr));
        let body = self.block(&round.body);
        let label = and_label(each, round.label.as_ref());
        self.around("For", label, round.for_token.span(), body);
    }

    fn visit_expr_block(&mut self, block: &'ast ExprBlock) {
        let Some(label) = &block.label else { return self.visit_block(&block.block) };
        let inside = self.block(&block.block);
        self.around("Block", name_of(Some(label)), label.name.span(), inside);
    }

    fn visit_expr_async(&mut self, block: &'ast ExprAsync) {
        let inside = self.block(&block.block);
        self.around("Async", String::new(), block.async_token.span(), inside);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let inside = self.lane(&closure.body);
        let inputs: Vec<_> = closure.inputs.iter().map(label).collect();
        let label = format!("|{}|", inputs.join(", "));
        self.around("Closure", label, closure.inputs_begin.span(), inside);
    }

    fn visit_expr_return(&mut self, end: &'ast ExprReturn) {
        end.expr.iter().for_each(|value| self.visit_expr(value));
        let value = end.expr.as_ref().map(label).unwrap_or_default();
        self.end("Return", value, end.return_token.span());
    }

    fn visit_expr_break(&mut self, end: &'ast syn::ExprBreak) {
        end.expr.iter().for_each(|value| self.visit_expr(value));
        self.end("Break", lifetime(end.label.as_ref()), end.break_token.span());
    }

    fn visit_expr_continue(&mut self, end: &'ast syn::ExprContinue) {
        self.end("Continue", lifetime(end.label.as_ref()), end.continue_token.span());
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let name = match &*call.func {
            Expr::Path(path) => calls::last_name(&path.path),
            _ => String::new(),
        };
        let all = match name.as_str() {
            "join_all" => Some("JoinAll"),
            "try_join_all" => Some("TryJoinAll"),
            "race" => Some("Race"),
            "map_concurrent" => Some("MapConcurrent"),
            "stream_concurrent" => Some("StreamConcurrent"),
            _ => None,
        };
        if let (Some(kind), None) = (all, calls::function(call, self.contexts)) {
            let inside = self.apart(|reader| visit::visit_expr_call(reader, call));
            let limit = call.args.get(1).filter(|_| kind.ends_with("Concurrent"));
            let limit = limit.map(label).unwrap_or_default();
            return self.around(kind, limit, call.func.span(), inside);
        }
        visit::visit_expr_call(self, call);
        self.nodes.extend(calls::function(call, self.contexts));
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if is_context(&call.receiver, self.contexts) {
            return self.ask_context(call);
        }
        if self.run(call) {
            return;
        }
        if let Some(option) = calls::option(call, self.contexts) {
            return self.option(call, option);
        }
        visit::visit_expr_method_call(self, call);
        self.nodes.extend(calls::method(call, self.contexts));
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = calls::last_name(&call.path);
        match name.as_str() {
            "join" | "try_join" | "select" => self.combinator(&name, call),
            "panic" | "unreachable" | "todo" | "unimplemented" => {
                arguments(call).iter().for_each(|expr| self.visit_expr(expr));
                self.end("Panic", String::new(), call.path.span());
            }
            _ => arguments(call).iter().for_each(|expr| self.visit_expr(expr)),
        }
    }
}

/// The expressions between the commas of a macro call; none, where it has another syntax. Their
/// names, and the pattern of `matches!`, are left out.
fn arguments(call: &Macro) -> Vec<Expr> {
    let is_matches = call.path.is_ident("matches");
    let parse = |input: ParseStream<'_>| {
        if input.peek(Token![@]) {
            crate::join::krate(input)?;
        }
        let mut found = Vec::new();
        while !input.is_empty() {
            if input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
                input.call(Ident::parse_any)?;
                input.parse::<Token![=]>()?;
            }
            found.push(input.parse::<Expr>()?);
            if is_matches {
                input.parse::<TokenStream>()?;
            } else if input.parse::<Option<Token![,]>>()?.is_none() {
                input.parse::<Option<Token![;]>>()?;
            }
        }
        Ok(found)
    };
    parse.parse2(call.tokens.clone()).unwrap_or_default()
}

fn name_of(label: Option<&Label>) -> String {
    lifetime(label.map(|label| &label.name))
}

fn lifetime(name: Option<&Lifetime>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

/// The label of a loop stands behind what it says.
fn and_label(text: String, label: Option<&Label>) -> String {
    match label {
        Some(label) => format!("{text} {}", name_of(Some(label))),
        None => text,
    }
}
