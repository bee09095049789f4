//! How much one request may ask for. The schemas say the same, and a test compares.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// The largest number of anything: the largest integer that every JSON reader keeps whole.
pub(crate) const NUMBER_MAX: u64 = 9_007_199_254_740_991;
/// The largest step of a manual clock, in milliseconds.
pub const ADVANCE_MS_MAX: u64 = NUMBER_MAX;
/// The farthest that a step moves the calendar alone, forward or back, in milliseconds.
pub const CALENDAR_MS_MAX: u64 = NUMBER_MAX;
/// Connections that one step may wait for.
pub const AFTER_MAX: usize = 64;
/// Keys of one request.
pub const KEYS_MAX: usize = 256;
/// Characters of one typed text.
pub const TEXT_CHARACTERS_MAX: usize = 256;
/// Characters of the path of a card image.
pub const PATH_CHARACTERS_MAX: usize = 4096;
/// The longest time that a write may be told to take, in milliseconds.
pub const WRITE_DELAY_MS_MAX: u64 = 3_600_000;
/// The farthest write at which the power may be told to be cut.
pub const WRITES_MAX: u64 = 1_000_000;
/// Holders of one set: as many as a set has cards.
pub const HOLDERS_MAX: usize = 64;
/// The largest M of a set.
pub(crate) const REQUIRED_MAX: u64 = 64;
/// Characters of a holder's or a user's name: lower-case letters, digits, `-` and `_`, so that it is a file's name too.
pub const NAME_CHARACTERS_MAX: usize = 16;
/// Characters of a ticket to the page.
pub(crate) const TICKET_CHARACTERS: usize = 64;
/// Users of one seed, `master` not counted.
pub const USERS_MAX: usize = 1000;

/// Reads a whole number from 0 to `MAX`. In JSON, 7.0 is one, too.
pub(crate) fn at_most<'de, D: Deserializer<'de>, const MAX: u64>(from: D) -> Result<u64, D::Error> {
    let max = i64::try_from(MAX).unwrap_or(i64::MAX);
    let number = from.deserialize_i64(Whole { min: 0, max })?;
    Ok(number.unsigned_abs())
}

/// Reads a whole number from -`MAX` to `MAX`, as [`at_most`] reads one.
pub(crate) fn at_most_signed<'de, D: Deserializer<'de>, const MAX: u64>(from: D) -> Result<i64, D::Error> {
    let max = i64::try_from(MAX).unwrap_or(i64::MAX);
    from.deserialize_i64(Whole { min: -max, max })
}

struct Whole {
    min: i64,
    max: i64,
}

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.min, self.max)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        if (self.min..=self.max).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Signed(number), &self))
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        match i64::try_from(number) {
            Ok(number) if number <= self.max => Ok(number),
            _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "no limit is above 2^53, and the number is whole"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        if number.fract() == 0.0 && (self.min as f64..=self.max as f64).contains(&number) {
            Ok(number as i64)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

/// Reads a list of `MIN` to `MAX` things.
pub(crate) fn few<'de, D, T, const MIN: usize, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let things = Vec::deserialize(from)?;
    within(things.len(), MIN, MAX, "items").map_err(D::Error::custom)?;
    Ok(things)
}

/// The same, of things that are all different.
pub(crate) fn few_different<'de, D, T, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + fmt::Display,
{
    let things: Vec<T> = few::<D, T, MIN, MAX>(from)?;
    let mut seen = BTreeSet::new();
    match things.iter().find(|thing| !seen.insert(*thing)) {
        Some(twice) => Err(D::Error::custom(format!(
            "expected different items, got `{twice}` twice"
        ))),
        None => Ok(things),
    }
}

/// Reads a text of `MIN` to `MAX` characters.
pub(crate) fn short<'de, D: Deserializer<'de>, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    within(text.chars().count(), MIN, MAX, "characters").map_err(D::Error::custom)?;
    Ok(text)
}

fn within(len: usize, min: usize, max: usize, what: &str) -> Result<(), String> {
    if (min..=max).contains(&len) {
        Ok(())
    } else {
        Err(format!("expected {min} to {max} {what}, got {len}"))
    }
}
