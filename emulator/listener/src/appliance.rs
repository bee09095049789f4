//! A device with its network port: bytes in, bytes out. Holds the limits of what a stranger may hold open.

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::{
    collections::{BTreeMap, VecDeque},
    io::Write as _,
    sync::Arc,
};

use apdu::ReaderCommand;
use hsm_core::{
    Change, ConnectionId, Derivation, Device, Generation, Gone, ImportStep, Input as DeviceInput, Job,
    Output as DeviceOutput, Query, Record, SYNC_ALPN, SyncInput, Ticket, TurnedAway, UserAnswer, UserSession,
};
use machine::{Cx, Instant, Machine, Timer};
use protocol::LineBuffer;
use rustls::{ServerConfig, ServerConnection};

use crate::{
    client_session,
    connection::{
        Connection, ExpectEnd, ExpectFirstBytes, ExpectHandshake, ExpectLines, FirstBytes, Phase, Read,
        State, read, take_ciphertext,
    },
};

/// Unfinished handshakes at once; when one more comes, the oldest is closed. Source: RM-06.
pub const HANDSHAKES_MAX: usize = 8;
/// From a connection's first moment to the end of its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that may wait for a manager before its session ends with `slow`.
pub const OUTPUT_BYTES_MAX: usize = 262_144;
/// Bytes thrown away after the last line before the connection is closed.
pub const LINGER_BYTES_MAX: usize = 65_536;
/// How long a connection may stay open after the last line.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that may stay open after their last line; when one more comes, the oldest is closed.
pub const LINGERING_MAX: usize = 64;

/// What can happen to a device and its port.
#[derive(Debug)]
pub enum Input {
    /// Somebody connected.
    Accepted {
        /// The number of the connection, larger than every one before.
        connection: ConnectionId,
        /// Where from.
        peer: SocketAddr,
    },
    /// Bytes came.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// At least one.
        bytes: Vec<u8>,
    },
    /// The world has sent bytes that it was handed.
    Sent {
        /// On which connection.
        connection: ConnectionId,
        /// How many.
        bytes_len: usize,
    },
    /// The other end sent its FIN.
    Finished {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The connection was reset.
    Reset {
        /// Which.
        connection: ConnectionId,
    },
    /// A connection that [`Output::Connect`] asked for is there.
    Connected {
        /// Which.
        connection: ConnectionId,
    },
    /// A connection that [`Output::Connect`] asked for cannot be had.
    Unreachable {
        /// Which.
        connection: ConnectionId,
    },
    /// Something happened to the device itself. Not for what comes from the network: this machine tells that.
    Device(DeviceInput),
}

/// What a device and its port ask of the world.
#[derive(Debug)]
pub enum Output {
    /// Accept newcomers, or do not.
    Listen(bool),
    /// Drop every connection as a machine that loses its network does.
    NetworkDown,
    /// Send bytes, and say when they are sent.
    Transmit {
        /// On which connection.
        connection: ConnectionId,
        /// At least one.
        bytes: Vec<u8>,
    },
    /// Close our half after what was transmitted.
    Finish(ConnectionId),
    /// Close the connection and forget it.
    Close(ConnectionId),
    /// See [`hsm_core::Output::Persist`].
    Persist {
        /// To be given back.
        ticket: Ticket,
        /// In this order.
        changes: Vec<Change>,
    },
    /// See [`hsm_core::Output::Derive`].
    Derive {
        /// To be given back.
        job: Job,
        /// What.
        derivation: Derivation,
    },
    /// See [`hsm_core::Output::Fetch`].
    Fetch {
        /// To be given back.
        job: Job,
        /// What.
        query: Query,
    },
    /// See [`hsm_core::Output::CloseImage`].
    CloseImage(u64),
    /// See [`hsm_core::Output::Import`].
    Import {
        /// To be given back, if an answer is wanted.
        job: Option<Job>,
        /// What.
        step: ImportStep,
    },
    /// Connect to another node, at the port where this device's own is, and say what came of it.
    Connect {
        /// The connection's number.
        connection: ConnectionId,
        /// Where.
        node: IpAddr,
    },
    /// See [`hsm_core::Output::Generate`].
    Generate {
        /// To be given back.
        job: Job,
        /// What kind.
        generation: Generation,
    },
    /// See [`hsm_core::Output::User`].
    User {
        /// In which conversation.
        session: UserSession,
        /// What.
        answer: UserAnswer,
    },
    /// See [`hsm_core::Output::RetrieveLog`].
    RetrieveLog {
        /// In which conversation.
        session: UserSession,
    },
    /// See [`hsm_core::Output::ClearLog`].
    ClearLog,
    /// See [`hsm_core::Output::LocalReader`].
    LocalReader(ReaderCommand),
    /// See [`hsm_core::Output::Event`].
    Event(Record),
}

