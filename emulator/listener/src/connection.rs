//! One connection, from its first byte to its last. One struct a state, named for what it waits for; none of them
//! knows of another connection.

use core::net::SocketAddr;
use std::io::{BufRead as _, Write as _};

use hsm_core::FrameBuffer;
use machine::{Instant, Timer};
use protocol::{LineBuffer, LineTooLong};
use rustls::{ClientConnection, ConnectionCommon, ServerConnection, SideData};

use crate::client_session::HELLO;

/// A connection and what it waits for.
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) state: State,
    /// Bytes handed to the world that it has not sent. Bounded by `OUTPUT_BYTES_MAX`.
    pub(crate) unsent: usize,
    /// Whether the other end has sent its FIN.
    pub(crate) peer_finished: bool,
}

#[expect(
    clippy::enum_variant_names,
    reason = "each is named for what it waits for, as its struct is"
)]
pub(crate) enum State {
    ExpectFirstBytes(ExpectFirstBytes),
    ExpectHandshake(ExpectHandshake),
    /// The device knows this connection.
    ExpectLines(ExpectLines),
    /// The device asked for this connection, which is not there yet, or whose TLS handshake is under way.
    ExpectNode(ExpectNode),
    /// Live sync, in either direction.
    ExpectFrames(ExpectFrames),
    /// Nothing more will be said; what still comes is thrown away.
    ExpectEnd(ExpectEnd),
}

/// What is waited for on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The bytes that say what it is.
    FirstBytes,
    /// The end of the TLS handshake.
    Handshake,
    /// Lines of a session.
    Lines,
    /// Frames of live sync.
    Frames,
    /// The end; nothing more will be said.
    End,
}

/// Not a byte that decides has come.
pub(crate) struct ExpectFirstBytes {
    pub(crate) deadline: Timer,
    pub(crate) received: Vec<u8>,
}

/// The handshake is under way.
pub(crate) struct ExpectHandshake {
    pub(crate) deadline: Timer,
    pub(crate) tls: Box<ServerConnection>,
}

/// A session, or a denial on its way out.
pub(crate) struct ExpectLines {
    pub(crate) tls: Box<ServerConnection>,
    pub(crate) lines: LineBuffer,
}

/// Another node is being connected to. The device has the limit for it.
pub(crate) struct ExpectNode {
    pub(crate) tls: Box<ClientConnection>,
}

/// TLS of a connection on which either side may have been the caller.
pub(crate) enum Tls {
    Theirs(Box<ServerConnection>),
    Ours(Box<ClientConnection>),
}

impl Tls {
    /// Feeds ciphertext in and takes the plaintext out.
    pub(crate) fn read(&mut self, ciphertext: &[u8]) -> Read {
        match self {
            Self::Theirs(tls) => read(tls, ciphertext),
            Self::Ours(tls) => read(tls, ciphertext),
        }
    }

    /// The ciphertext that it wants to send.
    pub(crate) fn take_ciphertext(&mut self) -> Vec<u8> {
        match self {
            Self::Theirs(tls) => take_ciphertext(tls),
            Self::Ours(tls) => take_ciphertext(tls),
        }
    }

    /// The ciphertext of these bytes; `None` if the other end has broken TLS.
    pub(crate) fn encrypt(&mut self, mut plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut ciphertext = Vec::with_capacity(plaintext.len() + plaintext.len() / 64 + 64);
        while !plaintext.is_empty() {
            // It takes as much at once as its own buffer may hold.
            let written = match self {
                Self::Theirs(tls) => tls.writer().write(plaintext),
                Self::Ours(tls) => tls.writer().write(plaintext),
            };
            let len = written.ok().filter(|len| *len > 0)?;
            plaintext = &plaintext[len..];
            ciphertext.extend(self.take_ciphertext());
        }
        Some(ciphertext)
    }

    pub(crate) fn send_close_notify(&mut self) {
        match self {
            Self::Theirs(tls) => tls.send_close_notify(),
            Self::Ours(tls) => tls.send_close_notify(),
        }
    }
}

/// Live sync.
pub(crate) struct ExpectFrames {
    pub(crate) tls: Tls,
    pub(crate) frames: FrameBuffer,
}

