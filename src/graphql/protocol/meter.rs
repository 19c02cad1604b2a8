//! Counting the bytes of an answer while it is written, whatever it is made of.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo};
use async_graphql::{ServerResult, Value, async_trait::async_trait};

use crate::budget::Budget;

/// Counts what each field and each item of a list adds to the answer of the request under way.
pub struct Meter;

impl ExtensionFactory for Meter {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Meter {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // Nobody will see it, and what is selected below may be much.
        if Budget::is_used_up() {
            return Ok(Some(Value::Null));
        }
        let value = next.run(ctx, info).await?;
        Budget::write(value.as_ref().map_or(SLOT, weight)).await;
        Ok(value)
    }
}

/// What any value takes in memory until the answer is sent: its place and its name in the object around it.
const SLOT: usize = 64;

/// What a value takes, without what its fields or items have counted for themselves.
fn weight(value: &Value) -> usize {
    SLOT + match value {
        Value::String(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}
