//! The office's schema, into which the module's is merged.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use tasks_management::{Result, TaskMutation, TaskQuery, TaskSubscription};

use crate::decisions::Decisions;
use crate::office::{Office, OfficeMutation, OfficeQuery};

#[derive(MergedObject)]
pub struct Query(TaskQuery, OfficeQuery);

#[derive(MergedObject)]
pub struct Mutation(TaskMutation, OfficeMutation);

#[derive(MergedSubscription)]
pub struct Subscription(TaskSubscription, Decisions);

pub type OfficeSchema = Schema<Query, Mutation, Subscription>;

pub fn schema(office: &Office) -> Result<OfficeSchema> {
    let query = Query(office.module.query(), OfficeQuery);
    let mutation = Mutation(office.module.mutation(), OfficeMutation);
    let subscription = Subscription(office.module.subscription(), Decisions);
    office.module.schema(query, mutation, subscription, |builder| builder.data(office.clone()))
}
