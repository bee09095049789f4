//! At rest, without the password or the cards: no file holds a key, a password, or anything of an object.

use std::{fs, path::Path};

use hsm_core::{Attributes, KeyAlgorithm, ObjectRequest, Permissions, UserAnswer, UserRequest};

use super::hsm::{Hsm, PASSWORD, database, pair};

const NAME: &str = "planted-object-name";
const LABEL: &str = "planted object label";
const USER_PASSWORD: &str = "plantedpassword1";

/// Whether any file of the folder has these bytes, as they are or as hexadecimal digits or numbers.
fn holds(folder: &Path, secret: &[u8]) -> bool {
    let numbers = format!("{secret:?}").replace(' ', "");
    let numbers = numbers.trim_matches(['[', ']']).to_owned();
    let hex = apdu::hex::encode(secret);
    let spellings = [
        secret.to_vec(),
        hex.to_lowercase().into_bytes(),
        hex.into_bytes(),
        numbers.into_bytes(),
    ];
    let files = fs::read_dir(folder).expect("it is there");
    let mut files = files.map(|file| fs::read(file.expect("it is there").path()).expect("it can be read"));
    files.any(|bytes| {
        spellings
            .iter()
            .any(|spelling| bytes.windows(spelling.len()).any(|window| window == spelling))
    })
}

//= LF-04
#[test]
fn no_file_holds_a_key_a_password_or_anything_of_an_object() {
    let folder = tempfile::tempdir().expect("there is room");
    let (_, state) = pair(folder.path(), 0, 0);
    let mut hsm = Hsm::open(&state).activated();
    hsm.user(UserRequest::Login {
        name: "master".into(),
        password: "12345678".into(),
    });
    hsm.user(UserRequest::Create {
        name: "ana".into(),
        password: USER_PASSWORD.into(),
        permissions: Permissions::NONE,
    });
    for algorithm in [KeyAlgorithm::Aes256, KeyAlgorithm::EcP256, KeyAlgorithm::Rsa2048] {
        hsm.user(UserRequest::Object {
            partition: None,
            name: format!("{NAME}.{algorithm}"),
            request: ObjectRequest::Create {
                algorithm,
                attributes: Attributes {
                    exportable: true,
                    label: LABEL.into(),
                },
            },
        });
    }
    assert_eq!(
        hsm.told
            .iter()
            .filter(|answer| **answer == UserAnswer::Done)
            .count(),
        4,
        "{:?}",
        hsm.told
    );
    let keys = hsm.keys.clone();
    assert_eq!(keys.len(), 3);
    hsm.cut();
    assert_eq!(database(&state).1.count, 3);

    // PKCS #8 begins with bytes that every key of a kind has; the key itself is behind them, and at the end.
    let parts = |key: &Vec<u8>| match key.len() {
        ..=32 => vec![key.clone()],
        len => vec![key[36..68].to_vec(), key[len - 32..].to_vec()],
    };
    let mut secrets: Vec<Vec<u8>> = keys.iter().flat_map(parts).collect();
    secrets.extend([NAME, LABEL, USER_PASSWORD, PASSWORD].map(|text| text.as_bytes().to_vec()));
    for secret in &secrets {
        assert!(!holds(&state, secret), "{} bytes", secret.len());
    }
    // What is planted in clear is found.
    fs::write(state.join("planted"), &secrets[0]).expect("there is room");
    assert!(holds(&state, &secrets[0]));
    fs::write(state.join("planted"), apdu::hex::encode(&secrets[1])).expect("there is room");
    assert!(holds(&state, &secrets[1]));
}
