//! Schemas that hold the module's roots, alone or among a host's.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{ObjectType, OutputType, SchemaBuilder, SubscriptionType, ValidationMode};

use crate::error::{Error, ErrorCode, Result, words_of};
use crate::graphql::protocol::execution::Execution;
use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::registration::Registration;
use crate::graphql::{
    CoreMutation, CoreQuery, JournalQuery, Mutation, NodeQuery, Query, Schema, Subscription, TaskMutation,
    TaskQuery, TaskSubscription, node,
};
use crate::message::Message;
use crate::service::ServiceContext;

/// The module's own schema.
#[must_use]
pub fn own(services: &Arc<ServiceContext>) -> Schema {
    let roots = Roots::all();
    finish(registered(own_builder(), &roots), &roots, services)
}

/// The module's own schema in its own language.
#[must_use]
pub fn sdl() -> String {
    registered(own_builder(), &Roots::all()).finish().sdl()
}

fn own_builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

/// A host's schema that holds some of the module's roots. `more` is what the host adds to the builder.
///
/// # Errors
/// CONFLICT if a type or a root field of the host has the name of another one of the module.
pub fn merged<Q, M, S>(
    (query, mutation, subscription): (Q, M, S),
    services: &Arc<ServiceContext>,
    more: impl FnOnce(SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>,
) -> Result<async_graphql::Schema<Q, M, S>>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let (hosts, roots) = hosts_types::<Q, M, S>();
    refuse_clashes(&hosts, &roots, &[Q::type_name(), M::type_name(), S::type_name()])?;
    // The library panics where two types have one name, and the closure may register any.
    let build = AssertUnwindSafe(|| {
        let builder = more(async_graphql::Schema::build(query, mutation, subscription));
        finish(registered(builder, &roots), &roots, services)
    });
    catch_unwind(build).or_else(|panic| match words_of(&*panic) {
        Some(words) if is_clash(words) => Err(Error::new(ErrorCode::Conflict, Message::words(words))),
        _ => resume_unwind(panic),
    })
}

/// Whether the library says by these words that two types have one name.
fn is_clash(words: &str) -> bool {
    ["have the same GraphQL name", "already registered as"].iter().any(|known| words.contains(known))
}

/// Adds what the roots need beside their types.
fn registered<Q, M, S>(mut builder: SchemaBuilder<Q, M, S>, roots: &Roots) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    if roots.has_node() {
        builder = builder.register_output_type::<node::Node>();
    }
    builder.register_output_type::<Registration>()
}

fn finish<Q, M, S>(
    builder: SchemaBuilder<Q, M, S>,
    roots: &Roots,
    services: &Arc<ServiceContext>,
) -> async_graphql::Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    // Documents are validated, bounded and normalised before the library sees them.
    builder
        .data(Arc::new(TypeSystem::registered(roots.fields())))
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(usize::MAX)
        .extension(Execution::new(services))
        .finish()
}

/// A root of the module.
#[derive(Clone, Copy)]
struct Root {
    /// What the host merges.
    rust_name: &'static str,
    /// Its name among the types of a registry. No schema shows it.
    name: fn() -> String,
    register: fn(&mut Registry) -> String,
}

impl Root {
    fn of<T: OutputType>() -> Self {
        Self {
            rust_name: std::any::type_name::<T>(),
            name: || T::type_name().into_owned(),
            register: T::create_type_info,
        }
    }

    fn of_subscription<T: SubscriptionType>() -> Self {
        Self {
            rust_name: std::any::type_name::<T>(),
            name: || T::type_name().into_owned(),
            register: T::create_type_info,
        }
    }

    /// A registry with the types of this root.
    fn types(self) -> Registry {
        let mut registry = Registry::default();
        (self.register)(&mut registry);
        registry
    }

    fn fields(self) -> BTreeSet<String> {
        fields(&self.types(), &(self.name)()).map(ToOwned::to_owned).collect()
    }
}

/// The roots of the module that a schema holds.
struct Roots(Vec<Root>);

impl Roots {
    fn all() -> Self {
        Self(vec![
            Root::of::<TaskQuery>(),
            Root::of::<CoreQuery>(),
            Root::of::<JournalQuery>(),
            Root::of::<NodeQuery>(),
            Root::of::<TaskMutation>(),
            Root::of::<CoreMutation>(),
            Root::of_subscription::<TaskSubscription>(),
        ])
    }

    fn has_node(&self) -> bool {
        self.0.iter().any(|root| root.rust_name == std::any::type_name::<NodeQuery>())
    }

