//! The station's side of one management session, above TLS: told lines, acts of its user and what the reader
//! answers; asks for lines to be sent, for the reader, for prompts and for notices. Sends no line without an act of
//! its user, except the answers to the device's own requests (CL-05), and so has no timer.

mod card_dialog;
mod notice;
mod relay;
mod station;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use machine::{Cx, Instant, Machine};
use protocol::{
    Activated, AuthOutcome, DeviceNotification, DeviceRequest, Error, ErrorName, Header, Info, LineTooLong,
    ManagerRequest, Method, NetworkSettings, Outcome, Peer, Received,
};
use serde_json::Value;

use card_dialog::{CardOutput, CardSlot};
pub use notice::{Broken, Ending, NotSent, Notice};
pub use station::{StationInput, StationOutput};

/// What a session is told.
#[derive(Clone, Debug)]
pub enum SessionInput {
    /// The device sent a line, without its LF.
    Line(Vec<u8>),
    /// The device sent a line that is too long; nothing after it can be read.
    LineTooLong(LineTooLong),
    /// The connection is gone, and how it went if nothing else ended it before. Told once.
    Closed(Ending),
    /// Something happened at the station.
    Station(StationInput),
}

/// What a session hands out.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionOutput {
    /// Send this line; it includes its LF.
    Send(String),
    /// Close the connection in order, once what was sent is out. [`SessionInput::Closed`] is awaited.
    Disconnect,
    /// Something for the station.
    Station(StationOutput),
}

/// One management session of a station. Made when the connection is; ends with it.
#[derive(Clone, Debug)]
pub struct Session {
    state: State,
    outputs: VecDeque<SessionOutput>,
}

#[derive(Clone, Debug)]
enum State {
    ExpectOpening,
    Open(Box<Open>),
    ExpectClosed(ExpectClosed),
    Over,
}

/// The station is the manager.
#[derive(Clone, Debug, Default)]
struct Open {
    peer: Peer,
    /// What was asked and not answered, in the order in which it was asked.
    asked: BTreeMap<u64, Asked>,
    card: CardSlot,
}

#[derive(Clone, Debug)]
struct Asked {
    act: Method,
    /// For `auth.start`: the custodian has ended the dialog, though the device has not said so yet.
    is_cancelled: bool,
}

/// Nothing more is read or sent; the connection is on its way down.
#[derive(Clone, Debug)]
struct ExpectClosed {
    ending: Ending,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// The session of a connection that has just been made; the device speaks first.
    pub fn new() -> Self {
        Self {
            state: State::ExpectOpening,
            outputs: VecDeque::new(),
        }
    }

    /// Whether the device has let this station in and the session has not ended.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether lines of the device are still read.
    pub const fn is_reading(&self) -> bool {
        match self.state {
            State::ExpectOpening | State::Open(_) => true,
            State::ExpectClosed(_) | State::Over => false,
        }
    }

    /// Something happened at the station.
    pub fn handle_station_input(&mut self, input: StationInput) {
        if let StationInput::HangUp = input {
            return self.hang_up(Ending::HungUp);
        }
        let State::Open(open) = &mut self.state else {
            if let StationInput::Ask(request) = input {
                let act = request.method();
                let why = match self.state {
                    State::ExpectOpening => NotSent::NotOpen,
                    State::Open(_) | State::ExpectClosed(_) | State::Over => NotSent::Over,
                };
                self.notice(Notice::NotSent { act, why });
            }
            return;
        };
        match input {
            StationInput::Ask(request) => self.on_request_of_user(&request),
            StationInput::CardInserted => open.card.on_card_inserted(),
            StationInput::CardRemoved => open.card.on_card_removed(),
            StationInput::Reader(answer) => open.card.on_reader_answer(answer),
            StationInput::PinEntered(pin) => open.card.on_pin_entered(&pin),
            StationInput::PinCancelled => open.card.on_pin_cancelled(),
            StationInput::HangUp => unreachable!("handled above"),
        }
        self.flush_card();
    }

