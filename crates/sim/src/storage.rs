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

    /// The record that was written last, durable or not: what the next one replaces.
    pub fn newest(&self) -> &T {
        self.pending.back().map_or(&self.durable, |write| &write.record)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// The try counter 3 is durable; 2 is being written and is durable at 10.
    fn writing() -> Storage<u32> {
        let mut storage = Storage::new(3, Duration::from_micros(10));
        storage.write(at(0), 1, 2);
        storage
    }

    #[test]
    fn a_write_is_durable_after_the_latency_and_not_before() {
        let mut storage = writing();
        assert_eq!(storage.next_at(), Some(at(10)));
        assert_eq!(storage.poll(at(9)), None);
        assert_eq!(*storage.durable(), 3);
        assert_eq!(storage.poll(at(10)), Some(1));
        assert_eq!(*storage.durable(), 2);
        assert_eq!((storage.poll(at(10)), storage.next_at()), (None, None));
    }

    #[test]
    fn a_cut_before_the_instant_loses_the_write_and_one_at_it_loses_only_the_word() {
        for (cut_at, expected) in [(9, 3), (10, 2)] {
            let mut storage = writing();
            storage.cut(at(cut_at));
            assert_eq!(*storage.durable(), expected);
            assert_eq!((storage.poll(at(u64::MAX)), storage.pending_len()), (None, 0));
        }
    }

    #[test]
    fn a_write_waits_for_the_earlier_one_when_the_latency_shrinks() {
        let mut storage = writing();
        storage.latency = Duration::ZERO;
        storage.write(at(1), 2, 1);
        assert_eq!(storage.poll(at(9)), None);
        assert_eq!(storage.poll(at(10)), Some(1));
        assert_eq!(
            storage.next_at(),
            Some(at(10)),
            "not the instant it would have had alone"
        );
        assert_eq!(storage.poll(at(10)), Some(2));
    }

    #[test]
    fn a_store_that_hangs_works_again_after_a_cut() {
        let mut storage = writing();
        storage.latency = Duration::MAX;
        storage.write(at(1), 2, 1);
        storage.latency = Duration::ZERO;
        storage.write(at(2), 3, 0);
        assert_eq!(storage.poll(at(1_000_000)), Some(1));
        assert_eq!(storage.poll(at(1_000_000)), None);
        storage.cut(at(1_000_000));
        storage.write(at(1_000_000), 4, 7);
        assert_eq!(storage.poll(at(1_000_000)), Some(4));
        assert_eq!(*storage.durable(), 7);
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Write,
        Latency(u64),
        Poll,
        Cut,
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            4 => Just(Deed::Write),
            1 => (0_u64..50).prop_map(Deed::Latency),
            4 => Just(Deed::Poll),
            1 => Just(Deed::Cut),
        ]
    }

    proptest! {
        /// Record `n` is the one of ticket `n`, and 0 was there before.
        #[test]
        fn what_is_read_back_was_written_and_is_never_older_than_what_was_acknowledged(
            deeds in prop::collection::vec((0_u64..30, deed()), 0..60),
        ) {
            let mut storage = Storage::new(0_u64, Duration::from_micros(10));
            let mut now = at(0);
            let (mut written, mut acknowledged, mut first_since_cut) = (0, 0, 1);
            for (after, deed) in deeds {
                now = now + Duration::from_micros(after);
                match deed {
                    Deed::Write => {
                        written += 1;
                        storage.write(now, written, written);
                    }
                    Deed::Latency(latency) => storage.latency = Duration::from_micros(latency),
                    Deed::Poll => {
                        while let Some(ticket) = storage.poll(now) {
                            prop_assert!(ticket > acknowledged, "in the order they were written");
                            prop_assert!(ticket >= first_since_cut, "what was lost is never acknowledged");
                            acknowledged = ticket;
                            prop_assert_eq!(*storage.durable(), ticket);
                        }
                        prop_assert!(storage.next_at().is_none_or(|next| next > now));
                    }
                    Deed::Cut => {
                        storage.cut(now);
                        first_since_cut = written + 1;
                        prop_assert_eq!(storage.next_at(), None);
                    }
                }
                prop_assert!((acknowledged..=written).contains(storage.durable()));
            }
        }
    }
}
