//! Templates of mails in GraphQL.

use std::sync::LazyLock;

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::clock::new_id;
use crate::domain::event_data::EventData;
use crate::domain::mail_template::Parts;
use crate::domain::query::Lookup;
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::{
    Arguments, Table, client_mutation_id, join, of_record, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::{asks_for, shows};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::webhook_endpoint::payload::WebhookPayloads;
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::task_template::TaskTemplate;
use crate::service::context::ListScope;
use crate::service::task_template::values::{recipient, values};
use crate::service::task_template::{self, CreateTaskTemplate, RenderTaskTemplate, UpdateTaskTemplate};
use crate::signal::Event;

/// What mails of one name say in one language.
#[derive(SimpleObject)]
#[graphql(name = "TaskTemplateGQLType")]
pub struct TaskTemplateNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: TemplateFields,
}

/// A template as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskTemplateHistoryGQLType")]
pub struct TaskTemplateHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: TemplateFields,
}

shows! {
    /// The fields that templates and their versions have.
    struct TemplateFields of template: TaskTemplate {
        /// The name, by which dispatchers and the module choose it. One of a built-in template comes before that.
        name: String,
        /// The code of the language.
        language: String,
        /// The source of the subject.
        subject: String,
        /// The source of the text.
        text: String,
        /// The source of the HTML; empty if there is none.
        html: String,
    }
}

impl From<TaskTemplate> for TaskTemplateNode {
    fn from(template: TaskTemplate) -> Self {
        Self { record: LiveRecord::new("TaskTemplateGQLType", &template.record), fields: template.into() }
    }
}

impl From<Historical<TaskTemplate>> for TaskTemplateHistoryNode {
    fn from(version: Historical<TaskTemplate>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("TaskTemplateHistoryGQLType", &row.record, history),
            fields: row.into(),
        }
    }
}

/// A mail as it would be.
#[derive(SimpleObject)]
#[graphql(name = "RenderedTaskTemplateGQLType")]
pub struct RenderedTaskTemplate {
    subject: String,
    text: String,
    /// Empty if the template has no HTML.
    html: String,
}

/// A template that is to be rendered without being sent.
#[derive(InputObject)]
pub struct RenderTaskTemplateInput {
    /// The task of which it tells. One must see it.
    task_id: UuidOrGlobalId,
    /// The signal of the event of which it tells, such as `task_service.overdue`.
    #[graphql(default = "task_service.create")]
    signal: String,
    /// The name of the template, of one's own or built in; may be absent if the sources are given.
    name: Option<String>,
    /// The code of the reader's language; absent: one's own.
    language: Option<String>,
    /// The source of the subject, in place of the template's.
    subject: Option<String>,
    /// The source of the text, in place of the template's.
    text: Option<String>,
    /// The source of the HTML, in place of the template's.
    html: Option<String>,
}

/// Reading templates.
#[derive(Default)]
pub struct TaskTemplateQueries;

#[Object]
impl TaskTemplateQueries {
    /// The templates of mails that people have made. Those that are built in are not listed.
    async fn task_template(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskTemplateNode>>> {
        let list =
            |services, requester, query| task_template::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_TEMPLATE, None, list).await.map(Some)
    }

    /// All versions of these templates, newest first. `id` is the template's.
    async fn task_template_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskTemplateHistoryNode>>> {
        let list = |services, requester, query| task_template::list_history(services, requester, query);
        listed(ctx, &TASK_TEMPLATE_HISTORY, None, list).await.map(Some)
    }

    /// A mail to oneself as it would be. Nothing is sent.
    async fn render_task_template(
        &self,
        ctx: &Context<'_>,
        input: RenderTaskTemplateInput,
    ) -> Result<Option<RenderedTaskTemplate>> {
        let context = request(ctx)?;
        let (services, requester) = (&context.services, context.requester()?);
        let signal = Signal::parse(&input.signal).filter(|signal| signal.row_name() == "task");
        let signal = signal.ok_or_else(|| Error::validation("signal", Message::new("no-task-signal")))?;
        let asked = RenderTaskTemplate {
            task_id: input.task_id.0,
            name: input.name,
            language: input.language,
            sources: Parts { subject: input.subject, text: input.text, html: input.html },
        };
        let (parts, task) = task_template::to_render(services, requester, asked).await?;
        let event = Event {
            id: new_id(),
            signal,
            entity_id: task.id,
            user_id: requester.id(),
            date: services.clock.now(),
            data: EventData::new(None, Some(&task)).into_json(),
            cause_depth: 0,
        };
        let body = WebhookPayloads::default().body(services, &event).await?;
        let link = services.mail.task_link(&task.id.to_string());
        let values = values(body, &recipient(&requester.user), link.as_deref());
        let Parts { subject, text, html } =
            parts.render(&values).map_err(|fault| task_template::unusable(&fault))?;
        Ok(Some(RenderedTaskTemplate { subject, text, html }))
    }
}

/// `Query.taskTemplate`
pub static TASK_TEMPLATE: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// `Query.taskTemplateHistory`
pub static TASK_TEMPLATE_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskTemplateGQLType"),
        text("name", "String", "name", &[Lookup::Exact, Lookup::Icontains]),
        text("language", "String", "language", &[Lookup::Exact]),
        of_record(),
    ])
}

payloads! {
    CreateTaskTemplatePayload => "CreateTaskTemplateMutationPayload",
    UpdateTaskTemplatePayload => "UpdateTaskTemplateMutationPayload",
    DeleteTaskTemplatePayload => "DeleteTaskTemplateMutationPayload",
}

asks_for! {
    /// A template to be made.
    pub struct CreateTaskTemplateMutationInput as input => CreateTaskTemplate {
        /// The name: 1 to 64 letters, digits, `-` and `_`. `task_awaits`, `task_overdue`, `task_decided` and `password_reset` come before
        /// what is built in.
        name: String,
        /// The code of the language, such as `fr`.
        language: String,
        /// The source of the subject.
        subject: String,
        /// The source of the text.
        text: String,
        /// The source of the HTML, in which values are escaped; absent: mails have none.
        html: Option<String>,
    }
}

asks_for! {
    /// The changes of a template. Absent fields stay as they are.
    pub struct UpdateTaskTemplateMutationInput as input => UpdateTaskTemplate {
        id: UuidOrGlobalId,
        /// The source of the subject.
        subject: Option<String>,
        /// The source of the text.
        text: Option<String>,
        /// The source of the HTML.
        html: Option<String>,
    }
}

/// The templates to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskTemplateMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// Making, changing and deleting templates.
#[derive(Default)]
pub struct TaskTemplateMutations;

#[Object]
impl TaskTemplateMutations {
    /// Makes a template of mails for one name and language.
    async fn create_task_template(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskTemplateMutationInput,
    ) -> Result<Option<Payload<CreateTaskTemplatePayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTaskTemplate", &meta, move |unit| {
            task_template::create(unit, &input.read()?).map(drop)
        })
        .await
    }

    /// Changes a template. Mails that were not sent yet say what it says then.
    async fn update_task_template(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskTemplateMutationInput,
    ) -> Result<Option<Payload<UpdateTaskTemplatePayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTaskTemplate", &meta, move |unit| {
            task_template::update(unit, &input.read()?).map(drop)
        })
        .await
    }

    /// Deletes templates: all of them, or none. Those that are built in take their place.
    async fn delete_task_template(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskTemplateMutationInput,
    ) -> Result<Option<Payload<DeleteTaskTemplatePayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "deleteTaskTemplate", &input.meta, move |unit| task_template::delete(unit, &ids)).await
    }
}
