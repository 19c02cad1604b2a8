//! The types of a schema, as documents are validated and normalised against them.
//!
//! The library keeps them to itself once a schema is built, so they are copied when its last type is registered.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::indexmap::{IndexMap, IndexSet};
use async_graphql::parser::types::OperationType;
use async_graphql::registry::{
    __DirectiveLocation as Location, MetaInputValue, MetaType, MetaTypeName, Registry,
};

/// The types of a schema.
#[derive(Default)]
pub struct TypeSystem {
    types: BTreeMap<String, MetaType>,
    implements: HashMap<String, IndexSet<String>>,
    directives: BTreeMap<String, Directive>,
    query: String,
    mutation: Option<String>,
    subscription: Option<String>,
    own_roots: BTreeSet<String>,
}

/// A directive.
pub struct Directive {
    /// Its arguments.
    pub arguments: IndexMap<String, MetaInputValue>,
    /// The kinds of places where it may stand.
    pub locations: Vec<Location>,
    /// Whether it may be repeated at one place.
    pub is_repeatable: bool,
}

/// The type of `__typename`, which is a field of every type.
pub const TYPENAME: (&str, &str) = ("__typename", "String!");

thread_local! {
    /// The types of the schema that this thread registered last. A type is registered by a function without arguments and
    /// state, so a static variable has to hand the types on.
    static REGISTERED: RefCell<Option<TypeSystem>> = const { RefCell::new(None) };
}

impl TypeSystem {
    /// Keeps the types that are registered, for [`Self::registered`].
    pub fn register(registry: &Registry) {
        let directive = |(name, directive): (&String, &async_graphql::registry::MetaDirective)| {
            let (arguments, locations) = (directive.args.clone(), directive.locations.clone());
            (name.clone(), Directive { arguments, locations, is_repeatable: directive.is_repeatable })
        };
        let types = Self {
            types: registry.types.clone(),
            implements: registry.implements.clone(),
            directives: registry.directives.iter().map(directive).collect(),
            query: registry.query_type.clone(),
            mutation: registry.mutation_type.clone(),
            subscription: registry.subscription_type.clone(),
            own_roots: BTreeSet::new(),
        };
        REGISTERED.with_borrow_mut(|registered| *registered = Some(types));
    }

    /// The types that this thread registered last. `own_roots` are the root fields that are the module's.
    #[must_use]
    pub fn registered(own_roots: BTreeSet<String>) -> Self {
        Self { own_roots, ..REGISTERED.take().unwrap_or_default() }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&MetaType> {
        self.types.get(name)
    }

    /// The named type in a type such as `[Task!]!`.
    #[must_use]
    pub fn innermost(&self, ty: &str) -> Option<&MetaType> {
        self.named(MetaTypeName::concrete_typename(ty))
    }

    /// The root type of operations of this kind.
    #[must_use]
    pub fn root(&self, kind: OperationType) -> Option<&MetaType> {
        match kind {
            OperationType::Query => self.named(&self.query),
            OperationType::Mutation => self.named(self.mutation.as_ref()?),
            OperationType::Subscription => self.named(self.subscription.as_ref()?),
        }
    }

    /// Whether the root field of this name is the module's.
    #[must_use]
    pub fn is_own_root(&self, field: &str) -> bool {
        self.own_roots.contains(field)
    }

    /// The directive of this name.
    #[must_use]
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives.get(name)
    }

    /// Whether an object of the type `object` is of the type `condition`.
    #[must_use]
    pub fn is_of(&self, object: &str, condition: &str) -> bool {
        object == condition
            || self.implements.get(object).is_some_and(|interfaces| interfaces.contains(condition))
            || self.named(condition).is_some_and(|ty| ty.is_possible_type(object))
    }
}
