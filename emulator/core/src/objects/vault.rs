//! Encryption at rest: how an object or a user is sealed under a key derived from the Server Master Key, and where it
//! stands in the store without saying whose it is. `docs/decisions/0013-objects-at-rest.md` says why it is so. Keeps nothing itself.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, RandomizedNonceKey, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use zeroize::Zeroizing;

use super::{Object, ObjectFacts, ObjectId, ObjectName, PartitionTag, SealedObject};
use crate::{ServerMasterKey, User, UserName};

/// The form of a sealed object.
const FORMAT: u8 = 1;
/// The form of a sealed user.
const USER_FORMAT: u8 = 1;
/// Bytes of the revision, which follows the form.
const REVISION_BYTES: usize = 8;
/// Bytes of a nonce of AES-GCM, which follows the revision.
const NONCE_BYTES: usize = 12;
const HEADER_BYTES: usize = 1 + REVISION_BYTES + NONCE_BYTES;
/// What the keys of this version are derived with.
const SALT: &[u8] = b"hsm-rig: objects at rest, version 1";

/// What seals and opens objects and users, while the Server Master Key is in memory.
pub struct Vault {
    sealing: RandomizedNonceKey,
    naming: hmac::Key,
    user_sealing: LessSafeKey,
    user_naming: hmac::Key,
}

/// A sealed object or user that does not open: it was changed, it stands where another belongs, or another key sealed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedObject;

impl Vault {
    /// The vault of this key.
    pub fn of(key: &ServerMasterKey) -> Self {
        let sealing = |purpose: &[u8]| {
            RandomizedNonceKey::new(&AES_256_GCM, &*derived(key, purpose))
                .expect("a key of AES-256 has 32 bytes")
        };
        let naming = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &*derived(key, purpose));
        Self {
            sealing: sealing(b"sealing"),
            naming: naming(b"naming"),
            user_sealing: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, &*derived(key, b"sealing of users"))
                    .expect("a key of AES-256 has 32 bytes"),
            ),
            user_naming: naming(b"naming of users"),
        }
    }

    /// What the ids in a user's partition begin with.
    pub fn partition(&self, owner: &UserName) -> PartitionTag {
        let tag = hmac::sign(&self.naming, owner.as_str().as_bytes());
        let tag = &tag.as_ref()[..PartitionTag::BYTES];
        PartitionTag(tag.try_into().expect("it was cut to that length"))
    }

    /// Where an object stands.
    pub fn id(&self, owner: &UserName, name: &ObjectName) -> ObjectId {
        let PartitionTag(partition) = self.partition(owner);
        // No name holds a NUL, so that no two pairs give the same text.
        let whole = format!("{owner}\0{name}");
        let tag = hmac::sign(&self.naming, whole.as_bytes());
        let mut id = [0; ObjectId::BYTES];
        id[..PartitionTag::BYTES].copy_from_slice(&partition);
        id[PartitionTag::BYTES..].copy_from_slice(&tag.as_ref()[..ObjectId::BYTES - PartitionTag::BYTES]);
        ObjectId(id)
    }

    /// Seals an object for its place. Each time it is written it has the next revision.
    pub fn seal(&self, revision: u64, object: &Object) -> (ObjectId, SealedObject) {
        let id = self.id(&object.facts.owner, &object.facts.name);
        let facts = serde_json::to_vec(&object.facts).expect("it has string keys and no failing serializer");
        let mut inside = Zeroizing::new(Vec::with_capacity(
            8 + facts.len() + object.facts.public.len() + object.key.len() + AES_256_GCM.tag_len(),
        ));
        for part in [facts.as_slice(), &object.facts.public] {
            let len = u32::try_from(part.len()).expect("names, labels and keys are short");
            inside.extend_from_slice(&len.to_be_bytes());
            inside.extend_from_slice(part);
        }
        inside.extend_from_slice(&object.key);
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::from(place(id, revision)), &mut *inside)
            .expect("the operating system has randomness, and the text is short");
        let mut sealed = Vec::with_capacity(HEADER_BYTES + inside.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&revision.to_be_bytes());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&inside);
        (id, SealedObject(sealed))
    }

    /// Opens what was sealed for this place: the object and its revision.
    pub fn open(&self, id: ObjectId, sealed: &SealedObject) -> Result<(Object, u64), DamagedObject> {
        let (header, inside) = sealed.0.split_at_checked(HEADER_BYTES).ok_or(DamagedObject)?;
        let (&format, rest) = header.split_first().ok_or(DamagedObject)?;
        let (revision, nonce) = rest.split_at_checked(REVISION_BYTES).ok_or(DamagedObject)?;
        if format != FORMAT {
            return Err(DamagedObject);
        }
        let revision = u64::from_be_bytes(revision.try_into().map_err(|_| DamagedObject)?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DamagedObject)?;
        let mut inside = Zeroizing::new(inside.to_vec());
        let inside = self
            .sealing
            .open_in_place(nonce, Aad::from(place(id, revision)), &mut inside)
            .map_err(|_| DamagedObject)?;
        let mut rest: &[u8] = inside;
        let mut part = || -> Option<&[u8]> {
            let (len, after) = rest.split_at_checked(4)?;
            let len = u32::from_be_bytes(len.try_into().ok()?);
            let (part, after) = after.split_at_checked(usize::try_from(len).ok()?)?;
            rest = after;
            Some(part)
        };
        let facts = part().ok_or(DamagedObject)?;
        let public = part().ok_or(DamagedObject)?.to_vec();
        let facts: ObjectFacts = serde_json::from_slice(facts).map_err(|_| DamagedObject)?;
        let object = Object {
            facts: ObjectFacts { public, ..facts },
            key: Zeroizing::new(rest.to_vec()),
        };
        Ok((object, revision))
    }

    /// Where a user stands.
    pub fn user_id(&self, name: &UserName) -> ObjectId {
        let tag = hmac::sign(&self.user_naming, name.as_str().as_bytes());
        ObjectId(tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes"))
    }

    /// Seals a user for its place: name, permissions, hash of the password and everything else. The nonce is drawn from
    /// what is sealed: it comes again with the same user alone, and then the bytes are the same.
    pub fn seal_user(&self, name: &UserName, user: &User) -> (ObjectId, SealedObject) {
        let id = self.user_id(name);
        let inside = serde_json::to_vec(&(name, user)).expect("it has string keys and no failing serializer");
        let mut inside = Zeroizing::new(inside);
        // No name holds a NUL, so that no id is drawn from the same text.
        let whole = Zeroizing::new([b"\0", id.as_bytes().as_slice(), &inside].concat());
        let drawn = hmac::sign(&self.user_naming, &whole);
        let nonce: [u8; NONCE_BYTES] = drawn.as_ref()[..NONCE_BYTES]
            .try_into()
            .expect("it was cut to that length");
        self.user_sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(id.as_bytes()),
                &mut *inside,
            )
            .expect("the text is short");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + inside.len());
        sealed.push(USER_FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&inside);
        (id, SealedObject(sealed))
    }

    /// Opens what was sealed for this place.
    pub fn open_user(&self, id: ObjectId, sealed: &SealedObject) -> Result<(UserName, User), DamagedObject> {
        let (&format, rest) = sealed.0.split_first().ok_or(DamagedObject)?;
        let (nonce, inside) = rest.split_at_checked(NONCE_BYTES).ok_or(DamagedObject)?;
        if format != USER_FORMAT {
            return Err(DamagedObject);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DamagedObject)?;
        let mut inside = Zeroizing::new(inside.to_vec());
        let inside = self
            .user_sealing
            .open_in_place(nonce, Aad::from(id.as_bytes()), &mut inside)
            .map_err(|_| DamagedObject)?;
        serde_json::from_slice(inside).map_err(|_| DamagedObject)
    }
}

