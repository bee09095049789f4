//! One TCP connection as a value: two directions of a byte stream, their delay and their faults. Never looks into
//! the bytes, and draws no chance that depends on how many there are in the writes before.

use crate::Seed;
use core::{fmt, time::Duration};
use machine::Instant;
use std::collections::VecDeque;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that opened it.
    Client,
    /// The end that accepted it.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Into which segments a write is cut. All segments of a write arrive at the same instant, in order: a split
/// changes what a reader sees at once, never when, so that instants do not depend on the length of a ciphertext.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// As it was sent.
    #[default]
    Whole,
    /// One segment a byte.
    EveryByte,
    /// This many segments, as equal as can be; fewer if the write has fewer bytes. 0 is the same as 1.
    Pieces(usize),
    /// Segments of lengths drawn from the seed, the side and the number of the write.
    Seeded(Seed),
}

/// How a link carries what is sent from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// From one end to the other.
    pub delay: Duration,
    /// How writes are cut into segments.
    pub split: Split,
}

/// Something that goes wrong at one write. Writes are counted from 1 for each side; a write of no bytes is none.
///
/// A fault names a write and not a byte because the records of a TLS handshake differ in length from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The cable is cut, see [`Link::cut`], when write `n` of `side` has arrived as a whole.
    CutAfterWrite {
        /// Who writes.
        side: Side,
        /// Which write, from 1.
        n: u64,
    },
    /// Write `n` of `side` and what it sends later stays in flight until [`Link::release`] for its peer.
    HoldFromWrite {
        /// Who writes.
        side: Side,
        /// Which write, from 1.
        n: u64,
    },
    /// Write `n` of `side` takes longer. What is sent later queues behind it.
    DelayWrite {
        /// Who writes.
        side: Side,
        /// Which write, from 1.
        n: u64,
        /// How much longer.
        by: Duration,
    },
}

impl Fault {
    /// Who writes, and which write, from 1.
    pub const fn write(self) -> (Side, u64) {
        match self {
            Self::CutAfterWrite { side, n }
            | Self::HoldFromWrite { side, n }
            | Self::DelayWrite { side, n, .. } => (side, n),
        }
    }
}

/// A fault was put on a write that has already been sent, or on write 0: it would never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteHasGone {
    /// The fault that was refused.
    pub fault: Fault,
    /// How many writes that side has sent.
    pub writes: u64,
}

impl fmt::Display for WriteHasGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (side, n) = self.fault.write();
        let next = self.writes + 1;
        write!(
            f,
            "add fault to a write of the {side}: expected write {next} or a later one, got {n}"
        )
    }
}

impl core::error::Error for WriteHasGone {}

/// What one end notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes, never none.
    Bytes(Vec<u8>),
    /// The peer sends nothing more (FIN). It may still read.
    Finished,
    /// The peer has thrown the connection away (RST). Nothing arrives after it.
    Reset,
}

/// One connection. Nothing on it ever overtakes what the same side sent before, even if the delay has shrunk.
///
/// It has no limit on what is in flight: whoever plays a sender reads [`in_flight_len`](Self::in_flight_len) and
/// applies the limit under test.
#[derive(Clone, Debug)]
pub struct Link {
    /// How it carries what is sent from now on. What is in flight keeps the instant it was given.
    pub settings: LinkSettings,
    state: State,
    from_client: Direction,
    from_server: Direction,
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Both ends are there.
    Up,
    /// This side has thrown the connection away and its peer has yet to learn of it.
    ResetBy(Side),
    /// Nothing arrives any more.
    Down,
}

/// What one side sends.
#[derive(Clone, Debug, Default)]
struct Direction {
    segments: VecDeque<Segment>,
    bytes_in_flight: usize,
    /// How many writes have been sent.
    writes: u64,
    /// Nothing sent later arrives before this.
    not_before: Instant,
    /// Segments of this write and later ones are not taken by the reader.
    held_from: Option<u64>,
    /// What was held arrives at this instant at the earliest.
    released_at: Instant,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// The FIN is in flight.
    Sent,
    /// The FIN has arrived.
    Arrived,
}

#[derive(Clone, Debug)]
struct Segment {
    at: Instant,
    /// The number of its write; of a FIN or RST, the number of the last one before it.
    write: u64,
    arrival: Arrival,
    cut_after: bool,
}