/// A connection, to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenConnection {
    /// Its number.
    pub id: ConnectionId,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// What is waited for on it.
    pub phase: Phase,
    /// When that has lasted too long, if it can.
    pub deadline: Option<Instant>,
}

/// A device with its network port.
pub struct Appliance {
    device: Device,
    tls: Arc<ServerConfig>,
    listening: bool,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) outputs: VecDeque<Output>,
}

impl Appliance {
    /// Joins a device to the TLS configuration of its port.
    pub fn new(device: Device, tls: Arc<ServerConfig>) -> Self {
        Self {
            device,
            tls,
            listening: false,
            connections: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The device, to look at.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Connections that are open in any state.
    pub fn connections_len(&self) -> usize {
        self.connections.len()
    }

    /// Every connection that is open in any state, in the order of their numbers.
    pub fn connections(&self) -> impl Iterator<Item = SeenConnection> {
        self.connections.iter().map(|(id, connection)| SeenConnection {
            id: *id,
            peer: connection.peer,
            phase: connection.state.phase(),
            deadline: connection.state.deadline(),
        })
    }

    pub(crate) fn tell(&mut self, cx: &mut Cx<'_>, input: DeviceInput) {
        self.device.handle_input(cx, input);
        self.obey(cx);
    }

    /// Does what the device asks for.
    fn obey(&mut self, cx: &mut Cx<'_>) {
        let mut slow = Vec::new();
        while let Some(output) = self.device.poll_output() {
            match output {
                DeviceOutput::Listen(listening) => self.listen(cx, listening),
                DeviceOutput::NetworkDown => {
                    self.listening = false;
                    self.connections.clear();
                    self.outputs.push_back(Output::NetworkDown);
                }
                DeviceOutput::Send { connection, line } => slow.extend(self.send(connection, &line)),
                DeviceOutput::End { connection } => self.end(cx, connection),
                DeviceOutput::Persist { ticket, changes } => {
                    self.outputs.push_back(Output::Persist { ticket, changes });
                }
                DeviceOutput::Derive { job, derivation } => {
                    self.outputs.push_back(Output::Derive { job, derivation });
                }
                DeviceOutput::Fetch { job, query } => self.outputs.push_back(Output::Fetch { job, query }),
                DeviceOutput::CloseImage(image) => self.outputs.push_back(Output::CloseImage(image)),
                DeviceOutput::Import { job, step } => self.outputs.push_back(Output::Import { job, step }),
                DeviceOutput::Connect { connection, node } => self.connect(connection, node),
                DeviceOutput::SendFrame { connection, frame } => self.send_frame(connection, &frame),
                DeviceOutput::Generate { job, generation } => {
                    self.outputs.push_back(Output::Generate { job, generation });
                }
                DeviceOutput::User { session, answer } => {
                    self.outputs.push_back(Output::User { session, answer });
                }
                DeviceOutput::RetrieveLog { session } => {
                    self.outputs.push_back(Output::RetrieveLog { session });
                }
                DeviceOutput::ClearLog => self.outputs.push_back(Output::ClearLog),
                DeviceOutput::LocalReader(command) => self.outputs.push_back(Output::LocalReader(command)),
                DeviceOutput::Event(record) => self.outputs.push_back(Output::Event(record)),
            }
        }
        for connection in slow {
            self.tell(cx, DeviceInput::Slow { connection });
        }
    }

    fn listen(&mut self, cx: &mut Cx<'_>, listening: bool) {
        self.listening = listening;
        self.outputs.push_back(Output::Listen(listening));
        if !listening {
            let unfinished: Vec<_> = self.unfinished().collect();
            for connection in unfinished {
                self.turn_away(cx, connection, TurnedAway::PortClosed);
            }
        }
    }

    fn unfinished(&self) -> impl Iterator<Item = ConnectionId> {
        let unfinished = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.state.is_unfinished());
        unfinished.map(|(id, _)| *id)
    }

    // What the world tells.

    fn on_accepted(&mut self, cx: &mut Cx<'_>, id: ConnectionId, peer: SocketAddr) {
        if !self.listening {
            self.outputs.push_back(Output::Close(id));
            return;
        }
        //= RM-06
        if self.unfinished().count() >= HANDSHAKES_MAX {
            let oldest = self.unfinished().next().expect("there are some");
            self.turn_away(cx, oldest, TurnedAway::TooManyHandshakes);
        }
        let deadline = Timer::at(cx.now + HANDSHAKE_TIMEOUT);
        let state = State::ExpectFirstBytes(ExpectFirstBytes {
            deadline,
            received: Vec::new(),
        });
        self.connections.insert(
            id,
            Connection {
                peer,
                state,
                unsent: 0,
                peer_finished: false,
            },
        );
    }

    fn on_received(&mut self, cx: &mut Cx<'_>, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match &mut connection.state {
            State::ExpectFirstBytes(state) => {
                state.received.extend_from_slice(bytes);
                match FirstBytes::of(&state.received) {
                    FirstBytes::Undecided => {}
                    FirstBytes::Unknown => self.turn_away(cx, id, TurnedAway::NotTls),
                    FirstBytes::ClientSession => {
                        let message = client_session::error_message(self.device.service());
                        self.transmit(id, message.to_vec());
                        self.dismiss(cx, id, TurnedAway::ClientSession);
                    }
                    FirstBytes::Tls => {
                        let received = core::mem::take(&mut state.received);
                        let deadline = core::mem::take(&mut state.deadline);
                        let tls = ServerConnection::new(Arc::clone(&self.tls))
                            .expect("the configuration was accepted when it was made");
                        let tls = Box::new(tls);
                        connection.state = State::ExpectHandshake(ExpectHandshake { deadline, tls });
                        self.on_received(cx, id, &received);
                    }
                }
            }
            State::ExpectHandshake(state) => {
                let read = read(&mut state.tls, bytes);
                let complete = !state.tls.is_handshaking();
                let ciphertext = take_ciphertext(&mut state.tls);
                self.transmit(id, ciphertext);
                if complete {
                    self.on_handshake_complete(cx, id);
                    self.on_read(cx, id, &read);
                    self.on_frames_read(cx, id, &read);
                } else if read.broken || read.closed {
                    // The alert that says why has just been transmitted.
                    self.dismiss(cx, id, TurnedAway::HandshakeFailed);
                }
            }
            State::ExpectLines(state) => {
                let read = read(&mut state.tls, bytes);
                let ciphertext = take_ciphertext(&mut state.tls);
                self.transmit(id, ciphertext);
                self.on_read(cx, id, &read);
            }
            State::ExpectNode(_) => self.on_node_received(cx, id, bytes),
            State::ExpectFrames(state) => {
                let read = state.tls.read(bytes);
                let ciphertext = state.tls.take_ciphertext();
                self.transmit(id, ciphertext);
                self.on_frames_read(cx, id, &read);
            }
            State::ExpectEnd(state) => {
                state.discarded += bytes.len();
                if state.discarded > LINGER_BYTES_MAX {
                    self.close(id);
                }
            }
        }
    }

