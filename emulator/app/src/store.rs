//! The state of a device on disk: one redb file in a folder, opened by one program at a time. What it cannot make sense
//! of it leaves as it is. Knows what is kept, never why.

mod error;
mod fuse;
mod objects;
mod quietly;
mod rehearsed_file;
#[cfg(test)]
mod sync_tests;
mod writer;

pub use error::StoreError;
pub(crate) use fuse::Fuse;
pub(crate) use writer::{Work, Writer, Written};

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    rc::Rc,
};

use hsm_core::{Binding, Change, Model, ObjectId, Objects, Profile, SealedObject, Stored, User, UserName};
use hsm_listener::Identity;
use redb::{
    Builder, Database, DatabaseError, ReadableTable as _, StorageBackend, TableDefinition, WriteTransaction,
    backends::FileBackend,
};

use objects::OBJECTS;
use quietly::quietly;
use rehearsed_file::RehearsedFile;

/// The one file of a state folder.
pub const FILE_NAME: &str = "state.redb";
/// What the file is called until it is whole.
const UNFINISHED_FILE_NAME: &str = "state.redb.new";

/// The version of each record's form.
const VERSIONS: TableDefinition<'_, &str, u32> = TableDefinition::new("versions");
/// What a device is and keeps, each field as JSON; the profile as it was given.
const DEVICE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("device");
/// The users that no key has sealed yet, each as JSON.
const USERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("users");
/// The users of the database, sealed.
const SEALED_USERS: TableDefinition<'_, &[u8; ObjectId::BYTES], &[u8]> = TableDefinition::new("sealed_users");
/// The TLS identity, as DER. A table of its own, so that no reset of the device touches it.
const IDENTITY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("identity");

/// Names of records. `model` is version 1's, where the profile is now.
const MODEL: &str = "model";
const PROFILE: &str = "profile";
const STORED: &str = "stored";
const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";

/// The records and the version of each that this release writes. Versions 1 to 3 of `stored` are read, too.
const KNOWN_VERSIONS: [(&str, u32); 3] = [(PROFILE, 1), (STORED, 4), ("identity", 1)];
/// The version of `stored` that had all of it in one record.
const OLDEST_STORED_VERSION: u32 = 1;
/// The version of `stored` whose objects had numbers and were not sealed. No device could make one.
const UNSEALED_STORED_VERSION: u32 = 2;
/// The version of `stored` whose users were not sealed.
const UNSEALED_USERS_VERSION: u32 = 3;

/// Bytes of the file that are kept in memory. Everything in it is small yet.
const CACHE_BYTES: usize = 256 * 1024;

