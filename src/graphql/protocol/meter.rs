//! Counting the bytes of an answer while it is written, whatever it is made of.

use async_graphql::extensions::{ExtensionContext, NextResolve, ResolveInfo};
use async_graphql::{ServerResult, Value};

use crate::budget::Budget;

/// Resolves a field or an item of a list, and counts what it adds to the answer of the request under way.
///
/// # Errors
/// Those of the field.
pub async fn metered(
    ctx: &ExtensionContext<'_>,
    info: ResolveInfo<'_>,
    next: NextResolve<'_>,
) -> ServerResult<Option<Value>> {
    // Nobody will see it, and what is selected below may be much.
    if Budget::ends_request() {
        return Ok(Some(Value::Null));
    }
    let value = next.run(ctx, info).await?;
    Budget::write(value.as_ref().map_or(SLOT, weight)).await;
    Ok(value)
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
