//! A report on its way to the disk: next to its place first, then renamed, so that nobody ever sees half of one.

use program::Problem;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file that is there only once it is finished.
#[derive(Debug)]
pub struct ReportFile {
    /// As given, for showing.
    shown: String,
    /// Where it will be.
    path: PathBuf,
    /// Where it is until then; `None` if it goes straight to its place, as to a pipe or a device.
    unfinished: Option<PathBuf>,
    file: File,
}

impl ReportFile {
    /// Makes sure that the report can be written, before anything is worth reporting.
    pub fn create(path: &Path) -> Result<Self, Problem> {
        let shown = path.display().to_string();
        let refuse = |error| Problem::io("write", Path::new(&shown), &error);
        // A symbolic link stays one; what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            let file = OpenOptions::new().write(true).open(&path).map_err(refuse)?;
            return Ok(Self {
                shown,
                path,
                unfinished: None,
                file,
            });
        }
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(format!(".{}.unfinished", std::process::id()));
        let unfinished = PathBuf::from(unfinished);
        let file = File::create(&unfinished).map_err(refuse)?;
        Ok(Self {
            shown,
            path,
            unfinished: Some(unfinished),
            file,
        })
    }

    /// Writes everything and puts it in its place.
    pub fn finish(mut self, text: &str) -> Result<(), Problem> {
        let written = self.file.write_all(text.as_bytes());
        let renamed = written.and_then(|()| match &self.unfinished {
            Some(unfinished) => {
                self.file.sync_all()?;
                fs::rename(unfinished, &self.path)
            }
            None => Ok(()),
        });
        renamed.map_err(|error| Problem::io("write", Path::new(&self.shown), &error))?;
        self.unfinished = None;
        Ok(())
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // It is of no use to anybody; that it may stay is no reason to fail.
            let _ = fs::remove_file(unfinished);
        }
    }
}
