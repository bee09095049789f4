//! Files that hold what must not be lost: locked against a second program, replaced in one step. Knows nothing of what
//! is in them.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Holds a file that says "in use", until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes the lock of `path`, which is the file `NAME.lock` beside it; `None` if somebody else has it. The lock
    /// file is made if needed, and stays: removing it would let two programs hold two files of one name.
    pub fn try_of(path: &Path) -> io::Result<Option<Self>> {
        let file = open_lock(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(why) => Err(why.into()),
        }
    }

    /// Takes the lock of `path`, waiting for whoever has it. For locks that are held for an instant.
    pub fn wait_for(path: &Path) -> io::Result<Self> {
        let file = open_lock(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { file }),
                Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
        }
    }
}

impl Drop for FileLock {
    /// Said aloud: closing alone would leave the lock to a process that another thread is just starting, until that
    /// becomes a program of its own.
    fn drop(&mut self) {
        // It cannot fail for a lock that is held.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(beside(path, "", ".lock"))
}

/// Gives the file these contents, or leaves it as it was: at no moment, power cuts included, is it a mix or missing.
/// On return the contents are on the disk. A new file is for its owner alone (0600); one that was there keeps its
/// mode, and its owner if we may say so. A symbolic link is itself replaced. Only under the file's [`FileLock`].
pub fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, Sync::Wait)
}

/// The same, but on return only the system has the contents: a killed program loses nothing, a power cut may.
pub fn replace_file_without_sync(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, Sync::Leave)
}

/// Whether the disk is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    Wait,
    Leave,
}

fn replace(path: &Path, contents: &[u8], sync: Sync) -> io::Result<()> {
    let temporary = beside(path, ".", ".tmp");
    let written = write_new(&temporary, path, contents, sync).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What is not whole helps nobody; the error that led here is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    match sync {
        Sync::Wait => File::open(folder_of(path))?.sync_all(),
        Sync::Leave => Ok(()),
    }
}

fn write_new(temporary: &Path, like: &Path, contents: &[u8], sync: Sync) -> io::Result<()> {
    // One that a killed program left behind.
    match fs::remove_file(temporary) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(temporary)?;
    match fs::symlink_metadata(like) {
        Ok(before) if before.is_file() => {
            let now = file.metadata()?;
            if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
                // Only root may give a file away; for others it becomes theirs, as with any editor.
                let _ = fchown(&file, Some(before.uid()), Some(before.gid()));
            }
            file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o7777))?;
        }
        Ok(_) => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(why),
    }
    file.write_all(contents)?;
    match sync {
        Sync::Wait => file.sync_all(),
        Sync::Leave => Ok(()),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        None => path,
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    }
}

/// The path with something before and after its file name.
fn beside(path: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = OsString::from(before);
    name.push(path.file_name().unwrap_or_default());
    name.push(after);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("card");
        for (mode, contents) in [(0o600, "one"), (0o640, "two"), (0o444, "three")] {
            if path.exists() {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
            }
            let replace = if mode == 0o640 {
                replace_file_without_sync
            } else {
                replace_file
            };
            replace(&path, contents.as_bytes()).expect("it is ours");
            let metadata = fs::metadata(&path).expect("it is there");
            assert_eq!(metadata.mode() & 0o7777, mode);
            assert_eq!(fs::read_to_string(&path).expect("it is text"), contents);
        }
        let names = fs::read_dir(folder.path()).expect("it is there").count();
        assert_eq!(names, 1, "nothing is left behind");
    }

    #[test]
    fn what_a_killed_program_left_behind_is_in_nobodys_way() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("card");
        fs::write(folder.path().join(".card.tmp"), "half").expect("there is room");
        replace_file(&path, b"whole").expect("it is ours");
        assert_eq!(fs::read(&path).expect("it is there"), b"whole");
    }

    #[test]
    fn a_lock_is_held_by_one_and_free_again_when_dropped() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("card");
        let held = FileLock::try_of(&path).expect("there is room");
        assert!(held.is_some());
        assert!(FileLock::try_of(&path).expect("there is room").is_none());
        drop(held);
        assert!(FileLock::try_of(&path).expect("there is room").is_some());
        FileLock::wait_for(&path).expect("it is free");
    }
}
