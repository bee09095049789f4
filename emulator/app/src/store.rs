//! The state of a device on disk: one redb file in a folder, opened by one program at a time. What it cannot make sense
//! of it leaves as it is. Knows what is kept, never why.

mod error;
mod fuse;
mod rehearsed_file;
mod writer;

pub use error::StoreError;
pub(crate) use fuse::Fuse;
pub(crate) use writer::{Writer, Written};

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    thread,
};

use hsm_core::Stored;
use hsm_listener::Identity;
use redb::{Builder, Database, DatabaseError, StorageBackend, TableDefinition, backends::FileBackend};

use rehearsed_file::RehearsedFile;

/// The one file of a state folder.
pub const FILE_NAME: &str = "state.redb";
/// What the file is called until it is whole.
const UNFINISHED_FILE_NAME: &str = "state.redb.new";

/// The version of each record's form.
const VERSIONS: TableDefinition<'_, &str, u32> = TableDefinition::new("versions");
/// What a device is and keeps, as JSON.
const DEVICE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("device");
/// The TLS identity, as DER. A table of its own, so that no reset of the device touches it.
const IDENTITY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("identity");

const MODEL: &str = "model";
const STORED: &str = "stored";
const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";

/// The records and the version of each that this release reads and writes.
const KNOWN_VERSIONS: [(&str, u32); 3] = [(MODEL, 1), (STORED, 1), ("identity", 1)];

/// Bytes of the file that are kept in memory. Everything in it is small yet.
const CACHE_BYTES: usize = 256 * 1024;

/// What is kept of a device.
pub struct Kept {
    /// The model of its profile.
    pub model: String,
    /// What survives power.
    pub stored: Stored,
    /// What it shows to whoever connects.
    pub identity: Identity,
}

/// The open state of a device. Whoever has it is alone with it.
pub struct Store {
    /// There until the end of this.
    database: Option<Database>,
    /// The file below the database, which stays as it is until there is something to write.
    file: RehearsedFile,
    path: PathBuf,
}

impl Store {
    /// Opens the state in a folder; `None` if there is none.
    pub fn open(folder: &Path) -> Result<Option<(Self, Kept)>, StoreError> {
        check_folder(folder)?;
        let path = folder.join(FILE_NAME);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open state", &path, error)),
        };
        let file = lock(file, folder, "open state", &path)?;
        let (database, kept) = rehearse(file.clone(), &path)?;
        let database = Some(database);
        Ok(Some((Self { database, file, path }, kept)))
    }

    /// Makes a folder, if there is none yet, and the state in it. Cut off at any moment it leaves the whole state or
    /// none.
    pub fn create(folder: &Path, kept: &Kept) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| StoreError::io("make state folder", folder, error))?;
        let path = folder.join(FILE_NAME);
        let unfinished = folder.join(UNFINISHED_FILE_NAME);
        let doing = "make state";
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&unfinished)
            .map_err(|error| StoreError::io(doing, &unfinished, error))?;
        let file = lock(file, folder, doing, &unfinished)?;
        // Whoever held the lock before may have finished in the meantime.
        if path.exists() {
            return Err(StoreError::InUse {
                folder: folder.to_owned(),
            });
        }
        file.set_len(0)
            .map_err(|error| StoreError::io(doing, &unfinished, error))?;
        let database = open_database(file.clone())
            .map_err(|error| StoreError::io(doing, &unfinished, WriteError::from(error).0))?;
        let store = Self {
            database: Some(database),
            file,
            path,
        };
        store
            .write_everything(kept)
            .and_then(|()| Ok(store.file.perform()?))
            .map_err(|error| StoreError::io(doing, &unfinished, error.0))?;
        fs::rename(&unfinished, &store.path)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| StoreError::io(doing, &store.path, error))?;
        Ok(store)
    }

    /// Makes this durable.
    pub fn persist(&self, stored: &Stored) -> Result<(), StoreError> {
        let writing = |error| StoreError::io("write state", &self.path, error);
        if let Some(fork) = self.file.fork() {
            // Some damage shows only when something is written; closing a database does so, too.
            understood(&self.path, || {
                let database = open_database(fork)?;
                write_stored(&database, stored).map_err(|error| match error.0 {
                    error if error.raw_os_error().is_some() => Unreadable::Io(error),
                    error => Unreadable::Damaged(error.to_string()),
                })
            })?;
            self.file.perform().map_err(writing)?;
        }
        write_stored(self.database(), stored).map_err(|error| writing(error.0))
    }

    /// What lets the file be written.
    pub(crate) fn fuse(&self) -> Fuse {
        self.file.fuse()
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is there until the end")
    }

    fn write_everything(&self, kept: &Kept) -> Result<(), WriteError> {
        let transaction = self.database().begin_write()?;
        {
            let mut versions = transaction.open_table(VERSIONS)?;
            for (record, version) in KNOWN_VERSIONS {
                versions.insert(record, version)?;
            }
            let mut device = transaction.open_table(DEVICE)?;
            device.insert(MODEL, json(&kept.model).as_slice())?;
            device.insert(STORED, json(&kept.stored).as_slice())?;
            let mut identity = transaction.open_table(IDENTITY)?;
            identity.insert(CERTIFICATE, kept.identity.certificate().as_ref())?;
            identity.insert(KEY, kept.identity.key())?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// A database that nothing was written to is not known to survive its own end, and one without power does not; nothing
/// depends on that.
impl Drop for Store {
    fn drop(&mut self) {
        let database = self.database.take();
        if self.file.fork().is_some() || self.file.fuse().is_blown() {
            let _ = quietly(|| drop(database));
        }
    }
}

fn write_stored(database: &Database, stored: &Stored) -> Result<(), WriteError> {
    let transaction = database.begin_write()?;
    transaction
        .open_table(DEVICE)?
        .insert(STORED, json(stored).as_slice())?;
    transaction.commit()?;
    Ok(())
}

/// What the database says when it writes to a file that was whole a moment ago: so it is the disk.
struct WriteError(io::Error);

impl<E: Into<redb::Error>> From<E> for WriteError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(error) => Self(error),
            other => Self(io::Error::other(other.to_string())),
        }
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types have string keys and no failing serializer")
}

