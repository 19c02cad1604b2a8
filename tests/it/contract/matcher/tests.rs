use serde_json::json;

use super::*;

fn diff(want: &Value, got: &Value) -> Vec<String> {
    Matcher::new(&mut Bindings::default()).diff(want, got, "")
}

fn diff_of(expect: Value, got: &Value) -> Vec<String> {
    let expect: Expect = serde_json::from_value(expect).expect("the test's expectation is well formed");
    let want = expect.data.clone().expect("the test expects data");
    Matcher::of(&expect, &mut Bindings::default()).diff(&want, got, "")
}

#[test]
fn equal_values_match_and_others_say_where_they_differ() {
    let want = json!({"task": {"totalCount": 1, "edges": [{"node": {"id": "a"}}, {"node": {"id": "b"}}]}});
    assert_eq!(diff(&want, &want), Vec::<String>::new());
    let got = json!({"task": {"edges": [{"node": {"id": "a"}}, {"node": {"id": "c"}}], "more": 1}});
    assert_eq!(
        diff(&want, &got),
        [
            "[1] task.edges.node.id: want \"b\", got \"c\"",
            "task.totalCount: missing",
            "task.more: not asked for"
        ]
    );
    assert_eq!(diff(&want, &Value::Null).len(), 1);
    assert_eq!(diff(&json!({"a": 1}), &json!({"a": 1.0})).len(), 1);
    assert_eq!(diff(&json!({"a": null}), &json!({"a": false})).len(), 1);
    assert_eq!(diff(&json!({"a": [1, 2]}), &json!({"a": [1]})), ["a: want 2 items, got 1: [1]"]);
}

#[test]
fn lists_are_ordered_unless_the_case_says_otherwise() {
    let (want, got) = (json!({"task": {"edges": [1, 2, 2]}}), json!({"task": {"edges": [2, 1, 2]}}));
    assert_eq!(diff(&want, &got).len(), 2);
    let expect = |data: &Value| json!({"data": data, "unordered": ["task.edges"]});
    assert_eq!(diff_of(expect(&want), &got), Vec::<String>::new());
    assert_eq!(diff_of(expect(&want), &json!({"task": {"edges": [2, 1, 1]}})).len(), 1);
}

#[test]
fn some_lists_are_sets_everywhere() {
    for name in ["taskexecutorSet", "taskSet"] {
        let edges = |users: [&str; 2]| json!({"g": {name: {"edges": users}}});
        assert_eq!(diff(&edges(["a", "b"]), &edges(["b", "a"])), Vec::<String>::new());
        assert_eq!(diff(&edges(["a", "b"]), &edges(["b", "b"])).len(), 1);
    }
    assert_eq!(
        diff(&json!({"user": {"rights": [1, 2]}}), &json!({"user": {"rights": [2, 1]}})),
        Vec::<String>::new()
    );
    assert_eq!(diff(&json!({"user": {"others": [1, 2]}}), &json!({"user": {"others": [2, 1]}})).len(), 2);
}

#[test]
fn cursors_mean_nothing_in_a_set() {
    let edges = |edges: Value| json!({"taskSet": {"edges": edges}});
    let want = edges(json!([{"cursor": "x", "node": 1}, {"cursor": "y", "node": 2}]));
    assert_eq!(diff(&want, &edges(json!([{"cursor": "x", "node": 2}, {"node": 1}]))), Vec::<String>::new());
}

#[test]
fn a_run_of_equal_keys_is_a_set_of_its_own() {
    let expect = |sizes: Value| json!({"data": {"rows": [1, 2, 3]}, "blocks": {"rows": sizes}});
    assert_eq!(diff_of(expect(json!([2, 1])), &json!({"rows": [2, 1, 3]})), Vec::<String>::new());
    assert_eq!(diff_of(expect(json!([2, 1])), &json!({"rows": [1, 3, 2]})).len(), 2);
    assert_eq!(diff_of(expect(json!([2])), &json!({"rows": [1, 2, 3]})).len(), 1);
}

#[test]
fn json_strings_are_compared_by_value() {
    for field in JSON_STRINGS {
        let holding = |text: &str| json!({"node": {field: text}});
        let want = holding("{\"a\": 1, \"b\": [1, 2]}");
        assert_eq!(diff(&want, &holding("{\"b\":[1,2],\"a\":1}")), Vec::<String>::new());
        assert_eq!(diff(&want, &holding("{\"b\":[2,1],\"a\":1}")).len(), 1);
        assert_eq!(diff(&want, &holding("")).len(), 1);
        assert_eq!(diff(&holding("no JSON"), &holding("none either")).len(), 1);
        assert_eq!(diff(&holding("no JSON"), &holding("no JSON")), Vec::<String>::new());
    }
    assert_eq!(diff(&json!({"node": {"label": "{}"}}), &json!({"node": {"label": "{ }"}})).len(), 1);
}

#[test]
fn a_json_set_takes_the_lists_in_a_json_string_as_sets() {
    let want = json!({"jsonExt": {"$json_set": {"task_sources": ["x", "y"]}}});
    let got = |text: &str| json!({"jsonExt": text});
    assert_eq!(diff(&want, &got("{\"task_sources\": [\"y\", \"x\"]}")), Vec::<String>::new());
    for bad in ["{\"task_sources\": [\"y\"]}", "{\"task_sources\": [\"y\", \"x\", \"x\"]}", "nothing"] {
        assert_eq!(diff(&want, &got(bad)).len(), 1, "{bad}");
    }
    assert_eq!(diff(&want, &json!({"jsonExt": {"task_sources": ["x", "y"]}})).len(), 1);
}

#[test]
fn names_bound_by_a_wrong_candidate_are_forgotten() {
    let mut bindings = Bindings::default();
    let want = json!({"roles": [{"a": "<cursor:A>", "n": 2}]});
    let got = json!({"roles": [{"a": "second", "n": 2}]});
    let wrong = json!({"roles": [{"a": "first", "n": 1}]});
    assert_eq!(Matcher::new(&mut bindings).diff(&want, &wrong, "").len(), 1);
    assert_eq!(Matcher::new(&mut bindings).diff(&want, &got, ""), Vec::<String>::new());
    assert_eq!(bindings.fill(json!("${A}")), json!("second"));
}

#[test]
fn long_values_are_cut_between_characters() {
    let text = brief(&json!("ü".repeat(500)));
    assert_eq!(text.chars().count(), 161);
}
