//! The cards on the table before the reader: the images of one folder. Reads no image and changes nothing.

use std::{fs, path::Path};

/// Files of the folder that are looked at.
pub(crate) const FILES_MAX: usize = 256;
/// What the name of an image ends in.
const SUFFIX: &str = ".card";

/// The absolute paths of the images, in the order of their names.
pub(crate) type Cards = Vec<String>;

/// What lies in the folder now, or why that cannot be said.
pub(crate) fn list(folder: &Path) -> Result<Cards, String> {
    let doing = format!("list the cards in `{}`", folder.display());
    let entries = fs::read_dir(folder).map_err(|error| format!("{doing}: {error}"))?;
    let mut cards = Vec::new();
    for (number, entry) in entries.enumerate() {
        if number == FILES_MAX {
            return Err(format!("{doing}: expected at most {FILES_MAX} files, got more"));
        }
        let entry = entry.map_err(|error| format!("{doing}: {error}"))?;
        let path = entry.path().into_os_string().into_string();
        let path = path.map_err(|_| format!("{doing}: expected names in UTF-8, got another"))?;
        if path.ends_with(SUFFIX) {
            cards.push(path);
        }
    }
    cards.sort_unstable();
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_listed_up_to_the_limit_and_no_further() {
        let folder = tempfile::tempdir().expect("there is room");
        let put = |name: &str| fs::write(folder.path().join(name), "").expect("there is room");
        for name in ["bruno.card", "ana.card", "note.txt"] {
            put(name);
        }
        let names = |cards: Cards| -> Vec<_> {
            cards
                .iter()
                .map(|path| Path::new(path).file_name().expect("it has one").to_owned())
                .collect()
        };
        assert_eq!(
            names(list(folder.path()).expect("it is small")),
            ["ana.card", "bruno.card"]
        );
        for number in 3..FILES_MAX {
            put(&format!("{number}.card"));
        }
        assert_eq!(list(folder.path()).expect("it is full").len(), FILES_MAX - 1);
        put("one-more.txt");
        let why = list(folder.path()).expect_err("it is too full");
        assert!(why.contains("at most 256 files"), "{why}");
        let why = list(&folder.path().join("none")).expect_err("it is not there");
        assert!(why.contains("none`: "), "{why}");
    }
}
