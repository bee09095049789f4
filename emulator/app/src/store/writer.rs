//! The thread that writes and reads the store, one thing after the other in the order they were handed over, so that a
//! read sees every write before it. Stops for ever at the first that fails, or at which the power is cut.

use std::{
    collections::BTreeMap,
    io,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use hsm_bench::CutMoment;
use hsm_core::{Change, Fetched, ImportStep, Job, Query, Ticket};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Fuse, Store, StoreError,
    objects::{Image, Import},
};

/// What came of a write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is durable.
    Durable(Ticket),
    /// It was a read, and this is what there is.
    Fetched(Job, Fetched),
    /// It was a step of an import, and it is taken.
    Imported(Job),
    /// It was something that nobody waits for.
    Nothing,
    /// The power was cut at it, and nothing is written any more.
    Cut,
    /// It failed, and nothing is written any more.
    Failed(StoreError),
}

/// What is to be done with the store.
#[derive(Debug)]
pub(crate) enum Work {
    /// Changes to be made durable.
    Write(Ticket, Vec<Change>),
    /// Something to be read.
    Fetch(Job, Query),
    /// An image that nobody wants any more.
    CloseImage(u64),
    /// A step of an import.
    Import(Option<Job>, ImportStep),
}

/// Work that was handed over, and at which moment of it the power is to be cut.
struct Handed {
    work: Work,
    cut: Option<CutMoment>,
}

/// A store that is written to without waiting.
pub(crate) struct Writer {
    queue: Sender<Handed>,
    thread: JoinHandle<()>,
    fuse: Fuse,
}

impl Writer {
    /// Starts the thread. What came of each write goes to `written`.
    pub(crate) fn start(store: Store, written: UnboundedSender<Written>) -> io::Result<Self> {
        let (queue, to_write) = channel();
        let fuse = store.fuse();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&store, &to_write, &written))?;
        Ok(Self { queue, thread, fuse })
    }

    /// Hands over what is to be done.
    pub(crate) fn hand_over(&self, work: Work, cut: Option<CutMoment>) {
        // A thread that is gone has told why.
        let _ = self.queue.send(Handed { work, cut });
    }

    /// Waits until everything that was handed over is durable or has failed, and closes the store.
    pub(crate) fn close(self) {
        drop(self.queue);
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
    }

    /// Closes the store, and not one more block reaches the disk.
    pub(crate) fn cut(self) {
        self.fuse.blow_after(0);
        self.close();
    }
}

fn write_all(store: &Store, to_write: &Receiver<Handed>, written: &UnboundedSender<Written>) {
    let mut desk = Desk::new(store);
    for Handed { work, cut } in to_write {
        match cut {
            None | Some(CutMoment::After) => {}
            Some(CutMoment::Before) => store.fuse().blow_after(0),
            Some(CutMoment::Within) => store.fuse().blow_after(1),
        }
        let done = catch_unwind(AssertUnwindSafe(|| desk.do_work(work)));
        let came = match (done, cut) {
            (Ok(Ok(came)), None) => came,
            (_, Some(_)) => Written::Cut,
            // The database may panic over a disk that is gone in the middle of a write.
            (Err(_) | Ok(Err(_)), None) if store.fuse().is_blown() => Written::Cut,
            (Ok(Err(error)), None) => Written::Failed(error),
            (Err(panic), None) => resume_unwind(panic),
        };
        let is_last = match came {
            Written::Durable(_) | Written::Fetched(..) | Written::Imported(_) | Written::Nothing => false,
            Written::Cut | Written::Failed(_) => true,
        };
        if is_last {
            store.fuse().blow_after(0);
        }
        // Nobody listens any more when the program ends.
        let _ = written.send(came);
        if is_last {
            break;
        }
    }
    // Without power the database may panic over what it cannot give up in order; nothing depends on that.
    let _ = super::quietly(|| drop(desk));
}

/// What the thread has in its hands.
pub(super) struct Desk<S> {
    /// By the numbers that the device gave them. It bounds how many there are.
    images: BTreeMap<u64, Image>,
    /// Holds the one write that the database permits at a time.
    import: Option<Import>,
    store: S,
}

impl<S: Deref<Target = Store>> Desk<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            images: BTreeMap::new(),
            import: None,
            store,
        }
    }

    pub(super) fn do_work(&mut self, work: Work) -> Result<Written, StoreError> {
        match work {
            Work::Write(ticket, changes) => {
                let import = self.import.take();
                let replaces = changes
                    .iter()
                    .any(|change| matches!(change, Change::ReplaceDatabase(_)));
                match (replaces, import) {
                    (true, Some(import)) => self.store.commit_import(import, &changes)?,
                    (true, None) => return Err(self.out_of_order("a database that was imported")),
                    (false, import) => {
                        drop(import);
                        self.store.persist(&changes)?;
                    }
                }
                Ok(Written::Durable(ticket))
            }
            Work::Fetch(job, query) => self.fetch(&query).map(|found| Written::Fetched(job, found)),
            Work::CloseImage(image) => {
                self.images.remove(&image);
                Ok(Written::Nothing)
            }
            Work::Import(job, step) => {
                match step {
                    ImportStep::Begin => {
                        self.import = None;
                        self.import = Some(self.store.begin_import()?);
                    }
                    ImportStep::Rows(rows) => match &self.import {
                        Some(import) => self.store.add_to_import(import, &rows)?,
                        None => return Err(self.out_of_order("an import that began")),
                    },
                    ImportStep::Abort => self.import = None,
                }
                Ok(job.map_or(Written::Nothing, Written::Imported))
            }
        }
    }

    fn fetch(&mut self, query: &Query) -> Result<Fetched, StoreError> {
        match query {
            Query::Object(_) | Query::Page { .. } | Query::Size(_) => self.store.fetch(query),
            Query::OpenImage(number) => {
                let (image, objects) = self.store.open_image()?;
                self.images.insert(*number, image);
                Ok(Fetched::Image(objects))
            }
            Query::ImagePage {
                image,
                after,
                bytes_max,
            } => match self.images.get(image) {
                Some(image) => image.page(*after, *bytes_max),
                None => Err(self.out_of_order("an image that is open")),
            },
        }
    }

    /// Our own mistake; the state stays as it is.
    fn out_of_order(&self, expected: &str) -> StoreError {
        let why = io::Error::other(format!("expected {expected}, found none"));
        StoreError::io("write state", &self.store.path, why)
    }
}