/// What a sealed object is bound to: it opens nowhere else, and not as another revision.
fn place(id: ObjectId, revision: u64) -> [u8; ObjectId::BYTES + REVISION_BYTES] {
    let mut place = [0; ObjectId::BYTES + REVISION_BYTES];
    place[..ObjectId::BYTES].copy_from_slice(id.as_bytes());
    place[ObjectId::BYTES..].copy_from_slice(&revision.to_be_bytes());
    place
}

fn derived(key: &ServerMasterKey, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, SALT)
        .extract(key.expose())
        .expand(&[purpose], HKDF_SHA256)
        .and_then(|output| output.fill(&mut *derived))
        .expect("the length of a hash is one that it gives");
    derived
}

#[cfg(test)]
mod tests {
    use sim::Seed;

    use super::*;
    use crate::{Attributes, Generation, KeyAlgorithm};

    fn user(name: &str) -> UserName {
        UserName::parse(name).expect("a name")
    }

    fn an_object(owner: &str, name: &str) -> Object {
        let algorithm = KeyAlgorithm::Aes256;
        let facts = ObjectFacts {
            owner: user(owner),
            name: ObjectName::parse(name).expect("a name"),
            algorithm,
            attributes: Attributes {
                exportable: true,
                label: "planted label".into(),
            },
            blocked: false,
            created_unix_millis: 5,
            public: Vec::new(),
        };
        Object::new(
            facts,
            &Generation { algorithm }.run().expect("the library makes one"),
        )
    }

