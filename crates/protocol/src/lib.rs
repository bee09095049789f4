//! The management protocol `hsm-rm/1` as `docs/protocol.md` specifies it: one JSON-RPC 2.0 object a line.
//! Knows neither TLS nor sockets, and holds no state but which requests are open.
//!
//! Bytes become lines in [`LineBuffer`], lines become messages in [`Peer`], and messages become the typed
//! requests and notifications of the two sides:
//!
//! ```
//! use protocol::{ManagerRequest, Peer, Received};
//!
//! let (mut manager, mut device) = (Peer::default(), Peer::default());
//! let (_, line) = manager.request(&ManagerRequest::Header)?;
//! assert_eq!(line, "{\"id\":0,\"jsonrpc\":\"2.0\",\"method\":\"device.header\"}\n");
//!
//! let Ok(Received::Request { id, method, params }) = device.receive(line.trim_end().as_bytes()) else { panic!() };
//! assert_eq!((id, ManagerRequest::decode(&method, &params)), (0, Ok(ManagerRequest::Header)));
//! # Ok::<(), protocol::TooManyOpen>(())
//! ```

mod device;
mod error;
mod facts;
mod line;
mod manager;
mod message;
mod network_change;
mod password;
mod peer;
mod reason;

pub use device::{DeviceNotification, DeviceRequest, Progress};
pub use error::{Error, ErrorName};
pub use facts::{Header, Info, Interface, NetworkSettings, OperatingMode, SelfTest, ServiceState};
pub use line::{LINE_BYTES_MAX, LineBuffer, LineTooLong};
pub use manager::{
    Activated, AuthOutcome, CardAtr, CardResponse, HttpConsoleUrl, ManagerRequest, Method, PinStatus,
};
pub use message::{ID_MAX, Malformed, Message};
pub use network_change::{DNS_SERVERS_MAX, FieldErrors, NTP_SERVERS_MAX, SERVER_NAME_BYTES_MAX};
pub use password::{
    ACTIVATION_PASSWORD_CHARACTERS_MAX, ACTIVATION_PASSWORD_CHARACTERS_MIN, ActivationPassword,
};
pub use peer::{Outcome, Peer, REQUESTS_OPEN_MAX, Received, Request, TooManyOpen, Violation};
pub use reason::{CeremonyResetReason, ClosingReason, DeniedReason};

/// The ALPN protocol name of a management connection. Source: RM-18.
pub const ALPN: &[u8] = b"hsm-rm/1";

/// The TCP port of the real device, and the default here. Source: RM-04.
pub const PORT: u16 = 4433;

/// The version that `session.opened` announces.
pub const VERSION: u32 = 1;
