//! The folder of kept inputs. A file's name is made of its content, so that the same input is the same file.

use std::{
    collections::BTreeSet,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::Path,
};

/// The most inputs that are kept.
pub const CORPUS_FILES_MAX: usize = 200;

/// Every input in the order of the names; none if there is no folder. An input that is too long is an error, and so is
/// one file more than [`CORPUS_FILES_MAX`].
pub(crate) fn load(folder: &Path, input_bytes_max: usize) -> io::Result<Vec<Vec<u8>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(why),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("read corpus: {what}"));
    if paths.len() > CORPUS_FILES_MAX {
        return Err(wrong(format!(
            "expected at most {CORPUS_FILES_MAX} files, got {}",
            paths.len()
        )));
    }
    let read = |path: &Path| {
        let input = fs::read(path)?;
        if input.len() > input_bytes_max {
            let (path, len) = (path.display(), input.len());
            return Err(wrong(format!(
                "{path}: expected at most {input_bytes_max} bytes, got {len}"
            )));
        }
        Ok(input)
    };
    paths.iter().map(|path| read(path)).collect()
}

/// Of these inputs the shortest that together show all that all of them showed.
pub(crate) fn needed(inputs: &[Vec<u8>], shown: &[BTreeSet<u64>]) -> Vec<Vec<u8>> {
    let mut shortest_first: Vec<_> = inputs.iter().zip(shown).collect();
    shortest_first.sort_by_key(|(input, _)| (input.len(), *input));
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut needed = Vec::new();
    for (input, shown) in shortest_first {
        if !shown.is_subset(&seen) {
            seen.extend(shown);
            needed.push(input.clone());
        }
    }
    needed
}

/// The folder holds these inputs afterwards, and no others.
pub(crate) fn save(folder: &Path, inputs: &[Vec<u8>]) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for input in inputs {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        fs::write(folder.join(format!("{:016x}", hasher.finish())), input)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_inputs_that_show_everything_are_needed() {
        let inputs = [b"abc".to_vec(), b"ab".to_vec(), b"a".to_vec(), b"b".to_vec()];
        let shown = [[1, 2], [1, 3], [1, 1], [1, 1]].map(BTreeSet::from);
        assert_eq!(
            needed(&inputs, &shown),
            [b"a".to_vec(), b"ab".to_vec(), b"abc".to_vec()]
        );
    }

    #[test]
    fn what_was_saved_is_loaded_and_too_much_or_too_long_is_refused() {
        let folder = tempfile::tempdir().expect("the test may write its folder");
        let folder = folder.path().join("corpus");
        assert_eq!(
            load(&folder, 8).expect("the test may write its folder"),
            Vec::<Vec<u8>>::new()
        );
        let inputs: Vec<Vec<u8>> = (0..CORPUS_FILES_MAX).map(|n| n.to_le_bytes().to_vec()).collect();
        save(&folder, &inputs).expect("the test may write its folder");
        save(&folder, &inputs).expect("the test may write its folder");
        let mut loaded = load(&folder, 8).expect("the test may write its folder");
        loaded.sort_by_key(|input| usize::from_le_bytes(input[..].try_into().expect("8 bytes")));
        assert_eq!(loaded, inputs);
        assert!(load(&folder, 7).is_err());
        fs::write(folder.join("one more"), b"").expect("the test may write its folder");
        assert!(load(&folder, 8).is_err());
    }
}