/// What is kept of a device.
pub struct Kept {
    /// Its profile, as it was given.
    pub profile_text: String,
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
        let (database, kept, is_old) = rehearse(file.clone(), &path)?;
        let store = Self {
            database: Some(database),
            file,
            path,
        };
        if is_old {
            store.write("bring to this release's form: state", |transaction| {
                put_everything(transaction, &kept)
            })?;
        }
        Ok(Some((store, kept)))
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
        transact(store.database(), |transaction| put_everything(transaction, kept))
            .and_then(|()| Ok(store.file.perform()?))
            .map_err(|error| StoreError::io(doing, &unfinished, error.0))?;
        fs::rename(&unfinished, &store.path)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| StoreError::io(doing, &store.path, error))?;
        Ok(store)
    }

    /// Makes these changes durable, all or none of them.
    pub fn persist(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.write("write state", |transaction| put_changes(transaction, changes))
    }

    /// Another profile from now on.
    pub fn set_profile(&self, text: &str) -> Result<(), StoreError> {
        self.write("write state", |transaction| {
            transaction
                .open_table(DEVICE)?
                .insert(PROFILE, json(&text).as_slice())?;
            Ok(())
        })
    }

    /// Makes durable what `change` does, all or none of it.
    fn write(
        &self,
        doing: &'static str,
        change: impl Fn(&WriteTransaction) -> Result<(), WriteError>,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(doing, &self.path, error);
        if let Some(fork) = self.file.fork() {
            // Some damage shows only when something is written; closing a database does so, too.
            understood(&self.path, || {
                let database = open_database(fork)?;
                transact(&database, &change).map_err(|error| match error.0 {
                    error if error.raw_os_error().is_some() => Unreadable::Io(error),
                    error => Unreadable::Damaged(error.to_string()),
                })
            })?;
            self.file.perform().map_err(failed)?;
        }
        transact(self.database(), change).map_err(|error| failed(error.0))
    }

    /// What lets the file be written.
    pub(crate) fn fuse(&self) -> Fuse {
        self.file.fuse()
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is there until the end")
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

fn transact(
    database: &Database,
    change: impl Fn(&WriteTransaction) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let transaction = database.begin_write()?;
    change(&transaction)?;
    transaction.commit()?;
    Ok(())
}

fn put_changes(transaction: &WriteTransaction, changes: &[Change]) -> Result<(), WriteError> {
    for change in changes {
        let mut device = transaction.open_table(DEVICE)?;
        let mut set = |field: &str, value: Vec<u8>| device.insert(field, value.as_slice()).map(|_| ());
        match change {
            Change::RemoteManagement(enabled) => set("remote_management", json(enabled))?,
            Change::SwitchedOn(on) => set("switched_on", json(on))?,
            Change::LastStop(stop) => set("last_stop", json(stop))?,
            Change::Binding(binding) => set("binding", json(binding))?,
            Change::Activation(activation) => set("activation", json(activation))?,
            Change::ActivationFailures(failures) => set("activation_failures", json(failures))?,
            Change::Mode(mode) => set("mode", json(mode))?,
            Change::Network(network) => set("network", json(network))?,
            Change::UnfinishedCards(unfinished) => set("unfinished_cards", json(unfinished))?,
            Change::Nodes(nodes) => set("nodes", json(nodes))?,
            Change::CalendarOffsetMillis(offset) => set("calendar_offset_millis", json(offset))?,
            Change::PutUser { id, sealed } => {
                transaction
                    .open_table(SEALED_USERS)?
                    .insert(id.as_bytes(), sealed.as_bytes())?;
            }
            Change::RemoveUser(id) => {
                transaction.open_table(SEALED_USERS)?.remove(id.as_bytes())?;
            }
            Change::SealUsers(sealed) => {
                put_users(transaction, &BTreeMap::new())?;
                let mut table = transaction.open_table(SEALED_USERS)?;
                for (id, sealed) in sealed {
                    table.insert(id.as_bytes(), sealed.as_bytes())?;
                }
            }
            Change::SeedUsers(users) => {
                put_sealed_users(transaction, &BTreeMap::new())?;
                put_users(transaction, users)?;
            }
            Change::PasswordPolicy(policy) => set("password_policy", json(policy))?,
            Change::PutObject { .. } | Change::RemoveObject { .. } | Change::RemovePartition { .. } => {
                drop(device);
                objects::put_change(transaction, change)?;
            }
            Change::ReplaceDatabase(new) => {
                set("objects", json(&new.objects))?;
                set("replication_domain", json(&new.replication_domain))?;
                set("nodes", json(&new.nodes))?;
                set("password_policy", json(&new.password_policy))?;
                put_users(transaction, &BTreeMap::new())?;
                put_sealed_users(transaction, &new.sealed_users)?;
            }
            Change::EraseDatabase => {
                let mut erased = Stored::out_of_the_factory(&Profile::xp());
                erased.apply(change);
                set("objects", json(&erased.objects))?;
                set("replication_domain", json(&erased.replication_domain))?;
                set("nodes", json(&erased.nodes))?;
                set("password_policy", json(&erased.password_policy))?;
                transaction.delete_table(OBJECTS)?;
                transaction.open_table(OBJECTS)?;
                put_sealed_users(transaction, &erased.sealed_users)?;
                put_users(transaction, &erased.users)?;
            }
        }
    }
    Ok(())
}

/// These are the users that no key has sealed, and no others.
fn put_users(transaction: &WriteTransaction, users: &BTreeMap<UserName, User>) -> Result<(), WriteError> {
    transaction.delete_table(USERS)?;
    let mut table = transaction.open_table(USERS)?;
    for (name, user) in users {
        table.insert(name.as_str(), json(user).as_slice())?;
    }
    Ok(())
}

/// These are the sealed users, and no others.
fn put_sealed_users(
    transaction: &WriteTransaction,
    users: &BTreeMap<ObjectId, SealedObject>,
) -> Result<(), WriteError> {
    transaction.delete_table(SEALED_USERS)?;
    let mut table = transaction.open_table(SEALED_USERS)?;
    for (id, sealed) in users {
        table.insert(id.as_bytes(), sealed.as_bytes())?;
    }
    Ok(())
}

/// Everything but the objects, which stay as they are if they are sealed.
fn put_everything(transaction: &WriteTransaction, kept: &Kept) -> Result<(), WriteError> {
    // An earlier release had objects that nothing sealed.
    let before = transaction
        .open_table(VERSIONS)?
        .get(STORED)?
        .map(|version| version.value());
    if before.is_none_or(|before| before <= UNSEALED_STORED_VERSION) {
        transaction.delete_table(OBJECTS)?;
    }
    transaction.open_table(OBJECTS)?;

    let mut versions = transaction.open_table(VERSIONS)?;
    for (record, version) in KNOWN_VERSIONS {
        versions.insert(record, version)?;
    }
    // What an earlier release called otherwise.
    versions.remove(MODEL)?;
    let mut device = transaction.open_table(DEVICE)?;
    device.remove(MODEL)?;
    device.remove(STORED)?;
    device.insert(PROFILE, json(&kept.profile_text).as_slice())?;
    for (field, value) in fields(&kept.stored) {
        device.insert(field.as_str(), json(&value).as_slice())?;
    }
    put_users(transaction, &kept.stored.users)?;
    put_sealed_users(transaction, &kept.stored.sealed_users)?;
    let mut identity = transaction.open_table(IDENTITY)?;
    identity.insert(CERTIFICATE, kept.identity.certificate().as_ref())?;
    identity.insert(KEY, kept.identity.key())?;
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

/// What is kept of a device, field by field, without the users, who have tables of their own.
fn fields(stored: &Stored) -> serde_json::Map<String, serde_json::Value> {
    let mut fields = match serde_json::to_value(stored) {
        Ok(serde_json::Value::Object(fields)) => fields,
        other => unreachable!("a struct is an object, not {other:?}"),
    };
    fields.remove("users");
    fields.remove("sealed_users");
    fields
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
    builder().create_with_backend(backend)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        // The only form that later releases of redb read.
        .create_with_file_format_v3(true)
        .set_cache_size(CACHE_BYTES);
    builder
}

/// Opens a database and reads every page of it once, to see that it is whole. redb does so itself when it repairs one
/// that was not closed; with many objects, to do it twice is most of what a start costs.
fn open_whole(file: RehearsedFile) -> Result<Database, DatabaseError> {
    let was_repaired = Rc::new(Cell::new(false));
    let tell = Rc::clone(&was_repaired);
    let mut database = builder()
        .set_repair_callback(move |_| tell.set(true))
        .create_with_backend(file)?;
    if !was_repaired.get() {
        database.check_integrity()?;
    }
    Ok(database)
}

/// Opens the database and reads everything but the objects, and whether it is in the form of an earlier release. Nothing
/// touches the file before it is known to be whole: redb repairs what it opens, and panics over some damage.
fn rehearse(file: RehearsedFile, path: &Path) -> Result<(Database, Kept, bool), StoreError> {
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
        let database = open_whole(file)?;
        let (kept, is_old) = read_everything(&database)?;
        Ok((database, kept, is_old))
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

/// Everything, and whether it is in the form of an earlier release.
fn read_everything(database: &Database) -> Result<(Kept, bool), Unreadable> {
    let transaction = database.begin_read()?;
    let versions = transaction.open_table(VERSIONS)?;
    let version = |record: &str| -> Result<Option<u32>, Unreadable> {
        Ok(versions.get(record)?.map(|version| version.value()))
    };
    let stored_version = version(STORED)?;
    let is_oldest = stored_version == Some(OLDEST_STORED_VERSION);
    let has_unsealed_objects = stored_version == Some(UNSEALED_STORED_VERSION);
    let is_old = is_oldest || has_unsealed_objects || stored_version == Some(UNSEALED_USERS_VERSION);
    for (record, known) in KNOWN_VERSIONS {
        match version(record)? {
            Some(found) if found == known => {}
            Some(_) if is_old && record == STORED => {}
            None if is_oldest && record == PROFILE => {}
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
    let record = |name: &str| -> Result<Vec<u8>, Unreadable> {
        let value = device.get(name)?.ok_or_else(|| missing(name))?;
        Ok(value.value().to_vec())
    };
    let (profile_text, stored) = if is_oldest {
        let model: String = from_json(MODEL, &record(MODEL)?)?;
        let known = Model::ALL.into_iter().find(|known| known.name() == model);
        let known = known.ok_or_else(|| Unreadable::Damaged(format!("it is of a model `{model}`")))?;
        let stored: OldStored = from_json(STORED, &record(STORED)?)?;
        (Profile::text_of(known).to_owned(), stored.into())
    } else {
        let mut fields = serde_json::Map::new();
        for record in device.iter()? {
            let (name, value) = record?;
            if name.value() != PROFILE {
                fields.insert(name.value().to_owned(), from_json(name.value(), value.value())?);
            }
        }
        let mut users = serde_json::Map::new();
        for record in transaction.open_table(USERS)?.iter()? {
            let (name, value) = record?;
            users.insert(name.value().to_owned(), from_json(name.value(), value.value())?);
        }
        fields.insert("users".into(), users.into());
        let mut stored: Stored = serde_json::from_value(fields.into())
            .map_err(|error| Unreadable::Damaged(format!("record `{STORED}`: {error}")))?;
        if has_unsealed_objects {
            // They are not taken over: a device that had none it made has lost nothing.
            stored.objects = Objects::default();
        } else {
            transaction.open_table(OBJECTS)?;
        }
        if !is_old {
            for record in transaction.open_table(SEALED_USERS)?.iter()? {
                let (id, sealed) = record?;
                let sealed = SealedObject::new(sealed.value().to_vec())
                    .ok_or_else(|| Unreadable::Damaged("a sealed user is too long".into()))?;
                stored.sealed_users.insert(ObjectId::new(*id.value()), sealed);
            }
        }
        (from_json(PROFILE, &record(PROFILE)?)?, stored)
    };
    let identity = transaction.open_table(IDENTITY)?;
    let certificate = identity.get(CERTIFICATE)?.ok_or_else(|| missing(CERTIFICATE))?;
    let key = identity.get(KEY)?.ok_or_else(|| missing(KEY))?;
    let identity = Identity::kept(certificate.value().to_vec(), key.value().to_vec());
    let kept = Kept {
        profile_text,
        stored,
        identity,
    };
    Ok((kept, is_old))
}

/// `stored` as version 1 had it, in one record.
#[derive(serde::Deserialize)]
struct OldStored {
    remote_management: bool,
    switched_on: bool,
    last_stop: hsm_core::LastStop,
    binding: Binding,
    mode: serde_json::Value,
    users: Vec<String>,
    tampered: bool,
    replication_domain: Option<String>,
}

impl From<OldStored> for Stored {
    fn from(old: OldStored) -> Self {
        let mut stored = Self {
            remote_management: old.remote_management,
            switched_on: old.switched_on,
            last_stop: old.last_stop,
            tampered: old.tampered,
            replication_domain: old.replication_domain,
            ..Self::bound_to(old.binding)
        };
        // No release of that version could leave the mode of the factory, or had a user but `master`.
        if let Ok(mode) = serde_json::from_value(old.mode) {
            stored.mode = mode;
        }
        stored.users.retain(|name, _| {
            *name == UserName::master() || old.users.iter().any(|old| old == name.as_str())
        });
        stored
    }
}

fn missing(record: &str) -> Unreadable {
    Unreadable::Damaged(format!("it has no record `{record}`"))
}

fn from_json<T: serde::de::DeserializeOwned>(record: &str, bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable::Damaged(format!("record `{record}`: {error}")))
}
