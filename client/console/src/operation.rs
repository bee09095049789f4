//! What an administrator can do to a device, in the vendor's words and order. Does nothing of it.

use protocol::{ManagerRequest, ServiceState};

/// A line of the menu after authentication. Source: S1, OP-01 to OP-03.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    StopService,
    StartService,
    Restart,
    SwitchOff,
}

impl Operation {
    /// The menu of a device whose service is in this state.
    pub(crate) const fn menu(service: ServiceState) -> [Self; 3] {
        let service = match service {
            ServiceState::Running => Self::StopService,
            ServiceState::Stopped => Self::StartService,
        };
        [service, Self::Restart, Self::SwitchOff]
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::StopService => "Stop service",
            Self::StartService => "Start service",
            Self::Restart => "Restart",
            Self::SwitchOff => "Switch off",
        }
    }

    /// What it is called in a question.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::StopService => "Service stop",
            Self::StartService => "Service start",
            Self::Restart => "Restart",
            Self::SwitchOff => "Switch-off",
        }
    }

    /// What is lost by it, for whoever is about to do it; nothing is asked about one that loses nothing.
    pub(crate) const fn warning(self) -> Option<&'static str> {
        match self {
            Self::StopService => Some("Client sessions and the HTTP console end."),
            Self::StartService => None,
            Self::Restart => Some("This session ends. The custodians activate the device again."),
            Self::SwitchOff => {
                Some("This session ends. The device stays off until its power button is pressed.")
            }
        }
    }

    pub(crate) const fn request(self) -> ManagerRequest {
        match self {
            Self::StopService => ManagerRequest::StopService,
            Self::StartService => ManagerRequest::StartService,
            Self::Restart => ManagerRequest::Restart,
            Self::SwitchOff => ManagerRequest::PowerOff,
        }
    }
}
