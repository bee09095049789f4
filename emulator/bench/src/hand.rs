//! What a hand does at the device: one type a request. What is in one was checked when it was read.

use std::fmt;

use serde::{Deserialize, Serialize, de::Error as _};
use utoipa::ToSchema;

use crate::limits::{
    ADVANCE_MS_MAX, AFTER_MAX, CALENDAR_MS_MAX, HOLDERS_MAX, KEYS_MAX, NAME_CHARACTERS_MAX, NUMBER_MAX,
    PATH_CHARACTERS_MAX, REQUIRED_MAX, TEXT_CHARACTERS_MAX, USERS_MAX, WRITE_DELAY_MS_MAX, WRITES_MAX,
    at_most, at_most_signed, few, few_different, short,
};

/// Keys that are pressed, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// 1 to 256 of them.
    #[serde(deserialize_with = "few::<_, _, 1, KEYS_MAX>")]
    #[schema(min_items = 1, max_items = 256)]
    pub keys: Vec<KeyName>,
}

/// A key of the console's keyboard that is not a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "each is the name on the key")]
pub enum KeyName {
    Up,
    Down,
    Left,
    Right,
    Tab,
    Enter,
    Esc,
    Backspace,
    F1,
    F2,
    F3,
    F4,
    F5,
    F6,
    F7,
    F8,
    F9,
    F10,
    F11,
    F12,
}

impl KeyName {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Up,
        Self::Down,
        Self::Left,
        Self::Right,
        Self::Tab,
        Self::Enter,
        Self::Esc,
        Self::Backspace,
        Self::F1,
        Self::F2,
        Self::F3,
        Self::F4,
        Self::F5,
        Self::F6,
        Self::F7,
        Self::F8,
        Self::F9,
        Self::F10,
        Self::F11,
        Self::F12,
    ];

    /// What stands on the key, in any case of letters.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|key| key.to_string().eq_ignore_ascii_case(text))
    }
}

/// What stands on the key.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Characters that are typed. They may be a PIN: `Debug` shows how many there are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// 1 to 256 characters.
    #[serde(deserialize_with = "short::<_, 1, TEXT_CHARACTERS_MAX>")]
    #[schema(min_length = 1, max_length = 256)]
    pub text: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} characters)", self.text.chars().count())
    }
}

/// A card that is put into the local reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    /// The absolute path of its image.
    #[serde(deserialize_with = "short::<_, 1, PATH_CHARACTERS_MAX>")]
    #[schema(min_length = 1, max_length = 4096)]
    pub card: String,
}

/// A change of the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerChange {
    /// Which.
    pub action: PowerAction,
}

/// What can be done about the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerAction {
    /// The mains return if they were cut, and the power button is pressed if the device is off then.
    On,
    /// The power button of a device that is not off. On one that accepts managers it is local activity (RM-17), so that
    /// one more press is needed.
    Off,
    /// The cable is pulled out: what was not durable is lost, and nobody is told.
    Cut,
}

/// A step of a manual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// By so many milliseconds.
    #[serde(deserialize_with = "at_most::<_, ADVANCE_MS_MAX>")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub by_ms: u64,
    /// The calendar alone by so many milliseconds more, or back if it is negative: no limit follows it.
    #[serde(default, deserialize_with = "at_most_signed::<_, CALENDAR_MS_MAX>")]
    #[schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64)]
    pub calendar_by_ms: i64,
    /// Not before the device has read this.
    #[serde(default, deserialize_with = "few::<_, _, 0, AFTER_MAX>")]
    #[schema(max_items = 64)]
    pub after: Vec<Until>,
}

/// What the device must have read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// The connection's number.
    #[serde(deserialize_with = "at_most::<_, NUMBER_MAX>")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub connection: u64,
    /// Bytes on the socket since it was opened, TLS and all.
    #[serde(deserialize_with = "at_most::<_, NUMBER_MAX>")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub bytes: u64,
}

