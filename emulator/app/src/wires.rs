//! The connections to the device, each in its turn, so that none that always has something to say keeps the others
//! waiting. Knows no more of them than their numbers.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, ready},
};

use hsm_core::ConnectionId;
use hsm_listener::{Input, LINGER_TIMEOUT, LINGERING_MAX};
use machine::Instant;

use crate::wire::{Moved, Wire};

/// Bytes read at once. One TLS record and a little more.
const READ_BYTES: usize = 17 * 1024;

/// Connections of which it is known, after their end, how much was read from them; the oldest are forgotten.
pub(crate) const ENDED_KEPT: usize = 1024;

/// Connections by their numbers. The listener bounds how many there are.
pub(crate) struct Wires {
    by_number: BTreeMap<ConnectionId, Wire>,
    /// The number after that of the one that was last in turn.
    turn: ConnectionId,
    buffer: Box<[u8]>,
    /// Connections that the device has closed and that have not sent everything, each with the end of its time. All have
    /// as long, so the first is the next.
    closing: VecDeque<(Instant, Wire)>,
    /// The connections that ended last, with the bytes that were read from each.
    ended: VecDeque<(ConnectionId, u64)>,
}

impl Wires {
    pub(crate) fn new() -> Self {
        Self {
            by_number: BTreeMap::new(),
            turn: ConnectionId::new(0),
            buffer: vec![0; READ_BYTES].into(),
            closing: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }

    pub(crate) fn insert(&mut self, connection: ConnectionId, wire: Wire) {
        self.by_number.insert(connection, wire);
    }

    pub(crate) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Wire> {
        self.by_number.get_mut(&connection)
    }

    /// Forgets a connection that is broken.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.take(connection);
    }

    /// Breaks a connection: the other end sees a reset. Whether there was one.
    pub(crate) fn reset(&mut self, connection: ConnectionId) -> bool {
        let wire = self.take(connection);
        wire.map(Wire::reset).is_some()
    }

    /// Reads no more, sends what was transmitted if the other end takes it in time, and closes.
    pub(crate) fn close(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(wire) = self.take(connection) {
            self.let_close(wire, now);
        }
    }

    /// Drops every connection because the network goes down. The other ends see a reset, unless their last line is on
    /// the way: a reset could overtake that one, which the silence of a real network cannot.
    pub(crate) fn network_down(&mut self, now: Instant) {
        for wire in self.take_all() {
            if wire.is_finished() {
                self.let_close(wire, now);
            } else {
                wire.reset();
            }
        }
    }

    /// Breaks every connection, with everything that was on its way.
    pub(crate) fn reset_all(&mut self) {
        let closing = std::mem::take(&mut self.closing);
        let closing = closing.into_iter().map(|(_, wire)| wire);
        self.take_all().into_iter().chain(closing).for_each(Wire::reset);
    }

    fn let_close(&mut self, wire: Wire, now: Instant) {
        if wire.is_sent() {
            return;
        }
        if self.closing.len() == LINGERING_MAX {
            self.closing.pop_front();
        }
        self.closing.push_back((now + LINGER_TIMEOUT, wire));
    }

    fn take(&mut self, connection: ConnectionId) -> Option<Wire> {
        let wire = self.by_number.remove(&connection)?;
        self.remember(connection, wire.read_len());
        Some(wire)
    }

    fn take_all(&mut self) -> Vec<Wire> {
        let wires = std::mem::take(&mut self.by_number);
        for (connection, wire) in &wires {
            self.remember(*connection, wire.read_len());
        }
        wires.into_values().collect()
    }

    fn remember(&mut self, connection: ConnectionId, read_len: u64) {
        if self.ended.len() == ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back((connection, read_len));
    }

    /// Bytes that were read from a connection, and whether it is still there. `None` if it never was or is forgotten.
    pub(crate) fn read_len(&self, connection: ConnectionId) -> Option<(u64, bool)> {
        if let Some(wire) = self.by_number.get(&connection) {
            return Some((wire.read_len(), true));
        }
        let ended = self.ended.iter().find(|(ended, _)| *ended == connection);
        ended.map(|(_, read_len)| (*read_len, false))
    }

    /// Bytes that the socket of a connection has taken; 0 if it is over.
    pub(crate) fn written_len(&self, connection: ConnectionId) -> u64 {
        self.by_number.get(&connection).map_or(0, Wire::written_len)
    }

    /// When somebody has had long enough to take what was sent.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.closing.front().map(|(deadline, _)| *deadline)
    }

    /// Closes what had long enough.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.closing.pop_front();
        }
    }

    /// What happens next to one of them. One that was reset is gone.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        self.closing
            .retain_mut(|(_, wire)| wire.poll_sent(cx).is_pending());
        let Some((connection, moved)) = self.poll_in_turn(cx) else {
            return Poll::Pending;
        };
        self.turn = ConnectionId::new(connection.as_u64() + 1);
        Poll::Ready(self.told(connection, moved))
    }

    /// What happens next to this one, out of its turn.
    pub(crate) fn poll_one(&mut self, cx: &mut Context<'_>, connection: ConnectionId) -> Poll<Input> {
        let Some(wire) = self.by_number.get_mut(&connection) else {
            return Poll::Pending;
        };
        let moved = ready!(wire.poll(cx, &mut self.buffer));
        Poll::Ready(self.told(connection, moved))
    }

    fn told(&mut self, connection: ConnectionId, moved: Moved) -> Input {
        match moved {
            Moved::Received(len) => Input::Received {
                connection,
                bytes: self.buffer[..len].to_vec(),
            },
            Moved::Sent(bytes_len) => Input::Sent {
                connection,
                bytes_len,
            },
            Moved::Finished => Input::Finished { connection },
            Moved::Reset => {
                self.remove(connection);
                Input::Reset { connection }
            }
        }
    }

    fn poll_in_turn(&mut self, cx: &mut Context<'_>) -> Option<(ConnectionId, Moved)> {
        let Self {
            by_number,
            turn,
            buffer,
            ..
        } = self;
        let mut poll = |connection: &ConnectionId, wire: &mut Wire| match wire.poll(cx, buffer) {
            Poll::Ready(moved) => Some((*connection, moved)),
            Poll::Pending => None,
        };
        let later = by_number
            .range_mut(*turn..)
            .find_map(|(connection, wire)| poll(connection, wire));
        later.or_else(|| {
            by_number
                .range_mut(..*turn)
                .find_map(|(connection, wire)| poll(connection, wire))
        })
    }
}
