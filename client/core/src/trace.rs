//! What a station's session was told, one JSON object a line: to be kept, sent to somebody, and told to a session again.
//! Holds no secret: what was typed and what a card answered is filler of the same length, since the session never looks
//! inside. Writes no file and reads no clock.
//!
//! ```
//! use hsm_client::{Pin, SessionInput, StationInput, TraceLine};
//!
//! let input = SessionInput::Station(StationInput::PinEntered(Pin::from("12345678")));
//! let line = TraceLine::new(machine::Instant::from_micros(1_500_000), &input).to_string();
//! assert_eq!(line, r#"{"v":1,"at_us":1500000,"machine":"session","input":{"pin":"00000000"}}"#);
//! assert!(line.parse::<TraceLine>().is_ok());
//! ```

use core::{fmt, str::FromStr};

use apdu::{Atr, InvalidPinEntry, ReaderAnswer, ResponseApdu};
use machine::Instant;
use protocol::{ActivationPassword, ManagerRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Ending, Pin, SessionInput, StationInput};

/// The version of the form. It changes when a line of before would be read as something else.
pub const TRACE_VERSION: u32 = 1;

/// One line of a trace: an input of a session and when it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceLine {
    v: u32,
    at_us: u64,
    machine: Machine,
    input: TracedInput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Machine {
    Session,
}

/// An input of a session without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TracedInput(Input);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    /// A line of the device.
    Line(String),
    /// A line of the device that is not UTF-8, in hexadecimal.
    Bytes(String),
    LineTooLong,
    Closed(Closed),
    /// An act of the user. Passwords in its parameters are filler.
    Ask {
        method: String,
        params: Value,
    },
    HangUp,
    CardInserted,
    CardRemoved,
    Reader(Answer),
    /// Filler that is as good or as bad a PIN as what was typed.
    Pin(String),
    PinCancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Closed {
    Torn,
    LeftByDevice,
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// In hexadecimal.
    Atr(String),
    /// The status word in hexadecimal behind as many zero bytes as the card answered.
    Response(String),
    PoweredOff,
    CardAbsent,
    CardRemoved,
    CardMute,
    ReaderUnavailable,
}

impl TraceLine {
    /// The line about this input.
    pub fn new(at: Instant, input: impl Into<TracedInput>) -> Self {
        Self {
            v: TRACE_VERSION,
            at_us: at.as_micros(),
            machine: Machine::Session,
            input: input.into(),
        }
    }

    /// When the input came, on the clock of the program that wrote the trace.
    pub const fn at(&self) -> Instant {
        Instant::from_micros(self.at_us)
    }

    /// The input, to be told again.
    pub fn input(&self) -> Result<SessionInput, InvalidTraceLine> {
        let station = |input| Ok(SessionInput::Station(input));
        match &self.input.0 {
            Input::Line(line) => Ok(SessionInput::Line(line.clone().into_bytes())),
            Input::Bytes(bytes) => Ok(SessionInput::Line(from_hex(bytes)?)),
            Input::LineTooLong => Ok(SessionInput::LineTooLong(protocol::LineTooLong)),
            Input::Closed(Closed::Torn) => Ok(SessionInput::Closed(Ending::Torn)),
            Input::Closed(Closed::LeftByDevice) => Ok(SessionInput::Closed(Ending::LeftByDevice)),
            Input::Closed(Closed::Tls) => {
                let why = rustls::Error::General("as the trace has it".into());
                Ok(SessionInput::Closed(Ending::Tls(why.into())))
            }
            Input::Ask { method, params } => {
                let request = ManagerRequest::decode(method, params);
                station(StationInput::Ask(request.map_err(|_| InvalidTraceLine)?))
            }
            Input::HangUp => station(StationInput::HangUp),
            Input::CardInserted => station(StationInput::CardInserted),
            Input::CardRemoved => station(StationInput::CardRemoved),
            Input::Reader(answer) => station(StationInput::Reader(answer.to_reader()?)),
            Input::Pin(filler) => station(StationInput::PinEntered(Pin::from(filler.as_str()))),
            Input::PinCancelled => station(StationInput::PinCancelled),
        }
    }
}

impl From<&SessionInput> for TracedInput {
    fn from(input: &SessionInput) -> Self {
        Self(Input::without_secrets(input))
    }
}