impl Link {
    /// A connection that both ends know to be open.
    pub fn new(settings: LinkSettings) -> Self {
        Self {
            settings,
            state: State::Up,
            from_client: Direction::default(),
            from_server: Direction::default(),
            faults: Vec::new(),
        }
    }

    /// Sends one write. No bytes are no write. What is sent to a peer that is gone is lost without a word, as the
    /// sender cannot know yet.
    ///
    /// # Panics
    /// If `side` has already called [`finish`](Self::finish).
    pub fn send(&mut self, now: Instant, side: Side, bytes: Vec<u8>) {
        assert!(
            self.sent_by(side).end == End::Open,
            "the {side} sent bytes after it had finished"
        );
        if bytes.is_empty() || self.state != State::Up {
            return;
        }
        let LinkSettings { mut delay, split } = self.settings;
        let mut cut_after = false;
        let (direction, faults) = self.sent_by_mut(side);
        direction.writes += 1;
        let write = direction.writes;
        faults.retain(|fault| {
            if fault.write() != (side, write) {
                return true;
            }
            match *fault {
                Fault::CutAfterWrite { .. } => cut_after = true,
                Fault::HoldFromWrite { .. } => {
                    direction.held_from.get_or_insert(write);
                }
                Fault::DelayWrite { by, .. } => delay = delay.saturating_add(by),
            }
            false
        });

        direction.bytes_in_flight += bytes.len();
        let mut push = |bytes| direction.push(now + delay, Arrival::Bytes(bytes));
        match split {
            Split::Whole => push(bytes),
            Split::EveryByte => bytes.into_iter().for_each(|byte| push(vec![byte])),
            Split::Pieces(pieces) => push_pieces(&bytes, pieces.max(1), push),
            Split::Seeded(seed) => {
                push_seeded(&bytes, seed.child_named(&side.to_string()).child(write), push);
            }
        }
        if let Some(last) = direction.segments.back_mut() {
            last.cut_after = cut_after;
        }
    }

    /// Sends the FIN of `side` behind what it sent. Once is enough; more does nothing.
    pub fn finish(&mut self, now: Instant, side: Side) {
        let delay = self.settings.delay;
        let is_up = self.state == State::Up;
        let (direction, _) = self.sent_by_mut(side);
        if direction.end != End::Open {
            return;
        }
        direction.end = End::Sent;
        if is_up {
            direction.push(now + delay, Arrival::Finished);
        }
    }

    /// Sends the RST of `side`: the connection is thrown away. What is in flight in either direction is lost, and so
    /// is what the peer sends until it learns of it. The RST overtakes nothing, so it arrives no earlier than the
    /// bytes it destroyed would have; a peer that is held learns of it when released. If the peer is gone, or has
    /// itself reset, nobody is told.
    pub fn reset(&mut self, now: Instant, side: Side) {
        if self.is_over() || self.state == State::ResetBy(side) {
            return;
        }
        let was_up = self.state == State::Up;
        self.cut();
        if was_up {
            self.state = State::ResetBy(side);
            let delay = self.settings.delay;
            self.sent_by_mut(side).0.push(now + delay, Arrival::Reset);
        }
    }

    /// The cable is cut, or an end loses power: nothing arrives any more in either direction, no FIN, no RST. Also
    /// lost is what a held peer had not taken.
    pub fn cut(&mut self) {
        self.state = State::Down;
        for direction in [&mut self.from_client, &mut self.from_server] {
            direction.segments.clear();
            direction.bytes_in_flight = 0;
        }
    }

    /// `side` stops reading: what its peer sent and sends stays in flight until [`release`](Self::release).
    pub fn hold(&mut self, side: Side) {
        self.sent_by_mut(side.peer()).0.held_from = Some(0);
    }

    /// `side` reads again: what was kept from it by [`hold`](Self::hold) or [`Fault::HoldFromWrite`] arrives at
    /// `now`, or at its own later instant.
    pub fn release(&mut self, now: Instant, side: Side) {
        let (direction, _) = self.sent_by_mut(side.peer());
        direction.held_from = None;
        direction.released_at = now;
    }

    /// Puts a fault on a write that is yet to come. Several faults may name one write; each happens once.
    pub fn add_fault(&mut self, fault: Fault) -> Result<(), WriteHasGone> {
        let (side, n) = fault.write();
        let writes = self.writes(side);
        if n <= writes {
            return Err(WriteHasGone { fault, writes });
        }
        self.faults.push(fault);
        Ok(())
    }

