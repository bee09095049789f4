//! A custodian's station: the client's side of one management session, and the TLS around it, as machines. Opens no
//! socket, reads no clock, drives no reader and shows no screen; whoever holds a [`Connection`] does.
//!
//! Bytes from the device become plaintext in [`TlsClient`], lines in `protocol::LineBuffer`, and notices and demands
//! in [`Session`]; [`Connection`] is the three together.
//!
//! ```
//! use hsm_client::{
//!     Connection, ConnectionInput, ConnectionOutput, Notice, StationInput, StationOutput, TlsClientConfig, Trust,
//! };
//! use protocol::{ManagerRequest, Method};
//!
//! // Made once for a device and shared by all connections to it. The first use trusts, and tells whom.
//! let config = TlsClientConfig::new(Trust::FirstUse);
//!
//! // The transport is open: the station greets. What it hands out goes to the device as it is.
//! let mut connection = Connection::new(&config);
//! let Some(ConnectionOutput::Transmit(client_hello)) = connection.poll_output() else { panic!("TLS begins here") };
//! assert_eq!(client_hello[0], 0x16, "a handshake record");
//!
//! // An act goes in and what came of it comes out. Here the device has not opened the session yet.
//! connection.handle_input(ConnectionInput::Station(StationInput::Ask(ManagerRequest::Header)));
//! let Some(ConnectionOutput::Station(StationOutput::Notice(notice))) = connection.poll_output() else { panic!() };
//! assert!(matches!(notice, Notice::NotSent { act: Method::Header, .. }));
//!
//! // The transport broke: the last notice says how it ended.
//! connection.handle_input(ConnectionInput::Closed);
//! let Some(ConnectionOutput::Station(StationOutput::Notice(notice))) = connection.poll_output() else { panic!() };
//! assert_eq!(notice, Notice::Ended { ending: hsm_client::Ending::Torn });
//! ```

mod connection;
mod contract;
mod fingerprint;
mod pin;
mod session;
mod tls;
mod trace;
mod web_address;

pub use connection::{Connection, ConnectionInput, ConnectionOutput, Speaker};
pub use contract::told;
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use pin::Pin;
pub use session::{
    Broken, Ending, NotSent, Notice, Session, SessionInput, SessionOutput, StationInput, StationOutput,
};
pub use tls::{Secured, TlsClient, TlsClientConfig, TlsError, Trust};
pub use trace::{InvalidTraceLine, TRACE_VERSION, TraceLine, TracedInput};
pub use web_address::{InvalidWebAddress, WEB_ADDRESS_BYTES_MAX, WebAddress};
