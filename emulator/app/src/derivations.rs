//! Derivations of passwords and keys that are made, each on a thread of its own: a time in which nobody else shall wait. The
//! device bounds how many there are at once. Knows no
//! password and no key.

use std::task::{Context, Poll};

use hsm_core::{Derivation, Generation, Input, Job};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The derivations and keys that a device has asked for.
pub(crate) struct Derivations {
    tell: UnboundedSender<Input>,
    done: UnboundedReceiver<Input>,
    /// Those that began and of which nothing was told yet.
    begun: usize,
}

impl Derivations {
    pub(crate) fn new() -> Self {
        let (tell, done) = unbounded_channel();
        Self { tell, done, begun: 0 }
    }

    /// Begins one. Must be called inside a runtime.
    pub(crate) fn begin(&mut self, job: Job, derivation: Derivation) {
        self.spawn(move || Input::Derived {
            job,
            derived: derivation.run(),
        });
    }

    /// Begins to make a key. Must be called inside a runtime.
    pub(crate) fn generate(&mut self, job: Job, generation: Generation) {
        self.spawn(move || Input::Generated {
            job,
            key: generation.run(),
        });
    }

    fn spawn(&mut self, work: impl FnOnce() -> Input + Send + 'static) {
        self.begun += 1;
        let tell = self.tell.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody listens any more when the power is cut or the program ends.
            let _ = tell.send(work());
        });
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// What came of the next one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        // Asked at every turn, and there is hardly ever one.
        if self.begun == 0 {
            return Poll::Pending;
        }
        match self.done.poll_recv(cx) {
            Poll::Ready(Some(done)) => {
                self.begun -= 1;
                Poll::Ready(done)
            }
            // It is never over: this holds an end of it.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
