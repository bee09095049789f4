//! Events as lines of the device's log, in the vendor's format (LG-01). Decides nothing about keeping them.

use core::fmt::{self, Write as _};

use protocol::DeniedReason;

use crate::{
    Activity, CardOutcome, ConnectionId, Denial, DisabledBy, Event, LastStop, ObjectChange, Operator, Record,
    SessionEnd, Where,
};

impl Record {
    /// The line of the log that tells this event: `yyyy/mm/dd HH:MM:SS tttttttt cccccc iiiiiiii|text`.
    //= LG-01
    pub fn log_line(&self) -> String {
        let connection = self.event.connection().map_or(0, ConnectionId::as_u64);
        // The device has one work session for itself and one for each connection.
        format!(
            "{} {connection:08X} {:06} {connection:08X}|{}",
            self.wall_clock, self.number, self.event
        )
    }
}

impl Event {
    /// The connection that the event is about, if it is about one.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::ManagerConnected { connection, .. }
            | Self::ManagerDenied { connection, .. }
            | Self::SessionEnded { connection, .. }
            | Self::AdministratorGranted { connection, .. }
            | Self::ActivationPasswordWrong { connection, .. }
            | Self::OperationAccepted {
                by: Operator::Remote { connection, .. },
                ..
            }
            | Self::OperationRefused {
                by: Operator::Remote { connection, .. },
                ..
            }
            | Self::CardUsed {
                at: Where::Remote(connection),
                ..
            }
            | Self::Activated(Where::Remote(connection)) => Some(*connection),
            Self::Started { .. }
            | Self::SelfTest { .. }
            | Self::AlgorithmFailed(_)
            | Self::ClockSet { .. }
            | Self::NodeAdded(_)
            | Self::NodeRemoved(_)
            | Self::PartitionChanged { .. }
            | Self::Stopping(_)
            | Self::Off
            | Self::Bound
            | Self::Activated(Where::Local)
            | Self::OtherSetShown
            | Self::DatabaseErased
            | Self::ConsoleLocked
            | Self::ConsoleUnlocked
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::RemoteManagementEnabled
            | Self::RemoteManagementDisabled(_)
            | Self::TurnedAway { .. }
            | Self::DeniedAgain { .. }
            | Self::CardUsed { at: Where::Local, .. }
            | Self::SetFinished(_)
            | Self::SetInvalid(_)
            | Self::CardInvalid { .. }
            | Self::CeremonyReset(_)
            | Self::OperationAccepted {
                by: Operator::Local, ..
            }
            | Self::OperationRefused {
                by: Operator::Local, ..
            }
            | Self::OperationDone(_)
            | Self::UserLoggedIn { .. }
            | Self::LoginRefused { .. }
            | Self::UserBlocked(_)
            | Self::UserUnblocked(_)
            | Self::UserLoggedOut(_)
            | Self::UserCreated { .. }
            | Self::UserRemoved { .. }
            | Self::UserPasswordChanged(_)
            | Self::UserPermissionsChanged { .. }
            | Self::UserDamaged(_)
            | Self::UserTrusted { .. }
            | Self::PasswordPolicyChanged { .. }
            | Self::ObjectChanged { .. }
            | Self::LiveSyncBegun { .. }
            | Self::LiveSyncDone { .. }
            | Self::LiveSyncFailed { .. }
            | Self::LiveSyncSending { .. }
            | Self::LiveSyncSent { .. }
            | Self::LiveSyncNotSent { .. }
            | Self::LogCleared { .. } => None,
        }
    }
}

