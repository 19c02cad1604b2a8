//! The office's schema, into which the module's is merged.

use async_graphql::{MergedObject, Schema};
use tasks_management::{Result, TaskMutation, TaskQuery};

use crate::decisions::Decisions;
use crate::office::{Office, OfficeMutation, OfficeQuery};

#[derive(MergedObject)]
pub struct Query(TaskQuery, OfficeQuery);

#[derive(MergedObject)]
pub struct Mutation(TaskMutation, OfficeMutation);

pub type OfficeSchema = Schema<Query, Mutation, Decisions>;

pub fn schema(office: &Office) -> Result<OfficeSchema> {
    let query = Query(office.module.query(), OfficeQuery);
    let mutation = Mutation(office.module.mutation(), OfficeMutation);
    office.module.schema(query, mutation, Decisions, |builder| builder.data(office.clone()))
}
