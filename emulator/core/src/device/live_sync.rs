//! Database live sync as the device does it: who may, what ends it, and what is told of it. `live_sync/target.rs` takes
//! another node's database, `live_sync/source.rs` gives this one's; neither holds it.

mod source;
mod target;

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use machine::{Cx, Instant};
use protocol::{Error, ErrorName, ServiceState};

use super::{ConnectionId, Device, Output, operations::Requester};
use crate::{
    Denial, Event, Fetched, ObjectId, SealedObject,
    live_sync::{BINDING_BYTES, Frame, Message, SyncRefusal},
};
use source::Source;
use target::{Target, TargetStep};

/// What can happen to a connection of live sync.
#[derive(Clone, Debug)]
pub enum SyncInput {
    /// Somebody's TLS handshake for `hsm-sync/1` is complete.
    Arrived {
        /// The new connection.
        connection: ConnectionId,
        /// Where it comes from.
        peer: SocketAddr,
        /// What both ends took out of the TLS session.
        binding: [u8; BINDING_BYTES],
    },
    /// The connection that [`Output::Connect`] asked for is there, and its TLS handshake complete.
    Connected {
        /// Which.
        connection: ConnectionId,
        /// What both ends took out of the TLS session.
        binding: [u8; BINDING_BYTES],
    },
    /// The connection that [`Output::Connect`] asked for cannot be had.
    Unreachable {
        /// Which.
        connection: ConnectionId,
    },
    /// A frame came.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// What it says.
        frame: Frame,
    },
    /// A frame grew past its limit.
    FrameTooLong {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The connection is over at the other end.
    Gone {
        /// Which.
        connection: ConnectionId,
    },
}

/// What is done with the database that comes over. Everything until a [`Change::ReplaceDatabase`](crate::Change) is
/// durable, or until it is aborted, is nobody else's to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportStep {
    /// A new set of objects, empty yet, beside the ones that are there.
    Begin,
    /// More objects of it, in the order of their ids.
    Rows(Vec<(ObjectId, SealedObject)>),
    /// It was nothing. There is no answer.
    Abort,
}

/// Live sync in both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveSync {
    target: Option<Target>,
    sources: BTreeMap<ConnectionId, Source>,
    /// Whether a client has connected since the service started. Source: LS-01.
    clients_connected: bool,
    next_connection: u64,
    next_image: u64,
}

/// What waits for the store.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Something of the database that is sent on this connection.
    Source(ConnectionId),
    /// A step of the database that comes over.
    Target,
}

/// Connections that the device asks for have numbers from here on: whoever accepts others begins at 1.
/// A number of JSON holds all of them.
const FIRST_OWN_CONNECTION: u64 = 1 << 52;

impl LiveSync {
    /// When the other side of some connection has been silent for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let target = self.target.iter().filter_map(|target| target.silence.deadline());
        let sources = self
            .sources
            .values()
            .filter_map(|source| source.silence.deadline());
        target.chain(sources).min()
    }

    /// Whether another node's database is coming in, so that nothing else may change this one.
    pub(super) fn is_taking(&self) -> bool {
        self.target.is_some()
    }

    fn new_connection(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId::new(FIRST_OWN_CONNECTION + self.next_connection)
    }

    /// A client has connected.
    pub(super) fn on_client(&mut self) {
        self.clients_connected = true;
    }

    /// The service starts: nobody has connected since.
    pub(super) fn on_service_started(&mut self) {
        self.clients_connected = false;
    }
}

impl Device {
    /// How far live sync is, for whoever looks: its direction, and percent.
    pub fn live_sync_progress(&self) -> Option<(SyncDirection, u8)> {
        let target = self.live_sync.target.as_ref();
        let taking = target.map(|target| (SyncDirection::Taking, target.percent()));
        let sources = self.live_sync.sources.values();
        let sending = || sources.filter_map(Source::percent).min();
        taking.or_else(|| sending().map(|percent| (SyncDirection::Sending, percent)))
    }

    /// The node that is asked for its database, if one may be. Source: LS-01.
    //= LS-01
    pub(super) fn sync_node(&self, named: Option<&str>) -> Result<IpAddr, Error> {
        let nodes = &self.stored.nodes;
        let node = match named {
            None => nodes.first().copied(),
            Some(named) => named.parse().ok().filter(|node| nodes.contains(node)),
        };
        let node = node.ok_or(ErrorName::SyncUndefined)?;
        let interfaces = &self.network().interfaces;
        if interfaces
            .iter()
            .any(|interface| IpAddr::V4(interface.ip) == node)
        {
            return Err(ErrorName::SyncSelf.into());
        }
        if self.live_sync.clients_connected {
            return Err(ErrorName::SyncClientsConnected.into());
        }
        Ok(node)
    }

