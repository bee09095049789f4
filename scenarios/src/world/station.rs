//! A person at a station: a client's connection, a reader, a prompt to answer. Does nothing that the person did not
//! do, but what the client's own machine does.

use std::net::{IpAddr, Ipv4Addr};

use client_console::ConsoleInput;
use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Fingerprint, Notice, Pin, Speaker, StationInput,
    StationOutput, TlsClientConfig, Trust,
};
use hsm_core::ConnectionId;
use machine::Instant;
use protocol::{ManagerRequest, Method};
use serde_json::Value;
use sim::{Arrival, Side};

use super::{Caller, Screens, World, cards, client_config};

/// A person with a station.
pub(crate) struct Station {
    pub(crate) address: IpAddr,
    pub(crate) link: Option<ConnectionId>,
    connection: Option<Connection>,
    /// Whose card is in the reader.
    pub(crate) slot: Option<String>,
    /// A reader that is not there.
    pub(crate) reader_unplugged: bool,
    pub(crate) prompt: Option<Prompt>,
    /// Prompts for a PIN so far.
    pub(crate) pin_prompts: u32,
    pub(crate) notices: Vec<(Instant, Notice)>,
    /// Every line that crossed the connection, with its instant.
    pub(crate) transcript: Vec<(Instant, Speaker, String)>,
    /// When the last attempt to connect found nothing listening.
    pub(crate) refused: bool,
    /// The fingerprint that this station trusts, if it is not the device's.
    pub(super) trusted: Option<Fingerprint>,
    /// Whoever works with the console has one.
    pub(crate) screens: Option<Screens>,
}

/// What the station asks its person for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    Card,
    Pin,
}

impl Station {
    pub(crate) fn new(name: &str) -> Self {
        // A desk for everybody, by the first letter, in a network set aside for documentation (RFC 5737).
        let desk = name.bytes().next().map_or(0, |letter| letter % 32);
        Self {
            address: Ipv4Addr::new(203, 0, 113, desk).into(),
            link: None,
            connection: None,
            slot: None,
            reader_unplugged: false,
            prompt: None,
            pin_prompts: 0,
            notices: Vec::new(),
            transcript: Vec::new(),
            refused: false,
            trusted: None,
            screens: None,
        }
    }

    /// The newest notice that is not about TLS.
    pub(crate) fn last_notice(&self) -> Option<&Notice> {
        self.notices.last().map(|(_, notice)| notice)
    }

    /// Everything of one kind that was told to this person, the oldest first.
    pub(crate) fn all<T>(&self, pick: impl Fn(&Notice) -> Option<T>) -> Vec<T> {
        self.notices
            .iter()
            .filter_map(|(_, notice)| pick(notice))
            .collect()
    }

    /// What `pick` finds in the newest notice in which it finds something.
    pub(crate) fn newest<T>(&self, pick: impl Fn(&Notice) -> Option<T>) -> Option<T> {
        self.notices.iter().rev().find_map(|(_, notice)| pick(notice))
    }

    /// Whether this station is the manager, as far as it knows.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_open)
    }
}

impl World {
    /// The station of somebody; one that nobody has mentioned is set up.
    pub(crate) fn station(&mut self, name: &str) -> &mut Station {
        self.people
            .entry(name.to_owned())
            .or_insert_with(|| Station::new(name))
    }

    /// Opens a connection, leaving the one that may still be there.
    pub(crate) fn connect(&mut self, name: &str, from: Option<IpAddr>) {
        self.hang_up(name);
        let station = self.station(name);
        if let Some(from) = from {
            station.address = from;
        }
        station.notices.clear();
        station.transcript.clear();
        station.refused = false;
        let address = station.address;
        self.trace
            .tell(self.now, name, format!("connects from {address}"));
        let Some(id) = self.open(Caller::Station(name.to_owned()), address) else {
            self.trace.tell(self.now, name, "finds nothing listening");
            self.station(name).refused = true;
            return;
        };
        let station = self.station(name);
        station.link = Some(id);
        station.connection = Some(match station.trusted {
            None => Connection::new(client_config()),
            Some(other) => Connection::new(&TlsClientConfig::new(Trust::Pinned(other))),
        });
        self.obey_station(name, id);
    }

    /// Closes the connection without a word, as leaving the program does.
    pub(crate) fn hang_up(&mut self, name: &str) {
        if self.station(name).connection.is_some() {
            self.trace.tell(self.now, name, "hangs up");
            self.tell_station(name, StationInput::HangUp);
        }
    }

    /// The connection is reset, as a crash of the program does.
    pub(crate) fn crash(&mut self, name: &str) {
        let station = self.station(name);
        station.connection = None;
        station.prompt = None;
        let link = station.link.take();
        self.trace.tell(self.now, name, "program crashes");
        if let Some(id) = link {
            self.reset(id, Side::Client);
        }
    }

    pub(crate) fn ask(&mut self, name: &str, request: ManagerRequest) {
        self.trace
            .tell(self.now, name, format!("asks {:?}", request.method()));
        self.tell_station(name, StationInput::Ask(request));
    }

    /// The request of this method, confirmed with the right serial number where that is asked for.
    pub(crate) fn request(&self, method: Method) -> ManagerRequest {
        let params = serde_json::json!({"confirm": self.profile.serial, "mode": "RM1"});
        ManagerRequest::decode(method.name(), &params).expect("the steps ask for nothing that needs more")
    }

