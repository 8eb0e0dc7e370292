//! Enums whose values have names.

/// An enum whose values have names, which stand beside them; `Type::NAMES` is the table.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $type:ident {
            $($(#[$doc:meta])* $value:ident = $name:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $value,)+
        }

        impl $type {
            pub(crate) const NAMES: &'static [(Self, &'static str)] = &[$((Self::$value, $name)),+];
        }
    };
}

pub(crate) use named;
