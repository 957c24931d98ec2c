//! The macros that declare what users write.

/// Declares a mapping that users write: its type, its JSON Schema and its reading.
///
/// Each field is `required` or `optional` (its type then has a default), and has a key. The doc comments become the
/// schema's descriptions; ```` ```yaml ```` blocks in the doc comment of the mapping become its examples.
///
/// After its name may stand `, partly`: what can be read of it is also used where a part is wrong
/// ([`Read::read_partly`](crate::read::Read::read_partly)). Or `, or "key"`: instead of the mapping, users may write the
/// text of that key alone.
#[macro_export]
macro_rules! record {
    (
        @declare
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident as $what:literal {
            $( $(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty = $key:literal, )*
        }
        $($schema:tt)*
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $vis $field: $type, )*
        }

        impl $crate::read::Record for $name {
            const NAME: &'static str = $what;
            const KEYS: &'static [&'static str] = &[$($key),*];
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let schema = $crate::read::object_schema(
                    $what,
                    concat!($($about, "\n"),+),
                    vec![$( ($key, stringify!($need) == "required", generator.subschema_for::<$type>(), concat!($($doc, "\n"),+)) ),*],
                );
                $crate::record!(@schema schema $($schema)*)
            }
        }
    };
    (@schema $schema:ident) => { $schema };
    (@schema $schema:ident or $short:literal) => { $crate::read::object_or_text($schema, $short) };
    (@read $node:ident $found:ident $name:ident { $($need:ident $field:ident: $type:ty = $key:literal,)* }) => {{
        use $crate::read::Record as _;
        let fields = $crate::read::Fields::open($node, $name::NAME, $name::KEYS, $found)?;
        $( let $field = fields.$need::<$type>($key, $found); )*
        Some($name { $( $field: $field?, )* })
    }};
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident as $what:literal {
            $( $(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty = $key:literal, )*
        }
    ) => {
        $crate::record! {
            @declare
            $(#[doc = $about])+
            $vis struct $name as $what { $( $(#[doc = $doc])+ $need $field: $type = $key, )* }
        }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::source::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                $crate::record!(@read node found $name { $($need $field: $type = $key,)* })
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident as $what:literal, or $short:literal {
            $( $(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty = $key:literal, )*
        }
    ) => {
        $crate::record! {
            @declare
            $(#[doc = $about])+
            $vis struct $name as $what { $( $(#[doc = $doc])+ $need $field: $type = $key, )* }
            or $short
        }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::source::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                let node = &*$crate::read::expanded(node, $short, found)?;
                $crate::record!(@read node found $name { $($need $field: $type = $key,)* })
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident as $what:literal, partly {
            $( $(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty = $key:literal, )*
        }
    ) => {
        $crate::record! {
            @declare
            $(#[doc = $about])+
            $vis struct $name as $what { $( $(#[doc = $doc])+ $need $field: $type = $key, )* }
        }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::source::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                let read = <$crate::read::Partial<Self> as $crate::read::Read>::read(node, found)?;
                read.complete.then_some(read.value)
            }

            fn read_partly(node: &$crate::source::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                use $crate::read::Record as _;
                let fields = $crate::read::Fields::open(node, Self::NAME, Self::KEYS, found)?;
                let fields = $crate::read::Partly(fields);
                Some($name { $( $field: fields.$need::<$type>($key, found), )* })
            }
        }
    };
}

/// Declares a choice between words that users write; the first is the default.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
        $vis enum $name {
            #[default]
            $( $(#[doc = $doc])+ #[schemars(rename = $word)] $variant, )+
        }

        impl $crate::read::Read for $name {
            fn read(
                node: &$crate::source::Node,
                found: &mut $crate::diagnostic::Diagnostics,
            ) -> Option<Self> {
                match node.as_str() {
                    $( Some($word) => Some($name::$variant), )+
                    _ => $crate::read::not_a_word(node, &[$($word),+], found),
                }
            }
        }
    };
}

/// Gives a type its JSON Schema: `inline`, where it is used, or `named`, once under the type's name in `$defs`.
#[macro_export]
macro_rules! schema {
    (inline $name:ident, $schema:tt) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
    (named $name:ident, |$generator:pat_param| $schema:tt) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema($generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}