    pub(crate) fn insert(&mut self, name: &str, card: &str) {
        self.trace.tell(self.now, name, format!("puts in {card}'s card"));
        let station = self.station(name);
        station.slot = Some(card.to_owned());
        station.prompt = None;
        self.tell_station(name, StationInput::CardInserted);
    }

    pub(crate) fn take_card_out(&mut self, name: &str) {
        self.trace.tell(self.now, name, "takes the card out");
        if let Some(card) = self
            .station(name)
            .slot
            .take()
            .and_then(|card| self.cards.get_mut(&card))
        {
            card.power_off();
        }
        self.tell_station(name, StationInput::CardRemoved);
    }

    pub(crate) fn type_pin(&mut self, name: &str, pin: &str) {
        self.trace.tell(self.now, name, "types a PIN");
        self.station(name).prompt = None;
        self.tell_station(name, StationInput::PinEntered(Pin::from(pin)));
    }

    pub(crate) fn cancel_prompt(&mut self, name: &str) {
        self.trace.tell(self.now, name, "gives up at the prompt");
        self.station(name).prompt = None;
        self.tell_station(name, StationInput::PinCancelled);
    }

    pub(crate) fn tell_station(&mut self, name: &str, input: StationInput) {
        self.tell_connection(name, ConnectionInput::Station(input));
    }

    fn tell_connection(&mut self, name: &str, input: ConnectionInput) {
        let station = self.station(name);
        if let (Some(connection), Some(id)) = (&mut station.connection, station.link) {
            connection.handle_input(input);
            self.obey_station(name, id);
        }
    }

    /// Does what the station's connection asks for.
    fn obey_station(&mut self, name: &str, id: ConnectionId) {
        while let Some(output) = self
            .station(name)
            .connection
            .as_mut()
            .and_then(Connection::poll_output)
        {
            match output {
                ConnectionOutput::Transmit(bytes) => self.send(id, Side::Client, bytes),
                ConnectionOutput::Disconnect => {
                    self.finish(id, Side::Client);
                }
                // Nobody asked for a trace of this kind; the world keeps its own.
                ConnectionOutput::Told(_) => {}
                ConnectionOutput::Line { speaker, line } => {
                    let shown = without_card_data(&line);
                    let arrow = if speaker == Speaker::Device { "<-" } else { "->" };
                    self.trace.tell(self.now, name, format!("{arrow} {shown}"));
                    let now = self.now;
                    self.station(name).transcript.push((now, speaker, line));
                }
                ConnectionOutput::Station(output) => self.obey_session(name, output),
            }
        }
    }

    fn obey_session(&mut self, name: &str, output: StationOutput) {
        let now = self.now;
        // The prompt first, so that a key pressed on the screen finds it open.
        let shown = self.people[name].screens.is_some().then(|| output.clone());
        match output {
            StationOutput::Reader(command) => {
                let station = self.people.get(name).expect("it has a connection");
                let answer = if station.reader_unplugged {
                    apdu::ReaderAnswer::ReaderUnavailable
                } else {
                    cards::answer(&mut self.cards, station.slot.as_deref(), &command)
                };
                self.tell_station(name, StationInput::Reader(answer));
            }
            StationOutput::AskForCard => self.station(name).prompt = Some(Prompt::Card),
            StationOutput::AskForPin => {
                let station = self.station(name);
                station.prompt = Some(Prompt::Pin);
                station.pin_prompts += 1;
            }
            StationOutput::WithdrawPrompt => self.station(name).prompt = None,
            // Fingerprints differ from run to run, and TLS is not what a person is told about.
            StationOutput::Notice(Notice::Secured(_)) => {}
            StationOutput::Notice(notice) => self.station(name).notices.push((now, notice)),
        }
        if let Some(output) = shown {
            self.tell_screens(name, ConsoleInput::Station(output));
        }
    }

    pub(super) fn on_arrival_at_station(&mut self, name: &str, id: ConnectionId, arrival: Arrival) {
        // A cable of an earlier connection has nothing more to say.
        if self.station(name).link != Some(id) {
            return;
        }
        match arrival {
            Arrival::Bytes(bytes) => self.tell_connection(name, ConnectionInput::Received(bytes)),
            Arrival::Finished | Arrival::Reset => {
                self.tell_connection(name, ConnectionInput::Closed);
                self.finish(id, Side::Client);
            }
        }
    }
}

/// A line as it may be shown: what a card answered is told by its length only, and a password not at all.
fn without_card_data(line: &str) -> String {
    if !["\"response\"", "\"password\"", "\"old\""]
        .iter()
        .any(|member| line.contains(member))
    {
        return line.to_owned();
    }
    let Ok(mut message) = serde_json::from_str::<Value>(line) else {
        return line.to_owned();
    };
    if let Some(response) = message.pointer_mut("/result/response") {
        let digits = response.as_str().map_or(0, str::len);
        *response = format!("{} bytes", digits / 2).into();
    }
    for member in ["password", "old", "new"] {
        if let Some(password) = message.pointer_mut(&format!("/params/{member}")) {
            *password = "a password".into();
        }
    }
    message.to_string()
}
