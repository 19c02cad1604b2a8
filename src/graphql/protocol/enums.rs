//! Enums that the interface has under several names.

/// Declares one enum under several names. With `= "path"`, it shows that enum of the domain, which has the same values.
macro_rules! enum_named {
    ($(#[$meta:meta])* $name:ident, $($other:ident),+ $(= $domain:tt)? { $($values:tt)* }) => {
        $crate::graphql::protocol::enums::enum_named! { $(#[$meta])* $name $(= $domain)? { $($values)* } }
        $crate::graphql::protocol::enums::enum_named! { $(#[$meta])* $($other),+ $(= $domain)? { $($values)* } }
    };
    ($(#[$meta:meta])* $name:ident $(= $domain:tt)? { $($values:tt)* }) => {
        $(#[$meta])*
        #[derive(async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq)]
        $(#[graphql(remote = $domain)])?
        pub enum $name {
            $($values)*
        }
    };
}
pub(crate) use enum_named;
