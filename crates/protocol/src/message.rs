//! One line as one JSON-RPC 2.0 object. Judges the form, never the method or its parameters.

use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::Error;

/// The largest id: the largest whole number that every JSON implementation holds exactly.
pub const ID_MAX: u64 = (1 << 53) - 1;

/// A well-formed message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The other side asks and waits.
    Request {
        /// 0 to [`ID_MAX`], chosen by the side that asks.
        id: u64,
        /// `noun.verb`.
        method: String,
        /// By name; empty if the member was absent. Anything but an object is kept for the method to refuse.
        params: Value,
    },
    /// The other side tells.
    Notification {
        /// `noun.verb`.
        method: String,
        /// By name; empty if the member was absent.
        params: Value,
    },
    /// The other side answers.
    Response {
        /// The id of the request that is answered.
        id: u64,
        /// What it answers.
        outcome: Result<Value, Error>,
    },
}

/// Why a line is no message: always the sender's fault, and the end of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not one JSON value in UTF-8; the text says where.
    NotJson(String),
    /// A JSON array: batches are not part of this protocol.
    Batch,
    /// JSON, but not an object.
    NotAnObject,
    /// The member `jsonrpc` is not `"2.0"`.
    NotJsonRpc,
    /// The id is not a whole number from 0 to [`ID_MAX`].
    Id,
    /// Neither a request, a notification nor a response.
    Shape,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "parse line: expected one JSON object in UTF-8, got {why}"),
            Self::Batch => f.write_str("parse line: expected one JSON-RPC object, got a batch"),
            Self::NotAnObject => f.write_str("parse line: expected a JSON object, got another JSON value"),
            Self::NotJsonRpc => f.write_str("parse line: expected the member `jsonrpc` to be \"2.0\""),
            Self::Id => write!(
                f,
                "parse line: expected an id that is a whole number from 0 to {ID_MAX}"
            ),
            Self::Shape => {
                f.write_str("parse line: expected a `method`, or an `id` with either `result` or `error`")
            }
        }
    }
}

impl core::error::Error for Malformed {}

impl Message {
    /// Reads one line, given without its LF.
    pub fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let read = serde_json::from_slice(line).map_err(|e| Malformed::NotJson(e.to_string()))?;
        let object = match read {
            Read::Object(object) => object,
            Read::Array => return Err(Malformed::Batch),
            Read::Other => return Err(Malformed::NotAnObject),
        };
        if object.jsonrpc.as_ref().and_then(Value::as_str) != Some("2.0") {
            return Err(Malformed::NotJsonRpc);
        }
        let id = match object.id {
            None => None,
            Some(id) => Some(id.as_u64().filter(|id| *id <= ID_MAX).ok_or(Malformed::Id)?),
        };
        match (object.method, id) {
            (Some(Value::String(method)), id) => {
                let params = object.params.unwrap_or_else(|| Value::Object(Map::new()));
                Ok(match id {
                    Some(id) => Self::Request { id, method, params },
                    None => Self::Notification { method, params },
                })
            }
            (None, Some(id)) => match (object.result, object.error) {
                (Some(result), None) => Ok(Self::Response {
                    id,
                    outcome: Ok(result),
                }),
                (None, Some(error)) => {
                    let error = serde_json::from_value(error).map_err(|_| Malformed::Shape)?;
                    Ok(Self::Response {
                        id,
                        outcome: Err(error),
                    })
                }
                (Some(_), Some(_)) | (None, None) => Err(Malformed::Shape),
            },
            (Some(_) | None, _) => Err(Malformed::Shape),
        }
    }

    /// The message as one line, its LF included.
    pub fn to_line(&self) -> String {
        match self {
            Self::Request { id, method, params } => Members::call(Some(*id), method, params).to_line(),
            Self::Notification { method, params } => Members::call(None, method, params).to_line(),
            Self::Response { id, outcome } => Members {
                id: Some(*id),
                result: outcome.as_ref().ok(),
                error: outcome.as_ref().err().map(Error::to_value),
                ..Members::default()
            }
            .to_line(),
        }
    }
}

/// The line, its LF included, that answers a request with a result that is written as it is.
pub(crate) fn result_line(id: u64, result: &impl Serialize) -> String {
    Members {
        id: Some(id),
        result: Some(result),
        ..Members::default()
    }
    .to_line()
}

/// The line, its LF included, of a notification whose method and parameters are written as they are.
pub(crate) fn notification_line(notification: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Notification<'a, N> {
        jsonrpc: &'static str,
        #[serde(flatten)]
        notification: &'a N,
    }
    line_of(&Notification {
        jsonrpc: "2.0",
        notification,
    })
}

/// A line as JSON, the members of a message apart. Of two with one name the last counts.
enum Read {
    Object(ReadMembers),
    Array,
    Other,
}

