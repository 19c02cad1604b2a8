//! People and rights by GraphQL: who may change whom, leaving, and what history tells of it.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::Settings;

use crate::support::scenario::{each, parsed, user_id};
use crate::support::{TestApp, apply, on_both};

/// Adds `clerk`, who may do everything with people and roles and little else, and `boss`, another superuser.
pub async fn office(app: &TestApp) {
    app.load(json!({
        "roles": [
            { "id": 10, "name": "Clerk", "rights": [121_701, 121_702, 121_703, 121_704, 122_001, 122_002, 122_003, 122_004,
                122_005, 191_001] },
            { "id": 11, "name": "Seer", "rights": [191_001] },
            { "id": 12, "name": "Sleeping Boss", "isSystem": 64, "isBlocked": true, "rights": [] },
        ],
        "users": [
            { "id": CLERK, "username": "clerk", "password": "clerk123", "roles": ["Clerk"], "email": "clerk@example.org" },
            { "id": "11111111-2222-4333-8444-0000000000b2", "username": "boss", "password": "boss123",
                "roles": ["IMIS Administrator"] },
            { "id": "11111111-2222-4333-8444-0000000000b3", "username": "sleeper", "password": "sleeper123",
                "roles": ["Sleeping Boss"] },
        ],
    }))
    .await;
}

const CLERK: &str = "11111111-2222-4333-8444-0000000000b1";
const BOSS: &str = "11111111-2222-4333-8444-0000000000b2";

/// The key of a user.
pub fn key_of(app: &TestApp, username: &str) -> String {
    app.text(&format!("SELECT CAST(id AS text) AS value FROM core_user WHERE username = '{username}'"))
}

/// The second key of a role.
pub fn role_key(app: &TestApp, name: &str) -> String {
    app.text(&format!("SELECT CAST(uuid AS text) AS value FROM core_role WHERE name = '{name}'"))
}

/// Somebody as an administrator sees them, with the names of their roles.
async fn person(app: &TestApp, username: &str) -> Value {
    let selection =
        "username lastName otherNames email phone version iUser { active languageId roles { name } }";
    let rows = app.user("admin").await.rows("users", &format!("(username: \"{username}\")"), selection).await;
    rows.into_iter().next().unwrap_or_default()
}

#[apply(on_both)]
async fn an_administrator_hires_changes_and_dismisses_a_person(app: TestApp) {
    office(&app).await;
    let mut clerk = app.user("clerk").await;
    let hired = json!({
        "clientMutationId": "hired", "username": "nadia", "lastName": "Lovelace", "otherNames": "Nadia Ada",
        "email": "nadia@example.org", "phone": "555", "language": "fr", "password": "a rosy bud", "roles": [11],
        "userTypes": ["INTERACTIVE"], "districts": [], "healthFacilityId": null,
    });
    assert_eq!(clerk.outcome("createUser", hired).await, "ok");
    let row = person(&app, "nadia").await;
    assert_eq!(row["lastName"], "Lovelace");
    assert_eq!(row["iUser"], json!({ "active": true, "languageId": "fr", "roles": [{ "name": "Seer" }] }));
    let touched = clerk.rows("users", "(clientMutationId: \"hired\")", "username").await;
    assert_eq!(each(&touched, "username"), ["nadia"]);
    for name in ["lovelace nadia", "Nadia Ada Lovelace", " ada  LOVE "] {
        assert_eq!(
            each(&clerk.rows("users", &format!("(str: \"{name}\")"), "username").await, "username"),
            ["nadia"]
        );
    }
    assert!(clerk.rows("users", "(str: \"Lovelace Ben\")", "username").await.is_empty());
    let mut nadia = app.stranger();
    assert!(nadia.try_log_in("nadia", "a rosy bud").await.data("tokenAuth").is_object());
    let id = key_of(&app, "nadia");
    let change = json!({ "uuid": id, "lastName": "King", "phone": "", "roles": [3] });
    assert_eq!(
        clerk.outcome("updateUser", change.clone()).await,
        "FORBIDDEN",
        "the role has a right that he lacks"
    );
    let change = json!({ "username": "nadia", "lastName": "King", "phone": "", "roles": [] });
    assert_eq!(clerk.outcome("updateUser", change).await, "ok", "who is meant can be said by name");
    let row = person(&app, "nadia").await;
    assert_eq!((&row["lastName"], &row["phone"], &row["version"]), (&json!("King"), &Value::Null, &json!(2)));
    assert_eq!(row["iUser"]["roles"], json!([]));
    assert_eq!(clerk.outcome("deleteUser", json!({ "uuids": [id] })).await, "ok");
    assert_eq!(person(&app, "nadia").await, Value::Null, "the deleted are in history only");
    assert_eq!(nadia.graphql("{ user { username } }").await.status, 401, "sessions end with their person");
    let versions = app.versions("user", &id, "lastName isActive").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "CHANGED", "DELETED"]);
    assert_eq!(versions[1]["historyUser"]["username"], "clerk");
    assert_eq!(each(&versions, "isActive"), [true, true, false]);
    let grants = app
        .user("admin")
        .await
        .rows(
            "userRoleHistory",
            &format!("(userId: \"{id}\", orderBy: \"history_id\")"),
            "historyType roleId user { username } historyUser { username }",
        )
        .await;
    assert_eq!(each(&grants, "historyType"), ["CREATED", "DELETED"]);
    assert_eq!(each(&grants, "roleId"), [11, 11]);
    assert!(grants.iter().all(|grant| grant["historyUser"]["username"] == "clerk"), "{grants:?}");
}