/// The last line is sent and our half is closed.
pub(crate) struct ExpectEnd {
    pub(crate) deadline: Timer,
    /// Bytes thrown away so far.
    pub(crate) discarded: usize,
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstBytes {
    /// Too few to tell.
    Undecided,
    Tls,
    ClientSession,
    Unknown,
}

/// The record type of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

impl FirstBytes {
    pub(crate) fn of(received: &[u8]) -> Self {
        match received {
            [TLS_HANDSHAKE, ..] => Self::Tls,
            _ if received.len() >= HELLO.len() && received.starts_with(&HELLO) => Self::ClientSession,
            _ if HELLO.starts_with(received) => Self::Undecided,
            _ => Self::Unknown,
        }
    }
}

/// What TLS made of the bytes that came.
pub(crate) struct Read {
    pub(crate) plaintext: Vec<u8>,
    /// The other end has said `close_notify`.
    pub(crate) closed: bool,
    /// The other end broke TLS; what was read before still counts.
    pub(crate) broken: bool,
}

/// Feeds ciphertext to TLS and takes the plaintext out.
pub(crate) fn read<Side>(tls: &mut ConnectionCommon<Side>, mut ciphertext: &[u8]) -> Read
where
    Side: SideData,
{
    let mut read = Read {
        plaintext: Vec::new(),
        closed: false,
        broken: false,
    };
    while !ciphertext.is_empty() && !read.closed && !read.broken {
        // Reading from memory fails only if TLS refuses to take more, which it does after `close_notify`.
        let Ok(1..) = tls.read_tls(&mut ciphertext) else {
            break;
        };
        let state = tls.process_new_packets();
        read.broken = state.is_err();
        read.closed = state.is_ok_and(|state| state.peer_has_closed());
        // Anything else than bytes only says that there are no more for now, or never again.
        let mut reader = tls.reader();
        while let Ok(plaintext @ [_, ..]) = reader.fill_buf() {
            read.plaintext.extend_from_slice(plaintext);
            let len = plaintext.len();
            reader.consume(len);
        }
    }
    read
}

/// The ciphertext that TLS wants to send.
pub(crate) fn take_ciphertext<Side: SideData>(tls: &mut ConnectionCommon<Side>) -> Vec<u8> {
    let mut ciphertext = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut ciphertext)
            .expect("writing to memory cannot fail");
    }
    ciphertext
}

impl ExpectLines {
    /// The next whole line of what was read.
    pub(crate) fn next_line(&mut self) -> Option<Result<Vec<u8>, LineTooLong>> {
        self.lines.next_line()
    }
}

impl State {
    /// Whether it still counts against the limit of unfinished handshakes.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self, Self::ExpectFirstBytes(_) | Self::ExpectHandshake(_))
    }

    /// Whether all that is left is to wait for the other end.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self, Self::ExpectEnd(_))
    }

    /// What it is called.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::ExpectFirstBytes(_) => Phase::FirstBytes,
            Self::ExpectHandshake(_) | Self::ExpectNode(_) => Phase::Handshake,
            Self::ExpectLines(_) => Phase::Lines,
            Self::ExpectFrames(_) => Phase::Frames,
            Self::ExpectEnd(_) => Phase::End,
        }
    }

    /// When this state has lasted too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::ExpectFirstBytes(state) => state.deadline.deadline(),
            Self::ExpectHandshake(state) => state.deadline.deadline(),
            // The device has the limits of these.
            Self::ExpectLines(_) | Self::ExpectNode(_) | Self::ExpectFrames(_) => None,
            Self::ExpectEnd(state) => state.deadline.deadline(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_as_soon_as_they_can() {
        assert_eq!(FirstBytes::of(&[]), FirstBytes::Undecided);
        assert_eq!(FirstBytes::of(&[0x16]), FirstBytes::Tls);
        assert_eq!(FirstBytes::of(b"OLE"), FirstBytes::Undecided);
        assert_eq!(FirstBytes::of(b"OLEH"), FirstBytes::ClientSession);
        assert_eq!(FirstBytes::of(b"OLEHxxxx"), FirstBytes::ClientSession);
        assert_eq!(FirstBytes::of(b"OLD"), FirstBytes::Unknown);
        assert_eq!(FirstBytes::of(b"GET / HTTP/1.1"), FirstBytes::Unknown);
    }
}
