//! A device that means ill: whatever it sends, the station neither panics nor hangs, asks nothing of the card that it does
//! not relay, and lets nothing out that was typed. 100,000 messages with `RIG_SOAK=1`, a tenth without.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use apdu::{Atr, ReaderAnswer, ReaderCommand};
use hsm_client::{Notice, Pin, Session, SessionOutput, StationInput, StationOutput};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestRng, TestRunner},
};
use protocol::ManagerRequest;
use serde_json::{Value, json};

/// Messages in one session.
const MESSAGES: usize = 50;
/// Sessions of a full run.
const SESSIONS: u32 = 2_000;
/// What was typed, and what the card kept behind it. Neither may come out anywhere but where it belongs.
const PIN: &str = "Zq7Zq7Zq";
const SHADOW: &[u8] = b"a shadow that nobody may see";

/// One thing that such a device says.
#[derive(Clone, Debug)]
enum Said {
    /// Something of the protocol, with parameters of its own making.
    Method {
        method: &'static str,
        id: Option<u64>,
        params: Value,
    },
    /// An answer to something, or to nothing.
    Answer {
        id: u64,
        result: Value,
        is_error: bool,
    },
    Bytes(Vec<u8>),
}

impl Said {
    fn line(&self) -> Vec<u8> {
        let message = match self {
            Self::Method {
                method,
                id: Some(id),
                params,
            } => {
                json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
            }
            Self::Method {
                method,
                id: None,
                params,
            } => {
                json!({"jsonrpc": "2.0", "method": method, "params": params})
            }
            Self::Answer {
                id,
                result,
                is_error: false,
            } => {
                json!({"jsonrpc": "2.0", "id": id, "result": result})
            }
            Self::Answer {
                id,
                result,
                is_error: true,
            } => json!({"jsonrpc": "2.0", "id": id, "error": result}),
            Self::Bytes(bytes) => return bytes.clone(),
        };
        message.to_string().into_bytes()
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,10}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_params() -> impl Strategy<Value = Value> {
    let apdus = &[
        "00A4040010A0000000183003010000000000000000",
        "00B0000040",
        "80C002E018",
        "00C0000000",
        "0020000008",
        "00D6000004DEADBEEF",
        "",
        "zz",
    ][..];
    prop_oneof![
        Just(json!({})),
        prop::sample::select(apdus).prop_map(|apdu| json!({"apdu": apdu})),
        prop::sample::select(&["00200000", "00200001", "80200000", ""][..])
            .prop_map(|header| json!({"header": header})),
        prop::sample::select(&["busy", "inactivity", "interval", "?"][..])
            .prop_map(|reason| json!({"reason": reason, "text": "\u{1b}[2J"})),
        (any::<u8>(), ".{0,12}").prop_map(|(percent, text)| json!({"percent": percent, "text": text})),
        any_value(),
    ]
}

fn any_said() -> impl Strategy<Value = Said> {
    let methods = &[
        "card.power_on",
        "card.transmit",
        "card.verify_pin",
        "card.power_off",
        "session.opened",
        "session.denied",
        "session.closing",
        "header.changed",
        "ceremony.progress",
        "ceremony.reset",
        "operation.progress",
        "auth.start",
        "?",
    ][..];
    // Mostly what keeps the session alive, so that there is something to be attacked.
    let cards = &[
        "card.power_on",
        "card.transmit",
        "card.verify_pin",
        "card.power_off",
    ][..];
    prop_oneof![
        12 => (prop::sample::select(cards), 0..1_000_000_u64, any_params())
            .prop_map(|(method, id, params)| Said::Method { method, id: Some(id), params }),
        3 => (prop::sample::select(methods), prop::option::of(0..1_000_000_u64), any_params())
            .prop_map(|(method, id, params)| Said::Method { method, id, params }),
        1 => (0..12_u64, any_value(), any::<bool>())
            .prop_map(|(id, result, is_error)| Said::Answer { id, result, is_error }),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Said::Bytes),
    ]
}

/// A station with a card in its reader and a custodian who types.
struct Station {
    session: Session,
    commands: usize,
}