#[apply(on_both)]
async fn what_is_wrong_with_a_person_is_said_by_field(app: TestApp) {
    office(&app).await;
    for (input, expected) in [
        (json!({ "lastName": "N" }), "VALIDATION username"),
        (json!({ "username": "exec1" }), "VALIDATION username"),
        (json!({ "username": " x" }), "VALIDATION username"),
        (json!({ "username": "new", "language": "xx" }), "VALIDATION language"),
        (json!({ "username": "new", "email": "nobody" }), "VALIDATION email"),
        (json!({ "username": "new", "email": "EXEC1@example.org" }), "VALIDATION email"),
        (json!({ "username": "new", "roles": [4711] }), "NOT_FOUND roles"),
        (json!({ "username": "new", "password": "short" }), "VALIDATION password"),
        (json!({ "username": "new", "password": "Password123" }), "VALIDATION password"),
        (json!({ "username": "newcomer", "password": "xxNewComerxx" }), "VALIDATION password"),
        (
            json!({ "username": "new", "otherNames": "Wilhelmina", "password": "wilhelmina7" }),
            "VALIDATION password",
        ),
        (json!({ "username": "new", "healthFacilityId": 5 }), "VALIDATION healthFacilityId"),
        (json!({ "username": "new", "districts": [5] }), "VALIDATION districts"),
        (json!({ "username": "new", "userTypes": ["OFFICER"] }), "VALIDATION userTypes"),
        (json!({ "username": "new", "birthDate": "2000-01-01" }), "VALIDATION birthDate"),
        (json!({ "username": "new", "phone": "555\u{7}0100" }), "VALIDATION phone"),
        (json!({ "username": "new", "phone": "\u{202e}555" }), "VALIDATION phone"),
        (json!({ "username": "new", "phone": "5".repeat(256) }), "VALIDATION phone"),
    ] {
        assert_eq!(app.refused("admin", "createUser", input.clone()).await, expected, "{input}");
    }
    for (input, expected) in [
        (json!({}), "VALIDATION uuid"),
        (json!({ "uuid": "nonsense" }), "VALIDATION uuid"),
        (json!({ "username": "ghost" }), "NOT_FOUND username"),
        (json!({ "uuid": "00000000-0000-4000-8000-000000000001", "lastName": "System" }), "NOT_FOUND uuid"),
        (json!({ "username": "admin", "password": "a rosy bud" }), "VALIDATION password"),
    ] {
        assert_eq!(app.refused("admin", "updateUser", input.clone()).await, expected, "{input}");
    }
}

#[apply(on_both)]
async fn another_name_of_a_role_is_bounded_and_seen(app: TestApp) {
    for wrong in ["a\nb", "a\u{202e}b", "\u{1b}[2J", &"x".repeat(256)] {
        let input = json!({ "name": "Named", "altLanguage": wrong });
        assert_eq!(app.refused("admin", "createRole", input).await, "VALIDATION altLanguage", "{wrong:?}");
    }
    app.done("admin", "createRole", json!({ "name": "Named", "altLanguage": "Nommé" })).await;
    let rows = app.user("admin").await.rows("role", "(name: \"Named\")", "altLanguage").await;
    assert_eq!(rows[0]["altLanguage"], "Nommé");
}

