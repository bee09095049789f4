//! What can be read without authentication: header, information, network. Shapes only; no values of any device. Fields
//! stand in the order of the alphabet, as every object does on the wire.

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
    /// Four dotted numbers.
    pub firmware: String,
    /// The address of the first interface.
    pub ip: Ipv4Addr,
    /// Operating mode.
    pub mode: OperatingMode,
    /// `CD`, `XP`, `ST` or `Pocket`.
    pub model: String,
    /// Three letters and seven digits.
    pub serial: String,
    /// Service status.
    pub service: ServiceState,
}

/// The information tab. Source: IN-01.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Whether the Server Master Key is in memory.
    pub activated: bool,
    /// What the database takes, in bytes.
    pub database_bytes: u64,
    /// The device's calendar, `yyyy/mm/dd HH:MM:SS` UTC.
    pub date_time: String,
    /// Four dotted numbers.
    pub firmware: String,
    /// What is left for it, in bytes.
    pub free_bytes: u64,
    /// The hardware string, at most 255 characters.
    pub hardware: String,
    /// The last self test.
    pub last_self_test: SelfTest,
    /// Operating mode.
    pub mode: OperatingMode,
    /// `CD`, `XP`, `ST` or `Pocket`.
    pub model: String,
    /// Objects in the database.
    pub objects: u64,
    /// The replication domain, if the device is in one.
    pub replication_domain: Option<String>,
    /// Three letters and seven digits.
    pub serial: String,
    /// Service status.
    pub service: ServiceState,
    /// Whether the boundary was ever violated.
    pub tampered: bool,
    /// Whole seconds since the device started.
    pub uptime_secs: u64,
    /// Users in the database.
    pub users: u64,
}

/// The result of a self test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// When it ran, `yyyy/mm/dd HH:MM:SS` UTC.
    pub date_time: String,
    /// Whether every known-answer test gave the known answer.
    pub passed: bool,
}

/// The network tab. Source: NW-01.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// Name servers, at most two.
    pub dns: Vec<Ipv4Addr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// The Ethernet interfaces, in the order of the device's sockets.
    pub interfaces: Vec<Interface>,
    /// Time servers, at most sixteen.
    pub ntp: Vec<String>,
}

/// One Ethernet interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Address.
    pub ip: Ipv4Addr,
    /// Six bytes, colon-separated hexadecimal.
    pub mac: String,
    /// Netmask.
    pub mask: Ipv4Addr,
    /// `Interface 1`, `Interface 2`.
    pub name: String,
    /// `auto`, or Mb/s.
    pub speed: String,
    /// Whether there is a link.
    pub up: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_in_the_order_of_the_alphabet() {
        let [ip, mask] = [[192, 0, 2, 1], [255, 255, 255, 0]].map(Ipv4Addr::from);
        let (model, serial, firmware) = ("XP".to_owned(), "TXP0000001".to_owned(), "5.0.0.0".to_owned());
        let (service, mode) = (ServiceState::Running, OperatingMode::Nrm);
        let header = Header {
            firmware: firmware.clone(),
            ip,
            mode,
            model: model.clone(),
            serial: serial.clone(),
            service,
        };
        let info = Info {
            activated: true,
            database_bytes: 1,
            date_time: "2026/11/21 00:00:00".into(),
            firmware,
            free_bytes: 2,
            hardware: "emulated".into(),
            last_self_test: SelfTest {
                date_time: "2026/11/21 00:00:00".into(),
                passed: true,
            },
            mode,
            model,
            objects: 3,
            replication_domain: None,
            serial,
            service,
            tampered: false,
            uptime_secs: 4,
            users: 5,
        };
        let network = NetworkSettings {
            dns: vec![ip],
            gateway: Some(ip),
            interfaces: vec![Interface {
                ip,
                mac: "00:00:5E:00:53:01".into(),
                mask,
                name: "Interface 1".into(),
                speed: "auto".into(),
                up: true,
            }],
            ntp: vec!["192.0.2.2".into()],
        };
        check(&header);
        check(&info);
        check(&network);
    }

    /// The members of a [`serde_json::Value`] are in that order.
    fn check(facts: &impl Serialize) {
        let written = serde_json::to_string(facts).unwrap();
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written, value.to_string());
    }
}
