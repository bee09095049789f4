//! What stands between bytes and the device: the first bytes of a connection, handshake limits, TLS, lines, and
//! how a connection ends. Has no socket and no clock, and decides nothing about who may do what: the device does.
//!
//! [`Appliance`] is a device with its network port, the machine that both the simulation and the shells drive:
//!
//! ```
//! use hsm_core::{ConnectionId, Device, Input as DeviceInput, Profile, ServerMasterKey, Stored};
//! use hsm_listener::{Appliance, Identity, Input, Output};
//! use machine::{Cx, Instant, Machine, NoRandomness, WallClock};
//!
//! # struct Zeros;
//! # impl rand_core::TryRng for Zeros {
//! #     type Error = std::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(0); Ok(()) }
//! # }
//! let mut stored = Stored::bound_to(ServerMasterKey::generate(&mut Zeros).binding());
//! stored.remote_management = true;
//! let profile = Profile::xp();
//! let tls = Identity::generate(&profile.serial)?.server_config()?;
//! let mut appliance = Appliance::new(Device::new(profile, stored), tls);
//!
//! let mut cx = Cx { now: Instant::POWER_ON, wall_clock: WallClock::from_unix_millis(0), rng: &mut NoRandomness };
//! appliance.handle_input(&mut cx, Input::Device(DeviceInput::PowerButton));
//! cx.now = appliance.poll_timeout().expect("it is starting");
//! appliance.handle_timeout(&mut cx);
//! let outputs: Vec<_> = std::iter::from_fn(|| appliance.poll_output()).collect();
//! assert!(outputs.iter().any(|output| matches!(output, Output::Listen(true))));
//! # Ok::<(), hsm_listener::IdentityError>(())
//! ```

mod any_certificate;
mod appliance;
mod client_session;
mod connection;
mod identity;
mod live_sync;

pub use any_certificate::AnyCertificate;
pub use appliance::{
    Appliance, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, Input, LINGER_BYTES_MAX, LINGER_TIMEOUT, LINGERING_MAX,
    OUTPUT_BYTES_MAX, Output, SeenConnection,
};
pub use connection::Phase;
pub use identity::{Identity, IdentityError};
