//! Objects in fields that are flattened.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

/// An object whose type other fields register. Flattened types show objects in this form. If a flattened type registered the
/// type of an object, and that type led to one that flattens it too, async-graphql would flatten a type that is not complete
/// yet, and fields would be missing.
pub struct Registered<T>(pub T);

impl<T: OutputType> OutputType for Registered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(_: &mut Registry) -> String {
        Self::qualified_type_name()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        self.0.resolve(ctx, field).await
    }
}
