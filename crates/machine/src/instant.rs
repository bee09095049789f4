//! Monotonic time as a value: microseconds since power-on. Never reads a clock.

use core::{fmt, ops::Add, time::Duration};

/// Microseconds since the driver's power-on, 0 to 2^64-1 (584,000 years). Prints as `hh:mm:ss.mmm`, with the
/// microseconds added only when they are not a whole millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the driver's clock began.
    pub const POWER_ON: Self = Self(0);

    /// The instant `micros` microseconds after power-on.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since power-on.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    /// Saturates: an instant past the end of time never comes, which is what a timer set there means.
    fn add(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        write!(
            f,
            "{:02}:{:02}:{:02}.{:03}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            micros / 1000
        )?;
        if micros % 1000 != 0 {
            write!(f, "{:03}", micros % 1000)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_hours_minutes_seconds_and_only_the_digits_that_are_there() {
        let at = |micros| Instant::from_micros(micros).to_string();
        assert_eq!(at(0), "00:00:00.000");
        assert_eq!(at(119_999_000), "00:01:59.999");
        assert_eq!(at(119_999_001), "00:01:59.999001");
        assert_eq!(at(360_000_000_000), "100:00:00.000");
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let end = Instant::from_micros(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::POWER_ON + Duration::MAX, end);
        assert_eq!(Instant::POWER_ON.since(end), Duration::ZERO);
    }
}