/// What goes wrong at the device, until it is told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// How long a durable write takes at least, on the device's clock, in milliseconds.
    #[serde(deserialize_with = "at_most::<_, WRITE_DELAY_MS_MAX>")]
    #[schema(maximum = 3_600_000)]
    pub write_delay_ms: u64,
    /// Whether durable writes hang: none begins as long as this is true.
    pub write_hangs: bool,
    /// The power is cut at this durable write from now on, 1 being the next; 0 is at none.
    #[serde(deserialize_with = "at_most::<_, WRITES_MAX>")]
    #[schema(maximum = 1_000_000)]
    pub cut_at_write: u64,
    /// At which moment of it.
    pub cut_moment: CutMoment,
    /// What gives a wrong answer in every self test (LC-06); null if nothing does.
    #[serde(default)]
    pub computes_wrong: Option<Algorithm>,
}

/// An algorithm that the device tests at every start, by the name that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "each is the name on the screen")]
pub enum Algorithm {
    #[serde(rename = "SHA-256")]
    Sha256,
    #[serde(rename = "HMAC-SHA-256")]
    HmacSha256,
    #[serde(rename = "AES-256-GCM")]
    Aes256Gcm,
    Argon2id,
    #[serde(rename = "GF(256)")]
    Gf256,
    #[serde(rename = "Secret sharing")]
    SecretSharing,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::HmacSha256,
        Self::Aes256Gcm,
        Self::Argon2id,
        Self::Gf256,
        Self::SecretSharing,
    ];

    /// The one of this name.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.to_string() == text)
    }
}

/// The name on the screen.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Argon2id => "Argon2id",
            Self::Gf256 => "GF(256)",
            Self::SecretSharing => "Secret sharing",
        })
    }
}

/// A moment of a durable write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutMoment {
    /// Nothing of it is on the disk.
    #[default]
    Before,
    /// Its first block is on the disk, and no other.
    Within,
    /// All of it is on the disk, and the device was not told.
    After,
}

/// A name that is a file's name too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[a-z0-9_-]{1,16}$")]
pub struct Name(String);

impl Name {
    /// `None` unless it has 1 to 16 lower-case letters, digits, `-` and `_`.
    pub fn of(text: &str) -> Option<Self> {
        let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let is_name = (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_one);
        is_name.then(|| Self(text.to_owned()))
    }

    /// As a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::of(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a name of 1 to {NAME_CHARACTERS_MAX} lower-case letters, digits, `-` and `_`, got another text"
            ))
        })
    }
}

/// The PIN of a card that is made: digits, since a card keeps only the low half of each character. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[0-9]{8}$")]
pub struct Pin(String);

impl Pin {
    /// Its 8 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` unless it has 8 digits.
    pub fn of(text: &str) -> Option<Self> {
        let is_pin = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_pin.then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::of(&text).ok_or_else(|| D::Error::custom("expected a PIN of 8 digits, got another text"))
    }
}

/// A new set of cards that the device is bound to from now on. The Server Master Key is split and forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedCards {
    /// M: how many cards are needed.
    #[serde(deserialize_with = "scheme_required")]
    #[schema(minimum = 2, maximum = 64)]
    pub required: u8,
    /// N: who holds a card. The label of each card is its holder.
    #[serde(deserialize_with = "few_different::<_, _, 2, HOLDERS_MAX>")]
    #[schema(min_items = 2, max_items = 64, value_type = std::collections::BTreeSet<Name>)]
    pub holders: Vec<Name>,
    /// The PIN of every card.
    pub pin: Pin,
}

fn scheme_required<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let required = at_most::<D, REQUIRED_MAX>(from)?;
    match u8::try_from(required) {
        Ok(required @ 2..) => Ok(required),
        _ => Err(D::Error::custom(format!("expected at least 2, got {required}"))),
    }
}

/// The cards that were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeededCards {
    /// In the order of their holders.
    pub cards: Vec<Card>,
}

/// A card that was made, with everything that is on it. `Debug` hides that.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Card {
    /// Who holds it.
    pub holder: Name,
    /// The text of its image, to be written to a file.
    pub image: String,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card(of {})", self.holder)
    }
}

/// The names in the device's database besides `master`. There is nothing but names yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedUsers {
    /// Instead of those that are there.
    #[serde(deserialize_with = "few_different::<_, _, 0, USERS_MAX>")]
    #[schema(max_items = 1000, value_type = std::collections::BTreeSet<Name>)]
    pub users: Vec<Name>,
}
