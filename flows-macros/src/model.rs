//! Second stage: what an annotated function says, checked and in the words of the expansion.
//!
//! Reading never stops at an error: it is collected, and the model is repaired so that the
//! [fallback](crate::fallback) can still emit every name.

pub(crate) mod attrs;
mod function;
mod handles;
mod names;
mod param;
mod returns;
pub(crate) mod state;

use proc_macro2::TokenStream;
use quote::format_ident;
use syn::{Block, Generics, Ident, ItemFn, PatType, Type, Visibility};

use crate::args::common::Common;
use crate::errors::Errors;

pub(crate) use attrs::Attrs;
pub(crate) use function::{check_modifiers, free_function, function};
pub(crate) use handles::{Handle, Handles, activity_context_names, context_names};
pub(crate) use names::{Names, one_level_down};
pub(crate) use param::{Param, StubParam};

/// The two kinds of definition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Workflow,
    /// `transaction`: whether the attribute says so.
    Activity {
        transaction: bool,
    },
}

impl Kind {
    /// The attribute, as errors call it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Workflow => "`#[workflow]`",
            Self::Activity { .. } => "`#[activity]`",
        }
    }

    /// The context that its body gets.
    pub(crate) fn context(self) -> Ident {
        format_ident!("{}Context", self.word())
    }

    /// The trait it implements, and the name of the definition type.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Workflow => "Workflow",
            Self::Activity { .. } => "Activity",
        }
    }
}

/// A definition, ready to expand.
pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) names: Names,
    pub(crate) attrs: Attrs,
    pub(crate) vis: Visibility,
    /// Context and transaction, in the user's order.
    pub(crate) handles: Vec<(Handle, PatType)>,
    /// The fields of `Input`.
    pub(crate) params: Vec<Param>,
    /// The parameters of the stub: every one that is not a handle.
    pub(crate) stub: Vec<StubParam>,
    /// Empty unless there was an error.
    pub(crate) generics: Generics,
    /// The return type as written.
    pub(crate) returns: Type,
    /// Its success type.
    pub(crate) output: Type,
    pub(crate) block: Block,
    /// The function as written, where nothing but type parameters makes it no definition: what it names is in
    /// use.
    pub(crate) written: Option<ItemFn>,
}

impl Model {
    /// Reads `item`, a free function.
    pub(crate) fn read(item: ItemFn, kind: Kind, common: &Common, errors: &mut Errors) -> Self {
        function::check_generics(&item.sig, errors);
        let before = errors.count();
        function::check_modifiers(&item.sig, errors);
        let Handles { handles, rest } = Handles::read(&item.sig, kind, errors);
        let (returns, output) = returns::read(&item.sig, &common.krate, errors);
        let stub = rest.iter().enumerate().map(|(at, param)| StubParam::read(at, param)).collect();
        let module = common.module.as_ref().unwrap_or(&item.sig.ident);
        let mut params = Vec::new();
        for param in &rest {
            params.extend(Param::read(param, module, errors));
        }
        let written = (errors.count() == before).then(|| item.clone());
        let model = Self {
            written,
            kind,
            names: Names::new(&item.sig.ident, kind, common),
            attrs: Attrs::split(item.attrs),
            vis: item.vis,
            handles,
            params,
            stub,
            generics: item.sig.generics,
            returns,
            output,
            block: *item.block,
        };
        model.without_type_parameters()
    }

    /// The context parameter.
    pub(crate) fn context(&self) -> Option<&PatType> {
        let is_context = |handle| matches!(handle, Handle::Workflow | Handle::Activity);
        self.handles.iter().find(|(handle, _)| is_context(*handle)).map(|(_, param)| param)
    }

    /// Items outside of the function cannot name its type parameters (which are an error anyhow).
    fn without_type_parameters(mut self) -> Self {
        if !self.generics.params.is_empty() {
            self.params.clear();
            self.output = Type::Verbatim(TokenStream::from_iter(quote::quote!(())));
        }
        self
    }
}