    /// The device sent a line, given without its LF.
    pub fn handle_line(&mut self, line: &[u8]) {
        match &mut self.state {
            State::ExpectOpening => self.on_first_line(line),
            State::Open(open) => match open.peer.receive(line) {
                Err(violation) => self.on_broken(Broken::Violation(violation)),
                Ok(Received::Request { id, method, params }) => self.on_request(id, &method, &params),
                Ok(Received::OneTooMany { id }) => {
                    let line = open.peer.answer(id, Err(ErrorName::LimitReached.into()));
                    self.outputs.push_back(SessionOutput::Send(line));
                }
                Ok(Received::Notification { method, params }) => self.on_notification(&method, params),
                Ok(Received::Answer { id, outcome }) => self.on_answer(id, outcome),
            },
            // What a device says after it was hung up on, or after its own last line, is not read.
            State::ExpectClosed(_) | State::Over => {}
        }
    }

    /// The device sent a line that is too long.
    pub fn handle_line_too_long(&mut self, _: LineTooLong) {
        self.on_broken(Broken::LineTooLong);
    }

    /// The connection is gone. `how` is its ending, unless it was over before.
    pub fn handle_closed(&mut self, how: Ending) {
        let ending = match core::mem::replace(&mut self.state, State::Over) {
            State::Over => return,
            State::ExpectClosed(ExpectClosed { ending }) => ending,
            State::ExpectOpening => how,
            State::Open(mut open) => {
                self.end_card_dialog(&mut open);
                how
            }
        };
        if let Ending::Tls(crate::TlsError::FingerprintChanged { pinned, presented }) = ending {
            self.notice(Notice::FingerprintChanged { pinned, presented });
        }
        self.notice(Notice::Ended { ending });
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<SessionOutput> {
        self.outputs.pop_front()
    }

    fn on_first_line(&mut self, line: &[u8]) {
        let mut peer = Peer::default();
        let first = match peer.receive(line) {
            Ok(Received::Notification { method, params }) => DeviceNotification::decode(&method, params),
            Ok(Received::Request { .. } | Received::OneTooMany { .. } | Received::Answer { .. }) => None,
            Err(violation) => return self.on_broken(Broken::Violation(violation)),
        };
        match first {
            Some(DeviceNotification::Opened { protocol, .. }) if protocol != protocol::VERSION => {
                self.on_broken(Broken::Version(protocol));
            }
            Some(DeviceNotification::Opened { header, ceremony, .. }) => {
                self.state = State::Open(Box::new(Open {
                    peer,
                    asked: BTreeMap::new(),
                    card: CardSlot::default(),
                }));
                self.notice(Notice::Opened { header, ceremony });
            }
            Some(DeviceNotification::Denied { reason, text }) => {
                self.notice(Notice::Denied { reason, text });
                self.hang_up(Ending::Denied(reason));
            }
            Some(
                DeviceNotification::Closing { .. }
                | DeviceNotification::HeaderChanged(_)
                | DeviceNotification::CeremonyProgress(_)
                | DeviceNotification::CeremonyReset { .. }
                | DeviceNotification::OperationProgress { .. },
            )
            | None => self.on_broken(Broken::NotOpened),
        }
    }

    fn on_request_of_user(&mut self, request: &ManagerRequest) {
        let act = request.method();
        let State::Open(open) = &mut self.state else {
            return;
        };
        let Ok((id, line)) = open.peer.request(request) else {
            let why = NotSent::TooManyOpen;
            return self.notice(Notice::NotSent { act, why });
        };
        self.outputs.push_back(SessionOutput::Send(line));
        let is_cancelled = false;
        open.asked.insert(id, Asked { act, is_cancelled });
        if act == Method::AuthCancel {
            // Whatever the device makes of it, this custodian's card is out of the game.
            for asked in open.asked.values_mut() {
                asked.is_cancelled |= asked.act == Method::AuthStart;
            }
            open.card.end(Some(ErrorName::PinCancelled));
        }
        open.open_next_dialog();
    }

    fn on_request(&mut self, id: u64, method: &str, params: &Value) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        match DeviceRequest::decode(method, params) {
            // The device asked before it knew that the custodian had given up, or cleans up behind that.
            Ok(asked) if open.is_cancelling() => open.card.on_request_too_late(id, &asked),
            Ok(asked) => open.card.on_request(id, &asked),
            Err(error) => {
                let line = open.peer.answer(id, Err(error));
                self.outputs.push_back(SessionOutput::Send(line));
            }
        }
        self.flush_card();
    }