    //= RM-18
    fn on_handshake_complete(&mut self, cx: &mut Cx<'_>, id: ConnectionId) {
        let connection = self
            .connections
            .get_mut(&id)
            .expect("its bytes are being handled");
        let peer = connection.peer;
        let ended = State::ExpectEnd(ExpectEnd {
            deadline: Timer::default(),
            discarded: 0,
        });
        let State::ExpectHandshake(ExpectHandshake { tls, .. }) =
            core::mem::replace(&mut connection.state, ended)
        else {
            unreachable!("its handshake has just been completed");
        };
        if tls.alpn_protocol() == Some(SYNC_ALPN) {
            return self.on_sync_arrived(cx, id, peer, tls);
        }
        let suite = tls
            .negotiated_cipher_suite()
            .expect("the handshake is complete")
            .suite();
        let cipher_suite = suite.as_str().map_or_else(|| format!("{suite:?}"), str::to_owned);
        connection.state = State::ExpectLines(ExpectLines {
            tls,
            lines: LineBuffer::default(),
        });
        self.tell(
            cx,
            DeviceInput::Arrived {
                connection: id,
                peer,
                cipher_suite,
            },
        );
    }

    fn on_read(&mut self, cx: &mut Cx<'_>, id: ConnectionId, read: &Read) {
        if let Some(Connection {
            state: State::ExpectLines(state),
            ..
        }) = self.connections.get_mut(&id)
        {
            state.lines.push(&read.plaintext);
        }
        if !matches!(
            self.connections.get(&id),
            Some(Connection {
                state: State::ExpectLines(_),
                ..
            })
        ) {
            return;
        }
        // The device may end the connection at any line; then the rest has no meaning.
        while let Some(Connection {
            state: State::ExpectLines(state),
            ..
        }) = self.connections.get_mut(&id)
        {
            match state.next_line() {
                None => break,
                Some(Ok(line)) => self.tell(cx, DeviceInput::Line { connection: id, line }),
                Some(Err(_)) => {
                    self.tell(cx, DeviceInput::LineTooLong { connection: id });
                    // One that the device does not know as its manager has nothing to lose.
                    self.end(cx, id);
                }
            }
        }
        if read.broken {
            self.gone(cx, id, Gone::Reset);
        } else if read.closed {
            self.gone(cx, id, Gone::Finished);
        }
    }