#[apply(on_both)]
async fn two_people_or_two_roles_have_no_names_that_read_the_same(app: TestApp) {
    app.done("admin", "createUser", json!({ "username": "Éva", "email": "eva@example.org" })).await;
    app.done("admin", "createUser", json!({ "username": "anna" })).await;
    app.done("admin", "createRole", json!({ "name": "Überprüfer" })).await;
    for alike in ["éva", "E\u{301}va", "ÉVA", "ａnna", "Anna", "𝐚nna"] {
        let input = json!({ "username": alike });
        assert_eq!(app.refused("admin", "createUser", input.clone()).await, "VALIDATION username", "{alike}");
        let rename = json!({ "uuid": user_id("exec1"), "username": alike });
        assert_eq!(app.refused("admin", "updateUser", rename).await, "VALIDATION username", "{alike}");
        let free = "query($n: String!) { validateUsername(username: $n) }";
        let answer = app.user("admin").await.graphql_with(free, json!({ "n": alike })).await;
        assert_eq!(answer.data("validateUsername"), false, "{alike}");
        let text = app.refusal_text("admin", "createUser", input).await;
        assert!(text.contains("reads like this one"), "{text}");
    }
    for alike in ["EVA@example.org", "eva@example.ｏrg"] {
        let input = json!({ "username": "other", "email": alike });
        assert_eq!(app.refused("admin", "createUser", input).await, "VALIDATION email", "{alike}");
        let free = "query($n: String!) { validateUserEmail(userEmail: $n) }";
        let answer = app.user("admin").await.graphql_with(free, json!({ "n": alike })).await;
        assert_eq!(answer.data("validateUserEmail"), false, "{alike}");
    }
    let viewer = json!({ "name": "Viewer" });
    app.done("admin", "createRole", viewer).await;
    for alike in ["überprüfer", "U\u{308}berpru\u{308}fer", "ÜBERPRÜFER"] {
        assert_eq!(app.refused("admin", "createRole", json!({ "name": alike })).await, "VALIDATION name");
        let rename = json!({ "uuid": role_key(&app, "Viewer"), "name": alike });
        assert_eq!(app.refused("admin", "updateRole", rename).await, "VALIDATION name", "{alike}");
        let free = "query($n: String!) { validateRoleName(roleName: $n) }";
        let answer = app.user("admin").await.graphql_with(free, json!({ "n": alike })).await;
        assert_eq!(answer.data("validateRoleName"), false, "{alike}");
    }
    for (name, alikes) in [
        ("straßen", &["STRASSEN", "strassen", "STRAẞEN"][..]),
        ("\u{1fb3}rgo", &["ΑΙRGO", "\u{1fbc}rgo"]),
        ("\u{a64b}m", &["\u{1c88}m", "\u{a64a}M"]),
        (
            "Mary Ann O'Neill-Roe",
            &[
                "Mary  Ann O'Neill-Roe",
                "Mary\u{a0}Ann O\u{2019}Neill\u{2010}Roe",
                "mary ann o\u{2bc}neill\u{2011}roe",
                "Mary\u{1680}Ann O'Neill-Roe",
                "Mary \u{1680} Ann O'Neill-Roe",
            ],
        ),
        (
            "unit 1/20",
            &[
                "unit ١/٢٠",
                "unit ۱/۲۰",
                "Unit १/२०",
                "unit \u{1fbf1}/\u{1e952}\u{11de0}",
                "unit 1\u{2044}20",
                "unit 1\u{2215}20",
            ],
        ),
    ] {
        app.done("admin", "createUser", json!({ "username": name })).await;
        for alike in alikes {
            let refused = app.refused("admin", "createUser", json!({ "username": alike })).await;
            assert_eq!(refused, "VALIDATION username", "{alike}");
        }
    }
    // One's own name may be written otherwise.
    app.done("admin", "updateUser", json!({ "username": "Éva", "email": "Eva@example.org" })).await;
    app.done("admin", "updateUser", json!({ "uuid": key_of(&app, "anna"), "username": "Anna" })).await;
    app.done("admin", "updateRole", json!({ "uuid": role_key(&app, "Viewer"), "name": "viewer" })).await;
    for (named, file) in [
        ("user ａnna: username: ", json!({ "users": [{ "id": BOSS, "username": "ａnna" }] })),
        (
            "user bob: username: ",
            json!({ "users": [{ "id": CLERK, "username": "Bob" }, { "id": BOSS, "username": "bob" }] }),
        ),
        ("user unit १⁄२०: username: ", json!({ "users": [{ "id": BOSS, "username": "unit १⁄२०" }] })),
        ("role VIEWER: name: ", json!({ "roles": [{ "name": "VIEWER", "rights": [] }] })),
        (
            "user rob: email: There is a user with this e-mail address",
            json!({ "users": [{ "id": BOSS, "username": "rob", "email": "eva@EXAMPLE.org" }] }),
        ),
    ] {
        let file: tasks_management::LoadFile = serde_json::from_value(file).expect("well-formed");
        let error = app.module.load(file).await.expect_err("it is refused");
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(cause.starts_with(named), "{cause}");
    }
}

