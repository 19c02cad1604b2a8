//! What users and roles show, and what showing many of them costs.

use crate::support::{apply, on_both};

#[apply(on_both)]
async fn the_roles_of_many_users_cost_as_many_statements_as_those_of_two(app: TestApp) {
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    let selection = "username iUser { language { code } roleId roles { name rights { rightId } } userRoles { role { name } } }";
    let mut cost = async |first: usize| {
        counted.statements();
        let rows = admin.rows("users", &format!("(first: {first})"), selection).await;
        assert_eq!(rows.len(), first);
        assert!(rows.iter().any(|row| row["iUser"]["roles"][0]["name"].is_string()), "{rows:?}");
        counted.statements()
    };
    // The first request opens connections and reads what is kept for a while.
    cost(2).await;
    let (few, many) = (cost(2).await, cost(7).await);
    assert!(few.len() >= 4, "statements are not counted: {few:?}");
    assert!(many.len() <= few.len() + 2, "{} for two, {} for seven: {many:#?}", few.len(), many.len());
}
