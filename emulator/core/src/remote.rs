//! The manager's side of a session as the device holds it: its requests in flight, its rights, its timer. Everything
//! here ends with the connection (RM-15), because dropping it is how a session ends.

use core::net::SocketAddr;

use machine::Timer;
use protocol::Peer;

use crate::{ConnectionId, card_dialog::CardDialog};

/// The one manager.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    pub(crate) connection: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) cipher_suite: String,
    pub(crate) rpc: Peer,
    /// What this connection may do. Rights are carried by the connection alone (RM-22), and come from a
    /// [`Quorum`](crate::ceremony::Quorum) or from the activation password.
    pub(crate) is_administrator: bool,
    pub(crate) dialog: Option<RemoteDialog>,
    /// The operation whose answer waits for the disk. Source: RM-19.
    pub(crate) owed_operation: Option<u64>,
    /// Fires when no line came for the inactivity limit. Not set while an operation is owed.
    pub(crate) inactivity: Timer,
}

/// One custodian's card at the manager's station.
#[derive(Clone, Debug)]
pub(crate) struct RemoteDialog {
    /// The `auth.start` that waits for its answer.
    pub(crate) auth_start: u64,
    /// The card request of ours that the station has not answered.
    pub(crate) waiting_for: Option<u64>,
    pub(crate) card: CardDialog,
}
