//! One deadline of one machine. Never fires by itself: the driver asks for it and says when it has come.

use crate::Instant;

/// A deadline that is set or not. Deliberately not `Copy`: a copy would fire twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timer(Option<Instant>);

impl Timer {
    /// A timer that is already set.
    pub const fn at(deadline: Instant) -> Self {
        Self(Some(deadline))
    }

    /// Sets the deadline, whatever it was before.
    pub const fn set(&mut self, deadline: Instant) {
        self.0 = Some(deadline);
    }

    /// Forgets the deadline.
    pub const fn cancel(&mut self) {
        self.0 = None;
    }

    /// The deadline, if one is set.
    pub const fn deadline(&self) -> Option<Instant> {
        self.0
    }

    /// True once, when `now` has reached the deadline; the timer is then no longer set.
    pub fn take_expired(&mut self, now: Instant) -> bool {
        let expired = self.0.is_some_and(|deadline| deadline <= now);
        if expired {
            self.0 = None;
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn expires_at_the_deadline_not_before_and_only_once() {
        let deadline = Instant::POWER_ON + Duration::from_secs(120);
        let mut timer = Timer::at(deadline);
        assert!(!timer.take_expired(Instant::from_micros(deadline.as_micros() - 1)));
        assert_eq!(timer.deadline(), Some(deadline));
        assert!(timer.take_expired(deadline));
        assert!(!timer.take_expired(deadline));
        assert_eq!(timer.deadline(), None);
    }

    #[test]
    fn a_cancelled_timer_never_expires() {
        let mut timer = Timer::at(Instant::POWER_ON);
        timer.cancel();
        assert!(!timer.take_expired(Instant::from_micros(u64::MAX)));
    }
}
