//! The parameters that are not input: the context, and the transaction of `#[activity(transaction)]`.
//!
//! They are recognised by the last segment of their type, behind any references, so that a wrong
//! one gets an error that says so instead of becoming an input field.

use syn::{FnArg, Ident, Pat, PatType, Signature, Type};

use super::Kind;
use crate::errors::Errors;

/// What the runtime passes besides the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    Workflow,
    Activity,
    Transaction,
}

/// The parameters of a function, sorted.
pub(crate) struct Handles {
    pub(crate) handles: Vec<(Handle, PatType)>,
    pub(crate) rest: Vec<PatType>,
}

impl Handles {
    pub(super) fn read(sig: &Signature, kind: Kind, errors: &mut Errors) -> Self {
        let mut sorted = Self { handles: Vec::new(), rest: Vec::new() };
        for arg in &sig.inputs {
            let FnArg::Typed(param) = arg else { continue };
            match Handle::of(&param.ty, kind) {
                Some(handle) => sorted.add(handle, param, sig, kind, errors),
                None => sorted.rest.push(param.clone()),
            }
        }
        sorted.check_missing(sig, kind, errors);
        sorted
    }

    fn add(
        &mut self,
        handle: Handle,
        param: &PatType,
        sig: &Signature,
        kind: Kind,
        errors: &mut Errors,
    ) {
        let name = &sig.ident;
        let usage = handle.usage();
        if !handle.belongs_to(kind) {
            errors.on(&param.ty, handle.foreign(name));
        } else if !is_shared_reference(&param.ty) {
            let what = handle.noun();
            let message = format!("`{name}` takes its {what} as a shared reference: `{usage}`");
            errors.on(&param.ty, message);
        } else if !matches!(*param.pat, Pat::Ident(_) | Pat::Wild(_)) {
            errors.on(&param.pat, format!("give it a name: `{usage}`"));
        } else if !self.rest.is_empty() {
            errors.on(param, format!("`{usage}` comes before the input of `{name}`"));
        } else if self.handles.iter().any(|(other, _)| *other == handle) {
            errors.on(param, format!("`{name}` takes `{usage}` twice"));
        }
        self.handles.push((handle, param.clone()));
    }

    fn check_missing(&self, sig: &Signature, kind: Kind, errors: &mut Errors) {
        let name = &sig.ident;
        let needed = match kind {
            Kind::Workflow => Handle::Workflow,
            Kind::Activity { transaction: true } => Handle::Transaction,
            Kind::Activity { transaction: false } => return,
        };
        let is_wrong = |handle: Handle| !handle.belongs_to(kind);
        if self.handles.iter().any(|(handle, _)| *handle == needed || is_wrong(*handle)) {
            return; // there, or named in an error of its own
        }
        let (what, usage) = (needed.noun(), needed.usage());
        errors.on(name, format!("`{name}` has no {what}: its first parameter is `{usage}`"));
    }
}

impl Handle {
    fn of(ty: &Type, kind: Kind) -> Option<Self> {
        match last_segment(ty)?.as_str() {
            "WorkflowContext" => Some(Self::Workflow),
            "ActivityContext" => Some(Self::Activity),
            // an application may well have a `Transaction` of its own
            "Transaction" if matches!(ty, Type::Reference(_)) => Some(Self::Transaction),
            "Transaction" if kind == (Kind::Activity { transaction: true }) => {
                Some(Self::Transaction)
            }
            _ => None,
        }
    }

    fn belongs_to(self, kind: Kind) -> bool {
        match self {
            Self::Workflow => kind == Kind::Workflow,
            Self::Activity => kind != Kind::Workflow,
            Self::Transaction => kind == Kind::Activity { transaction: true },
        }
    }

    fn noun(self) -> &'static str {
        if self == Self::Transaction { "transaction" } else { "context" }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Workflow => "ctx: &WorkflowContext",
            Self::Activity => "ctx: &ActivityContext",
            Self::Transaction => "tx: &flows::pg::Transaction<'_>",
        }
    }

    /// The error where it does not belong.
    fn foreign(self, name: &Ident) -> String {
        match self {
            Self::Workflow => format!(
                "`{name}` is an activity and takes `ctx: &ActivityContext`, or no context; only \
                 a workflow has a `WorkflowContext`"
            ),
            Self::Activity => format!(
                "`{name}` is a workflow and takes `ctx: &WorkflowContext`; only an activity has \
                 an `ActivityContext`"
            ),
            Self::Transaction => format!(
                "`{name}` takes a transaction: that is for `#[activity(transaction)]`, and input \
                 is owned"
            ),
        }
    }
}

/// The names of the parameters that are a workflow's context.
pub(crate) fn context_names(sig: &Signature) -> Vec<Ident> {
    names_of(sig, "WorkflowContext")
}

/// The same of an activity's.
pub(crate) fn activity_context_names(sig: &Signature) -> Vec<Ident> {
    names_of(sig, "ActivityContext")
}

fn names_of(sig: &Signature, context: &str) -> Vec<Ident> {
    let name = |arg: &FnArg| match arg {
        FnArg::Typed(PatType { pat, ty, .. }) => match &**pat {
            Pat::Ident(name) if last_segment(ty)? == context => Some(name.ident.clone()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    };
    sig.inputs.iter().filter_map(name).collect()
}

fn is_shared_reference(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    reference.mutability.is_none() && !matches!(*reference.elem, Type::Reference(_))
}

/// The last segment of a path type, behind references and parentheses.
fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Reference(reference) => last_segment(&reference.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        Type::Group(group) => last_segment(&group.elem),
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}
