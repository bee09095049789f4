//! The device as a machine: power, activation, remote management, custodian process, console, log. Knows no TLS,
//! no socket, no file, no terminal and no clock; what it wants of them is an [`Output`], what came of it an
//! [`Input`].
//!
//! One queue orders everything that happens to a device, and one stream of [`Event`]s tells it.
//!
//! ```
//! use hsm_core::{Device, Input, Key, Profile, ServerMasterKey, Stored};
//! use machine::{Cx, Instant, Machine, NoRandomness, WallClock};
//!
//! # struct Zeros;
//! # impl rand_core::TryRng for Zeros {
//! #     type Error = std::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(0); Ok(()) }
//! # }
//! let key = ServerMasterKey::generate(&mut Zeros);
//! let mut device = Device::new(Profile::xp(), Stored::bound_to(key.binding()));
//! let mut cx = Cx { now: Instant::POWER_ON, wall_clock: WallClock::from_unix_millis(0), rng: &mut NoRandomness };
//!
//! device.handle_input(&mut cx, Input::PowerButton);
//! cx.now = device.poll_timeout().expect("it is starting");
//! device.handle_timeout(&mut cx);
//! assert!(device.screen().to_string().contains("Please, enter start PIN"));
//! ```

mod card_dialog;
mod ceremony;
mod console;
mod device;
mod event;
mod key;
mod log;
mod power;
mod profile;
mod remote;
mod self_test;
mod stored;

pub use console::{Key, SCREEN_COLUMNS, SCREEN_ROWS, Screen};
pub use device::{
    ConnectionId, Device, Gone, Input, Limit, LocalCard, Output, RemoteManagement, Ticket, TurnedAway,
};
pub use event::{
    Activity, CardOutcome, DisabledBy, Event, Operation, Record, SessionEnd, StartedAfter, Where,
};
pub use key::{
    Binding, CARDS_MAX, CheckValue, KEY_BYTES, Purpose, SHADOW_BYTES, Scheme, ServerMasterKey, SetId, Shadow,
    ShadowError,
};
pub use log::escape;
pub use power::Power;
pub use profile::{Limits, Profile};
/// Whether the HSM service runs.
pub use protocol::ServiceState;
pub use remote::Access;
pub use stored::{LastStop, Stored};