/// The text of the log line: one line whatever names and labels hold (LG-03).
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { after } => write!(f, "device started after {after}"),
            Self::SelfTest { passed: true } => f.write_str("self test passed"),
            Self::SelfTest { passed: false } => f.write_str("self test FAILED"),
            Self::AlgorithmFailed(algorithm) => write!(f, "self test of {algorithm} FAILED"),
            Self::ClockSet { from, to } => write!(f, "date and time set from {from} to {to}"),
            Self::NodeAdded(node) => write!(f, "replication node added: {node}"),
            Self::NodeRemoved(node) => write!(f, "replication node removed: {node}"),
            Self::PartitionChanged { name, change } => write!(f, "partition {name} {change}"),
            Self::Stopping(stop) => write!(f, "device stops: {stop}"),
            Self::Off => f.write_str("device off"),
            Self::Bound => f.write_str("device bound to a Server Master Key"),
            Self::Activated(at) => write!(f, "device activated {at}"),
            Self::OtherSetShown => f.write_str("set of another Server Master Key shown: reset offered"),
            Self::DatabaseErased => f.write_str("database erased"),
            Self::ConsoleLocked => f.write_str("console locked"),
            Self::ConsoleUnlocked => f.write_str("console unlocked"),
            Self::ServiceStarted => f.write_str("service started"),
            Self::ServiceStopped => f.write_str("service stopped"),
            Self::RemoteManagementEnabled => f.write_str("remote management enabled"),
            Self::RemoteManagementDisabled(by) => write!(f, "remote management disabled by {by}"),
            Self::ManagerConnected {
                peer, cipher_suite, ..
            } => {
                write!(f, "manager connected from {peer}, {}", escape(cipher_suite))
            }
            Self::ManagerDenied { peer, reason, .. } => {
                write!(f, "manager denied from {peer}: {}", DeniedReason::name(*reason))
            }
            Self::TurnedAway { peer, why } => write!(f, "connection turned away from {peer}: {why}"),
            Self::DeniedAgain {
                what: Some((address, what)),
                times,
            } => write!(f, "{what}: {times} more from {address}"),
            Self::DeniedAgain { what: None, times } => {
                write!(f, "connections refused: {times} more from other addresses")
            }
            Self::SessionEnded {
                peer, end, detail, ..
            } => {
                write!(f, "session ended from {peer}: {end}")?;
                detail
                    .as_ref()
                    .map_or(Ok(()), |detail| write!(f, " ({})", escape(detail)))
            }
            Self::CardUsed {
                at,
                serial,
                label,
                outcome,
            } => {
                let serial = serial
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), ToString::to_string);
                let label = label.as_deref().map_or_else(|| "-".to_owned(), escape);
                write!(f, "card used {at}: serial {serial}, label {label}: {outcome}")
            }
            Self::SetFinished(set) => write!(f, "set of cards finished: {set}"),
            Self::SetInvalid(set) => write!(f, "set of cards INVALID, not finished: {set}"),
            Self::CardInvalid {
                serial,
                set: Some(set),
            } => write!(f, "card INVALID, not finished: serial {serial}, of set {set}"),
            Self::CardInvalid { serial, set: None } => {
                write!(f, "card INVALID, not finished: serial {serial}")
            }
            Self::CeremonyReset(reason) => write!(f, "custodian process reset: {}", reason.name()),
            Self::ActivationPasswordWrong { peer, tries_left, .. } => {
                write!(
                    f,
                    "activation password wrong from {peer}: {tries_left} tries left"
                )
            }
            Self::AdministratorGranted { peer, .. } => write!(f, "administrator access granted to {peer}"),
            Self::OperationAccepted { operation, by } => {
                let preposition = if *by == Operator::Local { "at" } else { "from" };
                write!(f, "operation accepted {preposition} {by}: {}", operation.name())
            }
            Self::OperationRefused { operation, by, error } => {
                let preposition = if *by == Operator::Local { "at" } else { "to" };
                write!(
                    f,
                    "operation refused {preposition} {by}: {}: {error}",
                    operation.name()
                )
            }
            Self::OperationDone(operation) => write!(f, "operation done: {}", operation.name()),
            Self::UserLoggedIn { name, peer } => write!(f, "user {name} logged in from {peer}"),
            Self::LoginRefused { name, peer, why } => {
                write!(f, "login of {} refused from {peer}: {why}", escape(name))
            }
            Self::UserBlocked(name) => write!(f, "user {name} blocked"),
            Self::UserUnblocked(name) => write!(f, "user {name} unblocked"),
            Self::UserLoggedOut(name) => write!(f, "user {name} logged out"),
            Self::UserCreated { name, by } => write!(f, "user {name} created by {by}"),
            Self::UserRemoved { name, by } => write!(f, "user {name} removed by {by}"),
            Self::UserPasswordChanged(name) => write!(f, "password of user {name} changed"),
            Self::UserDamaged(id) => {
                write!(f, "user {id} does not open: the record was changed")
            }
            Self::UserPermissionsChanged { name, by } => {
                write!(f, "permissions of user {name} changed by {by}")
            }
            Self::UserTrusted { name, by } => write!(f, "trust in user {name} changed by {by}"),
            Self::PasswordPolicyChanged { by } => write!(f, "password policy changed by {by}"),
            Self::ObjectChanged { object, change, by } => {
                let change = match change {
                    ObjectChange::Created => "created",
                    ObjectChange::Changed => "changed",
                    ObjectChange::Blocked => "blocked",
                    ObjectChange::Unblocked => "unblocked",
                    ObjectChange::Removed => "removed",
                };
                write!(f, "object {object} {change} by {by}")
            }
            Self::LiveSyncBegun { node } => write!(f, "live sync from {node} begun"),
            Self::LiveSyncDone { node, objects } => {
                write!(f, "live sync from {node} done: {objects} objects")
            }
            Self::LiveSyncFailed { node, why } => {
                write!(f, "live sync from {node} failed: {why}; the old database is kept")
            }
            Self::LiveSyncSending { peer } => write!(f, "live sync to {peer} begun"),
            Self::LiveSyncSent { peer, objects } => write!(f, "live sync to {peer} done: {objects} objects"),
            Self::LiveSyncNotSent { peer, why } => write!(f, "live sync to {peer} refused or lost: {why}"),
            Self::LogCleared { by } => write!(f, "log cleared by {by}"),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("the console"),
            Self::Remote { peer, .. } => write!(f, "{peer}"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(reason) => write!(f, "manager denied, {}", reason.name()),
            Self::TurnedAway(why) => write!(f, "connection turned away, {why}"),
            Self::LiveSync(why) => write!(f, "live sync refused or lost, {why}"),
        }
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("locally"),
            Self::Remote(_) => f.write_str("remotely"),
        }
    }
}

