//! One connection of a station to a device: TLS, lines and session as one machine, bytes on one side and a station
//! on the other. Opens no socket.

use std::collections::VecDeque;

use machine::{Cx, Instant, Machine};
use protocol::LineBuffer;

use crate::{
    Ending, Notice, Session, SessionInput, SessionOutput, StationInput, StationOutput, TlsClient,
    TlsClientConfig, TracedInput,
};

/// What a connection is told.
#[derive(Clone, Debug)]
pub enum ConnectionInput {
    /// Bytes came from the device.
    Received(Vec<u8>),
    /// The transport is gone: the device closed it, it broke, or it was closed after
    /// [`ConnectionOutput::Disconnect`].
    Closed,
    /// Something happened at the station.
    Station(StationInput),
}

/// What a connection hands out.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionOutput {
    /// Send these bytes to the device.
    Transmit(Vec<u8>),
    /// Nothing more will be sent: shut the sending side down, and say [`ConnectionInput::Closed`] when the transport
    /// is gone. A driver that will not wait for the device may close at once.
    Disconnect,
    /// Something for the station.
    Station(StationOutput),
    /// The session is told this; only after [`Connection::trace`]. It holds no secret.
    Told(TracedInput),
    /// A line has crossed the connection, given without its LF. For transcripts; whoever keeps none drops it. It may
    /// hold what a card answered.
    Line {
        /// Who said it.
        speaker: Speaker,
        /// What was said.
        line: String,
    },
}

/// One of the two ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The HSM.
    Device,
    /// The manager.
    Station,
}

/// A connection to a device, from the moment its transport is there.
#[derive(Debug)]
pub struct Connection {
    tls: TlsClient,
    lines: LineBuffer,
    session: Session,
    /// The trust was checked and told.
    is_secured: bool,
    is_disconnected: bool,
    is_traced: bool,
    outputs: VecDeque<ConnectionOutput>,
}

impl Connection {
    /// A connection over a transport that has just been opened. Its first output is the `ClientHello`.
    pub fn new(config: &TlsClientConfig) -> Self {
        let mut connection = Self {
            tls: TlsClient::new(config),
            lines: LineBuffer::default(),
            session: Session::new(),
            is_secured: false,
            is_disconnected: false,
            is_traced: false,
            outputs: VecDeque::new(),
        };
        connection.pump();
        connection
    }

    /// Whether this station is the manager.
    pub const fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// From now on, everything that the session is told comes out as [`ConnectionOutput::Told`] too.
    pub const fn trace(&mut self) {
        self.is_traced = true;
    }

    /// Something happened.
    pub fn handle_input(&mut self, input: ConnectionInput) {
        match input {
            ConnectionInput::Received(bytes) => self.on_received(&bytes),
            ConnectionInput::Closed => {
                self.is_disconnected = true;
                self.tell_session(SessionInput::Closed(Ending::Torn));
            }
            ConnectionInput::Station(input) => self.tell_session(SessionInput::Station(input)),
        }
        self.pump();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<ConnectionOutput> {
        self.outputs.pop_front()
    }

    fn on_received(&mut self, bytes: &[u8]) {
        let mut plaintext = Vec::new();
        let received = self.tls.receive(bytes, &mut plaintext);
        //= CL-06
        if !self.is_secured
            && let Some(secured) = self.tls.secured()
        {
            self.is_secured = true;
            let notice = StationOutput::Notice(Notice::Secured(secured));
            self.outputs.push_back(ConnectionOutput::Station(notice));
        }
        self.on_plaintext(&plaintext);
        let how = match received {
            Err(why) => Ending::Tls(why),
            Ok(()) if self.tls.has_peer_closed() => Ending::LeftByDevice,
            Ok(()) => return,
        };
        self.tell_session(SessionInput::Closed(how));
        self.pump();
        self.disconnect();
    }

    fn on_plaintext(&mut self, plaintext: &[u8]) {
        // A device that goes on talking after the end fills no memory.
        if !self.session.is_reading() {
            return;
        }
        self.lines.push(plaintext);
        while let Some(line) = self.lines.next_line() {
            match line {
                Ok(line) => {
                    self.tell_line(Speaker::Device, String::from_utf8_lossy(&line).into_owned());
                    self.tell_session(SessionInput::Line(line));
                }
                Err(too_long) => return self.tell_session(SessionInput::LineTooLong(too_long)),
            }
        }
    }

    fn tell_session(&mut self, input: SessionInput) {
        if self.is_traced {
            let told = TracedInput::from(&input);
            self.outputs.push_back(ConnectionOutput::Told(told));
        }
        match input {
            SessionInput::Line(line) => self.session.handle_line(&line),
            SessionInput::LineTooLong(too_long) => self.session.handle_line_too_long(too_long),
            SessionInput::Closed(how) => self.session.handle_closed(how),
            SessionInput::Station(input) => self.session.handle_station_input(input),
        }
    }

    /// Moves what the session and TLS have to where it is polled.
    fn pump(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                SessionOutput::Send(line) => {
                    self.tls.send(line.as_bytes());
                    self.tell_line(Speaker::Station, line.trim_end_matches('\n').to_owned());
                    self.flush_tls();
                }
                SessionOutput::Disconnect => self.disconnect(),
                SessionOutput::Station(output) => self.outputs.push_back(ConnectionOutput::Station(output)),
            }
        }
        self.flush_tls();
    }

    fn tell_line(&mut self, speaker: Speaker, line: String) {
        self.outputs.push_back(ConnectionOutput::Line { speaker, line });
    }

    fn flush_tls(&mut self) {
        while let Some(bytes) = self.tls.poll_transmit() {
            if !self.is_disconnected {
                self.outputs.push_back(ConnectionOutput::Transmit(bytes));
            }
        }
    }

    fn disconnect(&mut self) {
        if self.is_disconnected {
            return;
        }
        self.tls.close();
        self.flush_tls();
        self.is_disconnected = true;
        self.outputs.push_back(ConnectionOutput::Disconnect);
    }
}

impl Machine for Connection {
    type Input = ConnectionInput;
    type Output = ConnectionOutput;

    fn handle_input(&mut self, _: &mut Cx<'_>, input: ConnectionInput) {
        Self::handle_input(self, input);
    }

    fn handle_timeout(&mut self, _: &mut Cx<'_>) {}

    fn poll_output(&mut self) -> Option<ConnectionOutput> {
        Self::poll_output(self)
    }

    //= CL-05
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

#[cfg(test)]
mod tests;