    fn vault(number: u64) -> Vault {
        Vault::of(&ServerMasterKey::generate(&mut Seed(number).rng_for("key")))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_shows_nothing() {
        let (vault, object) = (vault(1), an_object("ana", "planted-name"));
        let (id, sealed) = vault.seal(3, &object);
        let (opened, revision) = vault.open(id, &sealed).expect("it is whole");
        assert_eq!((&opened.facts, revision), (&object.facts, 3));
        assert_eq!(*opened.key, *object.key);
        for secret in [b"planted".as_slice(), b"aes256", object.key.as_slice()] {
            let found = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found(sealed.as_bytes()) && !found(id.as_bytes()), "{secret:?}");
        }
        assert!(!format!("{object:?} {sealed:?}").contains(&format!("{:?}", &object.key[..4])[1..]));
    }

    #[test]
    fn a_change_of_any_byte_another_place_and_another_key_are_damage() {
        let (vault_of_one, object) = (vault(1), an_object("ana", "k"));
        let (id, sealed) = vault_of_one.seal(1, &object);
        for index in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1;
            assert!(
                vault_of_one.open(id, &SealedObject(bytes)).is_err(),
                "byte {index}"
            );
            let short = SealedObject(sealed.as_bytes()[..index].to_vec());
            assert!(vault_of_one.open(id, &short).is_err(), "cut at {index}");
        }
        let elsewhere = vault_of_one.id(&user("ana"), &ObjectName::parse("other").expect("a name"));
        assert!(vault_of_one.open(elsewhere, &sealed).is_err());
        assert!(vault(2).open(id, &sealed).is_err());
    }

    #[test]
    fn a_sealed_user_opens_in_its_place_alone_and_shows_nothing() {
        let user_of = |permissions| User {
            permissions: crate::Permissions(permissions),
            ..User::factory_master()
        };
        let (one, two) = (vault(1), vault(2));
        let (name, kept) = (user("planted"), user_of(0x41));
        let (id, sealed) = one.seal_user(&name, &kept);
        assert_eq!(id, one.user_id(&name));
        assert_eq!(one.open_user(id, &sealed), Ok((name.clone(), kept.clone())));
        for secret in [b"planted".as_slice(), b"permissions"] {
            let found = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found(sealed.as_bytes()) && !found(id.as_bytes()), "{secret:?}");
        }
        for index in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1;
            assert!(one.open_user(id, &SealedObject(bytes)).is_err(), "byte {index}");
            let short = SealedObject(sealed.as_bytes()[..index].to_vec());
            assert!(one.open_user(id, &short).is_err(), "cut at {index}");
        }
        assert!(one.open_user(one.user_id(&user("other")), &sealed).is_err());
        assert!(two.open_user(id, &sealed).is_err());
        assert_ne!(id, two.user_id(&name));
        // The same user is the same bytes, and no other has its nonce.
        assert_eq!(one.seal_user(&name, &kept).1, sealed);
        let nonce = |sealed: &SealedObject| sealed.as_bytes()[1..=NONCE_BYTES].to_vec();
        for (_, other) in [
            one.seal_user(&name, &user_of(0x42)),
            one.seal_user(&user("other"), &kept),
        ] {
            assert_ne!(nonce(&other), nonce(&sealed));
        }
        // A user is no object, and the other way round.
        assert!(one.open(id, &sealed).is_err());
    }

    /// The longest name, every trusted user there can be, and a set of cards: it fits into its limit.
    #[test]
    fn the_largest_user_is_within_the_limit_of_a_sealed_record() {
        let longest = |number: usize| user(&format!("{number:0>16}"));
        let kept = User {
            failures: u32::MAX,
            permissions: crate::Permissions(u32::MAX),
            trusted: (0..crate::TRUSTED_MAX)
                .map(|number| (longest(number), crate::Permissions::EVERY_OBJ))
                .collect(),
            partition: Some(crate::Partition {
                set: ServerMasterKey::generate(&mut Seed(1).rng_for("key")).binding(),
                authorized: false,
            }),
            ..User::factory_master()
        };
        let (_, sealed) = vault(1).seal_user(&longest(0), &kept);
        // The hash of a password takes less than 500 bytes more.
        assert!(sealed.as_bytes().len() + 500 < crate::SEALED_BYTES_MAX);
    }

    #[test]
    fn ids_tell_partitions_apart_and_are_others_under_another_key() {
        let name = ObjectName::parse("k").expect("a name");
        let (one, two) = (vault(1), vault(2));
        let [anas, bias] = [user("ana"), user("bia")].map(|owner| one.id(&owner, &name));
        assert_eq!(anas.partition(), one.partition(&user("ana")));
        assert_ne!(anas.partition(), bias.partition());
        assert_ne!(anas, bias);
        assert_ne!(anas, two.id(&user("ana"), &name));
    }
}
