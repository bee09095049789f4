//! The rows of an image: configuration, users, objects, each a kind, a key and a value. Users and objects stay sealed on
//! their way.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::FRAME_BYTES_MAX;
use crate::{ObjectId, PasswordPolicy, SealedObject};

/// What comes over besides users and objects. Source: LS-02.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageHead {
    pub(crate) replication_domain: Option<String>,
    pub(crate) nodes: Vec<IpAddr>,
    pub(crate) ntp: Vec<String>,
    pub(crate) password_policy: Option<PasswordPolicy>,
}

/// A row of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Head(Box<ImageHead>),
    User(ObjectId, SealedObject),
    Object(ObjectId, SealedObject),
}

/// Bytes that are no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowError;

const HEAD: u8 = 1;
const USER: u8 = 2;
const OBJECT: u8 = 3;
/// Bytes before the key and the value: the kind, the length of the key (2) and that of the value (4).
const HEADER_BYTES: usize = 7;

/// Adds a row to a chunk.
pub(crate) fn encode_row(chunk: &mut Vec<u8>, row: &Row) {
    let json = |value: Result<Vec<u8>, serde_json::Error>| {
        value.expect("our own types have string keys and no failing serializer")
    };
    let owned;
    let (kind, key, value): (u8, &[u8], &[u8]) = match row {
        Row::Head(head) => {
            owned = json(serde_json::to_vec(head));
            (HEAD, &[], &owned)
        }
        Row::User(id, sealed) => (USER, id.as_bytes(), sealed.as_bytes()),
        Row::Object(id, sealed) => (OBJECT, id.as_bytes(), sealed.as_bytes()),
    };
    chunk.push(kind);
    chunk.extend_from_slice(
        &u16::try_from(key.len())
            .expect("names and ids are short")
            .to_be_bytes(),
    );
    chunk.extend_from_slice(&u32::try_from(value.len()).expect("a row is short").to_be_bytes());
    chunk.extend_from_slice(key);
    chunk.extend_from_slice(value);
}

/// The rows of a chunk.
pub(crate) fn rows_of(chunk: &[u8]) -> Result<Vec<Row>, RowError> {
    debug_assert!(chunk.len() <= FRAME_BYTES_MAX, "the frame had its limit");
    let mut rows = Vec::new();
    let mut rest = chunk;
    while !rest.is_empty() {
        let (header, after) = rest.split_first_chunk::<HEADER_BYTES>().ok_or(RowError)?;
        let [kind, key_high, key_low, value_len @ ..] = header;
        let key_len = usize::from(u16::from_be_bytes([*key_high, *key_low]));
        let value_len = usize::try_from(u32::from_be_bytes(*value_len)).map_err(|_| RowError)?;
        let (key, after) = after.split_at_checked(key_len).ok_or(RowError)?;
        let (value, after) = after.split_at_checked(value_len).ok_or(RowError)?;
        rest = after;
        rows.push(row(*kind, key, value).ok_or(RowError)?);
    }
    Ok(rows)
}

fn row(kind: u8, key: &[u8], value: &[u8]) -> Option<Row> {
    match kind {
        HEAD if key.is_empty() => Some(Row::Head(serde_json::from_slice(value).ok()?)),
        USER | OBJECT => {
            let id = ObjectId::new(key.try_into().ok()?);
            let sealed = SealedObject::new(value.to_vec())?;
            Some(if kind == USER {
                Row::User(id, sealed)
            } else {
                Row::Object(id, sealed)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_row_survives_the_wire_and_no_part_of_one_is_a_row() {
        let rows = [
            Row::Head(Box::new(ImageHead {
                replication_domain: Some("domain".into()),
                nodes: vec![[192, 0, 2, 20].into()],
                ntp: vec!["time.example".into()],
                password_policy: None,
            })),
            Row::User(
                ObjectId::new([6; ObjectId::BYTES]),
                SealedObject::new(vec![4, 5]).expect("it is short"),
            ),
            Row::Object(
                ObjectId::new([7; ObjectId::BYTES]),
                SealedObject::new(vec![1, 2, 3]).expect("it is short"),
            ),
        ];
        let mut chunk = Vec::new();
        for row in &rows {
            let before = chunk.len();
            encode_row(&mut chunk, row);
            for cut in before + 1..chunk.len() {
                assert_eq!(
                    rows_of(&chunk[before..cut]),
                    Err(RowError),
                    "{row:?} cut at {cut}"
                );
            }
        }
        assert_eq!(rows_of(&chunk).as_deref(), Ok(&rows[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_not_and_panic_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = rows_of(&bytes);
        }
    }
}
