//! Objects of the database: keys and what is known of each, in the partition of the user who owns it. Values and what is
//! asked of the store; who may do what with them is `device/objects.rs`. Never shows a key.

mod generation;
mod shelf;
mod vault;

pub use generation::{GeneratedKey, Generation};
pub use shelf::Shelf;
pub use vault::{DamagedObject, Vault};

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use zeroize::Zeroizing;

use crate::UserName;

/// Characters of an object's name, at most. Ours.
pub const OBJECT_NAME_CHARACTERS_MAX: usize = 32;
/// Bytes of an object's label, at most. Ours.
pub const OBJECT_LABEL_BYTES_MAX: usize = 64;
/// Objects of one device, at most. Ours.
pub const OBJECTS_MAX: u64 = 1_000_000;
/// Objects or users in one answer, at most.
pub const LIST_PAGE_MAX: usize = 64;
/// Bytes of a sealed object, at most: an RSA key of 4096 bits with its attributes takes half of that.
pub const SEALED_BYTES_MAX: usize = 8192;

/// Where an object stands in the store: 32 bytes from which nobody without the key reads an owner or a name. The first
/// half is the same for all objects of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId([u8; Self::BYTES]);

impl ObjectId {
    /// Bytes of an id.
    pub const BYTES: usize = 32;

    /// The id with these bytes.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes, the store's key.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The partition that the object is in.
    pub fn partition(&self) -> PartitionTag {
        let (tag, _) = self.0.split_at(PartitionTag::BYTES);
        PartitionTag(tag.try_into().expect("it was split there"))
    }
}

/// Half of it, which tells objects apart and not whose they are.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[PartitionTag::BYTES..]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What the ids of all objects of one partition begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionTag([u8; Self::BYTES]);

impl PartitionTag {
    /// Bytes of a tag.
    pub const BYTES: usize = 16;

    /// The first and the last id that an object of this partition can have.
    pub fn range(&self) -> core::ops::RangeInclusive<ObjectId> {
        let id = |rest| {
            let mut bytes = [rest; ObjectId::BYTES];
            bytes[..Self::BYTES].copy_from_slice(&self.0);
            ObjectId(bytes)
        };
        id(0)..=id(0xFF)
    }
}

/// An object as the store keeps it: sealed, with nothing in it that can be read without the Server Master Key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedObject(Vec<u8>);

impl SealedObject {
    /// The sealed object with these bytes; `None` if there are more than [`SEALED_BYTES_MAX`].
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= SEALED_BYTES_MAX).then_some(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Bytes that an object takes in the database, its id included.
    pub fn stored_bytes(&self) -> u64 {
        u64::try_from(self.0.len() + ObjectId::BYTES).expect("both are small")
    }
}

impl fmt::Debug for SealedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedObject({} bytes)", self.0.len())
    }
}

/// What the device wants to read of its database. Whatever was handed out to be persisted before is in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// One object.
    Object(ObjectId),
    /// The next objects of a partition, [`LIST_PAGE_MAX`] at most.
    Page {
        /// Which.
        partition: PartitionTag,
        /// After this one; from the first if there is none.
        after: Option<ObjectId>,
    },
    /// How many objects a partition has, and their bytes.
    Size(PartitionTag),
    /// To keep an image of all objects as they are now, under this number.
    OpenImage(u64),
    /// The next objects of an image.
    ImagePage {
        /// Which.
        image: u64,
        /// After this one; from the first if there is none.
        after: Option<ObjectId>,
        /// Bytes at most, ids included, unless the first object alone has more.
        bytes_max: usize,
    },
}

/// What was read of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The object, if there is one.
    Object(Option<SealedObject>),
    /// The next objects of a partition or an image, in the order of their ids.
    Page {
        /// They.
        objects: Vec<(ObjectId, SealedObject)>,
        /// Whether there are more.
        more: bool,
    },
    /// How many objects a partition has, and their bytes.
    Size(crate::Objects),
    /// The image is there, with so many objects.
    Image(crate::Objects),
}

/// The name of an object in its partition: 1 to [`OBJECT_NAME_CHARACTERS_MAX`] letters, digits, `_`, `-` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObjectName(String);

impl ObjectName {
    /// The name, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (1..=OBJECT_NAME_CHARACTERS_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ObjectName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a name of 1 to {OBJECT_NAME_CHARACTERS_MAX} letters, digits, `_`, `-` and `.`"
            ))
        })
    }
}

