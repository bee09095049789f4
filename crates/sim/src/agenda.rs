//! What is still to happen in a world, in order. Knows nothing of what its events mean.

use machine::Instant;
use std::collections::BTreeMap;

/// Events in the order of their instants; at the same instant, in the order they were scheduled.
///
/// Nothing is cancelled: an event that no longer matters is found not to matter when it is due.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    /// The number breaks ties, so that two runs never order the same events differently.
    events: BTreeMap<(Instant, u64), E>,
    scheduled: u64,
}

impl<E> Agenda<E> {
    /// An agenda with nothing on it.
    pub const fn new() -> Self {
        Self {
            events: BTreeMap::new(),
            scheduled: 0,
        }
    }

    /// Puts `event` behind everything already scheduled for `at`. An instant that has passed is due at once.
    pub fn schedule(&mut self, at: Instant, event: E) {
        self.events.insert((at, self.scheduled), event);
        self.scheduled += 1;
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next event that is due at `now` or was before; call again until `None`.
    pub fn pop_due(&mut self, now: Instant) -> Option<E> {
        let first = self.events.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// How many events are still to come.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing is still to come.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn an_event_is_due_at_its_instant_and_not_before() {
        let mut agenda = Agenda::new();
        agenda.schedule(at(120), "timeout");
        assert_eq!(agenda.next_at(), Some(at(120)));
        assert_eq!(agenda.pop_due(at(119)), None);
        assert_eq!(agenda.pop_due(at(120)), Some("timeout"));
        assert_eq!(agenda.pop_due(at(120)), None);
        assert!(agenda.is_empty());
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let mut agenda = Agenda::new();
        agenda.schedule(at(1), "key pressed");
        let mut branch = agenda.clone();
        branch.schedule(at(0), "card pulled");
        assert_eq!(branch.pop_due(at(1)), Some("card pulled"));
        assert_eq!(agenda.pop_due(at(1)), Some("key pressed"));
        assert_eq!(branch.len(), 1);
    }

    proptest! {
        #[test]
        fn events_come_by_instant_and_then_as_scheduled(instants in prop::collection::vec(0_u64..8, 0..64)) {
            let mut agenda = Agenda::new();
            for (number, instant) in instants.iter().enumerate() {
                agenda.schedule(at(*instant), (*instant, number));
            }
            let mut expected: Vec<_> = instants.iter().copied().zip(0..).collect();
            expected.sort_unstable();
            let mut came = Vec::new();
            while let Some(now) = agenda.next_at() {
                came.extend(std::iter::from_fn(|| agenda.pop_due(now)));
            }
            prop_assert_eq!(came, expected);
        }
    }
}
