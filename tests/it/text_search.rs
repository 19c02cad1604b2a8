//! Text filters mean the same on both databases: letters of any alphabet in any case, and nothing is a wildcard.

use serde_json::{Value, json};

use crate::support::{Client, apply, on_both};

/// The sources of the tasks that a filter finds, sorted.
async fn sources(client: &mut Client, filter: &str, text: &str) -> Vec<String> {
    let query = format!("query($t: String) {{ task({filter}: $t) {{ edges {{ node {{ source }} }} }} }}");
    let answer = client.graphql_with(&query, json!({ "t": text })).await;
    let edges = answer.data("task")["edges"].as_array().cloned().unwrap_or_default();
    let mut found: Vec<String> =
        edges.iter().filter_map(|edge| edge["node"]["source"].as_str().map(str::to_owned)).collect();
    found.sort_unstable();
    found
}

async fn create(client: &mut Client, source: &str) {
    let (status, error) =
        client.mutate("createTask", json!({ "source": source, "entityString": source })).await;
    assert_eq!(status, 2, "{source}: {error}");
}

#[apply(on_both)]
async fn case_is_ignored_beyond_ascii(app: TestApp) {
    let mut client = app.user("admin").await;
    let pairs = [
        ("Ünïcode", "ÜN"),
        ("ÉCOLE", "école"),
        ("Ελλάδα", "ΕΛΛΆΔΑ"),
        ("ΟΔΟΣΑ", "οδοσ"),
        ("Οδός", "ΟΔΌΣ"),
        ("λόγος βίος", "λόγοσ βίοσ"),
        ("Москва", "МОСКВА"),
        ("Łódź", "ŁÓDŹ"),
        ("ΣΟΦΟΣ", "σοφοσ"),
        ("Σίσυφος, Σ", "ΣΊΣΥΦΟΣ, ς"),
        ("K Å Ω", "k å ω"),
        ("Ǆ Ⅷ Ⓐ", "ǆ ⅷ ⓐ"),
        ("plain", "PLAIN"),
    ];
    for (source, searched) in pairs {
        create(&mut client, source).await;
        for text in [searched.to_owned(), source.to_lowercase(), source.to_uppercase(), source.to_owned()] {
            for filter in ["source_Icontains", "source_Istartswith", "entityString_Icontains"] {
                assert!(
                    sources(&mut client, filter, &text).await.contains(&source.to_owned()),
                    "{filter} {text:?} finds {source}"
                );
            }
        }
        assert_eq!(sources(&mut client, "source_Iexact", &source.to_lowercase()).await, [source]);
        assert_eq!(sources(&mut client, "source", source).await, [source]);
        assert_eq!(sources(&mut client, "source", &format!("{source}x")).await, Vec::<String>::new());
    }
    assert_eq!(
        sources(&mut client, "source", "PLAIN").await,
        Vec::<String>::new(),
        "an exact filter heeds case"
    );
    assert_eq!(sources(&mut client, "source_Icontains", "un").await, Vec::<String>::new(), "u is not ü");
}

#[apply(on_both)]
async fn nothing_is_a_wildcard(app: TestApp) {
    let mut client = app.user("admin").await;
    let texts = [
        "100%",
        "100x",
        "a_b",
        "axb",
        "back\\slash",
        "backslash",
        "[a]",
        "a",
        "*",
        "?",
        "'quoted'",
        "\"double\"",
        "%_\\",
    ];
    for text in texts {
        create(&mut client, text).await;
    }
    for (searched, found) in [
        ("100%", vec!["100%", "Ünï \"q\" 100%_"]),
        ("a_b", vec!["a_b"]),
        ("k\\s", vec!["back\\slash"]),
        ("\\\\", vec![]),
        ("[a]", vec!["[a]"]),
        ("*", vec!["*"]),
        ("?", vec!["?"]),
        ("'", vec!["'quoted'"]),
        ("%_\\", vec!["%_\\"]),
        ("0%%", vec![]),
        ("_x", vec![]),
        ("\"double\"", vec!["\"double\""]),
    ] {
        assert_eq!(sources(&mut client, "source_Icontains", searched).await, found, "{searched}");
    }
    assert_eq!(sources(&mut client, "source_Istartswith", "%").await, ["%_\\"]);
    assert_eq!(sources(&mut client, "source_Iexact", "A_B").await, ["a_b"]);
}

#[apply(on_both)]
async fn white_space_around_is_left_out_and_nothing_asks_for_nothing(app: TestApp) {
    let mut client = app.user("admin").await;
    create(&mut client, "two words").await;
    for text in ["two words", " two words ", "\ttwo words\n", "o w"] {
        assert_eq!(sources(&mut client, "source_Icontains", text).await, ["two words"], "{text:?}");
    }
    let everything = sources(&mut client, "source_Icontains", "").await;
    assert!(everything.len() > 20);
    for filter in [
        "source",
        "source_Iexact",
        "source_Istartswith",
        "source_Icontains",
        "businessEvent",
        "entityString_Icontains",
        "taskGroupId",
        "clientMutationId",
        "entityId",
    ] {
        for text in ["", " ", "\t\n"] {
            assert_eq!(sources(&mut client, filter, text).await, everything, "{filter} {text:?}");
        }
    }
}

