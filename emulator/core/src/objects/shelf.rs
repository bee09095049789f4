//! Objects in memory, for whoever stands in for a disk: the simulated world and tests. No device ever has one.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{Fetched, LIST_PAGE_MAX, ObjectId, Query, SealedObject};
use crate::{Change, Objects};

/// Objects in memory. A clone costs nothing until one of the two is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    objects: Arc<BTreeMap<ObjectId, SealedObject>>,
}

impl Shelf {
    /// Every object, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &SealedObject)> {
        self.objects.iter()
    }

    /// Makes the change here, if it is one of objects.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutObject { id, sealed, .. } => {
                Arc::make_mut(&mut self.objects).insert(*id, sealed.clone());
            }
            Change::RemoveObject { id, .. } => {
                Arc::make_mut(&mut self.objects).remove(id);
            }
            Change::RemovePartition { partition, .. } => {
                Arc::make_mut(&mut self.objects).retain(|id, _| id.partition() != *partition);
            }
            Change::EraseDatabase => self.objects = Arc::default(),
            Change::RemoteManagement(_)
            | Change::SwitchedOn(_)
            | Change::LastStop(_)
            | Change::Binding(_)
            | Change::Activation(_)
            | Change::ActivationFailures(_)
            | Change::Mode(_)
            | Change::Network(_)
            | Change::PutUser { .. }
            | Change::SealUsers(_)
            | Change::SeedUsers(_)
            | Change::RemoveUser(_)
            | Change::Nodes(_)
            | Change::CalendarOffsetMillis(_)
            | Change::UnfinishedCards(_)
            | Change::ReplaceDatabase(_)
            | Change::PasswordPolicy(_) => {}
        }
    }

    /// A shelf with these and nothing else.
    pub fn holding(objects: impl IntoIterator<Item = (ObjectId, SealedObject)>) -> Self {
        Self {
            objects: Arc::new(objects.into_iter().collect()),
        }
    }

    /// What a store that holds these answers. For an image, the caller asks the shelf that it has kept.
    pub fn fetch(&self, query: &Query) -> Fetched {
        match query {
            Query::OpenImage(_) => {
                let mut all = Objects::default();
                for sealed in self.objects.values() {
                    all.count += 1;
                    all.bytes += sealed.stored_bytes();
                }
                Fetched::Image(all)
            }
            Query::ImagePage { after, bytes_max, .. } => {
                let after = after.map_or(Bound::Unbounded, Bound::Excluded);
                let mut objects = self.objects.range((after, Bound::Unbounded)).peekable();
                let mut page = Vec::new();
                let mut bytes = 0;
                while let Some((_, sealed)) = objects.peek()
                    && (page.is_empty() || bytes + sealed.as_bytes().len() + ObjectId::BYTES <= *bytes_max)
                    && let Some((id, sealed)) = objects.next()
                {
                    bytes += sealed.as_bytes().len() + ObjectId::BYTES;
                    page.push((*id, sealed.clone()));
                }
                let more = objects.next().is_some();
                Fetched::Page { objects: page, more }
            }
            Query::Object(id) => Fetched::Object(self.objects.get(id).cloned()),
            Query::Page { partition, after } => {
                let objects = self.objects.range(partition.range());
                let mut objects = objects.filter(|(id, _)| after.is_none_or(|after| **id > after));
                let page = objects.by_ref().take(LIST_PAGE_MAX);
                let page = page.map(|(id, sealed)| (*id, sealed.clone())).collect();
                let more = objects.next().is_some();
                Fetched::Page { objects: page, more }
            }
            Query::Size(partition) => {
                let mut size = Objects::default();
                for (_, sealed) in self.objects.range(partition.range()) {
                    size.count += 1;
                    size.bytes += sealed.stored_bytes();
                }
                Fetched::Size(size)
            }
        }
    }
}
