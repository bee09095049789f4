//! The connections to the device, each in its turn, so that none that always has something to say keeps the others
//! waiting. Knows no more of them than their numbers.

use std::{
    collections::BTreeMap,
    task::{Context, Poll},
};

use hsm_core::ConnectionId;
use hsm_listener::Input;

use crate::wire::{Moved, Wire};

/// Bytes read at once. One TLS record and a little more.
const READ_BYTES: usize = 17 * 1024;

/// Connections by their numbers. The listener bounds how many there are.
pub(crate) struct Wires {
    by_number: BTreeMap<ConnectionId, Wire>,
    /// The number after that of the one that was last in turn.
    turn: ConnectionId,
    buffer: Box<[u8]>,
}

impl Wires {
    pub(crate) fn new() -> Self {
        Self {
            by_number: BTreeMap::new(),
            turn: ConnectionId::new(0),
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    pub(crate) fn insert(&mut self, connection: ConnectionId, wire: Wire) {
        self.by_number.insert(connection, wire);
    }

    pub(crate) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Wire> {
        self.by_number.get_mut(&connection)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) -> Option<Wire> {
        self.by_number.remove(&connection)
    }

    /// All of them, to be ended.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Wire> + use<> {
        std::mem::take(&mut self.by_number).into_values()
    }

    /// What happens next to one of them. One that was reset is gone.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some((connection, moved)) = self.poll_in_turn(cx) else {
            return Poll::Pending;
        };
        self.turn = ConnectionId::new(connection.as_u64() + 1);
        Poll::Ready(match moved {
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
                self.by_number.remove(&connection);
                Input::Reset { connection }
            }
        })
    }

    fn poll_in_turn(&mut self, cx: &mut Context<'_>) -> Option<(ConnectionId, Moved)> {
        let Self {
            by_number,
            turn,
            buffer,
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
