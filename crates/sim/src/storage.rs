//! Storage that forgets what it has not yet persisted. Knows nothing of what is stored.

use core::time::Duration;
use machine::Instant;
use std::collections::VecDeque;

/// A store of one record of type `T`. Each write replaces the whole record once it is durable; a record is never
/// torn, it is the old one or the new one.
///
/// A write may be durable and its writer not yet told so: that is what [`cut`](Self::cut) at the very instant
/// leaves behind, and the writer must be able to live with it.
#[derive(Clone, Debug)]
pub struct Storage<T, Ticket = u64> {
    /// How long the writes from now on take until they are durable. `Duration::MAX` is a store that hangs; since
    /// writes keep their order, it then hangs until the next [`cut`](Self::cut).
    pub latency: Duration,
    durable: T,
    pending: VecDeque<Pending<T, Ticket>>,
}

#[derive(Clone, Debug)]
struct Pending<T, Ticket> {
    durable_at: Instant,
    ticket: Ticket,
    record: T,
}

impl<T, Ticket> Storage<T, Ticket> {
    /// A store that holds `record` durably.
    pub const fn new(record: T, latency: Duration) -> Self {
        Self {
            latency,
            durable: record,
            pending: VecDeque::new(),
        }
    }

    /// Starts to write `record`; `ticket` comes back from [`poll`](Self::poll) when it is durable. A write is never
    /// durable before an earlier one, even if the latency has shrunk.
    pub fn write(&mut self, now: Instant, ticket: Ticket, record: T) {
        let earliest = self.pending.back().map_or(now, |previous| previous.durable_at);
        let durable_at = earliest.max(now + self.latency);
        self.pending.push_back(Pending {
            durable_at,
            ticket,
            record,
        });
    }

    /// When the next write becomes durable.
    pub fn next_at(&self) -> Option<Instant> {
        self.pending.front().map(|write| write.durable_at)
    }

    /// The ticket of the next write that has become durable by `now`; call again until `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Ticket> {
        self.next_at().filter(|at| *at <= now)?;
        let write = self.pending.pop_front()?;
        self.durable = write.record;
        Some(write.ticket)
    }

    /// The record that would be read back now: the latest that was polled, or durable when the power was cut.
    pub const fn durable(&self) -> &T {
        &self.durable
    }

    /// How many writes have not been polled as durable.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The power goes. What is not durable at `now` is lost; what is, stays, though its ticket never comes back.
    pub fn cut(&mut self, now: Instant) {
        while self.poll(now).is_some() {}
        self.pending.clear();
    }
}
