//! At rest, without the password or the cards: no file holds a key, a password, a user's name or anything of an object.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use hsm_core::{Attributes, KeyAlgorithm, ObjectRequest, Permissions, UserAnswer, UserRequest};

use super::hsm::{Hsm, PASSWORD, database, pair};

const NAME: &str = "planted-object-name";
const LABEL: &str = "planted object label";
const USER: &str = "planteduser";
const USER_PASSWORD: &str = "plantedpassword1";
/// Bytes of a key that are looked for at once. Fewer would be found by chance.
const PART_BYTES: usize = 16;

/// The ways in which bytes are written down: raw, hexadecimal, a list of numbers, base64 wherever they begin in it.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let numbers = |between| {
        let numbers: Vec<_> = secret.iter().map(u8::to_string).collect();
        numbers.join(between).into_bytes()
    };
    let mut spellings = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        numbers(","),
        numbers(", "),
    ];
    for before in 0..3 {
        let moved = [&vec![0; before], secret].concat();
        // Without the characters that hold bits of a neighbour.
        let characters = (8 * before).div_ceil(6)..8 * moved.len() / 6;
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            spellings.push(encoding.encode(&moved).as_bytes()[characters.clone()].to_vec());
        }
    }
    spellings
}

/// Every file in a folder and below it.
fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            let content = fs::read(&path).expect("it is readable");
            files.push((path, content));
        }
    }
    files
}

/// In which files one of the secrets is, in one of its spellings.
fn search(files: &[(PathBuf, Vec<u8>)], secrets: &[Vec<u8>]) -> Vec<String> {
    let mut by_beginning: BTreeMap<Vec<u8>, Vec<(usize, Vec<u8>)>> = BTreeMap::new();
    for (number, secret) in secrets.iter().enumerate() {
        for spelling in spellings(secret) {
            let beginning = spelling[..2].to_vec();
            by_beginning
                .entry(beginning)
                .or_default()
                .push((number, spelling));
        }
    }
    let mut found = Vec::new();
    for (path, content) in files {
        for (at, beginning) in content.windows(2).enumerate() {
            for (number, spelling) in by_beginning.get(beginning).into_iter().flatten() {
                if content[at..].starts_with(spelling) {
                    found.push(format!("secret {number} in {} at {at}", path.display()));
                }
            }
        }
    }
    found
}

/// A key in parts, none of which may be found: its first bytes in PKCS #8 are those of every key of its kind.
fn parts(key: &[u8]) -> Vec<Vec<u8>> {
    const ALIKE_BYTES: usize = 36;
    let own = if key.len() > 32 { &key[ALIKE_BYTES..] } else { key };
    own.chunks_exact(PART_BYTES).map(<[u8]>::to_vec).collect()
}

//= LF-04
#[test]
fn no_file_holds_a_key_a_password_a_user_or_anything_of_an_object() {
    let folder = tempfile::tempdir().expect("there is room");
    let (_, state) = pair(folder.path(), 0, 0);
    let mut hsm = Hsm::open(&state).activated();
    let log_in = |name: &str, password: &str| UserRequest::Login {
        name: name.into(),
        password: password.into(),
    };
    hsm.user(log_in("master", "12345678"));
    hsm.user(UserRequest::Create {
        name: USER.into(),
        password: USER_PASSWORD.into(),
        permissions: Permissions::NONE,
    });
    hsm.user(UserRequest::Logout);
    hsm.user(log_in(USER, USER_PASSWORD));
    for algorithm in [KeyAlgorithm::Aes256, KeyAlgorithm::EcP256, KeyAlgorithm::Rsa2048] {
        let object = |request| UserRequest::Object {
            partition: None,
            name: format!("{NAME}.{algorithm}"),
            request,
        };
        let attributes = |exportable| Attributes {
            exportable,
            label: LABEL.into(),
        };
        hsm.user(object(ObjectRequest::Create {
            algorithm,
            attributes: attributes(true),
        }));
        // Written a second time, so that there was a page before the one that counts.
        hsm.user(object(ObjectRequest::SetAttributes(attributes(false))));
    }
    let done = hsm.told.iter().filter(|answer| **answer == UserAnswer::Done);
    assert_eq!(done.count(), 8, "{:?}", hsm.told);
    let keys = hsm.keys.clone();
    assert_eq!(keys.len(), 3);
    // The log names users; it may name no object.
    let log: Vec<_> = hsm.events.iter().map(ToString::to_string).collect();
    hsm.cut();
    assert_eq!(database(&state).1.count, 3);
    // It starts again, and nobody gives it its key.
    Hsm::open(&state).started().cut();

    let mut secrets: Vec<Vec<u8>> = keys.iter().flat_map(|key| parts(key)).collect();
    assert!(secrets.len() > 60, "the whole of three keys: {}", secrets.len());
    secrets.extend([NAME, LABEL, USER_PASSWORD, PASSWORD].map(|text| text.as_bytes().to_vec()));
    let log_file = state.join("events.log");
    fs::write(&log_file, log.join("\n")).expect("there is room");
    assert!(
        !search(&files_in(&state), &[b"created by planted".to_vec()]).is_empty(),
        "the log is searched"
    );
    let found = search(&files_in(&state), &secrets);
    assert!(found.is_empty(), "{found:#?}");
    fs::remove_file(log_file).expect("it is there");
    let found = search(&files_in(&state), &[USER.as_bytes().to_vec()]);
    assert!(found.is_empty(), "{found:#?}");

    // And it would have been found: each secret in each of its spellings, planted in a file below.
    let below = state.join("below");
    fs::create_dir(&below).expect("there is room");
    for secret in &secrets {
        for spelling in spellings(secret) {
            let planted = [b"before ".as_slice(), &spelling, b" behind"].concat();
            fs::write(below.join("planted"), &planted).expect("there is room");
            let found = search(&files_in(&below), std::slice::from_ref(secret));
            assert!(!found.is_empty(), "{}", spelling.escape_ascii());
        }
    }
}