#[apply(on_both)]
async fn a_name_or_an_address_by_which_people_are_told_apart_holds_nothing_that_is_not_seen(app: TestApp) {
    for hidden in [
        "exec1\u{fe0f}",
        "ex\u{34f}ec1",
        "exec\u{180e}1",
        "exec1\u{e0061}",
        "exec1\u{e0001}",
        "exec\u{200d}1",
        "ex\u{ad}ec1",
        "\u{301}",
        "\u{301}\u{302}",
        "\u{2800}",
        "exec\u{e000}1",
        "exec\u{fffe}1",
        "exec\u{fdd0}1",
        "exec\u{fffd}1",
        "exec\u{10fffd}1",
    ] {
        for (mutation, field) in [("createUser", "username"), ("createRole", "name")] {
            let mut input = json!({});
            input[field] = json!(hidden);
            let refused = app.refused("admin", mutation, input).await;
            assert_eq!(refused, format!("VALIDATION {field}"), "{hidden:?}");
        }
        let input = json!({ "username": "new", "email": format!("{hidden}@example.org") });
        assert_eq!(app.refused("admin", "createUser", input).await, "VALIDATION email", "{hidden:?}");
    }
    let text = app.refusal_text("admin", "createUser", json!({ "username": "exec1\u{fe0f}" })).await;
    assert!(text.contains("`username` holds") && text.contains("not seen"), "{text}");
    // Names in scripts that write with joiners are names.
    app.done("admin", "createRole", json!({ "name": "نقش\u{200c}ها" })).await;
    assert_eq!(app.refused("admin", "createRole", json!({ "name": "نقشها" })).await, "VALIDATION name");
}

