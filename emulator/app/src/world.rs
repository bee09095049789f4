//! What the machines are lent of the real world: monotonic time, the calendar, randomness. Decides nothing.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use machine::{Cx, Instant, WallClock};
use tokio::time::{Sleep, sleep_until};

/// The clocks of the computer, the monotonic one counted from when this was made: the one place that reads them, and
/// that sleeps for a device.
#[derive(Debug)]
pub(crate) struct Clock {
    began: tokio::time::Instant,
    /// One for all deadlines, never later than the next.
    alarm: Option<Pin<Box<Sleep>>>,
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
        Self {
            began: tokio::time::Instant::now(),
            alarm: None,
        }
    }

    /// What they say now.
    pub(crate) fn read(&self) -> Moment {
        let micros = self.began.elapsed().as_micros();
        Moment {
            now: Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)),
            wall_clock: wall_clock(),
        }
    }

    /// Sleeps until a deadline has come. Must be called inside a runtime.
    pub(crate) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let Some(deadline) = self.began.checked_add(deadline.since(Instant::POWER_ON)) else {
            // It is too far away ever to come.
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
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

fn wall_clock() -> WallClock {
    let signed = |millis: u128| i64::try_from(millis).unwrap_or(i64::MAX);
    let millis = match SystemTime::UNIX_EPOCH.elapsed() {
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
