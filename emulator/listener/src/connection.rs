//! One connection, from its first byte to its last. One struct a state, named for what it waits for; none of them
//! knows of another connection.

use core::net::SocketAddr;
use std::io::BufRead as _;

use machine::{Instant, Timer};
use protocol::{LineBuffer, LineTooLong};
use rustls::ServerConnection;

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
    /// Nothing more will be said; what still comes is thrown away.
    ExpectEnd(ExpectEnd),
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
pub(crate) fn read(tls: &mut ServerConnection, mut ciphertext: &[u8]) -> Read {
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
pub(crate) fn take_ciphertext(tls: &mut ServerConnection) -> Vec<u8> {
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

    /// When this state has lasted too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::ExpectFirstBytes(state) => state.deadline.deadline(),
            Self::ExpectHandshake(state) => state.deadline.deadline(),
            Self::ExpectLines(_) => None,
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