/// What kind of key an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAlgorithm {
    /// AES with 128 bits.
    Aes128,
    /// AES with 192 bits.
    Aes192,
    /// AES with 256 bits.
    Aes256,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// The curve P-256.
    EcP256,
    /// The curve P-384.
    EcP384,
    /// The curve P-521.
    EcP521,
    /// The curve Ed25519.
    Ed25519,
}

impl KeyAlgorithm {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::EcP256,
        Self::EcP384,
        Self::EcP521,
        Self::Ed25519,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128 => "aes128",
            Self::Aes192 => "aes192",
            Self::Aes256 => "aes256",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::EcP256 => "ec_p256",
            Self::EcP384 => "ec_p384",
            Self::EcP521 => "ec_p521",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the owner of a key says about it. Any value is fine but the label, which [`Attributes::is_valid`] judges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// Whether the key may ever leave the device. Once taken away it does not come back.
    pub exportable: bool,
    /// At most [`OBJECT_LABEL_BYTES_MAX`] bytes without control characters; may be empty.
    pub label: String,
}

impl Attributes {
    /// Whether the label is one.
    pub fn is_valid(&self) -> bool {
        self.label.len() <= OBJECT_LABEL_BYTES_MAX && !self.label.contains(char::is_control)
    }
}

/// What is known of an object, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectFacts {
    /// Whose partition it is in.
    pub owner: UserName,
    /// Its name there.
    pub name: ObjectName,
    /// What kind of key it is.
    pub algorithm: KeyAlgorithm,
    /// What its owner says.
    pub attributes: Attributes,
    /// Whether it is not to be used.
    pub blocked: bool,
    /// When it was made: milliseconds since 1970 by the device's calendar.
    pub created_unix_millis: i64,
    /// What everybody who sees the object may know of the key: the public key as `SubjectPublicKeyInfo` in DER, or the
    /// first three bytes of zeros enciphered with it.
    #[serde(skip)]
    pub public: Vec<u8>,
}

/// An object as it is inside the device: what is known of it, and the key.
#[derive(Clone)]
pub struct Object {
    /// What is known of it.
    pub facts: ObjectFacts,
    /// The key: its bytes, or PKCS #8 in DER.
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl Object {
    /// An object with the key that was generated for it.
    pub fn new(facts: ObjectFacts, key: &GeneratedKey) -> Self {
        Self {
            facts: ObjectFacts {
                public: key.public.clone(),
                ..facts
            },
            key: key.key.clone(),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({:?}, key [redacted])", self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_32_letters_digits_and_three_signs() {
        let longest = "a".repeat(OBJECT_NAME_CHARACTERS_MAX);
        for name in ["a", "Key_1-2.3", &longest] {
            assert!(ObjectName::parse(name).is_some(), "{name}");
        }
        let too_long = "a".repeat(OBJECT_NAME_CHARACTERS_MAX + 1);
        for name in ["", "a b", "a/b", "ã", "a\n", &too_long] {
            assert!(ObjectName::parse(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_label_has_64_bytes_at_most_and_no_control_character() {
        let labelled = |label: &str| Attributes {
            exportable: false,
            label: label.into(),
        };
        assert!(labelled("").is_valid() && labelled(&"x".repeat(OBJECT_LABEL_BYTES_MAX)).is_valid());
        for label in ["x".repeat(OBJECT_LABEL_BYTES_MAX + 1), "a\nb".into(), "\0".into()] {
            assert!(!labelled(&label).is_valid(), "{label:?}");
        }
    }

    #[test]
    fn a_sealed_object_has_its_limit() {
        assert!(SealedObject::new(vec![0; SEALED_BYTES_MAX]).is_some());
        assert!(SealedObject::new(vec![0; SEALED_BYTES_MAX + 1]).is_none());
    }

    #[test]
    fn every_kind_of_key_is_found_by_its_name() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(KeyAlgorithm::named(algorithm.name()), Some(algorithm));
            let written = serde_json::to_value(algorithm).expect("it is a word");
            assert!(written.is_string());
        }
        assert_eq!(KeyAlgorithm::named("des"), None);
    }

    #[test]
    fn the_range_of_a_partition_holds_its_ids_and_no_other() {
        let id = ObjectId([7; 32]);
        let mut other = [7; 32];
        other[15] = 8;
        assert!(id.partition().range().contains(&id));
        assert!(!id.partition().range().contains(&ObjectId(other)));
    }
}