impl fmt::Display for LastStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PowerCut => "power was off",
            Self::RemoteRestart => "remote restart",
            Self::RemotePowerOff => "remote switch-off",
            Self::LocalRestart => "local restart",
            Self::LocalPowerOff => "local switch-off",
            Self::FactoryReset => "return to factory mode",
            Self::ModeChange => "change of operating mode",
        })
    }
}

impl fmt::Display for DisabledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Esc => "Esc",
            Self::Activity(Activity::Key) => "local activity: key",
            Self::Activity(Activity::CardInserted) => "local activity: card inserted",
            Self::Activity(Activity::CardRemoved) => "local activity: card removed",
            Self::Activity(Activity::PowerButton) => "local activity: power button",
            Self::LocalStop => "a local restart or switch-off",
        })
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closing(reason) => f.write_str(&reason.name()),
            Self::ClosedByManager => f.write_str("closed by the manager"),
            Self::Finished => f.write_str("connection finished"),
            Self::Reset => f.write_str("connection reset"),
        }
    }
}

impl fmt::Display for CardOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { presented, required } => write!(f, "accepted, {presented} of {required}"),
            Self::Refused(error) => write!(f, "refused, {error}"),
            Self::Managed(deed) => write!(f, "{deed}"),
            Self::Unfit(why) => write!(f, "refused, {why}"),
            Self::Abandoned => f.write_str("abandoned"),
        }
    }
}

/// A text from outside as part of one line: controls, line breaks, bidirectional controls, `|` and `\` as `\u{…}`.
//= LG-03
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let bidirectional = matches!(character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        let line_break = matches!(character, '\u{2028}' | '\u{2029}');
        if character.is_control() || bidirectional || line_break || character == '|' || character == '\\' {
            write!(escaped, "{}", character.escape_unicode()).expect("writing to a string cannot fail");
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::{Instant, WallClock};
    use protocol::ErrorName;

    #[test]
    fn a_line_has_the_vendors_columns() {
        let record = Record {
            at: Instant::POWER_ON,
            wall_clock: WallClock::from_unix_millis(1_795_392_000_000),
            number: 7,
            event: Event::CardUsed {
                at: Where::Remote(ConnectionId::new(0x1F)),
                serial: None,
                label: Some("Ana|\n\u{202E}".into()),
                outcome: CardOutcome::Refused(ErrorName::CardWrongSet),
            },
        };
        assert_eq!(
            record.log_line(),
            "2026/11/23 00:00:00 0000001F 000007 0000001F|card used remotely: serial -, \
             label Ana\\u{7c}\\u{a}\\u{202e}: refused, card_wrong_set"
        );
    }

    #[test]
    fn the_counter_grows_past_six_digits() {
        let event = Event::Off;
        let wall_clock = WallClock::from_unix_millis(0);
        let record = Record {
            at: Instant::POWER_ON,
            wall_clock,
            number: 1_000_000,
            event,
        };
        assert_eq!(
            record.log_line(),
            "1970/01/01 00:00:00 00000000 1000000 00000000|device off"
        );
    }
}