    /// The faults whose write has not come: a scenario that ends with some of them did not test what it says.
    pub fn faults_left(&self) -> &[Fault] {
        &self.faults
    }

    /// How many writes `side` has sent.
    pub fn writes(&self, side: Side) -> u64 {
        self.sent_by(side).writes
    }

    /// How many bytes `side` has sent that its peer has not taken. 0 once the connection is reset or cut.
    pub fn in_flight_len(&self, side: Side) -> usize {
        self.sent_by(side).bytes_in_flight
    }

    /// Whether nothing will ever arrive at either end: both FINs or an RST have arrived, or it was cut.
    pub fn is_over(&self) -> bool {
        self.state == State::Down
            || self.from_client.end == End::Arrived && self.from_server.end == End::Arrived
    }

    /// When the next thing arrives at either end. What is held has no instant.
    pub fn next_at(&self) -> Option<Instant> {
        let instants = [self.from_client.next_at(), self.from_server.next_at()];
        instants.into_iter().flatten().min()
    }

    /// The next thing that has arrived by `now` and the side **at which** it arrived; call again until `None`. At
    /// the same instant the server is first.
    pub fn poll(&mut self, now: Instant) -> Option<(Side, Arrival)> {
        let at = self.next_at().filter(|at| *at <= now)?;
        let from = if self.from_client.next_at() == Some(at) {
            Side::Client
        } else {
            Side::Server
        };
        let (direction, _) = self.sent_by_mut(from);
        let segment = direction.segments.pop_front().expect("it had a next instant");
        match &segment.arrival {
            Arrival::Bytes(bytes) => direction.bytes_in_flight -= bytes.len(),
            Arrival::Finished => direction.end = End::Arrived,
            Arrival::Reset => self.state = State::Down,
        }
        if segment.cut_after {
            self.cut();
        }
        Some((from.peer(), segment.arrival))
    }

    const fn sent_by(&self, side: Side) -> &Direction {
        match side {
            Side::Client => &self.from_client,
            Side::Server => &self.from_server,
        }
    }

    const fn sent_by_mut(&mut self, side: Side) -> (&mut Direction, &mut Vec<Fault>) {
        match side {
            Side::Client => (&mut self.from_client, &mut self.faults),
            Side::Server => (&mut self.from_server, &mut self.faults),
        }
    }
}

impl Direction {
    fn push(&mut self, at: Instant, arrival: Arrival) {
        self.not_before = self.not_before.max(at);
        self.segments.push_back(Segment {
            at: self.not_before,
            write: self.writes,
            arrival,
            cut_after: false,
        });
    }

    fn next_at(&self) -> Option<Instant> {
        let segment = self.segments.front()?;
        let is_held = self.held_from.is_some_and(|write| segment.write >= write);
        (!is_held).then(|| segment.at.max(self.released_at))
    }
}

/// The first `len % pieces` pieces are one byte longer than the others.
fn push_pieces(mut bytes: &[u8], pieces: usize, mut push: impl FnMut(Vec<u8>)) {
    let mut pieces_left = pieces.min(bytes.len());
    while pieces_left > 0 {
        let (piece, rest) = bytes.split_at(bytes.len().div_ceil(pieces_left));
        push(piece.to_vec());
        bytes = rest;
        pieces_left -= 1;
    }
}

/// Half of the lengths are small, where parsers break; the others are anything that is left.
fn push_seeded(mut bytes: &[u8], seed: Seed, mut push: impl FnMut(Vec<u8>)) {
    const SMALL_LEN_MAX: u64 = 8;
    let mut pieces = 0;
    while !bytes.is_empty() {
        let drawn = seed.child(pieces).0;
        let left = u64::try_from(bytes.len()).expect("no write is longer than memory");
        let len_max = if drawn & 1 == 0 {
            SMALL_LEN_MAX.min(left)
        } else {
            left
        };
        let len = usize::try_from((drawn >> 1) % len_max + 1).expect("no longer than what is left");
        let (piece, rest) = bytes.split_at(len);
        push(piece.to_vec());
        bytes = rest;
        pieces += 1;
    }
}

#[cfg(test)]
mod tests;
