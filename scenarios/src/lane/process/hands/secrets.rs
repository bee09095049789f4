//! A hand that searches what the programs have written for what nobody may write down. Reads every file as it is on the
//! disk, and prints no secret.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{super::stage::broken, Hands};
use crate::{
    steps::{expect, spellings},
    world::PIN,
};

/// Passwords of a Pocket in the scenarios.
const PASSWORDS: [&str; 2] = ["correct horse", "battery staple"];

pub(super) const HANDS: Hands = &[("nothing that was kept holds a secret", |stage, _| {
    let log = stage.log()?.join("\n").into_bytes();
    let mut written = vec![("the log of the HSM".to_owned(), log)];
    // The profile names the factory's password, which stands in the manual, and which is the PIN of every card here.
    let factory_password = stage.factory()?.profile.users.factory_password.clone();
    let public = format!("factory_password = \\\"{factory_password}\\\"");
    for path in files_below(stage.folder()).map_err(|why| broken(format!("list the files: {why}")))? {
        // A card keeps its secret, which is what it is for.
        if path.extension().is_some_and(|extension| extension == "card") {
            continue;
        }
        let name = path.display().to_string();
        let bytes = fs::read(&path).map_err(|why| broken(format!("read `{name}`: {why}")))?;
        written.push((name, without(&bytes, public.as_bytes())));
    }
    let mut secrets: Vec<Vec<u8>> = vec![PIN.into()];
    secrets.extend(PASSWORDS.map(Into::into));
    secrets.extend(stage.factory()?.secrets());
    for secret in &secrets {
        let mut needles: Vec<Vec<u8>> = spellings(secret).into_iter().map(String::into_bytes).collect();
        needles.push(secret.clone());
        for (name, bytes) in &written {
            let found = needles.iter().any(|needle| holds(bytes, needle));
            expect(!found, "no secret", || {
                format!("one of {} bytes in {name}", secret.len())
            })?;
        }
    }
    let has_state = written
        .iter()
        .any(|(name, bytes)| name.contains("/state/") && !bytes.is_empty());
    expect(
        has_state && secrets.len() > 5,
        "a state to search, and what to search for",
        || format!("{} files and {} secrets", written.len(), secrets.len()),
    )
})];

/// The bytes with every place blank where these stand.
fn without(bytes: &[u8], public: &[u8]) -> Vec<u8> {
    let mut blank = bytes.to_vec();
    for (place, window) in bytes.windows(public.len()).enumerate() {
        if window == public {
            blank[place..place + public.len()].fill(b' ');
        }
    }
    blank
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = path.symlink_metadata()?.file_type();
        if kind.is_dir() {
            files.extend(files_below(&path)?);
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_is_left_out_of_the_search() {
        let state = b"factory_password = \"12345678\" and 12345678";
        let searched = without(state, b"factory_password = \"12345678\"");
        assert!(holds(&searched, b"12345678") && searched.len() == state.len());
        assert!(!holds(&searched[..30], b"12345678"));
        assert!(!holds(b"12345678", b"") && !holds(b"1234567", b"12345678"));
    }
}