    fn on_notification(&mut self, method: &str, params: Value) {
        match DeviceNotification::decode(method, params) {
            Some(DeviceNotification::Opened { .. } | DeviceNotification::Denied { .. }) => {
                self.on_broken(Broken::OpenedAgain);
            }
            Some(DeviceNotification::Closing { reason, text }) => {
                self.notice(Notice::Closing { reason, text });
                self.hang_up(Ending::Closing(reason));
            }
            Some(DeviceNotification::HeaderChanged(header)) => self.notice(Notice::HeaderChanged(header)),
            Some(DeviceNotification::CeremonyProgress(progress)) => {
                self.notice(Notice::CeremonyProgress(progress));
            }
            Some(DeviceNotification::CeremonyReset { reason }) => {
                self.notice(Notice::CeremonyReset { reason });
            }
            Some(DeviceNotification::OperationProgress { percent, text }) => {
                self.notice(Notice::OperationProgress { percent, text });
            }
            // One of a later version, which the protocol lets us ignore.
            None => {}
        }
    }

    fn on_answer(&mut self, id: u64, outcome: Outcome) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        let is_of_dialog = open.oldest_start() == Some(id);
        let Asked { act, .. } = open.asked.remove(&id).expect("what the peer counts is kept here");
        if is_of_dialog {
            open.card.end(Some(ErrorName::ApduRefused));
        }
        open.open_next_dialog();
        self.flush_card();
        match outcome {
            Ok(result) => self.on_result(act, result),
            Err(error) => self.notice(Notice::Refused { act, error }),
        }
    }

    fn on_result(&mut self, act: Method, result: Value) {
        let notice = match act {
            Method::Header => serde_json::from_value(result).map(|header: Header| Notice::Header(header)),
            Method::Info => serde_json::from_value(result).map(|info: Info| Notice::Info(info)),
            Method::Network | Method::SetNetwork => {
                serde_json::from_value(result).map(|network: NetworkSettings| Notice::Network(network))
            }
            Method::HttpConsoleUrl => serde_json::from_value(result)
                .map(|protocol::HttpConsoleUrl { url }| Notice::HttpConsoleUrl { url }),
            Method::AuthStart => serde_json::from_value(result).map(|outcome: AuthOutcome| outcome.into()),
            Method::Activate => {
                serde_json::from_value(result).map(|Activated::Administrator| Notice::Activated)
            }
            Method::AuthCancel
            | Method::ChangePassword
            | Method::StopService
            | Method::StartService
            | Method::Restart
            | Method::PowerOff
            | Method::UnlockMaster
            | Method::LiveSync
            | Method::FactoryReset
            | Method::SetMode
            | Method::Close => Ok(Notice::Done { act }),
        };
        match notice {
            Ok(notice) => self.notice(notice),
            Err(_) => return self.on_broken(Broken::Result { act }),
        }
        if act == Method::Close {
            self.hang_up(Ending::Closed);
        }
    }

    fn on_broken(&mut self, how: Broken) {
        match self.state {
            State::ExpectOpening | State::Open(_) => {
                self.notice(Notice::ProtocolBroken(how.clone()));
                self.hang_up(Ending::ProtocolBroken(how));
            }
            State::ExpectClosed(_) | State::Over => {}
        }
    }

    /// Nothing more is said: the dialog ends, the connection is closed in order.
    fn hang_up(&mut self, ending: Ending) {
        match core::mem::replace(&mut self.state, State::ExpectClosed(ExpectClosed { ending })) {
            State::ExpectOpening => {}
            State::Open(mut open) => self.end_card_dialog(&mut open),
            // The first cause counts.
            state @ (State::ExpectClosed(_) | State::Over) => {
                self.state = state;
                return;
            }
        }
        self.outputs.push_back(SessionOutput::Disconnect);
    }

    /// Ends the dialog of a session that is over: nobody is left to be answered.
    //= RM-15
    //= RM-20
    fn end_card_dialog(&mut self, open: &mut Open) {
        open.card.end(None);
        flush_card(open, &mut self.outputs);
    }

    fn flush_card(&mut self) {
        if let State::Open(open) = &mut self.state {
            flush_card(open, &mut self.outputs);
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.tell_station(StationOutput::Notice(notice));
    }

    fn tell_station(&mut self, output: StationOutput) {
        self.outputs.push_back(SessionOutput::Station(output));
    }
}

