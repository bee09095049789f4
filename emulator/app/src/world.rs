//! What the machines are lent of the real world: monotonic time, the calendar, randomness. Decides nothing.

use std::{convert::Infallible, time::SystemTime};

use machine::{Cx, Instant, WallClock};

/// The clocks of the computer, the monotonic one counted from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: tokio::time::Instant,
}

impl Clock {
    /// Clocks whose monotonic time begins now.
    pub fn starting_now() -> Self {
        Self {
            began: tokio::time::Instant::now(),
        }
    }

    /// Monotonic time.
    pub fn now(&self) -> Instant {
        let micros = self.began.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// When this machine's instant comes; `None` if that is never.
    pub fn real(&self, instant: Instant) -> Option<tokio::time::Instant> {
        self.began.checked_add(instant.since(Instant::POWER_ON))
    }

    /// What a machine is lent for one call.
    pub fn cx<'a>(&self, rng: &'a mut OsRandom) -> Cx<'a> {
        Cx {
            now: self.now(),
            wall_clock: wall_clock(),
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
