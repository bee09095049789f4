//! Sealed objects in the store: read a page at a time, changed inside whatever transaction the change belongs to, and
//! replaced as a whole in one. Opens none of them.

use std::{io, ops::Bound, path::Path};

use hsm_core::{Change, Fetched, LIST_PAGE_MAX, ObjectId, Objects, Query, SealedObject};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::{DEVICE, FILE_NAME, Store, StoreError, WriteError, json};

/// The objects of the database: their ids and their sealed bytes.
pub(super) const OBJECTS: TableDefinition<'_, &[u8; ObjectId::BYTES], &[u8]> =
    TableDefinition::new("objects");
/// The record of their number and bytes.
const TOTAL: &str = "objects";

impl Store {
    /// Reads this of the database as it was committed last.
    pub fn fetch(&self, query: &Query) -> Result<Fetched, StoreError> {
        let read = || -> Result<Fetched, WriteError> {
            let table = self.database().begin_read()?.open_table(OBJECTS)?;
            fetch_from(&table, query)
        };
        read().map_err(|error| StoreError::io("read state", &self.path, error.0))
    }

    /// Every object of the database, in the order of their ids. For an export; a device never asks for it.
    pub fn objects(&self) -> Result<Vec<(ObjectId, SealedObject)>, StoreError> {
        let read = || -> Result<Vec<_>, WriteError> {
            let table = self.database().begin_read()?.open_table(OBJECTS)?;
            let mut objects = Vec::new();
            for object in table.iter()? {
                let (id, sealed) = object?;
                objects.push((ObjectId::new(*id.value()), sealed_object(sealed.value())?));
            }
            Ok(objects)
        };
        read().map_err(|error| StoreError::io("read state", &self.path, error.0))
    }

    /// Adds objects to the database, all or none of them. One that is there already is replaced.
    pub fn add_objects(&self, objects: &[(ObjectId, SealedObject)]) -> Result<(), StoreError> {
        self.end_rehearsal()?;
        self.write("write state", |transaction| {
            let mut total = read_total(transaction)?;
            let mut table = transaction.open_table(OBJECTS)?;
            for (id, sealed) in objects {
                let before = table.insert(id.as_bytes(), sealed.as_bytes())?;
                total.replace(before.map(|before| stored_bytes(before.value())), Some(sealed));
            }
            write_total(transaction, &total)
        })
    }
}

/// All objects as they were at one moment, whatever is written since.
pub(crate) struct Image(ReadTransaction);

impl Image {
    /// The next objects, in the order of their ids, and whether there are more.
    pub(crate) fn page(&self, after: Option<ObjectId>, bytes_max: usize) -> Result<Fetched, StoreError> {
        let read = || -> Result<Fetched, WriteError> {
            let table = self.0.open_table(OBJECTS)?;
            let first = after.map_or(Bound::Unbounded, |after| Bound::Excluded(*after.as_bytes()));
            let (mut objects, mut bytes, mut more) = (Vec::new(), 0, false);
            let range = (first.as_ref(), Bound::Unbounded);
            for object in table.range::<&[u8; ObjectId::BYTES]>(range)? {
                let (id, sealed) = object?;
                let sealed = sealed.value();
                bytes += ObjectId::BYTES + sealed.len();
                more = bytes > bytes_max && !objects.is_empty();
                if more {
                    break;
                }
                objects.push((ObjectId::new(*id.value()), sealed_object(sealed)?));
            }
            Ok(Fetched::Page { objects, more })
        };
        read().map_err(|error| StoreError::io("read image of the database", Path::new(FILE_NAME), error.0))
    }
}

/// A set of objects that comes in beside the ones that are there, in the transaction that will put it in their place.
/// Dropped before that, it was nothing.
pub(crate) struct Import(WriteTransaction);

impl Import {
    fn begin(transaction: WriteTransaction) -> Result<Self, WriteError> {
        transaction.delete_table(OBJECTS)?;
        transaction.open_table(OBJECTS)?;
        Ok(Self(transaction))
    }

    fn add(&self, rows: &[(ObjectId, SealedObject)]) -> Result<(), WriteError> {
        let mut table = self.0.open_table(OBJECTS)?;
        for (id, sealed) in rows {
            table.insert(id.as_bytes(), sealed.as_bytes())?;
        }
        Ok(())
    }
}

impl Store {
    /// An image of all objects as they were committed last, and what they amount to.
    pub(crate) fn open_image(&self) -> Result<(Image, Objects), StoreError> {
        let read = || -> Result<(Image, Objects), WriteError> {
            let transaction = self.database().begin_read()?;
            let device = transaction.open_table(DEVICE)?;
            let total = device.get(TOTAL)?;
            let total = total.map_or_else(
                || Ok(Objects::default()),
                |total| serde_json::from_slice(total.value()),
            );
            let total = total.map_err(|error| WriteError(io::Error::other(error)))?;
            drop(device);
            Ok((Image(transaction), total))
        };
        read().map_err(|error| StoreError::io("read state", &self.path, error.0))
    }

    /// Begins an import. Nothing else can be written before it is committed or dropped.
    pub(crate) fn begin_import(&self) -> Result<Import, StoreError> {
        self.end_rehearsal()?;
        let begin = || Import::begin(self.database().begin_write()?);
        begin().map_err(|error| self.not_written(error))
    }

