//! Everything observable that happens to a device, as one typed stream. The log, the console, traces and reports
//! are its readers. Holds no secret.

mod examples;

use core::net::{IpAddr, SocketAddr};

use apdu::Csn;
use machine::{Instant, WallClock};
use protocol::{CeremonyResetReason, ClosingReason, DeniedReason, ErrorName};

use crate::{
    Algorithm, CardDeed, CardSet, CardUnfit, ConnectionId, LastStop, ObjectId, Operation, PartitionChange,
    SetId, SyncRefusal, TurnedAway, UserName, UserRefusal,
};

/// One event with its place in time and order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Monotonic time since power-on of whoever drives the device.
    pub at: Instant,
    /// Calendar time, for the log line.
    pub wall_clock: WallClock,
    /// From 0 at every start of the device. Orders the log when the calendar goes back. Source: LG-01.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// Where a custodian is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// At the device's own reader.
    Local,
    /// At a station.
    Remote(ConnectionId),
}

/// What is local activity. Source: RM-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Any key but Esc.
    Key,
    /// A card was put into the local reader.
    CardInserted,
    /// A card was taken out of the local reader.
    CardRemoved,
    /// The power button while the device was on.
    PowerButton,
}

/// What disabled remote management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledBy {
    /// Esc in the RM box. Source: RM-03.
    Esc,
    /// Local activity. Source: RM-10.
    Activity(Activity),
    /// A local restart or switch-off. Source: RM-12.
    LocalStop,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The device ended it and told the manager why.
    Closing(ClosingReason),
    /// The manager asked with `session.close`.
    ClosedByManager,
    /// The manager's end of the connection was closed.
    Finished,
    /// The connection was reset.
    Reset,
}

/// Who asked for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Somebody at the local console.
    Local,
    /// A manager.
    Remote {
        /// Whose connection.
        connection: ConnectionId,
        /// From where.
        peer: SocketAddr,
    },
}

/// Connections that are refused over and over, as far as they are the same. Source: LG-04.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// A newcomer did not become the manager.
    Denied(DeniedReason),
    /// A connection was turned away before.
    TurnedAway(TurnedAway),
    /// Somebody asked for the database and did not get it.
    LiveSync(SyncRefusal),
}

/// What came of one card dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardOutcome {
    /// The card counts.
    Accepted {
        /// Cards accepted so far.
        presented: u8,
        /// M of the set.
        required: u8,
    },
    /// It does not, for this reason.
    Refused(ErrorName),
    /// The Smart Card Manager did this with it.
    Managed(CardDeed),
    /// The Smart Card Manager had no use for it.
    Unfit(CardUnfit),
    /// The dialog ended before the card could be judged.
    Abandoned,
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// It is new.
    Created,
    /// Something else is said about it.
    Changed,
    /// It is not to be used.
    Blocked,
    /// It is to be used again.
    Unblocked,
    /// It is gone.
    Removed,
}

/// What the device comes up after.
pub type StartedAfter = LastStop;

/// Makes the enum of events, and the list of their kinds that the docs are printed from.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident $(($tuple:ty))? $({ $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+ })?,)+) => {
        /// Everything observable that can happen to a device.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[doc = $doc])+ $variant $(($tuple))? $({ $($(#[doc = $field_doc])+ $field: $type),+ })?),+
        }

        impl Event {
            /// Every kind of event with what it tells, in the order of the type.
            pub const KINDS: &[(&str, &str)] = &[$((stringify!($variant), concat!($($doc),+))),+];

            /// The kind of this event.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($variant)),+ }
            }
        }
    };
}

