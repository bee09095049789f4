//! What an administrator can do to a device, in the vendor's words and order. Does nothing of it.

use protocol::{Header, ManagerRequest, OperatingMode, ServiceState};

/// A line of the menu after authentication. Source: S1, OP-01 to OP-07.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    StopService,
    StartService,
    Restart,
    SwitchOff,
    UnlockMaster,
    LiveSync,
    FactoryReset,
    SetMode(OperatingMode),
}

impl Operation {
    /// The menu of a device with this header. A mode that the device has already is no change.
    pub(crate) fn menu(header: &Header) -> Vec<Self> {
        let service = match header.service {
            ServiceState::Running => Self::StopService,
            ServiceState::Stopped => Self::StartService,
        };
        let modes = [OperatingMode::Nrm, OperatingMode::Rm1, OperatingMode::Rm2]
            .into_iter()
            .filter(|mode| *mode != header.mode)
            .map(Self::SetMode);
        [
            service,
            Self::Restart,
            Self::SwitchOff,
            Self::UnlockMaster,
            Self::LiveSync,
            Self::FactoryReset,
        ]
        .into_iter()
        .chain(modes)
        .collect()
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::StopService => "Stop service",
            Self::StartService => "Start service",
            Self::Restart => "Restart",
            Self::SwitchOff => "Switch off",
            Self::UnlockMaster => "Unlock user master",
            Self::LiveSync => "Online synchronization (Database live sync)",
            Self::FactoryReset => "Return to factory mode",
            Self::SetMode(OperatingMode::Nrm) => "Change operating mode to NRM",
            Self::SetMode(OperatingMode::Rm1) => "Change operating mode to RM1",
            Self::SetMode(OperatingMode::Rm2) => "Change operating mode to RM2",
        }
    }

    /// What it is called in a question.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::StopService => "Service stop",
            Self::StartService => "Service start",
            Self::Restart => "Restart",
            Self::SwitchOff => "Switch-off",
            Self::UnlockMaster => "Unlocking the user master",
            Self::LiveSync => "Database live sync",
            Self::FactoryReset => "Return to factory mode",
            Self::SetMode(_) => "Change of operating mode",
        }
    }

    /// What is lost by it, for whoever is about to do it; nothing is asked about one that loses nothing.
    pub(crate) const fn warning(self) -> Option<&'static str> {
        match self {
            Self::StopService => Some("Client sessions and the HTTP console end."),
            Self::StartService | Self::UnlockMaster => None,
            Self::Restart => Some("This session ends. The device is to be activated again."),
            Self::SwitchOff => {
                Some("This session ends. The device stays off until its power button is pressed.")
            }
            Self::LiveSync => {
                Some("The database of this device is destroyed, and that of another node takes its place.")
            }
            Self::FactoryReset => Some(
                "The database is destroyed and this session ends. The device is as it left the factory; cards keep \
                 what they hold.",
            ),
            Self::SetMode(_) => Some(
                "The database is destroyed and this session ends. The device begins anew, in the other mode.",
            ),
        }
    }

    /// Whether the serial number of the device is typed for it.
    //= OP-09
    pub(crate) const fn is_confirmed_by_serial(self) -> bool {
        match self {
            Self::LiveSync | Self::FactoryReset | Self::SetMode(_) => true,
            Self::StopService | Self::StartService | Self::Restart | Self::SwitchOff | Self::UnlockMaster => {
                false
            }
        }
    }

    /// What is asked of the device; `confirm` is the serial number as it was typed, which the device judges.
    pub(crate) fn request(self, confirm: String) -> ManagerRequest {
        match self {
            Self::StopService => ManagerRequest::StopService,
            Self::StartService => ManagerRequest::StartService,
            Self::Restart => ManagerRequest::Restart,
            Self::SwitchOff => ManagerRequest::PowerOff,
            Self::UnlockMaster => ManagerRequest::UnlockMaster,
            Self::LiveSync => ManagerRequest::LiveSync { node: None, confirm },
            Self::FactoryReset => ManagerRequest::FactoryReset { confirm },
            Self::SetMode(mode) => ManagerRequest::SetMode { mode, confirm },
        }
    }
}