impl Input {
    fn without_secrets(input: &SessionInput) -> Self {
        match input {
            SessionInput::Line(line) => match core::str::from_utf8(line) {
                Ok(line) => Self::Line(line.to_owned()),
                Err(_) => Self::Bytes(to_hex(line)),
            },
            SessionInput::LineTooLong(_) => Self::LineTooLong,
            SessionInput::Closed(Ending::Tls(_)) => Self::Closed(Closed::Tls),
            SessionInput::Closed(Ending::LeftByDevice) => Self::Closed(Closed::LeftByDevice),
            // The others are told by the session itself, never to it.
            SessionInput::Closed(
                Ending::Torn
                | Ending::Denied(_)
                | Ending::Closing(_)
                | Ending::Closed
                | Ending::HungUp
                | Ending::ProtocolBroken(_),
            ) => Self::Closed(Closed::Torn),
            SessionInput::Station(StationInput::Ask(request)) => Self::of_request(request),
            SessionInput::Station(StationInput::HangUp) => Self::HangUp,
            SessionInput::Station(StationInput::CardInserted) => Self::CardInserted,
            SessionInput::Station(StationInput::CardRemoved) => Self::CardRemoved,
            SessionInput::Station(StationInput::Reader(answer)) => Self::Reader(Answer::of_reader(answer)),
            SessionInput::Station(StationInput::PinEntered(pin)) => Self::Pin(match pin.check() {
                Ok(_) => "0".repeat(8),
                Err(InvalidPinEntry::Length { characters }) => "0".repeat(characters),
                Err(InvalidPinEntry::Character) => "?".repeat(8),
            }),
            SessionInput::Station(StationInput::PinCancelled) => Self::PinCancelled,
        }
    }

    fn of_request(request: &ManagerRequest) -> Self {
        let without_secrets = match request {
            ManagerRequest::Activate { password } => ManagerRequest::Activate {
                password: filler(password),
            },
            ManagerRequest::ChangePassword { old, new } => ManagerRequest::ChangePassword {
                old: filler(old),
                new: filler(new),
            },
            ManagerRequest::Header
            | ManagerRequest::Info
            | ManagerRequest::Network
            | ManagerRequest::SetNetwork(_)
            | ManagerRequest::HttpConsoleUrl
            | ManagerRequest::AuthStart
            | ManagerRequest::AuthCancel
            | ManagerRequest::StopService
            | ManagerRequest::StartService
            | ManagerRequest::Restart
            | ManagerRequest::PowerOff
            | ManagerRequest::UnlockMaster
            | ManagerRequest::LiveSync { .. }
            | ManagerRequest::FactoryReset { .. }
            | ManagerRequest::SetMode { .. }
            | ManagerRequest::Close => request.clone(),
        };
        Self::Ask {
            method: request.method().name().to_owned(),
            params: without_secrets.params(),
        }
    }
}

/// As many characters, which is all that a station may look at.
fn filler(password: &ActivationPassword) -> ActivationPassword {
    ActivationPassword::from("0".repeat(password.expose().chars().count()))
}

impl Answer {
    fn of_reader(answer: &ReaderAnswer) -> Self {
        match answer {
            ReaderAnswer::Atr(atr) => Self::Atr(to_hex(atr.as_bytes())),
            ReaderAnswer::Response(response) => {
                let mut bytes = response.to_bytes();
                let data_len = bytes.len().saturating_sub(2);
                bytes[..data_len].fill(0);
                Self::Response(to_hex(&bytes))
            }
            ReaderAnswer::PoweredOff => Self::PoweredOff,
            ReaderAnswer::CardAbsent => Self::CardAbsent,
            ReaderAnswer::CardRemoved => Self::CardRemoved,
            ReaderAnswer::CardMute => Self::CardMute,
            ReaderAnswer::ReaderUnavailable => Self::ReaderUnavailable,
        }
    }

    fn to_reader(&self) -> Result<ReaderAnswer, InvalidTraceLine> {
        Ok(match self {
            Self::Atr(atr) => {
                ReaderAnswer::Atr(Atr::try_from(&from_hex(atr)?[..]).map_err(|_| InvalidTraceLine)?)
            }
            Self::Response(bytes) => {
                let response = ResponseApdu::try_from(&from_hex(bytes)?[..]);
                ReaderAnswer::Response(response.map_err(|_| InvalidTraceLine)?)
            }
            Self::PoweredOff => ReaderAnswer::PoweredOff,
            Self::CardAbsent => ReaderAnswer::CardAbsent,
            Self::CardRemoved => ReaderAnswer::CardRemoved,
            Self::CardMute => ReaderAnswer::CardMute,
            Self::ReaderUnavailable => ReaderAnswer::ReaderUnavailable,
        })
    }
}

fn to_hex(bytes: &[u8]) -> String {
    data_encoding::HEXUPPER.encode(bytes)
}