    fn fields(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|root| root.fields()).collect()
    }

    /// All types of the module that the schema holds.
    fn types(&self) -> Registry {
        let mut registry = Registry::default();
        for root in &self.0 {
            (root.register)(&mut registry);
        }
        if self.has_node() {
            node::Node::create_type_info(&mut registry);
        }
        Registration::create_type_info(&mut registry);
        // The roots themselves are no types of the schema.
        for root in &self.0 {
            registry.types.remove(&(root.name)());
        }
        registry
    }
}

/// The types that are the host's, and the roots of the module that the host merges. Where a root would be registered, there is
/// a type with one field, the root's mark; so the library stops there, and the mark shows where the root is merged.
fn hosts_types<Q: ObjectType, M: ObjectType, S: SubscriptionType>() -> (Registry, Roots) {
    /// The library takes a type for one that is being registered, and leaves it alone, if it is of this Rust type.
    const BEING_REGISTERED: &str = "__fake_type__";
    let mut hosts = Registry::default();
    let roots = Roots::all();
    for root in &roots.0 {
        let name = (root.name)();
        let mut marked = root.types().types.remove(&name);
        if let Some(MetaType::Object { fields, rust_typename, .. }) = &mut marked {
            *rust_typename = Some(BEING_REGISTERED);
            fields.truncate(1);
            if let Some((_, field)) = fields.shift_remove_index(0) {
                fields.insert(root.rust_name.to_owned(), field);
            }
        }
        hosts.types.extend(marked.map(|ty| (name, ty)));
    }
    Q::create_type_info(&mut hosts);
    if !M::is_empty() {
        M::create_type_info(&mut hosts);
    }
    if !S::is_empty() {
        S::create_type_info(&mut hosts);
    }
    let held: BTreeSet<&str> = [Q::type_name(), M::type_name(), S::type_name()]
        .iter()
        .flat_map(|name| fields(&hosts, name).collect::<Vec<_>>())
        .collect();
    let merged = roots.0.iter().copied().filter(|root| held.contains(root.rust_name)).collect();
    for root in &roots.0 {
        hosts.types.remove(&(root.name)());
    }
    (hosts, Roots(merged))
}

/// The names of an object's fields.
fn fields<'a>(registry: &'a Registry, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let object = registry.types.get(name);
    let fields = object.and_then(|ty| match ty {
        MetaType::Object { fields, .. } => Some(fields),
        _ => None,
    });
    fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str))
}

/// Refuses a type or a root field of the host that has the name of another one of the module.
fn refuse_clashes<N: AsRef<str>>(hosts: &Registry, roots: &Roots, own_roots: &[N; 3]) -> Result<()> {
    let module = roots.types();
    for (name, ty) in &hosts.types {
        let Some(other) = module.types.get(name) else { continue };
        if ty.rust_typename() != other.rust_typename() || ty.type_id() != other.type_id() {
            let message = Message::new("schema-type-clash")
                .with("name", name.as_str())
                .with("host", kind(ty))
                .with("module", kind(other));
            return Err(Error::new(ErrorCode::Conflict, message));
        }
    }
    for root in &roots.0 {
        let taken = root.fields();
        for own_root in own_roots {
            let Some(field) = fields(hosts, own_root.as_ref()).find(|field| taken.contains(*field)) else {
                continue;
            };
            let message = Message::new("schema-field-clash")
                .with("name", field)
                .with("host", holder(hosts, own_root.as_ref(), field))
                .with("module", root.rust_name);
            return Err(Error::new(ErrorCode::Conflict, message));
        }
    }
    Ok(())
}

/// A type in words: its Rust type, or that it is a scalar.
fn kind(ty: &MetaType) -> String {
    ty.rust_typename().map_or_else(|| ty.type_id().to_string(), ToOwned::to_owned)
}

/// The Rust type that brings this field to a root of the host.
fn holder(hosts: &Registry, own_root: &str, field: &str) -> String {
    // Of what is merged, the library keeps a type of its own for each pair too.
    let is_pair = |ty: &&MetaType| ty.rust_typename().is_some_and(|name| name.starts_with("async_graphql::"));
    let brings = hosts.types.iter().filter(|(name, _)| *name != own_root);
    let mut brings = brings.filter(|(name, _)| fields(hosts, name).any(|own| own == field)).map(|(_, ty)| ty);
    let holder = brings.find(|ty| !is_pair(ty)).or_else(|| hosts.types.get(own_root));
    holder.map_or_else(String::new, kind)
}