    pub(super) fn on_sync_input(&mut self, cx: &mut Cx<'_>, input: SyncInput) {
        let is_target = |device: &Self, connection| {
            let target = device.live_sync.target.as_ref();
            target.is_some_and(|target| target.connection == connection)
        };
        match input {
            SyncInput::Arrived {
                connection,
                peer,
                binding,
            } => self.on_source_arrived(cx, connection, peer, binding),
            SyncInput::Connected { connection, binding } if is_target(self, connection) => {
                self.on_target_connected(cx, binding);
            }
            // It was given up meanwhile.
            SyncInput::Connected { connection, .. } => self.outputs.push_back(Output::End { connection }),
            SyncInput::Unreachable { connection } if is_target(self, connection) => {
                self.end_target(cx, SyncRefusal::Unreachable, false);
            }
            SyncInput::Unreachable { .. } => {}
            SyncInput::Frame { connection, frame } => match Message::of(frame) {
                Some(message) if is_target(self, connection) => self.on_target_message(cx, message),
                Some(message) => self.on_source_message(cx, connection, message),
                None => self.on_bad_frame(cx, connection, is_target(self, connection)),
            },
            SyncInput::FrameTooLong { connection } => {
                self.on_bad_frame(cx, connection, is_target(self, connection));
            }
            SyncInput::Gone { connection } if is_target(self, connection) => {
                self.end_target(cx, SyncRefusal::LinkLost, false);
            }
            SyncInput::Gone { connection } => {
                self.end_source(cx, connection, SyncRefusal::LinkLost, false);
            }
        }
    }

    fn on_bad_frame(&mut self, cx: &Cx<'_>, connection: ConnectionId, is_target: bool) {
        if is_target {
            self.end_target(cx, SyncRefusal::Protocol, true);
        } else {
            self.end_source(cx, connection, SyncRefusal::Protocol, true);
        }
    }

    pub(super) fn on_sync_fetched(&mut self, cx: &Cx<'_>, errand: &Errand, fetched: Fetched) {
        match errand {
            Errand::Source(connection) => self.on_source_fetched(cx, *connection, fetched),
            Errand::Target => unreachable!("a database that comes over is not read"),
        }
    }

    /// The other side of some connection was silent for too long.
    pub(super) fn on_sync_silence(&mut self, cx: &Cx<'_>) {
        let target = self.live_sync.target.as_mut();
        if target.is_some_and(|target| target.silence.take_expired(cx.now)) {
            self.end_target(cx, SyncRefusal::Silent, true);
        }
        let sources = &mut self.live_sync.sources;
        let silent = sources
            .iter_mut()
            .filter_map(|(connection, source)| source.silence.take_expired(cx.now).then_some(*connection));
        for connection in silent.collect::<Vec<_>>() {
            self.end_source(cx, connection, SyncRefusal::Silent, true);
        }
    }

    /// Ends what has lost its reason to go on. Called after everything that happens.
    //= OP-11
    pub(super) fn tend_live_sync(&mut self, cx: &Cx<'_>) {
        let runs = self.service() == ServiceState::Running;
        if let Some(target) = &self.live_sync.target {
            let has_manager = match target.requester {
                Requester::Local => true,
                Requester::Remote { connection, .. } => self.is_manager(connection),
            };
            match &target.step {
                // What was handed over to the store is done whatever happens here.
                TargetStep::Committing => {}
                TargetStep::Lost => self.end_target(cx, SyncRefusal::Abandoned, true),
                _ if !has_manager || !runs => self.end_target(cx, SyncRefusal::Abandoned, true),
                TargetStep::Connecting
                | TargetStep::ExpectChallenge { .. }
                | TargetStep::ExpectProof { .. }
                | TargetStep::ExpectBegin { .. }
                | TargetStep::Taking(_) => {}
            }
        }
        if !runs && !self.live_sync.sources.is_empty() {
            for connection in self.live_sync.sources.keys().copied().collect::<Vec<_>>() {
                self.end_source(cx, connection, SyncRefusal::ServiceStopped, true);
            }
        }
    }

    fn send_sync(&mut self, connection: ConnectionId, message: &Message) {
        let frame = message.to_frame();
        self.outputs.push_back(Output::SendFrame { connection, frame });
    }

    /// Tells a refusal of somebody who asked for the database, or counts it.
    fn tell_not_sent(&mut self, cx: &Cx<'_>, peer: SocketAddr, why: SyncRefusal) {
        self.tell_denial(
            cx,
            peer,
            Denial::LiveSync(why),
            Event::LiveSyncNotSent { peer, why },
        );
    }
}

/// Which way a database goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncDirection {
    /// Into this device.
    Taking,
    /// Out of it.
    Sending,
}