#[apply(on_both)]
async fn every_comparison_of_codes_and_every_search(app: TestApp) {
    let mut client = app.user("admin").await;
    let mut codes = async |filter: &str, text: &str| -> Vec<Value> {
        let query = format!(
            "query($t: String) {{ taskGroup({filter}: $t, orderBy: \"code\") {{ edges {{ node {{ code }} }} }} }}"
        );
        let answer = client.graphql_with(&query, json!({ "t": text })).await;
        let edges = answer.data("taskGroup")["edges"].as_array().cloned().unwrap_or_default();
        edges.iter().map(|edge| edge["node"]["code"].clone()).collect()
    };
    let odd = r#"Ünï "quoted" \ 50%_x"#;
    assert_eq!(codes("code_Icontains", "ÜN").await, [odd]);
    assert_eq!(codes("code_Icontains", r#"QUOTED" \ 50%_X"#).await, [odd]);
    assert_eq!(codes("code_Contains", "ün").await, Vec::<Value>::new());
    assert_eq!(codes("code_Contains", "nï").await, [odd]);
    assert_eq!(codes("code_Startswith", "alpha").await, ["alpha-lower"]);
    assert_eq!(codes("code_Startswith", "Alpha").await, Vec::<Value>::new());
    assert_eq!(codes("code_Istartswith", "ALPHA").await, ["ALPHA", "alpha-lower"]);
    assert_eq!(codes("code_Iexact", "alpha").await, ["ALPHA"]);
    assert_eq!(codes("code", "alpha").await, Vec::<Value>::new());
    assert_eq!(codes("search", "ünï").await, [odd]);
    assert_eq!(codes("search", "%").await, [odd]);
    let mut found = codes("search", "exec1").await;
    found.dedup();
    assert_eq!(found, codes("search", "exec1").await, "each group once");
    assert_eq!(codes("search", "").await.len(), 7);
}

#[apply(on_both)]
async fn codes_and_sources_hold_nothing_that_is_not_seen(app: TestApp) {
    let mut client = app.user("admin").await;
    let group = app.group("SEEN", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    for bad in
        [" A", "A ", "A\n", "A\nB", "A\tB", "\u{200e}A", "A\u{202e}B", "A\u{2028}B", "\u{feff}A", "A\u{200b}"]
    {
        let inputs = [
            ("createTask", "source", json!({ "source": bad })),
            ("createTaskGroup", "code", json!({ "code": bad, "completionPolicy": "ANY" })),
            (
                "createTaskGroup",
                "taskSources",
                json!({ "code": "NEW", "completionPolicy": "ANY", "taskSources": [bad] }),
            ),
            (
                "updateTaskGroup",
                "taskSources",
                json!({ "id": group, "code": "SEEN", "completionPolicy": "ANY", "taskSources": [bad] }),
            ),
            ("createTaskFlow", "code", json!({ "code": bad, "steps": [{ "taskGroupId": group }] })),
            (
                "createTaskFlow",
                "taskSources",
                json!({ "code": "NEW", "steps": [{ "taskGroupId": group }], "taskSources": [bad] }),
            ),
        ];
        for (mutation, field, input) in inputs {
            let (status, error) = client.mutate(mutation, input).await;
            assert_eq!((status, &error[0]["code"]), (1, &json!("VALIDATION")), "{mutation} {bad:?} {error}");
            assert_eq!(error[0]["detail"], field, "{mutation} {bad:?}");
        }
    }
    for good in ["نص\u{200c}ها", "क्\u{200d}ष", "a b", "Ünï"] {
        let (status, error) = client.mutate("createTask", json!({ "source": good })).await;
        assert_eq!(status, 2, "{good:?} {error}");
    }
}

#[apply(on_both)]
async fn a_source_that_is_bound_already_stays_though_it_is_older_than_the_rule(app: TestApp) {
    let group =
        app.group_with("ELDER", tasks_management::CompletionPolicy::Any, None, &["exec1"], &["elder"]).await;
    app.run(&format!(
        "UPDATE task_management_tasksource SET source = 'elder ' WHERE task_group_id = '{group}'"
    ));
    let input =
        json!({ "id": group, "code": "ELDER", "completionPolicy": "ALL", "taskSources": ["elder ", "new"] });
    assert_eq!(app.user("admin").await.outcome("updateTaskGroup", input).await, "ok");
}

#[apply(on_both)]
async fn what_is_finer_than_a_microsecond_is_left_out_of_moments(app: TestApp) {
    let mut client = app.user("admin").await;
    create(&mut client, "now").await;
    let row = client.rows("task", "(source: \"now\")", "dateCreated").await.remove(0);
    let text = row["dateCreated"].as_str().expect("a moment");
    let text = if text.contains('.') { text.to_owned() } else { format!("{text}.000000") };
    for finer in ["", "0", "499", "500", "999", "999Z", "999+00:00"] {
        for (filter, finds) in [("", 1), ("_Gte", 1), ("_Lte", 1), ("_Gt", 0), ("_Lt", 0)] {
            let arguments = format!("(source: \"now\", dateCreated{filter}: \"{text}{finer}\")");
            assert_eq!(client.rows("task", &arguments, "uuid").await.len(), finds, "{arguments}");
        }
    }
    for leap in ["2016-12-31T23:59:60", "2016-12-31T23:59:60.5Z"] {
        let answer =
            client.graphql(&format!("{{ task(dateCreated_Gt: \"{leap}\") {{ totalCount }} }}")).await;
        assert_eq!(answer.codes(), ["VALIDATION"], "{}", answer.text);
    }
}