    fn on_finished(&mut self, cx: &mut Cx<'_>, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.peer_finished = true;
        match &connection.state {
            State::ExpectFirstBytes(_) | State::ExpectHandshake(_) => {
                self.turn_away(cx, id, TurnedAway::Left);
            }
            State::ExpectLines(_) => self.gone(cx, id, Gone::Finished),
            State::ExpectNode(_) | State::ExpectFrames(_) => self.node_gone(cx, id),
            State::ExpectEnd(_) => self.close(id),
        }
    }

    fn on_reset(&mut self, cx: &mut Cx<'_>, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        match connection.state {
            State::ExpectFirstBytes(_) | State::ExpectHandshake(_) => {
                let (peer, why) = (connection.peer, TurnedAway::Left);
                self.tell(cx, DeviceInput::TurnedAway { peer, why });
            }
            State::ExpectLines(_) => self.tell(
                cx,
                DeviceInput::Gone {
                    connection: id,
                    how: Gone::Reset,
                },
            ),
            State::ExpectNode(_) | State::ExpectFrames(_) => {
                self.tell(cx, DeviceInput::Sync(SyncInput::Gone { connection: id }));
            }
            State::ExpectEnd(_) => {}
        }
    }

    // What becomes of a connection.

    /// Tells the device that the other end is gone, and lets the connection end.
    fn gone(&mut self, cx: &mut Cx<'_>, id: ConnectionId, how: Gone) {
        self.tell(cx, DeviceInput::Gone { connection: id, how });
        self.end(cx, id);
    }

    /// Lets a connection end that never became a session and has been told why.
    pub(crate) fn dismiss(&mut self, cx: &mut Cx<'_>, id: ConnectionId, why: TurnedAway) {
        let connection = self.connections.get(&id).expect("its bytes are being handled");
        let peer = connection.peer;
        self.linger(cx, id);
        self.tell(cx, DeviceInput::TurnedAway { peer, why });
    }

    /// Closes a connection that never became a session.
    fn turn_away(&mut self, cx: &mut Cx<'_>, id: ConnectionId, why: TurnedAway) {
        if let Some(connection) = self.connections.remove(&id) {
            self.outputs.push_back(Output::Close(id));
            self.tell(
                cx,
                DeviceInput::TurnedAway {
                    peer: connection.peer,
                    why,
                },
            );
        }
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.outputs.push_back(Output::Close(id));
    }

    pub(crate) fn transmit(&mut self, id: ConnectionId, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.unsent += bytes.len();
        }
        self.outputs.push_back(Output::Transmit {
            connection: id,
            bytes,
        });
    }

    /// Sends a line to a connection that may be gone. Gives it back if too much output waits for it.
    fn send(&mut self, id: ConnectionId, line: &str) -> Option<ConnectionId> {
        let connection = self.connections.get_mut(&id)?;
        let State::ExpectLines(state) = &mut connection.state else {
            return None;
        };
        if state.tls.writer().write_all(line.as_bytes()).is_err() {
            // The other end has broken TLS behind the line that is being answered; nobody could read the answer.
            return None;
        }
        let ciphertext = take_ciphertext(&mut state.tls);
        let was_slow = connection.unsent > OUTPUT_BYTES_MAX;
        let is_slow = connection.unsent + ciphertext.len() > OUTPUT_BYTES_MAX;
        self.transmit(id, ciphertext);
        (is_slow && !was_slow).then_some(id)
    }

    /// Says `close_notify`, closes our half, and throws away what still comes, so that the last line is not lost to
    /// a reset. A connection that is already ending goes on doing so.
    pub(crate) fn end(&mut self, cx: &Cx<'_>, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let ciphertext = match &mut connection.state {
            State::ExpectLines(state) => {
                state.tls.send_close_notify();
                take_ciphertext(&mut state.tls)
            }
            State::ExpectFrames(state) => {
                state.tls.send_close_notify();
                state.tls.take_ciphertext()
            }
            // Nobody has said anything there yet.
            State::ExpectNode(_) => return self.close(id),
            State::ExpectFirstBytes(_) | State::ExpectHandshake(_) | State::ExpectEnd(_) => return,
        };
        self.transmit(id, ciphertext);
        self.linger(cx, id);
    }

    /// Closes our half of a connection, and the other when its end has come or at the latest after a while.
    fn linger(&mut self, cx: &Cx<'_>, id: ConnectionId) {
        self.outputs.push_back(Output::Finish(id));
        let lingering = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.state.is_ending());
        // All linger equally long, so the one that has for longest is the first to be over.
        let longest = lingering
            .clone()
            .min_by_key(|(_, connection)| connection.state.deadline());
        if let Some((longest, _)) = longest
            && lingering.count() >= LINGERING_MAX
        {
            self.close(*longest);
        }
        let connection = self.connections.get_mut(&id).expect("its end is being handled");
        let deadline = Timer::at(cx.now + LINGER_TIMEOUT);
        connection.state = State::ExpectEnd(ExpectEnd {
            deadline,
            discarded: 0,
        });
        if connection.peer_finished {
            self.close(id);
        }
    }

    // Time.

    fn expire(&mut self, cx: &mut Cx<'_>) {
        self.device.handle_timeout(cx);
        self.obey(cx);
        let expired: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                connection
                    .state
                    .deadline()
                    .is_some_and(|deadline| deadline <= cx.now)
            })
            .map(|(id, connection)| (*id, connection.state.is_unfinished()))
            .collect();
        for (id, unfinished) in expired {
            if unfinished {
                self.turn_away(cx, id, TurnedAway::HandshakeTimeout);
            } else {
                self.close(id);
            }
        }
    }
}

impl Machine for Appliance {
    type Input = Input;
    type Output = Output;

    fn handle_input(&mut self, cx: &mut Cx<'_>, input: Input) {
        // At one instant timers run before inputs, whatever the driver does first.
        if self.poll_timeout().is_some_and(|deadline| deadline <= cx.now) {
            self.expire(cx);
        }
        match input {
            Input::Accepted { connection, peer } => self.on_accepted(cx, connection, peer),
            Input::Received { connection, bytes } => self.on_received(cx, connection, &bytes),
            Input::Sent {
                connection,
                bytes_len,
            } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.unsent = connection.unsent.saturating_sub(bytes_len);
                }
            }
            Input::Finished { connection } => self.on_finished(cx, connection),
            Input::Reset { connection } => self.on_reset(cx, connection),
            Input::Connected { connection } => self.on_connected(connection),
            Input::Unreachable { connection } => {
                self.connections.remove(&connection);
                self.tell(cx, DeviceInput::Sync(SyncInput::Unreachable { connection }));
            }
            Input::Device(input) => self.tell(cx, input),
        }
    }

    fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.expire(cx);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let connections = self
            .connections
            .values()
            .filter_map(|connection| connection.state.deadline());
        connections.chain(self.device.poll_timeout()).min()
    }
}