/// Hands on what the card dialog asks for.
fn flush_card(open: &mut Open, outputs: &mut VecDeque<SessionOutput>) {
    while let Some(output) = open.card.poll_output() {
        outputs.push_back(match output {
            CardOutput::Answer(id, outcome) => {
                SessionOutput::Send(open.peer.answer(id, outcome.map_err(Error::from)))
            }
            CardOutput::Reader(command) => SessionOutput::Station(StationOutput::Reader(command)),
            CardOutput::AskForCard => SessionOutput::Station(StationOutput::AskForCard),
            CardOutput::AskForPin => SessionOutput::Station(StationOutput::AskForPin),
            CardOutput::WithdrawPrompt => SessionOutput::Station(StationOutput::WithdrawPrompt),
            CardOutput::Notice(notice) => SessionOutput::Station(StationOutput::Notice(notice)),
        });
    }
}

impl Open {
    /// The oldest `auth.start` without an answer is the one that the device works on; its custodian has the slot,
    /// unless the dialog was cancelled. A second one waits: the device refuses it (AU-19), or comes to it later.
    fn oldest_start(&self) -> Option<u64> {
        let mut asked = self.asked.iter();
        asked.find_map(|(id, asked)| (asked.act == Method::AuthStart).then_some(*id))
    }

    /// Whether the dialog is over here, while the device still owes the answer to its `auth.start`.
    fn is_cancelling(&self) -> bool {
        self.oldest_start().is_some() && !self.card.is_open()
    }

    /// Gives the slot to whose turn it is.
    fn open_next_dialog(&mut self) {
        let next = self.oldest_start().and_then(|id| self.asked.get(&id));
        if next.is_some_and(|start| !start.is_cancelled) && !self.card.is_open() {
            self.card.open();
        }
    }
}

impl From<AuthOutcome> for Notice {
    fn from(outcome: AuthOutcome) -> Self {
        match outcome {
            AuthOutcome::Intermediary {
                presented,
                required,
                expires_in_ms,
            } => Self::Intermediary {
                presented,
                required,
                expires_in_ms,
            },
            AuthOutcome::Administrator {
                presented,
                required,
                activated,
            } => Self::Administrator {
                presented,
                required,
                activated,
            },
        }
    }
}

impl Machine for Session {
    type Input = SessionInput;
    type Output = SessionOutput;

    fn handle_input(&mut self, _: &mut Cx<'_>, input: SessionInput) {
        match input {
            SessionInput::Line(line) => self.handle_line(&line),
            SessionInput::LineTooLong(too_long) => self.handle_line_too_long(too_long),
            SessionInput::Closed(how) => self.handle_closed(how),
            SessionInput::Station(input) => self.handle_station_input(input),
        }
    }

    fn handle_timeout(&mut self, _: &mut Cx<'_>) {}

    fn poll_output(&mut self) -> Option<SessionOutput> {
        Self::poll_output(self)
    }

    /// Never: a station left alone does nothing, and the device's limit ends it.
    //= CL-05
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
