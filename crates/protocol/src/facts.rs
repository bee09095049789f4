//! What can be read without authentication: header, information, network. Shapes only; no values of any device.

use core::{fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

/// Whether the HSM service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Client sessions are served.
    Running,
    /// They are not.
    Stopped,
}

/// The operating mode: which algorithms the device allows. Not to be confused with remote management (RM).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatingMode {
    /// Non Restricted Mode.
    #[serde(rename = "NRM")]
    Nrm,
    /// Restricted Mode 1.
    #[serde(rename = "RM1")]
    Rm1,
    /// Restricted Mode 2.
    #[serde(rename = "RM2")]
    Rm2,
}

impl fmt::Display for OperatingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nrm => "NRM",
            Self::Rm1 => "RM1",
            Self::Rm2 => "RM2",
        })
    }
}

/// What a manager sees at the top right. Source: HD-01.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Service status.
    pub service: ServiceState,
    /// `CD`, `XP`, `ST` or `Pocket`.
    pub model: String,
    /// Three letters and seven digits.
    pub serial: String,
    /// Four dotted numbers.
    pub firmware: String,
    /// The address of the first interface.
    pub ip: Ipv4Addr,
    /// Operating mode.
    pub mode: OperatingMode,
}

/// The information tab. Source: IN-01.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// `CD`, `XP`, `ST` or `Pocket`.
    pub model: String,
    /// Three letters and seven digits.
    pub serial: String,
    /// Four dotted numbers.
    pub firmware: String,
    /// The hardware string, at most 255 characters.
    pub hardware: String,
    /// Operating mode.
    pub mode: OperatingMode,
    /// Service status.
    pub service: ServiceState,
    /// Whether the Server Master Key is in memory.
    pub activated: bool,
    /// Whole seconds since the device started.
    pub uptime_secs: u64,
    /// The device's calendar, `yyyy/mm/dd HH:MM:SS` UTC.
    pub date_time: String,
    /// Users in the database.
    pub users: u64,
    /// Objects in the database.
    pub objects: u64,
    /// What the database takes, in bytes.
    pub database_bytes: u64,
    /// What is left for it, in bytes.
    pub free_bytes: u64,
    /// Whether the boundary was ever violated.
    pub tampered: bool,
    /// The replication domain, if the device is in one.
    pub replication_domain: Option<String>,
    /// The last self test.
    pub last_self_test: SelfTest,
}

/// The result of a self test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Whether every known-answer test gave the known answer.
    pub passed: bool,
    /// When it ran, `yyyy/mm/dd HH:MM:SS` UTC.
    pub date_time: String,
}

/// The network tab. Source: NW-01.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// The Ethernet interfaces, in the order of the device's sockets.
    pub interfaces: Vec<Interface>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, at most two.
    pub dns: Vec<Ipv4Addr>,
    /// Time servers, at most sixteen.
    pub ntp: Vec<String>,
}

/// One Ethernet interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `Interface 1`, `Interface 2`.
    pub name: String,
    /// Six bytes, colon-separated hexadecimal.
    pub mac: String,
    /// Address.
    pub ip: Ipv4Addr,
    /// Netmask.
    pub mask: Ipv4Addr,
    /// `auto`, or Mb/s.
    pub speed: String,
    /// Whether there is a link.
    pub up: bool,
}
