//! What the monitor counts since the device started: events as they are told, and durable writes. Decides nothing.

use crate::Event;

/// Counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) managers: u64,
    pub(super) authenticated: u64,
    /// Newcomers that were told no. Counted one by one, also where the log counts them together.
    pub(super) denied: u64,
    /// Connections that ended before they could be told anything.
    pub(super) turned_away: u64,
    pub(super) logins: u64,
    pub(super) logins_refused: u64,
    pub(super) cards: u64,
    pub(super) writes: u64,
}

impl Counters {
    pub(super) fn count(&mut self, event: &Event) {
        let counter = match event {
            Event::ManagerConnected { .. } => &mut self.managers,
            Event::AdministratorGranted { .. } => &mut self.authenticated,
            Event::ManagerDenied { .. } => &mut self.denied,
            Event::TurnedAway { .. } => &mut self.turned_away,
            Event::UserLoggedIn { .. } => &mut self.logins,
            Event::LoginRefused { .. } => &mut self.logins_refused,
            Event::CardUsed { .. } => &mut self.cards,
            Event::Started { .. }
            | Event::SelfTest { .. }
            | Event::AlgorithmFailed(_)
            | Event::Stopping(_)
            | Event::Off
            | Event::Bound
            | Event::Activated(_)
            | Event::OtherSetShown
            | Event::DatabaseErased
            | Event::ConsoleLocked
            | Event::ConsoleUnlocked
            | Event::ServiceStarted
            | Event::ServiceStopped
            | Event::RemoteManagementEnabled
            | Event::RemoteManagementDisabled(_)
            | Event::DeniedAgain { .. }
            | Event::SessionEnded { .. }
            | Event::SetFinished(_)
            | Event::SetInvalid(_)
            | Event::CardInvalid { .. }
            | Event::CeremonyReset(_)
            | Event::ActivationPasswordWrong { .. }
            | Event::OperationAccepted { .. }
            | Event::OperationRefused { .. }
            | Event::OperationDone(_)
            | Event::ClockSet { .. }
            | Event::NodeAdded(_)
            | Event::NodeRemoved(_)
            | Event::PartitionChanged { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_)
            | Event::UserLoggedOut(_)
            | Event::UserCreated { .. }
            | Event::UserRemoved { .. }
            | Event::UserPasswordChanged(_)
            | Event::UserPermissionsChanged { .. }
            | Event::UserDamaged(_)
            | Event::UserTrusted { .. }
            | Event::PasswordPolicyChanged { .. }
            | Event::ObjectChanged { .. }
            | Event::LiveSyncBegun { .. }
            | Event::LiveSyncDone { .. }
            | Event::LiveSyncFailed { .. }
            | Event::LiveSyncSending { .. }
            | Event::LiveSyncSent { .. }
            | Event::LiveSyncNotSent { .. }
            | Event::LogCleared { .. } => return,
        };
        *counter += 1;
    }
}
