//! How far the custodians have come, and the time left for the next one. Counts down by itself; asks nobody.

use core::time::Duration;

use machine::{Instant, Timer};
use protocol::Progress;

/// A custodian process as this station knows it, also after it has left the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Countdown {
    pub(crate) presented: u8,
    pub(crate) required: u8,
    ends_at: Instant,
    /// When the number on the screen changes.
    tick: Timer,
}

impl Countdown {
    pub(crate) fn new(progress: Progress, now: Instant) -> Self {
        let mut countdown = Self {
            presented: progress.presented,
            required: progress.required,
            ends_at: now + Duration::from_millis(progress.expires_in_ms),
            tick: Timer::default(),
        };
        countdown.wind(now);
        countdown
    }

    /// Whole seconds left, the one that has begun included; 0 once the process is over.
    pub(crate) fn seconds_left(&self, now: Instant) -> u64 {
        let left = self.ends_at.since(now);
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.tick.deadline()
    }

    /// Whether the process is still under way at `now`.
    pub(crate) fn pass(&mut self, now: Instant) -> bool {
        if self.tick.take_expired(now) {
            self.wind(now);
        }
        self.ends_at > now
    }

    fn wind(&mut self, now: Instant) {
        let seconds_left = self.seconds_left(now);
        if seconds_left > 0 {
            let left = self.ends_at.since(now);
            let over = left.saturating_sub(Duration::from_secs(seconds_left - 1));
            self.tick.set(now + over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= CL-04
    #[test]
    fn the_number_changes_when_the_timer_says_and_ends_with_the_process() {
        let mut now = Instant::from_micros(7);
        let mut countdown = Countdown::new(
            Progress {
                presented: 1,
                required: 2,
                expires_in_ms: 2_500,
            },
            now,
        );
        let mut seen = vec![(0, countdown.seconds_left(now))];
        while let Some(tick) = countdown.deadline() {
            let before = Instant::from_micros(tick.as_micros() - 1);
            assert_eq!(countdown.seconds_left(before), seen.last().unwrap().1);
            assert!(countdown.pass(before));
            now = tick;
            let goes_on = countdown.pass(now);
            seen.push((now.as_micros() - 7, countdown.seconds_left(now)));
            assert_eq!(goes_on, countdown.seconds_left(now) > 0);
        }
        assert_eq!(seen, [(0, 3), (500_000, 2), (1_500_000, 1), (2_500_000, 0)]);
    }
}
