//! The thread that makes things durable, one after the other in the order they were handed over. Stops for ever at the
//! first that fails, or at which the power is cut.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use hsm_bench::CutMoment;
use hsm_core::{Change, Ticket};
use tokio::sync::mpsc::UnboundedSender;

use super::{Fuse, Store, StoreError};

/// What came of a write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is durable.
    Durable(Ticket),
    /// The power was cut at it, and nothing is written any more.
    Cut,
    /// It failed, and nothing is written any more.
    Failed(StoreError),
}

/// A write that was handed over, and at which moment of it the power is to be cut.
struct Write {
    ticket: Ticket,
    changes: Vec<Change>,
    cut: Option<CutMoment>,
}

/// A store that is written to without waiting.
pub(crate) struct Writer {
    queue: Sender<Write>,
    thread: JoinHandle<()>,
    fuse: Fuse,
}

impl Writer {
    /// Starts the thread. What came of each write goes to `written`.
    pub(crate) fn start(store: Store, written: UnboundedSender<Written>) -> std::io::Result<Self> {
        let (queue, to_write) = channel();
        let fuse = store.fuse();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&store, &to_write, &written))?;
        Ok(Self { queue, thread, fuse })
    }

    /// Hands over what is to become durable.
    pub(crate) fn write(&self, ticket: Ticket, changes: Vec<Change>, cut: Option<CutMoment>) {
        // A thread that is gone has told why.
        let _ = self.queue.send(Write { ticket, changes, cut });
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

fn write_all(store: &Store, to_write: &Receiver<Write>, written: &UnboundedSender<Written>) {
    for Write { ticket, changes, cut } in to_write {
        match cut {
            None | Some(CutMoment::After) => {}
            Some(CutMoment::Before) => store.fuse().blow_after(0),
            Some(CutMoment::Within) => store.fuse().blow_after(1),
        }
        let came = match (catch_unwind(AssertUnwindSafe(|| store.persist(&changes))), cut) {
            (Ok(Ok(())), None) => Written::Durable(ticket),
            (_, Some(_)) => Written::Cut,
            // The database may panic over a disk that is gone in the middle of a write.
            (Err(_) | Ok(Err(_)), None) if store.fuse().is_blown() => Written::Cut,
            (Ok(Err(error)), None) => Written::Failed(error),
            (Err(panic), None) => resume_unwind(panic),
        };
        let is_last = !matches!(came, Written::Durable(_));
        if is_last {
            store.fuse().blow_after(0);
        }
        // Nobody listens any more when the program ends.
        let _ = written.send(came);
        if is_last {
            return;
        }
    }
}
