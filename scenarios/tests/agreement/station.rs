//! A person at a real station: the client's machines over a socket, the card in a file.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Notice, Pin, StationInput, StationOutput, TlsClient,
    TlsClientConfig,
};
use protocol::LineBuffer;
use virtual_card::CardFile;

/// How long something may take that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Station {
    stream: TcpStream,
    connection: Connection,
    pub(crate) card: CardFile,
    has_card: bool,
    pub(crate) asks_for_pin: bool,
    pub(crate) notices: Vec<Notice>,
    over: bool,
}

impl Station {
    pub(crate) fn connect(address: SocketAddr, trust: &TlsClientConfig, card: &Path) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("connect: {error}"))?;
        let card = CardFile::open(card).map_err(|error| error.to_string())?;
        let mut station = Self {
            stream,
            connection: Connection::new(trust),
            card,
            has_card: false,
            asks_for_pin: false,
            notices: Vec::new(),
            over: false,
        };
        station.obey()?;
        // The greeting or the denial comes by itself.
        station.wait(PATIENCE, |station| !station.notices.is_empty())?;
        Ok(station)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_open() && !self.over
    }

    pub(crate) fn tell(&mut self, input: StationInput) -> Result<(), String> {
        self.connection.handle_input(ConnectionInput::Station(input));
        self.obey()
    }

    pub(crate) fn ask(&mut self, request: protocol::ManagerRequest) -> Result<(), String> {
        self.tell(StationInput::Ask(request))
    }

    pub(crate) fn insert_card(&mut self) -> Result<(), String> {
        self.has_card = true;
        self.tell(StationInput::CardInserted)
    }

    pub(crate) fn type_pin(&mut self, pin: &str) -> Result<(), String> {
        self.asks_for_pin = false;
        self.tell(StationInput::PinEntered(Pin::from(pin)))
    }

    /// Closes the socket without a word; with unread bytes in it, that is a reset.
    pub(crate) fn crash(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads until it is so, or says what came instead.
    pub(crate) fn wait(&mut self, patience: Duration, is_so: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        let mut bytes = [0; 16_384];
        while !is_so(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.over || left.is_zero() {
                return Err(format!("it did not come; the last was {:?}", self.notices.last()));
            }
            self.stream
                .set_read_timeout(Some(left))
                .map_err(|error| error.to_string())?;
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    self.connection.handle_input(ConnectionInput::Closed);
                    self.obey()?;
                    self.over = true;
                }
                Ok(read) => {
                    self.connection
                        .handle_input(ConnectionInput::Received(bytes[..read].to_vec()));
                    self.obey()?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(format!("read: {error}")),
            }
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<(), String> {
        while let Some(output) = self.connection.poll_output() {
            match output {
                ConnectionOutput::Transmit(bytes) => {
                    self.stream
                        .write_all(&bytes)
                        .map_err(|error| format!("write: {error}"))?;
                }
                ConnectionOutput::Disconnect => {
                    let _ = self.stream.shutdown(Shutdown::Write);
                }
                ConnectionOutput::Station(StationOutput::Reader(command)) => {
                    let answer = if self.has_card {
                        self.card.answer(&command)
                    } else {
                        apdu::ReaderAnswer::CardAbsent
                    };
                    self.connection
                        .handle_input(ConnectionInput::Station(StationInput::Reader(answer)));
                }
                ConnectionOutput::Station(StationOutput::AskForPin) => self.asks_for_pin = true,
                ConnectionOutput::Station(StationOutput::WithdrawPrompt) => self.asks_for_pin = false,
                ConnectionOutput::Line { .. }
                | ConnectionOutput::Told(_)
                | ConnectionOutput::Station(
                    StationOutput::AskForCard | StationOutput::Notice(Notice::Secured(_)),
                ) => {}
                ConnectionOutput::Station(StationOutput::Notice(notice)) => self.notices.push(notice),
            }
        }
        Ok(())
    }
}

/// Somebody who types lines into a bare TLS client.
pub(crate) struct ByHand {
    stream: TcpStream,
    tls: TlsClient,
    lines: LineBuffer,
    pub(crate) heard: Vec<String>,
}

impl ByHand {
    pub(crate) fn connect(address: SocketAddr, trust: &TlsClientConfig) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("connect: {error}"))?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(|error| error.to_string())?;
        let mut hand = Self {
            stream,
            tls: TlsClient::new(trust),
            lines: LineBuffer::default(),
            heard: Vec::new(),
        };
        hand.flush()?;
        Ok(hand)
    }

    pub(crate) fn types(&mut self, text: &str) -> Result<(), String> {
        self.tls.send(text.as_bytes());
        self.flush()
    }

    pub(crate) fn hears(&mut self, text: &str) -> Result<(), String> {
        let mut bytes = [0; 16_384];
        while !self.heard.last().is_some_and(|line| line.contains(text)) {
            let read = self
                .stream
                .read(&mut bytes)
                .map_err(|error| format!("read: {error}"))?;
            if read == 0 {
                return Err(format!("expected {text:?}, heard {:?}", self.heard));
            }
            let mut plaintext = Vec::new();
            self.tls
                .receive(&bytes[..read], &mut plaintext)
                .map_err(|error| error.to_string())?;
            self.lines.push(&plaintext);
            while let Some(Ok(line)) = self.lines.next_line() {
                self.heard.push(String::from_utf8_lossy(&line).into_owned());
            }
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        while let Some(bytes) = self.tls.poll_transmit() {
            self.stream
                .write_all(&bytes)
                .map_err(|error| format!("write: {error}"))?;
        }
        Ok(())
    }
}