    /// More objects of an import.
    pub(crate) fn add_to_import(
        &self,
        import: &Import,
        rows: &[(ObjectId, SealedObject)],
    ) -> Result<(), StoreError> {
        import.add(rows).map_err(|error| self.not_written(error))
    }

    /// Makes an import and these changes durable, all or none of them.
    pub(crate) fn commit_import(&self, import: Import, changes: &[Change]) -> Result<(), StoreError> {
        let commit = || -> Result<(), WriteError> {
            super::put_changes(&import.0, changes)?;
            import.0.commit()?;
            Ok(())
        };
        commit().map_err(|error| self.not_written(error))
    }

    /// The file is known to be whole only after something was written to it. That is not to be a whole database: a
    /// rehearsal looks at every step before for each that it reads.
    fn end_rehearsal(&self) -> Result<(), StoreError> {
        if self.file.fork().is_some() {
            self.write("write state", |_| Ok(()))?;
        }
        Ok(())
    }

    fn not_written(&self, error: WriteError) -> StoreError {
        StoreError::io("write state", &self.path, error.0)
    }
}

fn fetch_from(
    table: &impl ReadableTable<&'static [u8; ObjectId::BYTES], &'static [u8]>,
    query: &Query,
) -> Result<Fetched, WriteError> {
    Ok(match query {
        Query::Object(id) => {
            let found = table.get(id.as_bytes())?;
            Fetched::Object(found.map(|sealed| sealed_object(sealed.value())).transpose()?)
        }
        Query::Page { partition, after } => {
            let (first, last) = partition.range().into_inner();
            let first = after.unwrap_or(first);
            let mut objects = Vec::new();
            let mut more = false;
            for object in table.range::<&[u8; ObjectId::BYTES]>(first.as_bytes()..=last.as_bytes())? {
                let (id, sealed) = object?;
                let id = ObjectId::new(*id.value());
                if Some(id) == *after {
                    continue;
                }
                more = objects.len() == LIST_PAGE_MAX;
                if more {
                    break;
                }
                objects.push((id, sealed_object(sealed.value())?));
            }
            Fetched::Page { objects, more }
        }
        Query::Size(partition) => {
            let (first, last) = partition.range().into_inner();
            let mut size = Objects::default();
            for object in table.range::<&[u8; ObjectId::BYTES]>(first.as_bytes()..=last.as_bytes())? {
                size.count += 1;
                size.bytes += stored_bytes(object?.1.value());
            }
            Fetched::Size(size)
        }
        Query::OpenImage(_) | Query::ImagePage { .. } => unreachable!("they are asked of an image"),
    })
}

/// Makes a change of objects, and keeps count.
pub(super) fn put_change(transaction: &WriteTransaction, change: &Change) -> Result<(), WriteError> {
    let mut total = read_total(transaction)?;
    let mut table = transaction.open_table(OBJECTS)?;
    match change {
        Change::PutObject { id, sealed, .. } => {
            let before = table.insert(id.as_bytes(), sealed.as_bytes())?;
            total.replace(before.map(|before| stored_bytes(before.value())), Some(sealed));
        }
        Change::RemoveObject { id, .. } => {
            let before = table.remove(id.as_bytes())?;
            total.replace(before.map(|before| stored_bytes(before.value())), None);
        }
        Change::RemovePartition { partition, .. } => {
            let (first, last) = partition.range().into_inner();
            table.retain_in::<&[u8; ObjectId::BYTES], _>(
                first.as_bytes()..=last.as_bytes(),
                |_, sealed| {
                    total.replace(Some(stored_bytes(sealed)), None);
                    false
                },
            )?;
        }
        other => unreachable!("{other:?} is no change of objects"),
    }
    write_total(transaction, &total)
}

/// What the objects amount to, while it changes.
struct Total(Objects);

impl Total {
    fn replace(&mut self, before: Option<u64>, after: Option<&SealedObject>) {
        let Self(total) = self;
        if let Some(bytes) = before {
            total.count = total.count.saturating_sub(1);
            total.bytes = total.bytes.saturating_sub(bytes);
        }
        if let Some(sealed) = after {
            total.count += 1;
            total.bytes += sealed.stored_bytes();
        }
    }
}

fn read_total(transaction: &WriteTransaction) -> Result<Total, WriteError> {
    let device = transaction.open_table(DEVICE)?;
    let total = device.get(TOTAL)?;
    let total = total.map_or_else(
        || Ok(Objects::default()),
        |total| serde_json::from_slice(total.value()),
    );
    total
        .map(Total)
        .map_err(|error| WriteError(io::Error::other(error)))
}

fn write_total(transaction: &WriteTransaction, total: &Total) -> Result<(), WriteError> {
    let mut device = transaction.open_table(DEVICE)?;
    device.insert(TOTAL, json(&total.0).as_slice())?;
    Ok(())
}

fn stored_bytes(sealed: &[u8]) -> u64 {
    u64::try_from(sealed.len() + ObjectId::BYTES).unwrap_or(u64::MAX)
}

fn sealed_object(bytes: &[u8]) -> Result<SealedObject, WriteError> {
    SealedObject::new(bytes.to_vec()).ok_or_else(|| {
        let what = format!(
            "expected an object of at most {} bytes, got {}",
            hsm_core::SEALED_BYTES_MAX,
            bytes.len()
        );
        WriteError(io::Error::other(what))
    })
}