#[derive(Default)]
struct ReadMembers {
    error: Option<Value>,
    id: Option<Value>,
    jsonrpc: Option<Value>,
    method: Option<Value>,
    params: Option<Value>,
    result: Option<Value>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Error,
    Id,
    Jsonrpc,
    Method,
    Params,
    Result,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

/// Every kind of JSON value.
impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut members = ReadMembers::default();
        while let Some(member) = map.next_key()? {
            let value: Value = map.next_value()?;
            match member {
                Member::Error => members.error = Some(value),
                Member::Id => members.id = Some(value),
                Member::Jsonrpc => members.jsonrpc = Some(value),
                Member::Method => members.method = Some(value),
                Member::Params => members.params = Some(value),
                Member::Result => members.result = Some(value),
                Member::Unknown => {}
            }
        }
        Ok(Read::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Read, A::Error> {
        while seq.next_element::<Value>()?.is_some() {}
        Ok(Read::Array)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Read, E> {
        Ok(Read::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Read, E> {
        Ok(Read::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Read, E> {
        Ok(Read::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Read, E> {
        Ok(Read::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Read, E> {
        Ok(Read::Other)
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read::Other)
    }
}

/// Room for most lines, so that writing one does not look for more.
const LINE_CAPACITY: usize = 256;

/// The members of a message as they are written, in the order of the alphabet like those of every value in them.
#[derive(Serialize)]
struct Members<'a, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a R>,
}

impl<R> Default for Members<'_, R> {
    fn default() -> Self {
        Self {
            error: None,
            id: None,
            jsonrpc: "2.0",
            method: None,
            params: None,
            result: None,
        }
    }
}

impl<R: Serialize> Members<'_, R> {
    fn to_line(&self) -> String {
        line_of(self)
    }
}

fn line_of(message: &impl Serialize) -> String {
    let mut line = Vec::with_capacity(LINE_CAPACITY);
    serde_json::to_writer(&mut line, message)
        .expect("our own types have string keys and no failing serializer, and memory takes everything");
    line.push(b'\n');
    String::from_utf8(line).expect("JSON is written as UTF-8")
}

impl<'a> Members<'a, Value> {
    fn call(id: Option<u64>, method: &'a str, params: &'a Value) -> Self {
        let is_empty = params.as_object().is_some_and(Map::is_empty);
        Self {
            id,
            method: Some(method),
            params: (!is_empty).then_some(params),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_the_four_shapes() {
        let parse = |text: &str| Message::parse(text.as_bytes());
        assert_eq!(
            parse(r#"{"jsonrpc":"2.0","id":7,"method":"auth.start"}"#),
            Ok(Message::Request {
                id: 7,
                method: "auth.start".into(),
                params: json!({})
            })
        );
        assert_eq!(
            parse(r#"{"jsonrpc":"2.0","method":"header.changed","params":{"a":1}}"#),
            Ok(Message::Notification {
                method: "header.changed".into(),
                params: json!({"a": 1})
            })
        );
        assert_eq!(
            parse(r#"{"jsonrpc":"2.0","id":0,"result":{}}"#),
            Ok(Message::Response {
                id: 0,
                outcome: Ok(json!({}))
            })
        );
        let error = parse(r#"{"jsonrpc":"2.0","id":0,"error":{"code":2,"message":"no"}}"#);
        assert!(matches!(error, Ok(Message::Response { outcome: Err(_), .. })));
    }

    #[test]
    fn refuses_everything_else_for_what_it_is() {
        for (text, why) in [
            ("", "NotJson"),
            ("hello", "NotJson"),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"a\"} x", "NotJson"),
            ("[]", "Batch"),
            ("1", "NotAnObject"),
            ("-1", "NotAnObject"),
            ("1.5", "NotAnObject"),
            ("null", "NotAnObject"),
            ("true", "NotAnObject"),
            ("\"hello\"", "NotAnObject"),
            ("[1, hello]", "NotJson"),
            (r#"{"id":1,"method":"a"}"#, "NotJsonRpc"),
            (r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, "NotJsonRpc"),
            (r#"{"jsonrpc":"2.0","id":"1","method":"a"}"#, "Id"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, "Id"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, "Id"),
            (r#"{"jsonrpc":"2.0","id":-1,"method":"a"}"#, "Id"),
            (r#"{"jsonrpc":"2.0","id":9007199254740992,"method":"a"}"#, "Id"),
            (r#"{"jsonrpc":"2.0","id":1}"#, "Shape"),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "Shape"),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}"#,
                "Shape",
            ),
            (r#"{"jsonrpc":"2.0","result":1}"#, "Shape"),
        ] {
            let refused = Message::parse(text.as_bytes()).expect_err(text);
            assert!(format!("{refused:?}").starts_with(why), "{text}: {refused:?}");
        }
        assert!(Message::parse(br#"{"jsonrpc":"2.0","id":9007199254740991,"method":"a"}"#).is_ok());
        assert!(matches!(
            Message::parse(b"{\"jsonrpc\":\"\xff\"}"),
            Err(Malformed::NotJson(_))
        ));
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts_and_unknown_ones_do_not() {
        let text = r#"{"jsonrpc":"1.0","id":1,"later":[{"id":9}],"method":"a","id":2,"jsonrpc":"2.0"}"#;
        assert_eq!(
            Message::parse(text.as_bytes()),
            Ok(Message::Request {
                id: 2,
                method: "a".into(),
                params: json!({})
            })
        );
        for text in [
            r#"{"jsonrpc":"2.0","method":"a","later":1e999}"#,
            "[1e999]",
            "1e999",
        ] {
            assert!(
                matches!(Message::parse(text.as_bytes()), Err(Malformed::NotJson(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_a_stack_overflow() {
        let text = format!("{}1{}", "[".repeat(60_000), "]".repeat(60_000));
        assert!(matches!(
            Message::parse(text.as_bytes()),
            Err(Malformed::NotJson(_))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(id in 0..=ID_MAX, method in "[a-z.]{1,20}", text in ".{0,40}") {
            let message = Message::Request { id, method, params: json!({"text": text}) };
            let line = message.to_line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(Message::parse(line.trim_end_matches('\n').as_bytes()), Ok(message));
        }
    }
}
