//! The names of everything a definition generates, and how visible they are.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, LitStr, Path, Visibility};

use super::Kind;
use crate::args::common::Common;

/// Names of one definition.
pub(crate) struct Names {
    /// The function.
    pub(crate) function: Ident,
    /// The module beside it.
    pub(crate) module: Ident,
    /// `Activity` or `Workflow`, in that module.
    pub(crate) definition: Ident,
    /// The input struct beside the function.
    pub(crate) input: Ident,
    /// The name under which runs and results are recorded.
    pub(crate) recorded: LitStr,
    /// The library.
    pub(crate) krate: Path,
}

impl Names {
    pub(super) fn new(function: &Ident, kind: Kind, common: &Common) -> Self {
        let plain = function.unraw();
        let recorded = || LitStr::new(&plain.to_string(), function.span());
        Self {
            function: function.clone(),
            module: common.module.clone().unwrap_or_else(|| function.clone()),
            definition: format_ident!("{}", kind.word()),
            input: format_ident!("__{plain}_Input", span = function.span()),
            recorded: common.name.clone().unwrap_or_else(recorded),
            krate: common.krate.clone(),
        }
    }

    /// `module::Activity`.
    pub(crate) fn definition_path(&self) -> TokenStream {
        let (module, definition) = (&self.module, &self.definition);
        quote!(#module::#definition)
    }
}

/// The same visibility, said from inside a module beside the item.
pub(crate) fn one_level_down(vis: &Visibility) -> TokenStream {
    let Visibility::Restricted(restricted) = vis else {
        return match vis {
            Visibility::Public(public) => quote!(#public),
            _ => quote!(pub(super)),
        };
    };
    let path = &restricted.path;
    let rest = path.segments.iter().skip(1);
    match path.segments.first().map(|first| first.ident.to_string()).as_deref() {
        Some("self") => quote!(pub(in super #(::#rest)*)),
        Some("super") => quote!(pub(in super::super #(::#rest)*)),
        _ => quote!(#vis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: &str) {
        let vis = syn::parse_str(given).expect("a visibility");
        let strip = |text: String| text.replace(' ', "");
        assert_eq!(strip(one_level_down(&vis).to_string()), strip(expected.to_owned()));
    }

    #[test]
    fn visibility_one_level_down() {
        check("", "pub(super)");
        check("pub", "pub");
        check("pub(crate)", "pub(crate)");
        check("pub(self)", "pub(in super)");
        check("pub(super)", "pub(in super::super)");
        check("pub(in super::a)", "pub(in super::super::a)");
        check("pub(in crate::a)", "pub(in crate::a)");
    }
}
