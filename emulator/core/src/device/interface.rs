//! What can happen to a device, and what it asks of the world. Decides nothing.

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use apdu::{ReaderAnswer, ReaderCommand};

use super::{ImportStep, SyncInput};
use crate::{
    Algorithm, Change, Derivation, DerivedKey, Fetched, GeneratedKey, Generation, Key, Query, Record,
    UserAnswer, UserRequest, UserSession,
};

/// One network connection to the device, numbered by whoever accepts them, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with this number; 0 is left for the device itself in the log.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A durable write on its way. Writes become durable in the order of their tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// A derivation, a key that is being made or a read of the database on its way; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job(pub(super) u64);

/// What can happen to a device.
#[derive(Clone, Debug)]
pub enum Input {
    /// The mains came back after a cut; a device that was switched on starts by itself.
    PowerReturned,
    /// Somebody pressed the power button.
    PowerButton,
    /// Somebody pressed a key.
    Key(Key),
    /// Somebody put a card into the local reader or took it out.
    LocalCard(LocalCard),
    /// The local reader answered the last [`Output::LocalReader`].
    LocalReader(ReaderAnswer),
    /// A TLS handshake with our ALPN is complete.
    Arrived {
        /// The new connection.
        connection: ConnectionId,
        /// Where it comes from.
        peer: SocketAddr,
        /// The cipher suite of the session.
        cipher_suite: String,
    },
    /// A line came, given without its LF.
    Line {
        /// On which connection.
        connection: ConnectionId,
        /// What it says.
        line: Vec<u8>,
    },
    /// A line grew past its limit.
    LineTooLong {
        /// On which connection.
        connection: ConnectionId,
    },
    /// Too much output waits for this manager.
    Slow {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The connection is over at the other end.
    Gone {
        /// Which.
        connection: ConnectionId,
        /// How.
        how: Gone,
    },
    /// A connection ended before it could be a manager's. For the log only.
    TurnedAway {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        why: TurnedAway,
    },
    /// From now on this algorithm gives a wrong answer in every self test; nothing takes it back. Source: LC-06.
    SelfTestFault(Option<Algorithm>),
    /// Where the HTTP console is, if the world serves one: what managers are told. Source: HT-01.
    HttpConsoleAt(SocketAddr),
    /// The write with this ticket is durable.
    Persisted(Ticket),
    /// A derivation is done.
    Derived {
        /// Which.
        job: Job,
        /// What came of it.
        derived: DerivedKey,
    },
    /// Something of the database was read.
    Fetched {
        /// For which job.
        job: Job,
        /// What there is.
        fetched: Fetched,
    },
    /// A key was made, or could not be.
    Generated {
        /// For which job.
        job: Job,
        /// The key.
        key: Option<GeneratedKey>,
    },
    /// The store has taken a step of an import.
    Imported(Job),
    /// Something happened to a connection of live sync.
    Sync(SyncInput),
    /// A user of the database asks for something. Nobody is a user before a login.
    User {
        /// In which conversation.
        session: UserSession,
        /// From where.
        peer: IpAddr,
        /// What.
        request: UserRequest,
    },
    /// A user's conversation is over at the other end.
    UserGone {
        /// Which.
        session: UserSession,
    },
    /// Nobody reads the log any more that is told in this conversation, which goes on.
    FollowerGone {
        /// Which.
        session: UserSession,
    },
}

/// What somebody did with a card at the local reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCard {
    /// Put in.
    Inserted,
    /// Taken out.
    Removed,
}

/// How a connection ended at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// By a FIN, or by TLS's `close_notify`.
    Finished,
    /// By a reset, or by breaking TLS.
    Reset,
}

/// Why a connection was not even denied. Source: RM-06, RM-23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnedAway {
    /// Its first bytes are neither TLS nor a client session.
    NotTls,
    /// The TLS handshake failed: version, cipher suite, ALPN or garbage.
    HandshakeFailed,
    /// The handshake was not finished in time.
    HandshakeTimeout,
    /// It was the oldest of too many unfinished handshakes.
    TooManyHandshakes,
    /// It went away before the handshake was finished.
    Left,
    /// The port closed before the handshake was finished.
    PortClosed,
    /// A client session of the HSM service, which is not emulated yet.
    ClientSession,
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTls => "neither TLS nor a client session",
            Self::HandshakeFailed => "TLS handshake failed",
            Self::HandshakeTimeout => "TLS handshake not finished in time",
            Self::TooManyHandshakes => "oldest of too many unfinished handshakes",
            Self::PortClosed => "the port closed before the TLS handshake was finished",
            Self::Left => "left before the TLS handshake was finished",
            Self::ClientSession => "client sessions are not served",
        })
    }
}

/// What a device asks of the world.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open (true) or close (false) port 4433 to newcomers. Sessions that are there stay.
    Listen(bool),
    /// The network goes down with everything on it; nobody is told.
    NetworkDown,
    /// Send a line, LF included, to a connection that may be gone already.
    Send {
        /// To which connection.
        connection: ConnectionId,
        /// What.
        line: String,
    },
    /// End a connection after what was sent on it.
    End {
        /// Which.
        connection: ConnectionId,
    },
    /// Make these changes durable, all or none of them, then answer [`Input::Persisted`].
    Persist {
        /// To be given back.
        ticket: Ticket,
        /// In this order. There may be none: whoever waits must not see the difference.
        changes: Vec<Change>,
    },
    /// Do this, aside if it takes long, then answer [`Input::Derived`].
    Derive {
        /// To be given back.
        job: Job,
        /// What.
        derivation: Derivation,
    },
    /// Read this of the database as it is after everything that was handed out to be persisted before, then answer
    /// [`Input::Fetched`].
    Fetch {
        /// To be given back.
        job: Job,
        /// What.
        query: Query,
    },
    /// Forget this image of the database. There is no answer.
    CloseImage(u64),
    /// Take a step of the database that comes over, in one order with what is persisted, then answer
    /// [`Input::Imported`] if there is a job.
    Import {
        /// To be given back, if an answer is wanted.
        job: Option<Job>,
        /// What.
        step: ImportStep,
    },
    /// Connect to another node for live sync, at the port where this device's own is.
    Connect {
        /// The connection's number.
        connection: ConnectionId,
        /// Where.
        node: IpAddr,
    },
    /// Send a frame of live sync to a connection that may be gone already.
    SendFrame {
        /// To which connection.
        connection: ConnectionId,
        /// Its bytes, the header included.
        frame: Vec<u8>,
    },
    /// Make a key, aside if it takes long, then answer [`Input::Generated`].
    Generate {
        /// To be given back.
        job: Job,
        /// What kind.
        generation: Generation,
    },
    /// Answer a user, or tell one something.
    User {
        /// In which conversation.
        session: UserSession,
        /// What.
        answer: UserAnswer,
    },
    /// Give the whole log to a user.
    RetrieveLog {
        /// In which conversation.
        session: UserSession,
    },
    /// Throw the log away. The event that follows begins the new one.
    ClearLog,
    /// Ask the local reader; it answers [`Input::LocalReader`].
    LocalReader(ReaderCommand),
    /// Something happened.
    Event(Record),
}
