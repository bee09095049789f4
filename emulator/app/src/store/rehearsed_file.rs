//! A file on which everything is done in memory first. What was done is then done to the file itself, in the same order,
//! or to nobody. Knows nothing of what is in it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{StorageBackend, backends::FileBackend};

/// A locked file, for the database and for whoever decides when it becomes true.
#[derive(Clone, Debug)]
pub(super) struct RehearsedFile {
    file: Arc<FileBackend>,
    /// `None` once everything is done to the file at once.
    rehearsal: Arc<Mutex<Option<Rehearsal>>>,
}

/// What was done since the file was opened. A database that opens or repairs itself does a handful of things.
#[derive(Clone, Debug)]
struct Rehearsal {
    len: u64,
    /// How much of the file was never cut off.
    kept_len: u64,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    SetLen(u64),
    Write { offset: u64, bytes: Vec<u8> },
    Sync,
}

impl RehearsedFile {
    /// A file that stays as it is until [`perform`](Self::perform).
    pub(super) fn new(file: FileBackend) -> io::Result<Self> {
        let len = file.len()?;
        let rehearsal = Rehearsal {
            len,
            kept_len: len,
            steps: Vec::new(),
        };
        Ok(Self {
            file: Arc::new(file),
            rehearsal: Arc::new(Mutex::new(Some(rehearsal))),
        })
    }

    /// The file as it is after what was rehearsed so far, for a rehearsal of its own. `None` after the performance.
    pub(super) fn fork(&self) -> Option<Self> {
        let rehearsal = self.rehearsal().clone()?;
        Some(Self {
            file: Arc::clone(&self.file),
            rehearsal: Arc::new(Mutex::new(Some(rehearsal))),
        })
    }

    /// Does to the file what was rehearsed, and from now on everything at once. After an error it may be cut off in the
    /// middle, as after a power cut, and what is done later is still only rehearsed.
    pub(super) fn perform(&self) -> io::Result<()> {
        let mut rehearsal = self.rehearsal();
        let steps = rehearsal.iter().flat_map(|rehearsal| &rehearsal.steps);
        for step in steps {
            match step {
                Step::SetLen(len) => self.file.set_len(*len)?,
                Step::Write { offset, bytes } => self.file.write(*offset, bytes)?,
                Step::Sync => self.file.sync_data(false)?,
            }
        }
        *rehearsal = None;
        Ok(())
    }

    /// Nothing under this lock can leave a rehearsal half changed, whatever panics beside it.
    fn rehearsal(&self) -> MutexGuard<'_, Option<Rehearsal>> {
        self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rehearsal {
    fn set_len(&mut self, len: u64) {
        self.len = len;
        self.kept_len = self.kept_len.min(len);
        self.steps.push(Step::SetLen(len));
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.len = self.len.max(end_of(offset, bytes.len()));
        let bytes = bytes.to_vec();
        self.steps.push(Step::Write { offset, bytes });
    }

    /// The bytes of the file as they would be.
    fn read(&self, file: &FileBackend, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        if end_of(offset, len) > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let index_of = |position: u64| {
            let index = usize::try_from(position.saturating_sub(offset));
            index.map_or(len, |index| index.min(len))
        };
        let mut read = file.read(offset, index_of(self.kept_len))?;
        read.resize(len, 0);
        for step in &self.steps {
            match step {
                Step::SetLen(len) => read[index_of(*len)..].fill(0),
                Step::Write { offset: start, bytes } => {
                    let place = index_of(*start)..index_of(end_of(*start, bytes.len()));
                    let before_len = usize::try_from(offset.saturating_sub(*start)).unwrap_or(usize::MAX);
                    if let Some(bytes) = bytes.get(before_len..) {
                        let place = &mut read[place];
                        place.copy_from_slice(&bytes[..place.len()]);
                    }
                }
                Step::Sync => {}
            }
        }
        Ok(read)
    }
}

/// One past the last byte. Saturates: no file is that long.
fn end_of(offset: u64, len: usize) -> u64 {
    offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX))
}

impl StorageBackend for RehearsedFile {
    fn len(&self) -> io::Result<u64> {
        match &*self.rehearsal() {
            Some(rehearsal) => Ok(rehearsal.len),
            None => self.file.len(),
        }
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        match &*self.rehearsal() {
            Some(rehearsal) => rehearsal.read(&self.file, offset, len),
            None => self.file.read(offset, len),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        match &mut *self.rehearsal() {
            Some(rehearsal) => rehearsal.set_len(len),
            None => self.file.set_len(len)?,
        }
        Ok(())
    }

    fn sync_data(&self, eventual: bool) -> io::Result<()> {
        match &mut *self.rehearsal() {
            Some(rehearsal) => rehearsal.steps.push(Step::Sync),
            None => self.file.sync_data(eventual)?,
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match &mut *self.rehearsal() {
            Some(rehearsal) => rehearsal.write(offset, data),
            None => self.file.write(offset, data)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn rehearsed(path: &std::path::Path) -> RehearsedFile {
        let file = fs::OpenOptions::new().read(true).write(true).open(path);
        let file = FileBackend::new(file.expect("it is there")).expect("nobody else has it");
        RehearsedFile::new(file).expect("it has a length")
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u64..40).prop_map(Step::SetLen),
            (0_u64..40, prop::collection::vec(1_u8.., 0..20))
                .prop_map(|(offset, bytes)| Step::Write { offset, bytes }),
            Just(Step::Sync),
        ]
    }

    fn take(step: &Step, backend: &impl StorageBackend) {
        let taken = match step {
            Step::SetLen(len) => backend.set_len(*len),
            Step::Write { offset, bytes } => backend.write(*offset, bytes),
            Step::Sync => backend.sync_data(false),
        };
        taken.expect("there is room");
    }

    proptest! {
        #[test]
        fn a_rehearsal_reads_as_the_file_would_and_leaves_it_alone_until_it_is_performed(
            before in prop::collection::vec(1_u8.., 0..40),
            steps in prop::collection::vec(step(), 0..12),
            afterwards in step(),
            (offset, len) in (0_u64..50, 1_usize..50),
        ) {
            let folder = tempfile::tempdir().expect("there is room");
            let (real, path) = (folder.path().join("real"), folder.path().join("rehearsed"));
            fs::write(&real, &before).expect("there is room");
            fs::write(&path, &before).expect("there is room");
            let real = fs::OpenOptions::new().read(true).write(true).open(&real).expect("it is there");
            let real = FileBackend::new(real).expect("nobody else has it");
            let file = rehearsed(&path);
            let whole = |backend: &dyn StorageBackend| {
                let len = backend.len().expect("it has a length");
                backend.read(0, usize::try_from(len).expect("it is short")).expect("it is there")
            };
            for step in &steps {
                take(step, &real);
                take(step, &file);
                prop_assert_eq!(whole(&file), whole(&real));
                let read = |backend: &dyn StorageBackend| backend.read(offset, len).map_err(|error| error.kind());
                prop_assert_eq!(read(&file), read(&real));
                prop_assert_eq!(&fs::read(&path).expect("it is there"), &before);
            }
            file.perform().expect("there is room");
            prop_assert_eq!(fs::read(&path).expect("it is there"), whole(&real));
            take(&afterwards, &real);
            take(&afterwards, &file);
            prop_assert_eq!(fs::read(&path).expect("it is there"), whole(&real));
        }
    }
}
