//! The thread that makes things durable, one after the other in the order they were handed over. Stops for ever at the
//! first that fails.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use hsm_core::{Change, Ticket};
use tokio::sync::mpsc::UnboundedSender;

use super::{Store, StoreError};

/// What came of a write: its ticket once it is durable.
pub(crate) type Written = Result<Ticket, StoreError>;

/// A store that is written to without waiting.
pub(crate) struct Writer {
    queue: Sender<(Ticket, Vec<Change>)>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread. What came of each write goes to `written`.
    pub(crate) fn start(store: Store, written: UnboundedSender<Written>) -> std::io::Result<Self> {
        let (queue, to_write) = channel();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || write_all(&store, &to_write, &written))?;
        Ok(Self { queue, thread })
    }

    /// Hands over what is to become durable.
    pub(crate) fn write(&self, ticket: Ticket, changes: Vec<Change>) {
        // A thread that is gone has told why.
        let _ = self.queue.send((ticket, changes));
    }

    /// Waits until everything that was handed over is durable or has failed, and closes the store.
    pub(crate) fn close(self) {
        drop(self.queue);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn write_all(store: &Store, to_write: &Receiver<(Ticket, Vec<Change>)>, written: &UnboundedSender<Written>) {
    for (ticket, changes) in to_write {
        let done = store.persist(&changes).map(|()| ticket);
        let failed = done.is_err();
        // Nobody listens any more when the program ends.
        let _ = written.send(done);
        if failed {
            return;
        }
    }
}