events! {
    /// The device takes keys, and connections if it listens.
    Started {
        /// Why it was down.
        after: StartedAfter,
    },
    /// The self test of the start has run.
    SelfTest {
        /// Whether every algorithm gave its known answer.
        passed: bool,
    },
    /// An algorithm gave a wrong answer in a self test. Source: LC-06.
    AlgorithmFailed(Algorithm),
    /// A restart, switch-off or reset begins; the key is wiped.
    Stopping(LastStop),
    /// The device is off.
    Off,
    /// A set has bound the device to its Server Master Key, or a first password a Pocket to a new one.
    Bound,
    /// The Server Master Key is in memory.
    Activated(Where),
    /// A complete set of another key was shown at the console, which offers a reset.
    OtherSetShown,
    /// Users and objects are gone; the device is bound to no key.
    DatabaseErased,
    /// The console asks for the set.
    ConsoleLocked,
    /// The set was shown at the console.
    ConsoleUnlocked,
    /// Client sessions are served.
    ServiceStarted,
    /// They are not any more.
    ServiceStopped,
    /// Remote management is enabled, durably.
    RemoteManagementEnabled,
    /// Remote management is disabled, durably.
    RemoteManagementDisabled(DisabledBy),
    /// A manager has taken the place.
    ManagerConnected {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// The cipher suite of its session.
        cipher_suite: String,
    },
    /// A newcomer did not.
    ManagerDenied {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// Why.
        reason: DeniedReason,
    },
    /// A connection ended before it could be a manager's.
    TurnedAway {
        /// Its address.
        peer: SocketAddr,
        /// Why.
        why: TurnedAway,
    },
    /// The same was refused again, that many times since it was first told.
    DeniedAgain {
        /// Whence and what; nothing for all that came from more addresses than are told apart.
        what: Option<(IpAddr, Denial)>,
        /// How many times.
        times: u64,
    },
    /// A session is over; the place is free.
    SessionEnded {
        /// Its connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// Why.
        end: SessionEnd,
        /// What the protocol error was, if it was one.
        detail: Option<String>,
    },
    /// A dialog that powered a card is over. Source: AU-14.
    CardUsed {
        /// At which reader.
        at: Where,
        /// The card's serial number, if it was read.
        serial: Option<Csn>,
        /// The card's label, if it was read after a right PIN.
        label: Option<String>,
        /// What came of it.
        outcome: CardOutcome,
    },
    /// A set of cards was made or copied, to its last card. Source: SC-03, SC-06, SC-08.
    SetFinished(CardSet),
    /// A set of cards was not finished; what its cards hold is not to be used. Source: SC-03, SC-10.
    SetInvalid(CardSet),
    /// A card was not finished; what it holds is not to be used. Source: SC-10.
    CardInvalid {
        /// Which.
        serial: Csn,
        /// Of the set that was not finished, if it was to be of one.
        set: Option<SetId>,
    },
    /// The cards accepted so far no longer count.
    CeremonyReset(CeremonyResetReason),
    /// An activation password was wrong. Source: PK-03.
    ActivationPasswordWrong {
        /// Whose connection.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
        /// Tries until the wait.
        tries_left: u32,
    },
    /// The last custodian, or who knows the activation password, has administrative access. Source: AU-05, PK-02.
    AdministratorGranted {
        /// The connection that has it, and no other.
        connection: ConnectionId,
        /// Its address.
        peer: SocketAddr,
    },
    /// An operation was accepted; it completes whatever happens to its connection. Source: OP-11.
    OperationAccepted {
        /// Which.
        operation: Operation,
        /// Whose.
        by: Operator,
    },
    /// An operation was refused.
    OperationRefused {
        /// Which.
        operation: Operation,
        /// Whose.
        by: Operator,
        /// Why.
        error: ErrorName,
    },
    /// An accepted operation is done.
    OperationDone(Operation),
    /// Somebody has set date and time at the console.
    ClockSet {
        /// What they were.
        from: WallClock,
        /// What they are.
        to: WallClock,
    },
    /// There is a replication node more in the list.
    NodeAdded(IpAddr),
    /// There is one less.
    NodeRemoved(IpAddr),
    /// M of N cards have changed what may be done with a partition.
    PartitionChanged {
        /// Whose.
        name: UserName,
        /// To what.
        change: PartitionChange,
    },
    /// A user has logged in.
    UserLoggedIn {
        /// Who.
        name: UserName,
        /// From where.
        peer: IpAddr,
    },
    /// A login was refused.
    LoginRefused {
        /// As typed, at most its first characters.
        name: String,
        /// From where.
        peer: IpAddr,
        /// Why.
        why: UserRefusal,
    },
    /// A user has typed too many wrong passwords. Source: HC-02.
    UserBlocked(UserName),
    /// A blocked user may try again.
    UserUnblocked(UserName),
    /// A user has left, or was put out.
    UserLoggedOut(UserName),
    /// There is a user more.
    UserCreated {
        /// Who.
        name: UserName,
        /// By whom.
        by: UserName,
    },
    /// There is a user less.
    UserRemoved {
        /// Who.
        name: UserName,
        /// By whom.
        by: UserName,
    },
    /// A user has another password.
    UserPasswordChanged(UserName),
    /// A user may do something else.
    UserPermissionsChanged {
        /// Who.
        name: UserName,
        /// By whom.
        by: UserName,
    },
    /// Somebody is trusted in a partition, or not any more.
    UserTrusted {
        /// Who.
        name: UserName,
        /// Whose partition it is.
        by: UserName,
    },
    /// Other passwords are permitted.
    PasswordPolicyChanged {
        /// By whom.
        by: UserName,
    },
    /// Something was done to an object.
    ObjectChanged {
        /// Which. The log stays readable without the key, so it has no name of an object.
        object: ObjectId,
        /// What.
        change: ObjectChange,
        /// By whom.
        by: UserName,
    },
    /// Another node is asked for its database. Source: OP-05.
    LiveSyncBegun {
        /// Which.
        node: IpAddr,
    },
    /// The database of another node is here in place of the old one.
    LiveSyncDone {
        /// Which.
        node: IpAddr,
        /// How many objects it has.
        objects: u64,
    },
    /// The database of another node did not come over; the old one is as it was. Source: LS-03.
    LiveSyncFailed {
        /// Which.
        node: IpAddr,
        /// Why.
        why: SyncRefusal,
    },
    /// Another node has proved that it has the same key, and is sent the database.
    LiveSyncSending {
        /// From where it asks.
        peer: SocketAddr,
    },
    /// Another node has this database now.
    LiveSyncSent {
        /// From where it asked.
        peer: SocketAddr,
        /// How many objects it has.
        objects: u64,
    },
    /// Somebody asked for the database and did not get it.
    LiveSyncNotSent {
        /// From where.
        peer: SocketAddr,
        /// Why.
        why: SyncRefusal,
    },
    /// The log was thrown away; this is the first line of the new one. Source: LG-02.
    LogCleared {
        /// By whom.
        by: UserName,
    },
    /// A user of the database does not open: what the store holds was changed. Nobody is let in by it.
    UserDamaged(ObjectId),
}
