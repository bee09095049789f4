//! The last things that happened to the device, numbered, for those who ask and those who listen. One more reader of
//! the device's event stream; forgets the oldest.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use hsm_bench::{Event, EventRange};
use hyper::StatusCode;
use tokio::sync::watch;

use super::Refusal;

/// Events that are kept.
pub(crate) const EVENTS_KEPT: usize = 4096;

/// The events, shared by the one who tells them and those who read them.
#[derive(Clone, Debug)]
pub(crate) struct EventLog {
    kept: Arc<Mutex<Kept>>,
    /// The number of the next event, for those who wait for it.
    next: Arc<watch::Sender<u64>>,
    /// For those who look on: the state or the screen may be another.
    change: Arc<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    next: u64,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self {
            kept: Arc::default(),
            next: Arc::new(watch::Sender::new(0)),
            change: Arc::new(watch::Sender::new(())),
        }
    }

    /// Tells one; it gets its number.
    pub(crate) fn push(&self, event: Event) {
        let mut kept = self.lock();
        if kept.events.len() == EVENTS_KEPT {
            kept.events.pop_front();
        }
        let number = kept.next;
        kept.events.push_back(Event { number, ..event });
        kept.next += 1;
        drop(kept);
        self.next.send_replace(number + 1);
    }

    pub(crate) fn range(&self) -> EventRange {
        let kept = self.lock();
        EventRange {
            oldest: kept.oldest(),
            next: kept.next,
        }
    }

    /// Everything from this number on; `None` is the oldest that is kept.
    pub(crate) fn from(&self, number: Option<u64>) -> Result<Vec<Event>, Refusal> {
        let doing = "read events";
        let kept = self.lock();
        let (oldest, next) = (kept.oldest(), kept.next);
        let number = number.unwrap_or(oldest);
        if number < oldest {
            let (expected, came) = (
                format!("a number from {oldest} on"),
                format!("{number}, which is forgotten"),
            );
            let refusal = Refusal::new(StatusCode::GONE, doing, expected, came).oldest(oldest);
            return Err(refusal.hint(format!("ask from {oldest}; {EVENTS_KEPT} events are kept")));
        }
        if number > next {
            let refusal = Refusal::conflict(doing, format!("a number up to {next}"), number.to_string());
            return Err(refusal.hint("the number of the next event is `events.next` of the state"));
        }
        let skipped = usize::try_from(number - oldest).expect("it is no more than are kept");
        Ok(kept.events.iter().skip(skipped).cloned().collect())
    }

    /// Tells when there is one more.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// Says that something may look other than before.
    pub(crate) fn tell_change(&self) {
        self.change.send_replace(());
    }

    /// Tells when something may.
    pub(crate) fn watch_change(&self) -> watch::Receiver<()> {
        self.change.subscribe()
    }

    /// The last of them, at most so many, and the number of the next.
    pub(crate) fn last(&self, count: usize) -> (Vec<Event>, u64) {
        let kept = self.lock();
        let skipped = kept.events.len().saturating_sub(count);
        (kept.events.iter().skip(skipped).cloned().collect(), kept.next)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing panics while it has the lock, and if it did the list would still be one.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn oldest(&self) -> u64 {
        self.events.front().map_or(self.next, |event| event.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(events: usize) -> EventLog {
        let log = EventLog::new();
        for _ in 0..events {
            log.push(Event {
                number: 0,
                at_us: 0,
                kind: "off".into(),
                connection: 0,
                line: String::new(),
            });
        }
        log
    }

    #[test]
    fn the_last_events_are_kept_and_one_more_forgets_the_oldest() {
        let full = log_of(EVENTS_KEPT);
        assert_eq!(full.from(Some(0)).expect("it is kept").len(), EVENTS_KEPT);
        full.push(full.from(Some(1)).expect("it is kept")[0].clone());
        assert!(full.from(Some(0)).is_err(), "it is forgotten");
        let rest = full.from(Some(1)).expect("it is kept");
        assert_eq!((rest.len(), rest[0].number), (EVENTS_KEPT, 1));
        assert_eq!(
            full.range(),
            EventRange {
                oldest: 1,
                next: 4097
            }
        );
    }

    #[test]
    fn the_next_event_can_be_asked_for_and_the_one_after_it_not() {
        let log = log_of(3);
        assert!(log.from(Some(3)).expect("it comes next").is_empty());
        assert!(log.from(Some(4)).is_err());
        assert!(log_of(0).from(None).expect("there is none").is_empty());
    }
}