fn check_folder(folder: &Path) -> Result<(), StoreError> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(StoreError::NotAFolder {
            path: folder.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("look into state folder", folder, error)),
    }
}

/// Takes the file for this program alone, or says that another has it.
fn lock(file: File, folder: &Path, doing: &'static str, path: &Path) -> Result<RehearsedFile, StoreError> {
    let file = FileBackend::new(file).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse {
            folder: folder.to_owned(),
        },
        other => StoreError::io(doing, path, WriteError::from(other).0),
    })?;
    RehearsedFile::new(file).map_err(|error| StoreError::io(doing, path, error))
}

fn open_database(backend: impl StorageBackend) -> Result<Database, DatabaseError> {
    Builder::new()
        // The only form that later releases of redb read.
        .create_with_file_format_v3(true)
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend)
}

/// Opens the database and reads everything. Nothing touches the file before it is known to be whole: redb repairs what
/// it opens, and panics over some damage.
fn rehearse(file: RehearsedFile, path: &Path) -> Result<(Database, Kept), StoreError> {
    let len = file
        .len()
        .map_err(|error| StoreError::io("read state", path, error))?;
    if len == 0 {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            why: "it is empty".into(),
        });
    }
    understood(path, || {
        let mut database = open_database(file)?;
        database.check_integrity()?;
        let kept = read_everything(&database)?;
        Ok((database, kept))
    })
}

/// What redb makes of a file, or why that is nothing.
fn understood<T>(path: &Path, look: impl FnOnce() -> Result<T, Unreadable>) -> Result<T, StoreError> {
    let damaged = |why: String| StoreError::Damaged {
        path: path.to_owned(),
        why,
    };
    match quietly(look) {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(Unreadable::Io(error))) => Err(StoreError::io("read state", path, error)),
        Ok(Err(Unreadable::Version { record, found, known })) => Err(StoreError::Version {
            path: path.to_owned(),
            record,
            found,
            known,
        }),
        Ok(Err(Unreadable::Damaged(why))) => Err(damaged(why)),
        Err(_) => Err(damaged("its pages contradict each other".into())),
    }
}

/// Catches a panic and says nothing about it.
fn quietly<T>(risky: impl FnOnce() -> T) -> thread::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(risky));
    panic::set_hook(hook);
    done
}

/// Why a whole database is not the state of a device.
enum Unreadable {
    /// The system refused.
    Io(io::Error),
    Damaged(String),
    Version {
        record: String,
        found: u32,
        known: u32,
    },
}

impl<E: Into<redb::Error>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::UpgradeRequired(found) => Self::Version {
                record: "file".into(),
                found: found.into(),
                known: 3,
            },
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it ends too early".into())
            }
            redb::Error::Io(error) if error.raw_os_error().is_some() => Self::Io(error),
            redb::Error::Io(_) => Self::Damaged("it is not a state file".into()),
            redb::Error::TableDoesNotExist(table) => Self::Damaged(format!("it has no table `{table}`")),
            other => Self::Damaged(other.to_string()),
        }
    }
}

fn read_everything(database: &Database) -> Result<Kept, Unreadable> {
    let transaction = database.begin_read()?;
    let versions = transaction.open_table(VERSIONS)?;
    for (record, known) in KNOWN_VERSIONS {
        let found = versions.get(record)?.map(|version| version.value());
        match found {
            Some(found) if found == known => {}
            Some(found) => {
                return Err(Unreadable::Version {
                    record: format!("record `{record}`"),
                    found,
                    known,
                });
            }
            None => return Err(missing(record)),
        }
    }
    let device = transaction.open_table(DEVICE)?;
    let identity = transaction.open_table(IDENTITY)?;
    let certificate = identity.get(CERTIFICATE)?.ok_or_else(|| missing(CERTIFICATE))?;
    let key = identity.get(KEY)?.ok_or_else(|| missing(KEY))?;
    let model = device.get(MODEL)?.ok_or_else(|| missing(MODEL))?;
    let stored = device.get(STORED)?.ok_or_else(|| missing(STORED))?;
    Ok(Kept {
        model: from_json(MODEL, model.value())?,
        stored: from_json(STORED, stored.value())?,
        identity: Identity::kept(certificate.value().to_vec(), key.value().to_vec()),
    })
}

fn missing(record: &str) -> Unreadable {
    Unreadable::Damaged(format!("it has no record `{record}`"))
}

fn from_json<T: serde::de::DeserializeOwned>(record: &str, bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable::Damaged(format!("record `{record}`: {error}")))
}
