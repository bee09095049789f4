//! What somebody sees who looks at the device and at the cables behind it. Values only, and no secret among them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Faults;

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct State {
    /// The power.
    pub power: Power,
    /// Whether the Server Master Key is in memory.
    pub activated: bool,
    /// The HSM service.
    pub service: Service,
    /// Whether the device accepts a manager.
    pub remote_management: RemoteManagement,
    /// Where managers connect.
    pub port: Port,
    /// The manager; null if the place is free.
    pub manager: Option<Manager>,
    /// The custodian process; null if no card counts.
    pub ceremony: Option<Ceremony>,
    /// Every connection that the device holds, in the order of their numbers.
    pub connections: Vec<Connection>,
    /// Every limit that runs, the next first.
    pub limits: Vec<Limit>,
    /// What of the console's screen has the keys: the entry that is selected, or a button; null if nothing has.
    pub focus: Option<Focus>,
    /// Where the next character will stand on the screen; null if none can be typed.
    pub cursor: Option<Cell>,
    /// The path of the card in the local reader; null if there is none.
    pub card: Option<String>,
    /// Durable writes that are not durable yet.
    pub writes_pending: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// The device's clock.
    pub clock: Clock,
    /// Which events are kept.
    pub events: EventRange,
}

/// A rectangle of the console's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Focus {
    /// The uppermost row, 1 to 25.
    pub row: u64,
    /// The leftmost column, 1 to 80.
    pub column: u64,
    /// In columns.
    pub width: u64,
    /// In rows.
    pub height: u64,
}

/// A cell of the console's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cell {
    /// 1 to 25.
    pub row: u64,
    /// 1 to 80.
    pub column: u64,
}

/// Where the device is between the mains and its menus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// There are no mains.
    Cut,
    /// Off, with mains.
    Off,
    /// The start sequence runs.
    Starting,
    /// On.
    On,
    /// The stop sequence runs.
    Stopping,
}

/// The HSM service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Client sessions are served.
    Running,
    /// They are not.
    Stopped,
}

/// Whether the device accepts a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemoteManagement {
    /// It does not.
    Disabled,
    /// It will, once that is durable.
    Enabling,
    /// It does.
    Enabled,
}

/// The device's port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Port {
    /// `address:port`.
    pub address: String,
    /// Whether it takes connections.
    pub open: bool,
}

/// The one manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manager {
    /// The number of its connection.
    pub connection: u64,
    /// Its `address:port`.
    pub peer: String,
    /// What it may do.
    pub access: Access,
}

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read, and present cards.
    Anyone,
    /// Operations as well.
    Administrator,
}

/// The custodian process so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ceremony {
    /// Cards that count.
    pub presented: u8,
    /// M of the set.
    pub required: u8,
}

/// A connection to the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Its number: 1 is the first since the program started.
    pub connection: u64,
    /// The `address:port` at its other end.
    pub peer: String,
    /// What the device waits for on it.
    pub phase: Phase,
    /// Bytes that the device has read from the socket, TLS and all.
    pub bytes_read: u64,
    /// Bytes that the socket has taken from the device, TLS and all.
    pub bytes_written: u64,
}

/// What the device waits for on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The bytes that say what it is.
    FirstBytes,
    /// The end of the TLS handshake.
    Handshake,
    /// Lines of a session.
    Lines,
    /// Frames of live sync.
    Frames,
    /// The end; nothing more will be said.
    End,
}

/// A limit that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limit {
    /// Which.
    pub limit: LimitName,
    /// The connection it is about; 0 if it is about none.
    pub connection: u64,
    /// When it is over, in microseconds on the device's clock.
    pub at_us: u64,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// The start or stop sequence.
    PowerSequence,
    /// The time between two custodians (AU-06).
    Interval,
    /// The time without a line from the manager (RM-07).
    Inactivity,
    /// The time without a request from a user of the HTTP console (HC-02).
    UserIdle,
    /// The time for which the same refusal is counted instead of told (LG-04).
    Denials,
    /// The time for which the other side of live sync may say nothing (LS-03).
    LiveSync,
    /// The time for a TLS handshake.
    Handshake,
    /// The time for a connection to end after its last line.
    Linger,
    /// The time that a write takes because of a fault.
    Write,
}

/// The device's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Clock {
    /// Who moves it.
    pub mode: ClockMode,
    /// Microseconds since the program started.
    pub now_us: u64,
    /// The calendar, `yyyy/mm/dd HH:MM:SS` in UTC.
    pub date_time: String,
}

/// Who moves the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// Time itself.
    #[default]
    Real,
    /// The bench.
    Manual,
}

/// Which events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventRange {
    /// The number of the oldest one.
    pub oldest: u64,
    /// The number that the next one will have.
    pub next: u64,
}
