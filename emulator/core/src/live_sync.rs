//! Database live sync, `hsm-sync/1`: what two devices say to one another, how each proves that it has the same Server
//! Master Key, and the image of a database as a stream of rows. `docs/live-sync.md` has it byte by byte. Holds no
//! connection and decides nothing about who may synchronize; see `device/live_sync.rs`.

mod frame;
mod image;
mod proof;

pub(crate) use frame::{Challenge, Hello, ImageBegin, ImageEnd, Message};
pub use frame::{Frame, FrameBuffer, FrameTooLong};
pub(crate) use image::{ImageHead, Row, encode_row, rows_of};
pub(crate) use proof::{Proofs, StreamMac};

use core::{fmt, time::Duration};

use protocol::{Error, ErrorName};

/// The application protocol of live sync, as TLS names it.
pub const SYNC_ALPN: &[u8] = b"hsm-sync/1";
/// What both ends take out of the TLS session, so that a proof is worth nothing in another. Source: RFC 9266.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
/// Bytes of it.
pub const BINDING_BYTES: usize = 32;

/// The version of the protocol.
pub(crate) const VERSION: u16 = 1;
/// The version of the image's form.
pub(crate) const IMAGE_FORMAT: u16 = 2;
/// Bytes of a challenge.
pub(crate) const NONCE_BYTES: usize = 32;
/// Bytes of a proof, and of the seal at the end of the stream.
pub(crate) const MAC_BYTES: usize = 32;

/// Bytes of a frame after its header, at most.
pub const FRAME_BYTES_MAX: usize = 131_072;
/// Bytes of rows that one chunk carries, as far as a whole row fits.
pub(crate) const CHUNK_BYTES: usize = 114_688;
/// Chunks that may be on their way without having been taken: what bounds the memory of both sides.
pub const CHUNKS_ON_THE_WAY_MAX: usize = 4;
/// Devices that take this one's database at once, at most. Each holds one image of it.
pub const SYNC_PEERS_MAX: usize = 4;
/// How long the other side may say nothing when something is expected of it.
pub const SYNC_SILENCE: Duration = Duration::from_secs(30);
/// Percent between two words of progress.
pub(crate) const PROGRESS_STEP: u64 = 5;

/// Why a live sync came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncRefusal {
    /// The other side speaks another version of the protocol.
    Version,
    /// The image is in a form of another release.
    Format,
    /// The other device is in another operating mode.
    Mode,
    /// The other device has another Server Master Key, or repeats what somebody else proved.
    Key,
    /// The service of the other device is stopped, or it is not activated.
    ServiceStopped,
    /// It is this device.
    Itself,
    /// The other device sends to as many as it can.
    Busy,
    /// What came is not what the protocol has at this point.
    Protocol,
    /// The stream is not what was sent: its length or its seal does not fit.
    Damaged,
    /// The database is too large for this device.
    TooLarge,
    /// There is no connection to the node.
    Unreachable,
    /// The connection ended before the end.
    LinkLost,
    /// The other side said nothing for too long.
    Silent,
    /// This side gave up: its manager left, its service stopped, or something else had to be written.
    Abandoned,
}

impl SyncRefusal {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Version,
        Self::Format,
        Self::Mode,
        Self::Key,
        Self::ServiceStopped,
        Self::Itself,
        Self::Busy,
        Self::Protocol,
        Self::Damaged,
        Self::TooLarge,
        Self::Unreachable,
        Self::LinkLost,
        Self::Silent,
        Self::Abandoned,
    ];

    /// Its name: `data.reason` of the error that a manager gets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "protocol_version",
            Self::Format => "image_format",
            Self::Mode => "mode_mismatch",
            Self::Key => "svmk_mismatch",
            Self::ServiceStopped => "node_service_not_started",
            Self::Itself => "itself",
            Self::Busy => "node_busy",
            Self::Protocol => "protocol_error",
            Self::Damaged => "image_damaged",
            Self::TooLarge => "image_too_large",
            Self::Unreachable => "node_unreachable",
            Self::LinkLost => "link_lost",
            Self::Silent => "node_silent",
            Self::Abandoned => "abandoned",
        }
    }

    /// One sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Version => "the node speaks another version of hsm-sync",
            Self::Format => "the image of the node is in a form of another release",
            Self::Mode => "the node is in another operating mode",
            Self::Key => "the node has another Server Master Key",
            Self::ServiceStopped => "the service of the node is stopped",
            Self::Itself => "a node cannot be synchronized with itself",
            Self::Busy => "the node sends its database to as many others as it can",
            Self::Protocol => "the node does not keep to hsm-sync/1",
            Self::Damaged => "the image was cut or changed on its way",
            Self::TooLarge => "the node's database is too large for this device",
            Self::Unreachable => "there is no connection to the node",
            Self::LinkLost => "the connection to the node was lost",
            Self::Silent => "the node said nothing for too long",
            Self::Abandoned => "live sync was given up, and the old database is kept",
        }
    }

    /// The error that a manager gets, with the vendor's number for the idea where there is one.
    pub fn to_error(self) -> Error {
        let name = match self {
            Self::Key => ErrorName::SvmkMismatch,
            Self::Itself => ErrorName::SyncSelf,
            Self::Version
            | Self::Format
            | Self::Mode
            | Self::ServiceStopped
            | Self::Busy
            | Self::Protocol
            | Self::Damaged
            | Self::TooLarge
            | Self::Unreachable
            | Self::LinkLost
            | Self::Silent
            | Self::Abandoned => ErrorName::SyncFailed,
        };
        name.into_error()
            .saying(self.sentence())
            .with("reason", self.name())
    }

    /// Its number on the wire.
    const fn code(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Format => 2,
            Self::Mode => 3,
            Self::Key => 4,
            Self::ServiceStopped => 5,
            Self::Itself => 6,
            Self::Busy => 7,
            Self::Protocol => 8,
            Self::Damaged => 9,
            Self::TooLarge => 10,
            Self::Unreachable => 11,
            Self::LinkLost => 12,
            Self::Silent => 13,
            Self::Abandoned => 14,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

impl fmt::Display for SyncRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
