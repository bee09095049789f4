//! Every limit of a request, tried at it and one past it, and the schemas held against the same numbers.

use hsm_bench::{
    ADVANCE_MS_MAX, AFTER_MAX, Advance, CALENDAR_MS_MAX, Faults, HOLDERS_MAX, Insert, KEYS_MAX, Keys,
    NAME_CHARACTERS_MAX, Name, PATH_CHARACTERS_MAX, SeedCards, SeedUsers, TEXT_CHARACTERS_MAX, Text,
    USERS_MAX, WRITE_DELAY_MS_MAX, WRITES_MAX,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::PartialSchema;

fn check<T: DeserializeOwned + PartialSchema>(
    member: &str,
    keyword: &str,
    limit: impl Into<Value>,
    of: impl Fn(u64) -> Value,
) {
    let limit = limit.into();
    let most = limit.as_u64().expect("a limit is a number");
    let reads = |value: Value| serde_json::from_value::<T>(value).is_ok();
    assert!(reads(of(most)), "{member} at {most}");
    assert!(!reads(of(most + 1)), "{member} one past {most}");
    let schema = serde_json::to_value(T::schema()).expect("it is JSON");
    assert_eq!(schema["properties"][member][keyword], limit, "{schema}");
    assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
}

fn names(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("n{number}")).collect()
}

fn text(characters: u64) -> String {
    "ä".repeat(usize::try_from(characters).expect("it is small"))
}

#[test]
fn every_limit_holds_at_it_and_one_past_it() {
    check::<Keys>(
        "keys",
        "maxItems",
        KEYS_MAX,
        |count| json!({"keys": (0..count).map(|_| "Esc").collect::<Vec<_>>()}),
    );
    check::<Text>(
        "text",
        "maxLength",
        TEXT_CHARACTERS_MAX,
        |count| json!({"text": text(count)}),
    );
    check::<Insert>(
        "card",
        "maxLength",
        PATH_CHARACTERS_MAX,
        |count| json!({"card": text(count)}),
    );
    check::<Advance>(
        "by_ms",
        "maximum",
        ADVANCE_MS_MAX,
        |by_ms| json!({"by_ms": by_ms}),
    );
    check::<Advance>(
        "calendar_by_ms",
        "maximum",
        CALENDAR_MS_MAX,
        |by_ms| json!({"by_ms": 0, "calendar_by_ms": by_ms}),
    );
    let back = |by_ms: u64| {
        let by_ms = -i64::try_from(by_ms).expect("it is small");
        serde_json::from_value::<Advance>(json!({"by_ms": 0, "calendar_by_ms": by_ms})).is_ok()
    };
    assert!(back(CALENDAR_MS_MAX) && !back(CALENDAR_MS_MAX + 1));
    check::<Advance>("after", "maxItems", AFTER_MAX, |count| {
        let after: Vec<_> = (0..count)
            .map(|number| json!({"connection": number, "bytes": 1}))
            .collect();
        json!({"by_ms": 1, "after": after})
    });
    let faults = |member: &str, value: u64| {
        let mut faults = serde_json::to_value(Faults::default()).expect("it is JSON");
        faults[member] = value.into();
        faults
    };
    check::<Faults>("write_delay_ms", "maximum", WRITE_DELAY_MS_MAX, |value| {
        faults("write_delay_ms", value)
    });
    check::<Faults>("cut_at_write", "maximum", WRITES_MAX, |value| {
        faults("cut_at_write", value)
    });
    check::<SeedCards>(
        "holders",
        "maxItems",
        HOLDERS_MAX,
        |count| json!({"required": 2, "holders": names(count), "pin": "12345678"}),
    );
    check::<SeedCards>(
        "required",
        "maximum",
        64,
        |required| json!({"required": required, "holders": names(2), "pin": "12345678"}),
    );
    check::<SeedUsers>(
        "users",
        "maxItems",
        USERS_MAX,
        |count| json!({"users": names(count)}),
    );
}

#[test]
fn a_whole_number_may_be_written_with_a_point() {
    let reads = |by_ms: Value| serde_json::from_value::<Advance>(json!({"by_ms": by_ms}));
    assert_eq!(reads(json!(7.0)).expect("it is whole").by_ms, 7);
    for wrong in [
        json!(7.5),
        json!(-1.0),
        json!(-1),
        json!(9_007_199_254_740_992.0),
        json!("7"),
        json!(null),
    ] {
        assert!(reads(wrong.clone()).is_err(), "{wrong}");
    }
    let reads =
        |by_ms: Value| serde_json::from_value::<Advance>(json!({"by_ms": 0, "calendar_by_ms": by_ms}));
    for whole in [json!(-7), json!(-7.0)] {
        assert_eq!(reads(whole).expect("it is whole").calendar_by_ms, -7);
    }
    for wrong in [
        json!(-7.5),
        json!(-9_007_199_254_740_992.0),
        json!(u64::MAX),
        json!("-7"),
    ] {
        assert!(reads(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_name_can_be_that_of_a_file_and_of_nothing_else() {
    let longest = "n".repeat(NAME_CHARACTERS_MAX);
    assert!(Name::of(&longest).is_some() && Name::of(&format!("{longest}n")).is_none());
    for wrong in ["", ".", "../ana", "Ana", "ana\n", "ána"] {
        assert!(Name::of(wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn what_is_not_known_or_there_twice_is_refused() {
    let refused = |value: Value| {
        serde_json::from_value::<SeedUsers>(value)
            .expect_err("it is wrong")
            .to_string()
    };
    assert!(refused(json!({"users": ["ana", "ana"]})).contains("`ana` twice"));
    assert!(refused(json!({"users": [], "user": 1})).contains("unknown field `user`"));
    assert!(serde_json::from_value::<Keys>(json!({"keys": ["Escape"]})).is_err());
    assert!(serde_json::from_value::<Keys>(json!({"keys": []})).is_err());
}

#[test]
fn what_may_be_a_pin_prints_nowhere() {
    let typed: Text = serde_json::from_value(json!({"text": "12345678"})).expect("it is right");
    let seed = json!({"required": 2, "holders": ["a", "b"], "pin": "12345678"});
    let seed: SeedCards = serde_json::from_value(seed).expect("it is right");
    let printed = format!("{typed:?} {seed:?}");
    assert!(!printed.contains("12345678"), "{printed}");
    check_wrong_pin("1234567");
    check_wrong_pin("123456789");
    check_wrong_pin("1234567a");
}

fn check_wrong_pin(pin: &str) {
    let wrong = json!({"required": 2, "holders": ["a", "b"], "pin": pin});
    let said = serde_json::from_value::<SeedCards>(wrong)
        .expect_err(pin)
        .to_string();
    assert!(said.contains("8 digits") && !said.contains(pin), "{said}");
}