impl Station {
    fn open() -> Self {
        let mut session = Session::new();
        let opened = json!({"jsonrpc": "2.0", "method": "session.opened", "params": {"protocol": 1, "ceremony": null,
            "header": {"service": "running", "model": "CD", "serial": "S", "firmware": "5", "ip": "10.0.0.1", "mode": "NRM"}}});
        session.handle_line(opened.to_string().as_bytes());
        session.handle_station_input(StationInput::Ask(ManagerRequest::AuthStart));
        let mut station = Self { session, commands: 0 };
        station.obey();
        station
    }

    /// Does what the session asks for, and sees that it is nothing it must not be.
    fn obey(&mut self) {
        let mut turns = 0;
        while let Some(output) = self.session.poll_output() {
            turns += 1;
            assert!(turns < 1_000, "one message is not answered for ever");
            let said = format!("{output:?}");
            assert!(!said.contains(PIN), "{said}");
            match output {
                SessionOutput::Send(line) => {
                    assert!(
                        line.len() <= protocol::LINE_BYTES_MAX && !line.contains(PIN),
                        "{line}"
                    );
                }
                SessionOutput::Station(StationOutput::Reader(command)) => self.on_command(&command),
                SessionOutput::Station(StationOutput::AskForPin) => {
                    self.tell(StationInput::PinEntered(Pin::from(PIN)));
                }
                SessionOutput::Station(StationOutput::AskForCard) => self.tell(StationInput::CardInserted),
                SessionOutput::Station(StationOutput::Notice(notice)) => check_notice(&notice),
                SessionOutput::Disconnect | SessionOutput::Station(StationOutput::WithdrawPrompt) => {}
            }
        }
    }

    fn on_command(&mut self, command: &ReaderCommand) {
        self.commands += 1;
        let answer = match command {
            ReaderCommand::PowerOn => ReaderAnswer::Atr(Atr::try_from(&[0x3B, 0x00][..]).unwrap()),
            ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
            ReaderCommand::Transmit(tpdu) => {
                let allowed = [
                    &[0x00, 0xA4][..],
                    &[0x80, 0xC0, 0x02],
                    &[0x00, 0xB0],
                    &[0x80, 0xC0, 0x00, 0x00],
                    &[0x00, 0xC0, 0x00, 0x00],
                    &[0x00, 0x20, 0x00, 0x00, 0x08],
                ];
                let is_allowed = allowed.iter().any(|begin| tpdu.starts_with(begin));
                assert!(is_allowed, "{tpdu:02X?}");
                ReaderAnswer::from_received(&[SHADOW, &[0x90, 0x00]].concat())
            }
        };
        self.tell(StationInput::Reader(answer));
    }

    fn tell(&mut self, input: StationInput) {
        self.session.handle_station_input(input);
    }
}

/// What is told to the user holds nothing of the card.
fn check_notice(notice: &Notice) {
    let text = format!("{notice:?}");
    assert!(!text.contains("a shadow that"), "{text}");
}

//= AU-22
#[test]
fn a_hostile_device_gets_nothing_and_breaks_nothing() {
    let is_soak = std::env::var_os("RIG_SOAK").is_some();
    let sessions = if is_soak { SESSIONS } else { SESSIONS / 10 };
    let config = Config {
        cases: sessions,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..Config::default()
    };
    // The seed is kept: a run is the same everywhere.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[8; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (mut messages, mut commands) = (0_usize, 0_usize);
    let said = prop::collection::vec(any_said(), MESSAGES);
    let outcome = runner.run(&said, |said| {
        let mut station = Station::open();
        for said in &said {
            if !station.session.is_open() {
                station = Station::open();
            }
            station.session.handle_line(&said.line());
            station.obey();
        }
        Ok(())
    });
    outcome.unwrap();
    // The same generator once more, to see that it reaches what it is meant to reach.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[8; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..20 {
        let said = prop::collection::vec(any_said(), MESSAGES)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut station = Station::open();
        for said in &said {
            if !station.session.is_open() {
                commands += station.commands;
                station = Station::open();
            }
            messages += 1;
            station.session.handle_line(&said.line());
            station.obey();
        }
        commands += station.commands;
    }
    assert!(
        commands > messages / 20,
        "cards were reached: {commands} commands in {messages} messages"
    );
}