#[apply(on_both)]
async fn people_and_roles_from_before_these_rules_are_changed_and_blocked_as_they_are(app: TestApp) {
    app.run("UPDATE core_user SET username = 'EXEC2', last_name = 'a\u{7}b' WHERE username = 'exec1'");
    app.run("UPDATE core_user SET username = 'exec3\u{fe0f}', email = 'EXEC2@example.org' WHERE username = 'exec3'");
    app.run("INSERT INTO core_role (id, uuid, name, is_system, is_blocked, date_created) \
             SELECT 99, '11111111-2222-4333-8444-0000000000d1', 'TASK TRIAGE', 0, is_blocked, date_created FROM core_role WHERE id = 1");
    for (who, name) in [("exec1", "EXEC2"), ("exec2", "exec2"), ("exec3", "exec3\u{fe0f}")] {
        let id = user_id(who);
        for change in
            [json!({ "phone": "555 0100" }), json!({ "isActive": false }), json!({ "isActive": true })]
        {
            let mut input = change;
            input["uuid"] = json!(id);
            input["username"] = json!(name);
            app.done("admin", "updateUser", input).await;
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM core_user WHERE phone = '555 0100'"), 3);
    let role =
        json!({ "uuid": "11111111-2222-4333-8444-0000000000d1", "name": "TASK TRIAGE", "isBlocked": true });
    app.done("admin", "updateRole", role).await;
    // What is given anew follows the rules.
    let input = json!({ "uuid": user_id("exec1"), "lastName": "c\u{7}d" });
    assert_eq!(app.refused("admin", "updateUser", input).await, "VALIDATION lastName");
}

#[apply(on_both)]
async fn the_key_of_a_new_person_or_role_is_the_servers(app: TestApp) {
    let key = "11111111-2222-4333-8444-0000000000e1";
    for (mutation, field) in [("createUser", "username"), ("createRole", "name")] {
        let mut input = json!({ "uuid": key });
        input[field] = json!("keyed");
        assert_eq!(app.refused("admin", mutation, input.clone()).await, "VALIDATION uuid");
        let text = app.refusal_text("admin", mutation, input.clone()).await;
        assert_eq!(text, "`uuid` is for changes: the server makes the key of what is new.");
        input["uuid"] = json!(user_id("exec1"));
        assert_eq!(app.refused("admin", mutation, input.clone()).await, "VALIDATION uuid", "nor another's");
        input["uuid"] = json!("");
        app.done("admin", mutation, input).await;
    }
}

#[apply(on_both)]
async fn a_password_is_in_no_journal(app: TestApp) {
    let input = json!({ "clientMutationId": "one", "username": "nadia", "password": "a rosy bud" });
    app.done("admin", "createUser", input).await;
    let weak = json!({ "username": "olga", "password": "letmein123" });
    app.refused("admin", "createUser", weak).await;
    let kept =
        app.text("SELECT json_content AS value FROM core_mutationlog WHERE client_mutation_id = 'one'");
    assert!(kept.contains("nadia") && !kept.contains("password"), "{kept}");
    for place in ["json_content", "coalesce(error, '')", "coalesce(content_hash, '')"] {
        let sql = format!(
            "SELECT count(*) FROM core_mutationlog WHERE {place} LIKE '%rosy%' OR {place} LIKE '%letmein%'"
        );
        assert_eq!(app.count(&sql), 0, "{place}");
    }
}

#[apply(on_both)]
async fn nobody_promotes_himself_by_any_path(app: TestApp) {
    office(&app).await;
    let (clerk_role, seer) = (role_key(&app, "Clerk"), role_key(&app, "Seer"));
    let admins = role_key(&app, "IMIS Administrator");
    for (mutation, input) in [
        ("updateUser", json!({ "uuid": CLERK, "roles": [10, 1] })),
        ("updateUser", json!({ "uuid": CLERK, "roles": [10, 3] })),
        ("updateUser", json!({ "uuid": CLERK, "roles": [10, 12] })),
        ("createUser", json!({ "username": "me2", "roles": [1] })),
        ("createUser", json!({ "username": "me2", "roles": [12] })),
        ("updateRole", json!({ "uuid": clerk_role, "rightsId": [121_701, 190_001] })),
        ("updateRole", json!({ "uuid": seer, "rightsId": [191_005] })),
        ("updateRole", json!({ "uuid": admins, "rightsId": [191_001] })),
        ("updateRole", json!({ "uuid": role_key(&app, "Sleeping Boss"), "isBlocked": false })),
        ("createRole", json!({ "name": "Mine", "rightsId": [198_001] })),
        ("duplicateRole", json!({ "uuid": admins, "name": "Mine too" })),
        ("duplicateRole", json!({ "uuid": seer, "name": "Mine too", "rightsId": [191_002] })),
    ] {
        assert!(
            app.refused("clerk", mutation, input.clone()).await.starts_with("FORBIDDEN"),
            "{mutation} {input}"
        );
    }
    for system in [true, false] {
        let own = json!({ "name": format!("Own {system}"), "isSystem": system, "isBlocked": false, "rightsId": [191_001] });
        app.done("clerk", "createRole", own).await;
    }
    assert_eq!(
        app.count("SELECT count(*) FROM core_role WHERE is_system = 64"),
        2,
        "no mutation makes such a role"
    );
}

#[apply(on_both)]
async fn who_has_rights_that_one_lacks_is_not_changed_not_even_the_email_address(app: TestApp) {
    office(&app).await;
    for username in ["admin", "boss", "triage", "sleeper"] {
        let id = key_of(&app, username);
        for change in [
            json!({ "email": "mine@example.org" }),
            json!({ "password": "a rosy bud" }),
            json!({ "isActive": false }),
            json!({ "roles": [] }),
            json!({ "username": "renamed" }),
        ] {
            let mut input = change.clone();
            input["uuid"] = json!(id);
            assert_eq!(app.refused("clerk", "updateUser", input).await, "FORBIDDEN", "{username} {change}");
        }
        assert_eq!(app.refused("clerk", "deleteUser", json!({ "uuids": [id] })).await, "FORBIDDEN");
        // With another address, or by a token, somebody could take the account over.
        let reset = format!(
            "mutation {{ resetPassword(input: {{ username: \"{username}\" }}) {{ success token }} }}"
        );
        let answer = app.user("clerk").await.graphql(&reset).await;
        assert_eq!(*answer.data("resetPassword"), json!({ "success": false, "token": null }), "{username}");
        let signs =
            json!({ "name": "x", "expires": "2027-01-01T00:00:00", "rights": [], "username": username });
        assert_eq!(app.refused("clerk", "createApiToken", signs).await, "FORBIDDEN", "{username}");
    }
    let text = app
        .refusal_text("clerk", "updateUser", json!({ "username": "boss", "email": "mine@example.org" }))
        .await;
    assert!(text.contains("boss has rights that you do not have"), "{text}");
    for (username, mutation) in [("exec1", "createUser"), ("triage", "updateUser")] {
        let input = json!({ "username": "norights", "lastName": "Changed" });
        assert_eq!(
            app.refused(username, mutation, input).await,
            "FORBIDDEN",
            "{username} has no right at all"
        );
    }
}

#[apply(on_both)]
async fn the_rights_for_people_and_roles_are_those_that_the_settings_say(backend: Backend) {
    let configured = |settings: &mut Settings| {
        let own = &mut settings.tasks_management;
        for perms in
            [&mut own.gql_user_create_perms, &mut own.gql_user_update_perms, &mut own.gql_user_delete_perms]
        {
            *perms = vec![4_711];
        }
        for perms in [
            &mut own.gql_role_create_perms,
            &mut own.gql_role_update_perms,
            &mut own.gql_role_delete_perms,
            &mut own.gql_role_duplicate_perms,
        ] {
            *perms = vec![4_712];
        }
    };
    let app = TestApp::start_with(backend, configured, |builder| builder).await;
    office(&app).await;
    app.load(json!({
        "roles": [{ "name": "Other", "rights": [4_711, 4_712, 121_701, 122_001] }],
        "users": [{ "id": "11111111-2222-4333-8444-0000000000c9", "username": "other", "password": "other123", "roles": ["Other"] }],
    }))
    .await;
    app.done("other", "createUser", json!({ "username": "nadia" })).await;
    app.done("other", "createRole", json!({ "name": "Empty" })).await;
    let (nadia, empty) = (key_of(&app, "nadia"), role_key(&app, "Empty"));
    for (mutation, input) in [
        ("createUser", json!({ "username": "olga" })),
        ("updateUser", json!({ "uuid": nadia, "phone": "555" })),
        ("deleteUser", json!({ "uuids": [nadia] })),
        ("createRole", json!({ "name": "Other still" })),
        ("updateRole", json!({ "uuid": empty, "altLanguage": "Vide" })),
        ("duplicateRole", json!({ "uuid": empty, "name": "Empty too" })),
        ("deleteRole", json!({ "uuids": [empty] })),
    ] {
        assert_eq!(app.refused("clerk", mutation, input.clone()).await, "FORBIDDEN", "{mutation}");
        app.done("other", mutation, input).await;
    }
}

#[apply(on_both)]
async fn a_null_among_roles_or_rights_is_refused_and_takes_nothing(app: TestApp) {
    let roles = || {
        app.count("SELECT count(*) FROM core_userrole JOIN core_user ON core_user.id = user_id WHERE username = 'exec1'")
    };
    let before = roles();
    assert!(before > 0);
    let input = json!({ "username": "exec1", "roles": [null] });
    assert_eq!(app.refused("admin", "updateUser", input).await, "VALIDATION roles");
    let input = json!({ "name": "Nothing", "rightsId": [191_001, null] });
    assert_eq!(app.refused("admin", "createRole", input).await, "VALIDATION rightsId");
    assert_eq!(roles(), before);
}

#[apply(on_both)]
async fn the_last_superuser_stays_also_when_two_act_at_once(app: TestApp) {
    office(&app).await;
    let admins = role_key(&app, "IMIS Administrator");
    let (admin, boss) = (app.user("admin").await, app.another_process().user("boss").await);
    let able = "SELECT count(*) FROM core_user WHERE is_active AND NOT is_deleted AND id IN (SELECT user_id FROM core_userrole \
                WHERE role_id = 1)";
    for round in 0..6 {
        let against = |id: &str| match round % 3 {
            0 => format!(
                "mutation {{ updateUser(input: {{ uuid: \"{id}\" isActive: false }}) {{ internalId }} }}"
            ),
            1 => {
                format!("mutation {{ updateUser(input: {{ uuid: \"{id}\" roles: [3] }}) {{ internalId }} }}")
            }
            _ => format!("mutation {{ deleteUser(input: {{ uuids: [\"{id}\"] }}) {{ internalId }} }}"),
        };
        let (mut one, mut other) = (admin.clone(), boss.clone());
        let (first, second) = (against(BOSS), against(user_id("admin")));
        let (_, _) = tokio::join!(one.graphql(&first), other.graphql(&second));
        assert_eq!(app.count(able), 1, "one of them is left, whoever was first: {round}");
        app.run("UPDATE core_user SET is_active = (1 = 1), is_deleted = (1 = 0)");
        app.run("UPDATE core_user SET is_active = (1 = 0) WHERE username = '(system)'");
        app.run("UPDATE core_session SET date_revoked = NULL");
        for id in [BOSS, user_id("admin")] {
            app.run(&format!("DELETE FROM core_userrole WHERE user_id = '{id}'"));
            app.run(&format!(
                "INSERT INTO core_userrole (user_id, role_id, date_created) VALUES ('{id}', 1, '2026-01-01 00:00:00')"
            ));
        }
    }
    app.done("admin", "updateUser", json!({ "uuid": BOSS, "isActive": false })).await;
    for (mutation, input) in [
        ("updateUser", json!({ "uuid": user_id("admin"), "isActive": false })),
        ("updateUser", json!({ "uuid": user_id("admin"), "roles": [] })),
        ("deleteUser", json!({ "uuids": [user_id("admin")] })),
        ("updateRole", json!({ "uuid": admins, "isSystem": false })),
        ("updateRole", json!({ "uuid": admins, "isBlocked": true })),
    ] {
        assert_eq!(app.refused("admin", mutation, input.clone()).await, "CONFLICT", "{mutation} {input}");
    }
}

#[apply(on_both)]
async fn a_blocked_person_is_out_everywhere_at_once_and_nothing_waits_silently(app: TestApp) {
    office(&app).await;
    let (pair, alone) =
        (app.group("PAIR", All, &["exec1", "exec2"]).await, app.group("ALONE", Any, &["exec1"]).await);
    let (shared, lonely) = (app.task_in(&pair).await, app.task_in(&alone).await);
    app.approve("exec2", &shared).await;
    let mut elsewhere = app.another_process().user("exec1").await;
    let (_, error) = app
        .user("admin")
        .await
        .mutate("updateUser", json!({ "username": "exec1", "isActive": false, "clientMutationId": "out" }))
        .await;
    assert_eq!(error, Value::Null);
    assert_eq!(elsewhere.graphql("{ user { username } }").await.status, 401);
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    let held = async |task: &str| {
        let rows = app
            .user("admin")
            .await
            .rows("task", &format!("(id: \"{task}\")"), "progress { heldReason }")
            .await;
        rows[0]["progress"]["heldReason"].clone()
    };
    assert_eq!(held(&shared).await, "READY_TO_DECIDE");
    assert_eq!(held(&lonely).await, "EMPTY_POOL");
    let entry = app.user("admin").await.rows("mutationLogs", "(clientMutationId: \"out\")", "jsonExt").await;
    assert_eq!(parsed(&entry[0]["jsonExt"])["groupsWithoutExecutors"], json!(["ALONE"]));
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": true })).await;
    assert_eq!(elsewhere.graphql("{ user { username } }").await.status, 401, "ended sessions stay ended");
    app.approve("exec1", &lonely).await;
}

#[apply(on_both)]
async fn the_number_of_a_right_is_one_or_more(app: TestApp) {
    app.done("admin", "createRole", json!({ "name": "Reader", "rightsId": [191_001, 1, 2_147_483_647] }))
        .await;
    let uuid = role_key(&app, "Reader");
    for wrong in [json!([-1]), json!([191_001, 0]), json!([-2_147_483_648_i64, 191_001])] {
        for (mutation, input) in [
            ("createRole", json!({ "name": "Other", "rightsId": wrong })),
            ("updateRole", json!({ "uuid": uuid, "name": "Reader", "rightsId": wrong })),
            ("duplicateRole", json!({ "uuid": uuid, "name": "Other", "rightsId": wrong })),
        ] {
            let refused = app.refused("admin", mutation, input.clone()).await;
            assert_eq!(refused, "VALIDATION rightsId", "{mutation} {wrong}");
            let text = app.refusal_text("admin", mutation, input).await;
            assert!(text.contains("can't be a right: rights have numbers from 1 on"), "{text}");
        }
    }
    let rights = "SELECT count(*) FROM core_roleright WHERE right_id < 1";
    assert_eq!(app.count(rights), 0);
}

#[apply(on_both)]
async fn roles_are_made_changed_duplicated_and_deleted_with_their_history(app: TestApp) {
    office(&app).await;
    let mut clerk = app.user("clerk").await;
    let made = json!({ "clientMutationId": "made", "name": "Reader", "altLanguage": "Lecteur", "isSystem": false,
        "isBlocked": false, "rightsId": [191_001, 121_701] });
    assert_eq!(clerk.outcome("createRole", made).await, "ok");
    let rows = clerk
        .rows("role", "(clientMutationId: \"made\")", "uuid name altLanguage isSystem rights { rightId }")
        .await;
    assert_eq!(rows[0]["rights"], json!([{ "rightId": 121_701 }, { "rightId": 191_001 }]));
    let uuid = rows[0]["uuid"].as_str().expect("a key").to_owned();
    assert_eq!(app.refused("clerk", "createRole", json!({ "name": "Reader" })).await, "VALIDATION name");
    assert_eq!(app.refused("clerk", "createRole", json!({})).await, "VALIDATION name");
    let copy = json!({ "uuid": uuid, "name": "Reader 2", "isSystem": false, "isBlocked": false });
    assert_eq!(clerk.outcome("duplicateRole", copy).await, "ok");
    let second = role_key(&app, "Reader 2");
    app.done(
        "admin",
        "createUser",
        json!({ "username": "nadia", "password": "a rosy bud",
        "roles": [app.count("SELECT CAST(id AS bigint) FROM core_role WHERE name = 'Reader 2'")] }),
    )
    .await;
    let mut nadia = app.stranger();
    nadia.try_log_in("nadia", "a rosy bud").await;
    assert!(nadia.graphql("{ users { totalCount } }").await.data("users")["totalCount"].as_i64() > Some(5));
    assert_eq!(
        clerk.outcome("updateRole", json!({ "uuid": second, "name": "Viewer", "rightsId": [191_001] })).await,
        "ok"
    );
    assert_eq!(nadia.graphql("{ users { totalCount } }").await.codes(), ["FORBIDDEN"], "at the next request");
    assert_eq!(app.refused("clerk", "deleteRole", json!({ "uuids": [uuid, second] })).await, "CONFLICT");
    assert_eq!(clerk.outcome("deleteRole", json!({ "uuids": [uuid] })).await, "ok");
    assert!(clerk.rows("role", "(name: \"Reader\")", "name").await.is_empty());
    let versions = clerk
        .rows(
            "roleHistory",
            &format!("(uuid: \"{uuid}\", orderBy: \"history_id\")"),
            "historyType name historyUser { username }",
        )
        .await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "DELETED"]);
    assert_eq!(versions[1]["historyUser"]["username"], "clerk");
    let viewer = app.count("SELECT CAST(id AS bigint) FROM core_role WHERE name = 'Viewer'");
    let rights = clerk
        .rows(
            "roleRightHistory",
            &format!("(roleId: {viewer}, orderBy: \"history_id\")"),
            "historyType rightId historyUser { username }",
        )
        .await;
    assert_eq!(each(&rights, "rightId"), [121_701, 191_001, 121_701]);
    assert_eq!(each(&rights, "historyType"), ["CREATED", "CREATED", "DELETED"]);
    let free = "{ validateRoleName(roleName: \"Viewer\") }";
    assert_eq!(clerk.graphql(free).await.data("validateRoleName"), false);
    let listed = clerk.graphql("{ modulesPermissions { modulePermsList { moduleName permissions { permsName permsValue opens } } } }").await;
    let listed = &listed.data("modulesPermissions")["modulePermsList"][0];
    let right =
        listed["permissions"].as_array().expect("a list").iter().find(|right| right["permsValue"] == 121_703);
    assert_eq!(right.expect("a right")["permsName"], "gql_user_update_perms");
}

