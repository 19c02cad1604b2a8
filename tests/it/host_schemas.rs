//! Names that a host and the module both want in one schema.

use async_graphql::connection::{self, Connection};
use async_graphql::{
    EmptyMutation, EmptySubscription, Interface, MergedObject, Object, ObjectType, Request, SimpleObject,
};
use serde_json::json;
use tasks_management::{ErrorCode, JournalQuery, NodeQuery, TaskQuery};

use crate::support::{TestApp, apply, on_both};

/// The error of a schema with this query, and its text.
fn clash<Q: ObjectType + 'static>(app: &TestApp, query: Q) -> String {
    let made = app.module.schema(query, EmptyMutation, EmptySubscription, |builder| builder);
    let error = made.err().expect("a clash");
    assert_eq!(error.code(), ErrorCode::Conflict);
    error.to_string()
}

/// A host with Relay lists and an interface `Node` of its own.
mod relay {
    use super::*;

    #[derive(SimpleObject)]
    pub struct Grant {
        pub id: String,
    }

    #[derive(Interface)]
    #[graphql(field(name = "id", ty = "&String"))]
    pub enum Node {
        Grant(Grant),
    }

    pub struct Grants;

    #[Object]
    impl Grants {
        async fn grants(&self) -> async_graphql::Result<Connection<usize, Grant>> {
            connection::query(None, None, None, None, |_, _, _, _| async {
                let mut found = Connection::new(false, true);
                found.edges.push(connection::Edge::new(0, Grant { id: "1".to_owned() }));
                Ok::<_, async_graphql::Error>(found)
            })
            .await
        }

        async fn node(&self, id: String) -> Node {
            Node::Grant(Grant { id })
        }
    }
}

#[derive(MergedObject)]
struct Relay(TaskQuery, JournalQuery, relay::Grants);

#[apply(on_both)]
async fn a_host_keeps_its_own_node_and_relays_lists_and_merges_the_journal_alone(app: TestApp) {
    let module = &app.module;
    let query = Relay(module.query(), module.journal_query(), relay::Grants);
    let schema = module.schema(query, EmptyMutation, EmptySubscription, |builder| builder).expect("a schema");
    let text = "{ node(id: \"7\") { id __typename } grants { pageInfo { hasNextPage } edges { cursor node { id } } } \
                task { pageInfo { hasNextPage } } mutationLogs { totalCount } }";
    let admin = module.requester("admin").await.expect("admin");
    let answer = module.execute(&schema, Request::new(text), Some(admin)).await;
    let answer = serde_json::to_value(answer).expect("an answer");
    assert_eq!(answer["errors"], json!(null), "{answer}");
    assert_eq!(answer["data"]["node"], json!({ "id": "7", "__typename": "Grant" }));
    for (list, follows) in [("grants", true), ("task", false)] {
        assert_eq!(answer["data"][list]["pageInfo"], json!({ "hasNextPage": follows }), "{list}: {answer}");
    }
    let sdl = schema.sdl();
    for absent in ["tokenAuth", "RoleGQLType implements", "TaskGQLType implements Node"] {
        assert!(!sdl.contains(absent), "{absent}");
    }
}

#[derive(MergedObject)]
struct Work(TaskQuery, JournalQuery, NodeQuery);

#[apply(on_both)]
async fn hosts_that_bring_their_own_people_see_nothing_of_administering_people_in_their_schema(app: TestApp) {
    let module = &app.module;
    let query = Work(module.query(), module.journal_query(), module.node_query());
    let schema = module.schema(query, module.mutation(), module.subscription(), |builder| builder);
    let (merged, own) = (schema.expect("a schema").sdl(), app.module.sdl());
    for name in [
        "createUser(",
        "updateUser(",
        "deleteUser(",
        "createRole(",
        "updateRole(",
        "deleteRole(",
        "duplicateRole(",
        "setPassword(",
        "resetPassword(",
        "changePassword(",
        "createApiToken(",
        "revokeApiToken(",
        "tokenAuth(",
        "modulesPermissions:",
        "validateUsername(",
        "validateUserEmail(",
        "validateRoleName(",
        "passwordPolicy:",
        "users(",
        "role(",
        "userHistory(",
        "roleHistory(",
        "roleRightHistory(",
        "userRoleHistory(",
        "apiTokens(",
        "securityLog(",
        "CreateUserMutationInput",
        "SecurityLogGQLType",
        "ApiTokenGQLType",
        "PasswordPolicyGQLType",
    ] {
        assert!(own.contains(name), "{name} is in the module's own schema");
        assert!(!merged.contains(name), "{name}");
    }
    assert!(merged.contains("resolveTask(") && merged.contains("claimNextTask("));
}

#[derive(MergedObject)]
struct WithNode(TaskQuery, NodeQuery, relay::Grants);

struct Priority;

#[Object]
impl Priority {
    async fn grade(&self) -> TaskStatus {
        TaskStatus { text: "high" }
    }
}

/// The module has an enum of this name.
#[derive(SimpleObject)]
struct TaskStatus {
    text: &'static str,
}

#[derive(MergedObject)]
struct WithStatus(Priority, TaskQuery);

struct Tasks;

#[Object]
impl Tasks {
    async fn task(&self) -> i32 {
        1
    }
}

#[derive(MergedObject)]
struct First(Tasks, TaskQuery);

#[derive(MergedObject)]
struct Last(TaskQuery, Tasks);

#[apply(on_both)]
async fn a_name_that_both_have_is_an_error_that_names_both_sides(app: TestApp) {
    let module = &app.module;
    let text = clash(&app, WithNode(module.query(), module.node_query(), relay::Grants));
    assert!(
        text.contains("`Node`") && text.contains("relay::Node") && text.contains("tasks_management"),
        "{text}"
    );
    let text = clash(&app, WithStatus(Priority, module.query()));
    assert!(text.contains("`TaskStatus`") && text.contains("host_schemas::TaskStatus"), "{text}");
    for text in [clash(&app, First(Tasks, module.query())), clash(&app, Last(module.query(), Tasks))] {
        assert!(text.contains("`task`") && text.contains("host_schemas::Tasks"), "{text}");
        assert!(text.contains("TaskQuery"), "{text}");
    }
}

struct Greeting;

#[Object]
impl Greeting {
    async fn greeting(&self) -> &str {
        "Good morning."
    }
}

#[derive(MergedObject)]
struct Plain(TaskQuery, Greeting);

#[apply(on_both)]
async fn a_schema_that_the_module_has_not_made_says_so(app: TestApp) {
    let query = Plain(app.module.query(), Greeting);
    let schema = async_graphql::Schema::build(query, EmptyMutation, EmptySubscription).finish();
    let answer = serde_json::to_value(schema.execute("{ greeting task { totalCount } }").await);
    let answer = answer.expect("an answer");
    assert_eq!(answer["data"]["greeting"], "Good morning.");
    let text = answer["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(text.contains("TaskManagement::schema"), "{answer}");
}

#[apply(on_both)]
async fn a_type_that_the_closure_registers_under_a_name_of_the_module_is_such_an_error_too(app: TestApp) {
    let module = &app.module;
    let made = module.schema(Plain(module.query(), Greeting), EmptyMutation, EmptySubscription, |builder| {
        builder.register_output_type::<TaskStatus>()
    });
    let error = made.err().expect("a clash");
    assert_eq!(error.code(), ErrorCode::Conflict);
    let text = error.to_string();
    for name in ["`TaskStatus`", "host_schemas::TaskStatus", "tasks_management::"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}
