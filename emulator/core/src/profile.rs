//! What differs from one device to the next and never changes while it runs. Values only; no behaviour.

use core::{net::Ipv4Addr, time::Duration};

use protocol::{Interface, NetworkSettings};

/// The device's identity, addresses and limits. Everything the requirements set in bold stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `CD`, `XP` or `ST`.
    pub model: String,
    /// Three letters and seven digits.
    pub serial: String,
    /// Four dotted numbers.
    pub firmware: String,
    /// The hardware string, at most 255 characters.
    pub hardware: String,
    /// The device's addresses. What a manager reads with `network.get`.
    pub network: NetworkSettings,
    /// Bytes the database may take.
    pub database_bytes_max: u64,
    /// Whether the service starts by itself after activation. Source: LF-08.
    pub service_starts_after_activation: bool,
    /// How long things last.
    pub limits: Limits,
}

/// The device's limits, all measured on monotonic time. Source: RM-24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A session without a complete line ends after this. Source: RM-07.
    pub inactivity: Duration,
    /// A process without another accepted card starts again after this. Source: AU-06.
    pub interval: Duration,
    /// From switching on to the first screen that takes keys. Ours.
    pub start: Duration,
    /// From an accepted restart or switch-off to the network going down. Ours.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inactivity: Duration::from_secs(120),
            interval: Duration::from_secs(120),
            start: Duration::from_secs(20),
            stop: Duration::from_secs(2),
        }
    }
}

impl Profile {
    /// A rack model CD.
    pub fn cd() -> Self {
        Self::rack("CD", "TCD0000001", "Dinamo CD (emulated)")
    }

    /// A rack model XP.
    pub fn xp() -> Self {
        Self::rack("XP", "TXP0000001", "Dinamo XP (emulated)")
    }

    /// A rack model ST.
    pub fn st() -> Self {
        Self::rack("ST", "TST0000001", "Dinamo ST (emulated)")
    }

    /// The built-in profile of this model, in any case of letters.
    pub fn of_model(model: &str) -> Option<Self> {
        [Self::cd(), Self::xp(), Self::st()]
            .into_iter()
            .find(|profile| profile.model.eq_ignore_ascii_case(model))
    }

    fn rack(model: &str, serial: &str, hardware: &str) -> Self {
        let interface = |number: u8, ip: Ipv4Addr, up| Interface {
            name: format!("Interface {number}"),
            // Locally administered, so that it is nobody's.
            mac: format!("02:00:00:00:00:{number:02X}"),
            ip,
            mask: Ipv4Addr::new(255, 255, 255, 0),
            speed: "auto".into(),
            up,
        };
        // The addresses are those set aside for documentation (RFC 5737).
        Self {
            model: model.into(),
            serial: serial.into(),
            firmware: "5.0.22.0".into(),
            hardware: hardware.into(),
            network: NetworkSettings {
                interfaces: vec![
                    interface(1, Ipv4Addr::new(192, 0, 2, 10), true),
                    interface(2, Ipv4Addr::new(198, 51, 100, 10), false),
                ],
                gateway: Some(Ipv4Addr::new(192, 0, 2, 1)),
                dns: vec![Ipv4Addr::new(192, 0, 2, 53)],
                ntp: vec!["192.0.2.123".into()],
            },
            database_bytes_max: 512 * 1024 * 1024,
            service_starts_after_activation: true,
            limits: Limits::default(),
        }
    }

    /// The address managers reach it at: that of the first interface.
    pub fn ip(&self) -> Ipv4Addr {
        self.network
            .interfaces
            .first()
            .map_or(Ipv4Addr::UNSPECIFIED, |interface| interface.ip)
    }
}