#[apply(on_both)]
async fn loaded_people_and_those_of_operators_have_a_history_too(app: TestApp) {
    let mut admin = app.user("admin").await;
    let loaded = admin
        .rows(
            "userHistory",
            &format!("(id: \"{}\")", user_id("exec1")),
            "historyType historyUser { username }",
        )
        .await;
    assert_eq!(loaded, [json!({ "historyType": "CREATED", "historyUser": null })]);
    assert_eq!(
        app.user("exec1").await.outcome("changeUserLanguage", json!({ "languageId": "fr" })).await,
        "ok"
    );
    let versions = app.versions("user", user_id("exec1"), "language").await;
    assert_eq!(each(&versions, "language"), ["en", "fr"]);
    assert_eq!(versions[1]["historyUser"]["username"], "exec1");
}

#[apply(on_both)]
async fn whoever_is_blocked_or_deleted_loses_claims_and_tokens_at_once_and_what_waits_says_so(app: TestApp) {
    for (round, leaves) in ["updateUser", "deleteUser"].into_iter().enumerate() {
        let who = ["exec1", "exec2"][round];
        let group = format!("LEFT{round}");
        let input = json!({ "code": group, "completionPolicy": "ANY", "claimMode": "EXCLUSIVE", "userIds": [user_id(who)] });
        app.done("admin", "createTaskGroup", input).await;
        let rows = app.user("admin").await.rows("taskGroup", &format!("(code: \"{group}\")"), "uuid").await;
        let task = app.task_in(rows[0]["uuid"].as_str().expect("a key")).await;
        let mut person = app.user(who).await;
        assert_eq!(person.outcome("claimTask", json!({ "id": task })).await, "ok");
        let token = "mutation { createApiToken(input: { name: \"p\" expires: \"$soon\" rights: [191001] }) { secret } }";
        let soon = tasks_management::Clock::now(&tasks_management::SystemClock) + chrono::TimeDelta::days(1);
        let token = token.replace("$soon", &soon.format("%Y-%m-%dT%H:%M:%S").to_string());
        let secret = person.graphql(&token).await.data("createApiToken")["secret"].clone();
        let mut program = app.another_process().stranger();
        program.authorization = Some(format!("Bearer {}", secret.as_str().expect("a token")));
        assert_eq!(program.graphql("{ user { username } }").await.data("user")["username"], who);
        let input = match leaves {
            "updateUser" => json!({ "username": who, "isActive": false, "clientMutationId": leaves }),
            _ => json!({ "uuids": [user_id(who)], "clientMutationId": leaves }),
        };
        app.done("admin", leaves, input).await;
        let status = person.graphql("{ user { username } }").await.status;
        assert_eq!(
            (status.as_u16(), program.graphql("{ user { username } }").await.status.as_u16()),
            (401, 401)
        );
        let arguments = format!("(clientMutationId: \"{leaves}\")");
        let entry = app.user("admin").await.rows("mutationLogs", &arguments, "jsonExt").await;
        let left = parsed(&entry[0]["jsonExt"])["groupsWithoutExecutors"].clone();
        assert!(left.as_array().is_some_and(|codes| codes.contains(&json!(group))), "{leaves}: {left}");
        let shown = "claims { user { username } } progress { held heldReason }";
        let look = async || {
            app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), shown).await.remove(0)
        };
        assert_eq!(look().await["claims"], json!([]), "it counts no more from that moment");
        while app.module.deliver_due().await.expect("delivers") > 0 {}
        let ended =
            format!("SELECT ended_as AS value FROM task_management_taskclaim WHERE task_id = '{task}'");
        assert_eq!(app.text(&ended), "LOST", "without anybody touching the task");
        assert_eq!(look().await["progress"], json!({ "held": true, "heldReason": "EMPTY_POOL" }), "{leaves}");
    }
}