fn from_hex(text: &str) -> Result<Vec<u8>, InvalidTraceLine> {
    data_encoding::HEXUPPER
        .decode(text.as_bytes())
        .map_err(|_| InvalidTraceLine)
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&line)
    }
}

/// A text that is no line of a trace of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTraceLine;

impl fmt::Display for InvalidTraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read trace: expected an input of a session in version {TRACE_VERSION}, got another text"
        )
    }
}

impl core::error::Error for InvalidTraceLine {}

impl FromStr for TraceLine {
    type Err = InvalidTraceLine;

    fn from_str(text: &str) -> Result<Self, InvalidTraceLine> {
        let line: Self = serde_json::from_str(text).map_err(|_| InvalidTraceLine)?;
        if line.v != TRACE_VERSION {
            return Err(InvalidTraceLine);
        }
        line.input()?;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Method;
    use serde_json::json;

    fn round(input: &SessionInput) -> String {
        let line = TraceLine::new(Instant::from_micros(7), input);
        let text = line.to_string();
        let read: TraceLine = text.parse().expect("what is written is read");
        assert_eq!(read, line);
        let again = TraceLine::new(line.at(), &read.input().expect("it was read"));
        assert_eq!(again.to_string(), text, "told again it is the same");
        text
    }

    #[test]
    fn every_input_is_read_back_without_its_secrets() {
        for line in [&b"{\"jsonrpc\":\"2.0\"}"[..], b"\xFF\x00", b"\x1b\"\\"] {
            round(&SessionInput::Line(line.to_vec()));
        }
        round(&SessionInput::LineTooLong(protocol::LineTooLong));
        for ending in [Ending::Torn, Ending::LeftByDevice] {
            round(&SessionInput::Closed(ending));
        }
        let station = |input| round(&SessionInput::Station(input));
        for method in Method::ALL {
            let members =
                json!({"old": "", "new": "", "password": "", "confirm": "TXP0000001", "mode": "RM1"});
            let request = ManagerRequest::decode(method.name(), &members).expect("it has all members");
            let text = station(StationInput::Ask(request));
            assert!(text.contains(method.name()), "{text}");
        }
        station(StationInput::HangUp);
        station(StationInput::CardInserted);
        station(StationInput::CardRemoved);
        station(StationInput::PinCancelled);
        let shadow = [&b"a shadow of the key"[..], &[0x90, 0x00]].concat();
        let text = station(StationInput::Reader(ReaderAnswer::from_received(&shadow)));
        assert!(text.contains(&format!("\"{}9000\"", "00".repeat(19))), "{text}");
        for answer in [
            ReaderAnswer::PoweredOff,
            ReaderAnswer::CardAbsent,
            ReaderAnswer::CardRemoved,
            ReaderAnswer::CardMute,
            ReaderAnswer::ReaderUnavailable,
        ] {
            station(StationInput::Reader(answer));
        }
        for (typed, filler) in [
            ("AbCd1234", "00000000"),
            ("987", "000"),
            ("1234567é", "????????"),
            ("", ""),
        ] {
            let text = station(StationInput::PinEntered(Pin::from(typed)));
            assert!(text.ends_with(&format!("{{\"pin\":\"{filler}\"}}}}")), "{text}");
        }
    }

    #[test]
    fn a_password_is_filler_of_as_many_characters() {
        let password = |text: &str| ActivationPassword::from(text);
        let station = |request| round(&SessionInput::Station(StationInput::Ask(request)));
        let text = station(ManagerRequest::Activate {
            password: password("cörrect h0rse"),
        });
        let input = r#"{"ask":{"method":"auth.activate","params":{"password":"0000000000000"}}}"#;
        assert!(text.contains(input), "{text}");
        let text = station(ManagerRequest::ChangePassword {
            old: password("sesame00"),
            new: password("sesame001"),
        });
        assert!(
            text.contains(r#""params":{"new":"000000000","old":"00000000"}"#),
            "{text}"
        );
    }

    #[test]
    fn another_version_or_text_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"v":2,"at_us":0,"machine":"session","input":"hang_up"}"#,
            r#"{"v":1,"at_us":0,"machine":"device","input":"hang_up"}"#,
            r#"{"v":1,"at_us":0,"machine":"session","input":{"ask":{"method":"ops.explode","params":{}}}}"#,
            r#"{"v":1,"at_us":0,"machine":"session","input":{"ask":{"method":"auth.activate","params":{}}}}"#,
            r#"{"v":1,"at_us":0,"machine":"session","input":{"reader":{"response":"90"}}}"#,
        ] {
            assert_eq!(text.parse::<TraceLine>(), Err(InvalidTraceLine), "{text}");
        }
    }
}
