//! Encryption at rest: how an object is sealed under a key derived from the Server Master Key, and where it stands in the
//! store without saying whose it is. `docs/decisions/0013-objects-at-rest.md` says why it is so. Keeps nothing itself.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use zeroize::Zeroizing;

use super::{Object, ObjectFacts, ObjectId, ObjectName, PartitionTag, SealedObject};
use crate::{ServerMasterKey, UserName};

/// The form of a sealed object.
const FORMAT: u8 = 1;
/// Bytes of the revision, which follows the form.
const REVISION_BYTES: usize = 8;
/// Bytes of a nonce of AES-GCM, which follows the revision.
const NONCE_BYTES: usize = 12;
const HEADER_BYTES: usize = 1 + REVISION_BYTES + NONCE_BYTES;
/// What the keys of this version are derived with.
const SALT: &[u8] = b"hsm-rig: objects at rest, version 1";

/// What seals and opens objects, while the Server Master Key is in memory.
pub struct Vault {
    sealing: RandomizedNonceKey,
    naming: hmac::Key,
}

/// A sealed object that does not open: it was changed, it stands where another belongs, or another key sealed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedObject;

impl Vault {
    /// The vault of this key.
    pub fn of(key: &ServerMasterKey) -> Self {
        let sealing = derived(key, b"sealing");
        Self {
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &*sealing).expect("a key of AES-256 has 32 bytes"),
            naming: hmac::Key::new(hmac::HMAC_SHA256, &*derived(key, b"naming")),
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
