//! Everything observable that happens to a device, as one typed stream. The log, the console, traces and reports
//! are its readers. Holds no secret.

use core::net::SocketAddr;

use apdu::Csn;
use machine::{Instant, WallClock};
use protocol::{CeremonyResetReason, ClosingReason, DeniedReason, ErrorName, ManagerRequest};

use crate::{ConnectionId, LastStop, TurnedAway};

/// One event with its place in time and order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Monotonic time since power-on of whoever drives the device.
    pub at: Instant,
    /// Calendar time, for the log line.
    pub wall_clock: WallClock,
    /// From 0 at every start of the device. Orders the log when the calendar goes back. Source: LG-01.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// Where a custodian is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// At the device's own reader.
    Local,
    /// At a station.
    Remote(ConnectionId),
}

/// What is local activity. Source: RM-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Any key but Esc.
    Key,
    /// A card was put into the local reader.
    CardInserted,
    /// A card was taken out of the local reader.
    CardRemoved,
    /// The power button while the device was on.
    PowerButton,
}

/// What disabled remote management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledBy {
    /// Esc in the RM box. Source: RM-03.
    Esc,
    /// Local activity. Source: RM-10.
    Activity(Activity),
    /// A local restart or switch-off. Source: RM-12.
    LocalStop,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The device ended it and told the manager why.
    Closing(ClosingReason),
    /// The manager asked with `session.close`.
    ClosedByManager,
    /// The manager's end of the connection was closed.
    Finished,
    /// The connection was reset.
    Reset,
}

/// An operation after authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// OP-01.
    StopService,
    /// OP-01.
    StartService,
    /// OP-02.
    Restart,
    /// OP-03.
    PowerOff,
}

impl Operation {
    /// The operation that this request asks for, if it asks for one.
    pub const fn requested_by(request: ManagerRequest) -> Option<Self> {
        match request {
            ManagerRequest::StopService => Some(Self::StopService),
            ManagerRequest::StartService => Some(Self::StartService),
            ManagerRequest::Restart => Some(Self::Restart),
            ManagerRequest::PowerOff => Some(Self::PowerOff),
            ManagerRequest::Header
            | ManagerRequest::Info
            | ManagerRequest::Network
            | ManagerRequest::HttpConsoleUrl
            | ManagerRequest::AuthStart
            | ManagerRequest::AuthCancel
            | ManagerRequest::Close => None,
        }
    }

    /// The operation's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopService => "stop service",
            Self::StartService => "start service",
            Self::Restart => "restart",
            Self::PowerOff => "power off",
        }
    }
}

/// What came of one card dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardOutcome {
    /// The card counts.
    Accepted {
        /// Cards accepted so far.
        presented: u8,
        /// M of the set.
        required: u8,
    },
    /// It does not, for this reason.
    Refused(ErrorName),
    /// The dialog ended before the card could be judged.
    Abandoned,
}

/// What the device comes up after.
pub type StartedAfter = LastStop;

/// Everything observable that can happen to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device takes keys, and connections if it listens.
    Started {
        /// Why it was down.
        after: StartedAfter,
    },
    /// The self test of the start has run.
    SelfTest {
        /// Whether every algorithm gave its known answer.
        passed: bool,
    },
    /// A restart or switch-off begins; the key is wiped.
    Stopping(LastStop),
    /// The device is off.
    Off,
    /// M custodians have brought the Server Master Key.
    Activated(Where),
    /// Client sessions are served.
    ServiceStarted,
    /// They are not any more.
    ServiceStopped,
    /// Remote management is enabled, durably.
    RemoteManagementEnabled,
    /// Remote management is disabled, durably.
    RemoteManagementDisabled(DisabledBy),
    /// A manager has taken the place.
    ManagerConnected {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// The cipher suite of its session.
        cipher_suite: String,
    },
    /// A newcomer did not.
    ManagerDenied {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// Why.
        reason: DeniedReason,
    },
    /// A connection ended before it could be a manager's.
    TurnedAway {
        /// Its address.
        peer: SocketAddr,
        /// Why.
        why: TurnedAway,
    },
    /// A session is over; the place is free.
    SessionEnded {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// Why.
        end: SessionEnd,
        /// What the protocol error was, if it was one.
        detail: Option<String>,
    },
    /// A dialog that powered a card is over. Source: AU-14.
    CardUsed {
        /// At which reader.
        at: Where,
        /// The card's serial number, if it was read.
        serial: Option<Csn>,
        /// The card's label, if it was read after a right PIN.
        label: Option<String>,
        /// What came of it.
        outcome: CardOutcome,
    },
    /// The cards accepted so far no longer count.
    CeremonyReset(CeremonyResetReason),
    /// The last custodian has administrative access. Source: AU-05.
    AdministratorGranted {
        /// The connection that has it, and no other.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
    },
    /// An operation was accepted; it completes whatever happens to its connection. Source: OP-11.
    OperationAccepted {
        /// Which.
        operation: Operation,
        /// Whose.
        connection: ConnectionId,
        /// From where.
        peer: SocketAddr,
    },
    /// An operation was refused.
    OperationRefused {
        /// Which.
        operation: Operation,
        /// Whose.
        connection: ConnectionId,
        /// From where.
        peer: SocketAddr,
        /// Why.
        error: ErrorName,
    },
    /// An accepted operation is done.
    OperationDone(Operation),
}

impl Event {
    /// What happened, as one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::SelfTest { .. } => "self_test",
            Self::Stopping(_) => "stopping",
            Self::Off => "off",
            Self::Activated(_) => "activated",
            Self::ServiceStarted => "service_started",
            Self::ServiceStopped => "service_stopped",
            Self::RemoteManagementEnabled => "remote_management_enabled",
            Self::RemoteManagementDisabled(_) => "remote_management_disabled",
            Self::ManagerConnected { .. } => "manager_connected",
            Self::ManagerDenied { .. } => "manager_denied",
            Self::TurnedAway { .. } => "turned_away",
            Self::SessionEnded { .. } => "session_ended",
            Self::CardUsed { .. } => "card_used",
            Self::CeremonyReset(_) => "ceremony_reset",
            Self::AdministratorGranted { .. } => "administrator_granted",
            Self::OperationAccepted { .. } => "operation_accepted",
            Self::OperationRefused { .. } => "operation_refused",
            Self::OperationDone(_) => "operation_done",
        }
    }
}
