//! One event of every kind, for the page of the docs that shows their lines. Nothing here happens to a device.

use apdu::Csn;
use machine::{Instant, WallClock};
use protocol::{CeremonyResetReason, DeniedReason, ErrorName};

use super::{CardOutcome, Denial, DisabledBy, Event, ObjectChange, Operator, Record, SessionEnd, Where};
use crate::{
    Algorithm, CardSet, ConnectionId, LastStop, ObjectId, Operation, PartitionChange, Purpose, Scheme, SetId,
    SyncRefusal, TurnedAway, UserName, UserRefusal,
};

impl Event {
    /// One event of every kind, in the order of the type, as the page of the docs shows them.
    pub fn examples() -> Vec<Self> {
        let connection = ConnectionId::new(1);
        let peer = ([203, 0, 113, 1], 40_001).into();
        let address = [203, 0, 113, 1].into();
        let by = Operator::Remote { connection, peer };
        let user = |name| UserName::parse(name).expect("the examples are names");
        let set = CardSet {
            id: SetId(*b"\x5E\x70\x0F\x3A\x91\x02\xC4\xD8"),
            purpose: Purpose::ServerMasterKey,
            scheme: Scheme::new(2, 3).expect("2 of 3 is a scheme"),
        };
        let (ana, master) = (user("ana"), UserName::master());
        vec![
            Self::Started {
                after: LastStop::RemoteRestart,
            },
            Self::SelfTest { passed: true },
            Self::AlgorithmFailed(Algorithm::Aes256Gcm),
            Self::Stopping(LastStop::RemoteRestart),
            Self::Off,
            Self::Bound,
            Self::Activated(Where::Remote(connection)),
            Self::OtherSetShown,
            Self::DatabaseErased,
            Self::ConsoleLocked,
            Self::ConsoleUnlocked,
            Self::ServiceStarted,
            Self::ServiceStopped,
            Self::RemoteManagementEnabled,
            Self::RemoteManagementDisabled(DisabledBy::Esc),
            Self::ManagerConnected {
                connection,
                peer,
                cipher_suite: "TLS13_AES_256_GCM_SHA384".into(),
            },
            Self::ManagerDenied {
                connection,
                peer,
                reason: DeniedReason::Busy,
            },
            Self::TurnedAway {
                peer,
                why: TurnedAway::NotTls,
            },
            Self::DeniedAgain {
                what: Some((address, Denial::Denied(DeniedReason::Busy))),
                times: 17,
            },
            Self::SessionEnded {
                connection,
                peer,
                end: SessionEnd::Finished,
                detail: None,
            },
            Self::CardUsed {
                at: Where::Remote(connection),
                serial: Some(Csn(
                    *b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x01\x00",
                )),
                label: Some("Ana".into()),
                outcome: CardOutcome::Accepted {
                    presented: 1,
                    required: 2,
                },
            },
            Self::SetFinished(set),
            Self::SetInvalid(set),
            Self::CardInvalid {
                serial: Csn(*b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x01\x00"),
                set: Some(set.id),
            },
            Self::CeremonyReset(CeremonyResetReason::Interval),
            Self::ActivationPasswordWrong {
                connection,
                peer,
                tries_left: 5,
            },
            Self::AdministratorGranted { connection, peer },
            Self::OperationAccepted {
                operation: Operation::Restart,
                by,
            },
            Self::OperationRefused {
                operation: Operation::SetMode,
                by,
                error: ErrorName::ConfirmationMismatch,
            },
            Self::OperationDone(Operation::Restart),
            Self::ClockSet {
                from: WallClock::from_unix_millis(1_795_392_000_000),
                to: WallClock::from_unix_millis(1_795_395_600_000),
            },
            Self::NodeAdded([192, 0, 2, 20].into()),
            Self::NodeRemoved([192, 0, 2, 20].into()),
            Self::PartitionChanged {
                name: ana.clone(),
                change: PartitionChange::Authorized,
            },
            Self::UserLoggedIn {
                name: ana.clone(),
                peer: address,
            },
            Self::LoginRefused {
                name: "ana|\n".into(),
                peer: address,
                why: UserRefusal::LoginFailed,
            },
            Self::UserBlocked(ana.clone()),
            Self::UserUnblocked(ana.clone()),
            Self::UserLoggedOut(ana.clone()),
            Self::UserCreated {
                name: ana.clone(),
                by: master.clone(),
            },
            Self::UserRemoved {
                name: ana.clone(),
                by: master.clone(),
            },
            Self::UserPasswordChanged(ana.clone()),
            Self::UserPermissionsChanged {
                name: ana.clone(),
                by: master.clone(),
            },
            Self::UserTrusted {
                name: master.clone(),
                by: ana.clone(),
            },
            Self::PasswordPolicyChanged { by: master.clone() },
            Self::ObjectChanged {
                object: ObjectId::new([0x5C; ObjectId::BYTES]),
                change: ObjectChange::Created,
                by: ana,
            },
            Self::LiveSyncBegun { node: address },
            Self::LiveSyncDone {
                node: address,
                objects: 1024,
            },
            Self::LiveSyncFailed {
                node: address,
                why: SyncRefusal::LinkLost,
            },
            Self::LiveSyncSending { peer },
            Self::LiveSyncSent { peer, objects: 1024 },
            Self::LiveSyncNotSent {
                peer,
                why: SyncRefusal::Key,
            },
            Self::LogCleared { by: master },
            Self::UserDamaged(ObjectId::new([0x5C; ObjectId::BYTES])),
        ]
    }

    /// Every kind with what it tells and the line of its example, as Markdown.
    pub fn table() -> String {
        let mut page = String::from("| event | what it tells | a line of it |\n|---|---|---|\n");
        for ((kind, told), (number, event)) in Self::KINDS.iter().zip((0..).zip(Self::examples())) {
            let record = Record {
                at: Instant::POWER_ON,
                wall_clock: WallClock::from_unix_millis(1_767_225_600_000),
                number,
                event,
            };
            let line = record.log_line().replace('|', "\\|");
            page.extend(["| ", kind, " | ", told.trim(), " | `", &line, "` |\n"]);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    #[test]
    fn every_kind_has_one_example_on_one_line() {
        let kinds: Vec<_> = Event::KINDS.iter().map(|(kind, _)| *kind).collect();
        let shown: Vec<_> = Event::examples().iter().map(Event::kind).collect();
        assert_eq!(shown, kinds);
        for event in Event::examples() {
            assert_eq!(event.to_string().lines().count(), 1, "{event:?}");
        }
    }
}
