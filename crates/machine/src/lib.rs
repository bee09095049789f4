//! What every machine of the rig shares. Never reads a clock, a file, a socket or an environment, and holds no
//! rule of any device.
//!
//! A *machine* is a value that is told things and hands things back; it never asks the world. Whoever drives it
//! (the simulation, or a shell around sockets) owns the clock and lends it for the length of a call:
//!
//! ```
//! use machine::{Cx, Instant, Machine, Timer, WallClock};
//! use std::{collections::VecDeque, time::Duration};
//!
//! /// Rings once, five seconds after it was wound up.
//! #[derive(Default)]
//! struct Alarm { ring: Timer, outputs: VecDeque<&'static str> }
//!
//! impl Machine for Alarm {
//!     type Input = ();
//!     type Output = &'static str;
//!     fn handle_input(&mut self, cx: &mut Cx<'_>, (): ()) { self.ring.set(cx.now + Duration::from_secs(5)); }
//!     fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
//!         if self.ring.take_expired(cx.now) { self.outputs.push_back("ring"); }
//!     }
//!     fn poll_output(&mut self) -> Option<&'static str> { self.outputs.pop_front() }
//!     fn poll_timeout(&self) -> Option<Instant> { self.ring.deadline() }
//! }
//!
//! let mut alarm = Alarm::default();
//! let mut cx = Cx { now: Instant::POWER_ON, wall_clock: WallClock::from_unix_millis(0), rng: &mut machine::NoRandomness };
//! alarm.handle_input(&mut cx, ());
//! cx.now = alarm.poll_timeout().expect("it was wound up");
//! alarm.handle_timeout(&mut cx);
//! assert_eq!(alarm.poll_output(), Some("ring"));
//! assert_eq!(cx.now.to_string(), "00:00:05.000");
//! ```

mod instant;
mod timer;
mod transitions;
mod wall_clock;

pub use instant::Instant;
pub use timer::Timer;
pub use transitions::InvalidTransition;
pub use wall_clock::WallClock;

use rand_core::Rng;

/// What a machine may know of the world, for the length of one call.
pub struct Cx<'a> {
    /// Monotonic time since power-on of whoever drives the machine. All limits are measured on it.
    pub now: Instant,
    /// Calendar time. For log lines and screens only; no limit is ever measured on it (RM-24).
    pub wall_clock: WallClock,
    /// The one source of randomness: seeded in the simulation, the operating system's in a shell.
    pub rng: &'a mut dyn Rng,
}

/// A behaviour as a value: told what happened, polled for what to do.
///
/// A machine cannot fail: what goes wrong is an output.
pub trait Machine {
    /// What the world can tell this machine.
    type Input;
    /// What this machine can ask of the world.
    type Output;

    /// Something happened.
    fn handle_input(&mut self, cx: &mut Cx<'_>, input: Self::Input);
    /// The moment named by [`poll_timeout`](Self::poll_timeout) has come.
    fn handle_timeout(&mut self, cx: &mut Cx<'_>);
    /// The next thing to do, until there is none.
    fn poll_output(&mut self) -> Option<Self::Output>;
    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens first.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// A random source for machines that use none: asking it is a bug of the machine.
pub struct NoRandomness;

impl rand_core::TryRng for NoRandomness {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        panic!("this machine was promised to need no randomness")
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        panic!("this machine was promised to need no randomness")
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        panic!("this machine was promised to need no randomness")
    }
}
