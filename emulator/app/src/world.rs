//! What the machines are lent of the real world: monotonic time, the calendar, randomness. Decides nothing.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use machine::{Cx, Instant, WallClock};
use tokio::time::{Sleep, sleep_until};

/// The clocks of a device, counted from when this was made: the one place that reads those of the computer, and that
/// sleeps for a device. Every limit of a device runs on it.
#[derive(Debug)]
pub(crate) enum Clock {
    /// Those of the computer.
    Real {
        began: tokio::time::Instant,
        /// One for all deadlines, never later than the next.
        alarm: Option<Pin<Box<Sleep>>>,
    },
    /// They stand still until they are moved, the calendar with them.
    Manual { now: Instant, began: WallClock },
}

/// What the clocks said when something happened. Everything that follows from it happens at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Monotonic time.
    pub(crate) now: Instant,
    /// Calendar time.
    pub(crate) wall_clock: WallClock,
}

impl Clock {
    /// Clocks whose monotonic time begins now.
    pub(crate) fn starting_now() -> Self {
        Self::Real {
            began: tokio::time::Instant::now(),
            alarm: None,
        }
    }

    /// Clocks that stand still, the calendar at this time or at that of this moment.
    pub(crate) fn standing_still(calendar: Option<SystemTime>) -> Self {
        Self::Manual {
            now: Instant::POWER_ON,
            began: wall_clock(calendar.unwrap_or_else(SystemTime::now)),
        }
    }

    /// What they say now.
    pub(crate) fn read(&self) -> Moment {
        match self {
            Self::Real { began, .. } => {
                let micros = began.elapsed().as_micros();
                Moment {
                    now: Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)),
                    wall_clock: wall_clock(SystemTime::now()),
                }
            }
            Self::Manual { now, began } => {
                let elapsed = i64::try_from(now.as_micros() / 1000).unwrap_or(i64::MAX);
                Moment {
                    now: *now,
                    wall_clock: WallClock::from_unix_millis(began.as_unix_millis().saturating_add(elapsed)),
                }
            }
        }
    }

    /// Moves a manual clock, never back. Does nothing to a real one.
    pub(crate) fn move_to(&mut self, instant: Instant) {
        if let Self::Manual { now, .. } = self {
            *now = instant.max(*now);
        }
    }

    /// Moves the calendar of a manual clock alone, back if that is negative. Does nothing to a real one.
    pub(crate) fn move_calendar(&mut self, by_ms: i64) {
        if let Self::Manual { began, .. } = self {
            *began = WallClock::from_unix_millis(began.as_unix_millis().saturating_add(by_ms));
        }
    }

    /// Sleeps until a deadline has come. Must be called inside a runtime.
    pub(crate) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        match self {
            Self::Real { began, alarm } => poll_alarm(cx, alarm, *began, deadline),
            // Nothing comes by itself but what was due already.
            Self::Manual { now, .. } if deadline <= *now => Poll::Ready(()),
            Self::Manual { .. } => Poll::Pending,
        }
    }
}

fn poll_alarm(
    cx: &mut Context<'_>,
    alarm: &mut Option<Pin<Box<Sleep>>>,
    began: tokio::time::Instant,
    deadline: Instant,
) -> Poll<()> {
    let Some(deadline) = began.checked_add(deadline.since(Instant::POWER_ON)) else {
        // It is too far away ever to come.
        return Poll::Pending;
    };
    let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    // It is left alone when the deadline moves away, which it does with every line.
    if deadline < alarm.deadline() {
        alarm.as_mut().reset(deadline);
    }
    while alarm.as_mut().poll(cx).is_ready() {
        if alarm.deadline() >= deadline {
            return Poll::Ready(());
        }
        alarm.as_mut().reset(deadline);
    }
    Poll::Pending
}

impl Moment {
    /// What a machine is lent for one call.
    pub(crate) fn cx<'a>(&self, rng: &'a mut OsRandom) -> Cx<'a> {
        Cx {
            now: self.now,
            wall_clock: self.wall_clock,
            rng,
        }
    }
}

fn wall_clock(time: SystemTime) -> WallClock {
    let signed = |millis: u128| i64::try_from(millis).unwrap_or(i64::MAX);
    let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => signed(since.as_millis()),
        Err(before) => -signed(before.duration().as_millis()),
    };
    WallClock::from_unix_millis(millis)
}

/// The crypto library's random source, which the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl rand_core::TryRng for OsRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        aws_lc_rs::rand::fill(bytes).expect("the operating system gives randomness");
        Ok(())
    }
}
