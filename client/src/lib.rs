//! A custodian's station: the client's side of one management session, and the TLS around it, as machines. Opens no
//! socket, reads no clock, drives no reader and shows no screen; whoever holds a [`Connection`] does.
//!
//! Bytes from the device become plaintext in [`TlsClient`], lines in `protocol::LineBuffer`, and notices and demands
//! in [`Session`]; [`Connection`] is the three together.

mod connection;
mod fingerprint;
mod pin;
mod session;
mod tls;

pub use connection::{Connection, ConnectionInput, ConnectionOutput};
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use pin::Pin;
pub use session::{
    Act, Broken, Ending, NotSent, Notice, Session, SessionInput, SessionOutput, StationInput, StationOutput,
};
pub use tls::{Secured, TlsClient, TlsClientConfig, TlsError, Trust};
