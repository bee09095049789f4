//! Derivations of passwords, each on a thread of its own: tens of milliseconds in which nobody else shall wait. The
//! device bounds how many there are at once. Knows no password.

use std::task::{Context, Poll};

use hsm_core::{Derivation, DerivedKey, Job};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The derivations that a device has asked for.
pub(crate) struct Derivations {
    tell: UnboundedSender<(Job, DerivedKey)>,
    done: UnboundedReceiver<(Job, DerivedKey)>,
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
        self.begun += 1;
        let tell = self.tell.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody listens any more when the power is cut or the program ends.
            let _ = tell.send((job, derivation.run()));
        });
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// What came of the next one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Job, DerivedKey)> {
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
