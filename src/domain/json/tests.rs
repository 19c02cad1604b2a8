//! Reading, writing and comparing JSON.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// A number as JSON has it: sign, digits before and after the point, exponent.
fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(|text| Json::parse(&text).expect("a number")),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Json::Object),
        ]
    })
}

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    own: Json,
    #[serde(flatten)]
    inner: Flattened,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flattened {
    version: i32,
    carried: Json,
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(json in value()) {
        let text = json.to_string();
        prop_assert_eq!(&Json::parse(&text).expect("JSON"), &json);
        prop_assert_eq!(Json::parse(&text).expect("JSON").to_string(), text.clone());
        prop_assert_eq!(&serde_json::from_str::<Json>(&text).expect("JSON"), &json);
        prop_assert_eq!(&json.read::<Json>().expect("JSON"), &json);
        prop_assert_eq!(&Json::of(&json), &json);
        prop_assert_eq!(Json::parse(&json.canonical()).expect("JSON"), json);
    }

    #[test]
    fn flattened_parts_keep_numbers_too(own in value(), carried in value(), version in any::<i32>()) {
        let json = json!({ "own": own, "version": version, "carried": carried });
        let read: Outer = json.read_flattened().expect("the form");
        prop_assert_eq!(read, Outer { own, inner: Flattened { version, carried } });
    }

    #[test]
    fn numbers_keep_every_digit_and_equal_ones_have_one_form(text in "-?[1-9][0-9]{0,60}\\.([0-9]{0,60}[1-9]|0)", zeros in 1_usize..5) {
        let read = |text: &str| Json::parse(text).expect("a number");
        prop_assert_eq!(read(&text).to_string(), text.clone());
        let longer = format!("{text}{}", "0".repeat(zeros));
        prop_assert_eq!(read(&longer).to_string(), longer.clone());
        prop_assert_eq!(read(&longer), read(&text));
        prop_assert_eq!(read(&longer).canonical(), text.clone());
        let digits = text.replacen('.', "", 1);
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert_eq!(read(&format!("{digits}e-{places}")).to_string(), text);
    }

    #[test]
    fn what_serde_json_reads_is_read_and_nothing_else(text in "[\\[\\]{}:,\"\\\\a0-9eE.+ -]{0,12}") {
        // Repeated keys aside, which serde_json takes, and numbers beyond f64, which it does not.
        let theirs = serde_json::from_str::<Value>(&text);
        match Json::parse(&text) {
            Ok(json) => prop_assert!(theirs.is_ok_and(|value| json.to_value() == value) || text.contains(['e', 'E'])),
            Err(JsonError { fault: JsonFault::Form(_), .. }) => prop_assert!(theirs.is_err(), "{text}"),
            Err(_) => {}
        }
    }
}

#[test]
fn exponents_are_resolved_as_postgresql_does() {
    for (written, kept) in [
        ("1e5", "100000"),
        ("1.50e1", "15.0"),
        ("1.5e1", "15"),
        ("100e-2", "1.00"),
        ("1E-7", "0.0000001"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("0.00e2", "0"),
        ("-1.10", "-1.10"),
    ] {
        assert_eq!(Json::parse(written).expect("a number").to_string(), kept, "{written}");
    }
    for long in ["1e1000", "1e-1000", "1e99999999999999999999", "1e-9223372036854775808", &"1".repeat(1001)] {
        let error = Json::parse(&format!(r#"{{"a":[{long}]}}"#)).expect_err("too long");
        assert_eq!((error.fault, error.path), (JsonFault::LongNumber, vec!["a".to_owned(), "0".to_owned()]));
    }
    assert!(Json::parse(&"1".repeat(1000)).is_ok());
}

#[test]
fn a_short_text_does_not_become_a_long_one() {
    let list = |number: &str, times: usize| format!("[{}]", vec![number; times].join(","));
    assert!(Json::parse(&list("1e999", 60)).is_ok() && Json::parse(&list("1.5e-7", 100_000)).is_ok());
    for number in ["1e999", "1e-998", "-1E+500"] {
        let error = Json::parse(&list(number, 100_000)).expect_err("too long");
        assert_eq!(error.fault, JsonFault::ManyZeros, "{number}");
    }
    assert!(Json::stored(&list("1e999", 1000)).is_ok_and(|json| json.to_string().len() < 10_000));
}

#[test]
fn numbers_that_64_bits_hold_are_known() {
    let is = |text: &str| matches!(Json::stored(text), Ok(Json::Number(number)) if number.is_float());
    for held in [
        "0.1",
        "1.50",
        "1e300",
        "-0.0",
        "18446744073709552000",
        "1.0",
        "5e-324",
        "1e+22",
        "123456789012345680.0",
    ] {
        assert!(is(held), "{held}");
    }
    for lost in
        ["0.1000000000000000055", "18446744073709551616", "1e400", "1e-400", "12345678901234567890123"]
    {
        assert!(!is(lost), "{lost}");
    }
}

#[test]
fn a_repeated_key_is_refused_with_its_place() {
    let error = Json::parse(r#"{"a": [{"b": 1, "b": 1}]}"#).expect_err("b is there twice");
    assert_eq!(error.fault, JsonFault::RepeatedKey("b".to_owned()));
    assert_eq!(error.to_string(), r#"the key "b" is there twice in a.0"#);
    assert!(serde_json::from_str::<Json>(r#"{"a": 1, "\u0061": 2}"#).is_err());
    assert_eq!(
        Json::stored(r#"{"a": 1, "a": 2}"#).expect("what is stored is read").to_string(),
        r#"{"a":2}"#
    );
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse(&nested(127)).is_ok() && Json::parse(&nested(128)).is_err());
    assert!(Json::stored(&nested(200)).is_ok() && Json::stored(&nested(100_000)).is_err());
}

#[test]
fn typed_readers_get_the_nearest_number_they_can_hold() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Typed {
        a: f64,
        b: u128,
        c: (u8, i8),
    }

    let json = Json::parse(r#"{"a": 1.10, "b": 340282366920938463463374607431768211455, "c": [1, -1]}"#);
    let read: Typed = json.expect("JSON").read().expect("the form");
    assert_eq!(read, Typed { a: 1.1, b: u128::MAX, c: (1, -1) });
    assert_eq!(
        Json::parse("1e400").expect("JSON").to_value(),
        Value::String(format!("1{}", "0".repeat(400)))
    );
}
