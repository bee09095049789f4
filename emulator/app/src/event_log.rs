//! The log of a device on disk: lines of text in a few files beside the state, the oldest thrown away when they are
//! full. Knows what a line is, never what it says.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use program::Problem;

/// Bytes of one file, at most; the line that would pass it begins the next.
pub const FILE_BYTES_MAX: u64 = 1_048_576;
/// Files that are kept, the one that is written to included.
pub const FILES_MAX: usize = 8;
/// The folder in the state folder.
const FOLDER_NAME: &str = "log";

/// The log of one device, to be written to. Whoever has its state is alone with it.
pub struct EventLog {
    folder: PathBuf,
    file: File,
    bytes_len: u64,
    file_bytes_max: u64,
}

impl EventLog {
    /// The log in a state folder, which goes on where it ended.
    pub fn open(state: &Path) -> Result<Self, Problem> {
        Self::with_limit(state, FILE_BYTES_MAX)
    }

    fn with_limit(state: &Path, file_bytes_max: u64) -> Result<Self, Problem> {
        let folder = state.join(FOLDER_NAME);
        let opened = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .and_then(|()| end_last_line(&file_name(&folder, 0)))
            .and_then(|()| append_to(&file_name(&folder, 0)));
        let (file, bytes_len) = opened.map_err(|error| Problem::io("open log", &folder, &error))?;
        Ok(Self {
            folder,
            file,
            bytes_len,
            file_bytes_max,
        })
    }

    /// Adds a line, given without its LF. A kill of this program loses none that was added; a computer that loses power
    /// may lose the last ones.
    pub fn add(&mut self, line: &str) -> Result<(), Problem> {
        self.try_add(line)
            .map_err(|error| Problem::io("write log", &self.folder, &error))
    }

    fn try_add(&mut self, line: &str) -> io::Result<()> {
        let bytes = [line.as_bytes(), b"\n"].concat();
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.bytes_len > 0 && self.bytes_len + len > self.file_bytes_max {
            self.begin_next_file()?;
        }
        self.file.write_all(&bytes)?;
        self.bytes_len += len;
        Ok(())
    }

    fn begin_next_file(&mut self) -> io::Result<()> {
        for number in (0..FILES_MAX - 1).rev() {
            match fs::rename(
                file_name(&self.folder, number),
                file_name(&self.folder, number + 1),
            ) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        (self.file, self.bytes_len) = append_to(&file_name(&self.folder, 0))?;
        Ok(())
    }

    /// Throws every line away.
    pub fn clear(&mut self) -> Result<(), Problem> {
        let cleared =
            (1..FILES_MAX).try_for_each(|number| match fs::remove_file(file_name(&self.folder, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            });
        cleared
            .and_then(|()| self.file.set_len(0))
            .map_err(|error| Problem::io("clear log", &self.folder, &error))?;
        self.bytes_len = 0;
        Ok(())
    }
}

/// The files of the log in a state folder that there are, opened, the oldest first. Whoever writes may begin the next one
/// meanwhile: they are opened from the newest on, so that one that moves is seen twice rather than not at all, and is
/// given once.
pub(crate) fn open_files(state: &Path) -> io::Result<Vec<File>> {
    let folder = state.join(FOLDER_NAME);
    let mut seen = Vec::new();
    let mut files = Vec::new();
    for number in 0..FILES_MAX {
        match File::open(file_name(&folder, number)) {
            Ok(file) => {
                let inode = file.metadata()?.ino();
                if !seen.contains(&inode) {
                    seen.push(inode);
                    files.push(file);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.reverse();
    Ok(files)
}

fn file_name(folder: &Path, number: usize) -> PathBuf {
    folder.join(if number == 0 {
        "events.log".to_owned()
    } else {
        format!("events.{number}.log")
    })
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// A line that was cut off in the middle is ended, so that the next one stands alone.
fn end_last_line(path: &Path) -> io::Result<()> {
    match fs::read(path) {
        Ok(bytes) if bytes.last().is_some_and(|byte| *byte != b'\n') => {
            append_to(path).and_then(|(mut file, _)| file.write_all(b"\n"))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(state: &Path) -> Vec<String> {
        let files = open_files(state).expect("they can be read");
        let texts = files
            .into_iter()
            .map(|file| io::read_to_string(file).expect("it is text"));
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    //= LG-02
    #[test]
    fn a_log_goes_on_where_it_ended_and_ends_a_line_that_was_cut_off() {
        let state = tempfile::tempdir().expect("there is room");
        EventLog::open(state.path())
            .expect("there is room")
            .add("one")
            .expect("there is room");
        let path = state.path().join("log/events.log");
        fs::write(&path, "one\ntw").expect("it can be written");
        EventLog::open(state.path())
            .expect("there is room")
            .add("three")
            .expect("there is room");
        assert_eq!(lines(state.path()), ["one", "tw", "three"]);
    }

    //= LG-04
    #[test]
    fn a_log_is_bounded_and_loses_its_oldest_lines() {
        let state = tempfile::tempdir().expect("there is room");
        // Two lines of ten bytes fit into a file, and a third does not.
        let mut log = EventLog::with_limit(state.path(), 20).expect("there is room");
        for number in 0..100 {
            log.add(&format!("line {number:04}")).expect("there is room");
        }
        let kept = lines(state.path());
        assert_eq!(
            open_files(state.path()).expect("they can be read").len(),
            FILES_MAX
        );
        assert_eq!(kept.len(), 2 * FILES_MAX);
        assert_eq!((kept[0].as_str(), kept[15].as_str()), ("line 0084", "line 0099"));
    }

    //= LG-02
    #[test]
    fn a_cleared_log_is_empty_and_goes_on() {
        let state = tempfile::tempdir().expect("there is room");
        let mut log = EventLog::with_limit(state.path(), 20).expect("there is room");
        for number in 0..10 {
            log.add(&format!("line {number:04}")).expect("there is room");
        }
        log.clear().expect("there is room");
        assert!(lines(state.path()).is_empty());
        log.add("log cleared").expect("there is room");
        assert_eq!(lines(state.path()), ["log cleared"]);
    }
}
