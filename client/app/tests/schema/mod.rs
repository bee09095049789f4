//! `docs/client-output.schema.json`, and whether a line keeps to it: the few words of JSON Schema (draft 2020-12) that it
//! uses. A word that is not known here is a mistake of the schema, so that none is taken for kept without a look.

#![allow(
    dead_code,
    reason = "the tests of the program and of its parts use different halves"
)]

use serde_json::{Map, Value};

const SCHEMA: &str = include_str!("../../../../docs/client-output.schema.json");

/// Words that ask nothing of a value.
const ANNOTATIONS: [&str; 4] = ["$schema", "title", "description", "$defs"];

pub(crate) fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// A line of `hsm-client --json`, without its end.
#[track_caller]
pub(crate) fn check_line(line: &str) {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    if let Err(why) = keeps_to(&schema(), &value) {
        panic!("docs/client-output.schema.json: {why}: {line}");
    }
}

/// Whether a value keeps to the whole schema.
pub(crate) fn keeps_to(root: &Value, value: &Value) -> Result<(), String> {
    keeps(root, root, value)
}

fn keeps(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let words = schema.as_object().expect("a schema is an object");
    for (word, expected) in words {
        match &**word {
            word if ANNOTATIONS.contains(&word) => {}
            "$ref" => {
                let place = expected.as_str().expect("a text").trim_start_matches('#');
                let there = root.pointer(place);
                keeps(root, there.unwrap_or_else(|| panic!("no `{place}`")), value)?;
            }
            "oneOf" => one_of(root, list(expected), value)?,
            "const" => is(value == expected, || format!("expected {expected}, got {value}"))?,
            "enum" => is(list(expected).contains(value), || {
                format!("expected one of {expected}, got {value}")
            })?,
            "type" => is(is_of(expected, value), || {
                format!("expected {expected}, got {value}")
            })?,
            "minimum" => compare(value, |number| number >= bound(expected), expected)?,
            "maximum" => compare(value, |number| number <= bound(expected), expected)?,
            "pattern" => {
                let pattern = expected.as_str().expect("a text");
                let is_kept = value.as_str().is_none_or(|text| is_like(pattern, text));
                is(is_kept, || format!("expected {pattern}, got {value}"))?;
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    keeps(root, expected, item)?;
                }
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = expected.get(name) {
                        keeps(root, schema, member).map_err(|why| format!("`{name}`: {why}"))?;
                    }
                }
            }
            "required" => {
                let has = |name: &Value| value.get(name.as_str().expect("a name")).is_some();
                let missing = list(expected).iter().find(|name| !has(name));
                is(missing.is_none(), || format!("expected the member {missing:?}"))?;
            }
            "additionalProperties" => {
                assert_eq!(expected, &Value::Bool(false), "nothing else is used");
                only_known(&words["properties"], value)?;
            }
            other => panic!("`{other}` is not known to this test"),
        }
    }
    Ok(())
}

fn one_of(root: &Value, all: &[Value], value: &Value) -> Result<(), String> {
    let fits = all.iter().filter(|one| keeps(root, one, value).is_ok()).count();
    is(fits == 1, || {
        let same = |one: &&Value| {
            ["outcome", "notice"].iter().any(|kind| {
                let named = &one["properties"][kind]["const"];
                named.is_string() && *named == value[kind]
            })
        };
        let meant = all.iter().find(same);
        let why = meant.and_then(|one| keeps(root, one, value).err());
        format!("keeps to {fits} of the forms: {}", why.unwrap_or_default())
    })
}

fn only_known(properties: &Value, value: &Value) -> Result<(), String> {
    let known: &Map<String, Value> = properties.as_object().expect("an object");
    let mut members = value.as_object().into_iter().flatten().map(|(name, _)| name);
    let stranger = members.find(|name| !known.contains_key(*name));
    is(stranger.is_none(), || format!("no such member: {stranger:?}"))
}

fn is(is_so: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(why()) }
}

fn list(of: &Value) -> &[Value] {
    of.as_array().expect("a list")
}

fn is_of(expected: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("`{other}` is not known to this test"),
    };
    match expected {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

fn bound(expected: &Value) -> i64 {
    expected.as_i64().expect("bounds are whole numbers")
}

fn compare(value: &Value, is_so: impl Fn(i64) -> bool, expected: &Value) -> Result<(), String> {
    // What is beyond an i64 is over every bound.
    let number = value.as_i64().or(value.as_u64().map(|_| i64::MAX));
    is(number.is_none_or(is_so), || {
        format!("expected the bound {expected}, got {value}")
    })
}

/// The patterns that are used, spelled out: a test needs no regular expressions for five of them.
fn is_like(pattern: &str, text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    match pattern {
        "^https://" => text.starts_with("https://"),
        "^[0-9A-F]{2}$" => text.len() == 2 && is_hex(text),
        "^[0-9A-F]{32}$" => text.len() == 32 && is_hex(text),
        "^([0-9A-F]{2}:){31}[0-9A-F]{2}$" => {
            let parts: Vec<_> = text.split(':').collect();
            parts.len() == 32 && parts.iter().all(|part| part.len() == 2 && is_hex(part))
        }
        "^([0-9]{1,3}\\.){3}[0-9]{1,3}$" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        other => panic!("`{other}` is not known to this test"),
    }
}
