//! The file that tells a waiting program that another is ready, and where. Whole or not there, and gone after a clean
//! end. Knows nothing of what it says.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use crate::Problem;

/// A ready-file of this process.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
    /// What it says now, to know it again.
    content: Option<String>,
}

impl ReadyFile {
    /// Sees that it can be written, before anything else is done. One that an earlier program left is replaced
    /// later.
    pub fn prepare(path: PathBuf) -> Result<Self, Problem> {
        let file = Self { path, content: None };
        if file.path.is_dir() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(file.problem(&error));
        }
        file.write_unfinished("")
            .and_then(fs::remove_file)
            .map_err(|error| file.problem(&error))?;
        Ok(file)
    }

    /// Says this, whoever may look at that moment: one line, whole, for the owner alone (0600).
    pub fn tell(&mut self, line: &str) -> Result<(), Problem> {
        let content = format!("{line}\n");
        self.write_unfinished(&content)
            .and_then(|unfinished| fs::rename(unfinished, &self.path))
            .map_err(|error| self.problem(&error))?;
        self.content = Some(content);
        Ok(())
    }

    /// Takes it away, unless somebody else has replaced it.
    pub fn remove(self) -> Result<(), Problem> {
        let Some(content) = &self.content else {
            return Ok(());
        };
        match fs::read_to_string(&self.path) {
            Ok(found) if found == *content => fs::remove_file(&self.path)
                .map_err(|error| Problem::io("remove ready-file", &self.path, &error)),
            _ => Ok(()),
        }
    }

    fn write_unfinished(&self, content: &str) -> io::Result<PathBuf> {
        let path = unfinished(&self.path);
        // One of another process that had our number.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(content.as_bytes())?;
        Ok(path)
    }

    fn problem(&self, error: &io::Error) -> Problem {
        Problem::io("write ready-file", &self.path, error)
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", process::id()));
    path.with_file_name(name)
}
