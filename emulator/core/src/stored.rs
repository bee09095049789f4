//! What survives power: a value that the device hands out whole to be made durable. Never holds a key, a shadow
//! or a PIN (LF-04).

use protocol::OperatingMode;
use serde::{Deserialize, Serialize};

use crate::Binding;

/// The durable state of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Whether remote management is enabled. Source: RM-11 to RM-13.
    pub remote_management: bool,
    /// Whether the device is switched on, so that it comes back by itself after a power cut.
    pub switched_on: bool,
    /// Why it last went down, told to the log by the next start.
    pub last_stop: LastStop,
    /// The key it is bound to. Source: LF-02.
    pub binding: Binding,
    /// Operating mode.
    pub mode: OperatingMode,
    /// The names of the users in the database.
    pub users: Vec<String>,
    /// How many objects the database holds.
    pub objects: u64,
    /// Whether the boundary was ever violated.
    pub tampered: bool,
    /// The replication domain, if the device is in one.
    pub replication_domain: Option<String>,
}

/// Why a device went down. A cut writes nothing: it is what is left when no other was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastStop {
    /// It never ran, or power was cut.
    PowerCut,
    /// `ops.restart`.
    RemoteRestart,
    /// `ops.power_off`.
    RemotePowerOff,
    /// The menu.
    LocalRestart,
    /// The menu or the power button.
    LocalPowerOff,
}

impl Stored {
    /// A device that was initialised with this key and never armed, with the one user that cannot be removed.
    pub fn bound_to(binding: Binding) -> Self {
        Self {
            remote_management: false,
            switched_on: false,
            last_stop: LastStop::PowerCut,
            binding,
            mode: OperatingMode::Nrm,
            users: vec!["master".into()],
            objects: 0,
            tampered: false,
            replication_domain: None,
        }
    }

    /// Bytes the state takes where it is kept.
    pub(crate) fn bytes_len(&self) -> u64 {
        let bytes =
            serde_json::to_vec(self).expect("our own types have string keys and no failing serializer");
        u64::try_from(bytes.len()).expect("a length fits into 64 bits")
    }
}
