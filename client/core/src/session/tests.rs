//! A station's promises: what it relays, what it never sends, and what it leaves behind when a dialog ends.

use apdu::{Atr, ReaderAnswer, ReaderCommand, ResponseApdu};
use proptest::prelude::*;
use protocol::{ClosingReason, DeniedReason, DeviceNotification, DeviceRequest};
use serde_json::{Value, json};

use super::*;
use crate::Pin;

const ATR: [u8; 15] = [
    0x3B, 0x7A, 0x94, 0x00, 0x00, 0x80, 0x65, 0xA2, 0x01, 0x01, 0x01, 0x3D, 0x72, 0xD6, 0x43,
];
const OPENED: &str = r#"{"jsonrpc":"2.0","method":"session.opened","params":{"protocol":1,"ceremony":null,
    "header":{"service":"running","model":"CD","serial":"TCA0000001","firmware":"5.0.22.1","ip":"10.0.0.1","mode":"NRM"}}}"#;

/// A session and the words in which its outputs are compared: one a line, notices apart.
struct Station {
    session: Session,
    done: Vec<String>,
    notices: Vec<Notice>,
    /// The device's next id.
    device_id: u64,
}

impl Station {
    fn before_opening() -> Self {
        Self {
            session: Session::new(),
            done: Vec::new(),
            notices: Vec::new(),
            device_id: 0,
        }
    }

    fn open() -> Self {
        let mut station = Self::before_opening();
        station.line(OPENED);
        station.check("");
        station.notices.clear();
        station
    }

    /// In a dialog: `auth.start` has the id 0.
    fn in_dialog() -> Self {
        let mut station = Self::open();
        station.told(StationInput::Ask(ManagerRequest::AuthStart));
        station.check("ask 0 auth.start");
        station
    }

    /// In a dialog with the card under power; the device's next id is 1.
    fn with_card() -> Self {
        let mut station = Self::in_dialog();
        station.device_asks(&DeviceRequest::CardPowerOn);
        station.told(StationInput::Reader(ReaderAnswer::Atr(
            Atr::try_from(&ATR[..]).unwrap(),
        )));
        station.check(r#"reader PowerOn; answer 0 {"atr":"3B7A9400008065A20101013D72D643"}"#);
        station
    }

    /// At the PIN prompt.
    fn at_pin_prompt() -> Self {
        let mut station = Self::with_card();
        station.device_asks(&verify_pin());
        station.check("ask for PIN");
        station
    }

    fn line(&mut self, line: &str) {
        self.session.handle_line(line.replace('\n', " ").as_bytes());
        self.drain();
    }

    fn told(&mut self, input: StationInput) {
        self.session.handle_station_input(input);
        self.drain();
    }

    fn device_asks(&mut self, request: &DeviceRequest) {
        let id = self.device_id;
        self.device_id += 1;
        let line =
            json!({"jsonrpc": "2.0", "id": id, "method": request.method(), "params": request.params()});
        self.line(&line.to_string());
    }

    fn device_answers(&mut self, id: u64, result: &Value) {
        self.line(&json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    }

    fn device_refuses(&mut self, id: u64, error: ErrorName) {
        let error =
            json!({"code": error.code(), "message": error.sentence(), "data": {"name": error.name()}});
        self.line(&json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
    }

    fn card_answers(&mut self, bytes: &[u8]) {
        self.told(StationInput::Reader(ReaderAnswer::from_received(bytes)));
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.done.push(match output {
                SessionOutput::Send(line) => word_of_line(&line),
                SessionOutput::Disconnect => "disconnect".into(),
                SessionOutput::Station(StationOutput::Reader(ReaderCommand::Transmit(tpdu))) => {
                    format!("reader {}", data_encoding::HEXUPPER.encode(&tpdu))
                }
                SessionOutput::Station(StationOutput::Reader(command)) => format!("reader {command:?}"),
                SessionOutput::Station(StationOutput::AskForCard) => "ask for card".into(),
                SessionOutput::Station(StationOutput::AskForPin) => "ask for PIN".into(),
                SessionOutput::Station(StationOutput::WithdrawPrompt) => "withdraw".into(),
                SessionOutput::Station(StationOutput::Notice(notice)) => {
                    self.notices.push(notice);
                    continue;
                }
            });
        }
    }

    /// What was done since the last check, in order.
    #[track_caller]
    fn check(&mut self, expected: &str) {
        assert_eq!(self.done.join("; "), expected);
        self.done.clear();
    }

    #[track_caller]
    fn check_notices(&mut self, expected: &[Notice]) {
        assert_eq!(self.notices, expected);
        self.notices.clear();
    }
}

fn word_of_line(line: &str) -> String {
    let message: Value = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
    let id = &message["id"];
    match (message.get("method"), message.get("error")) {
        (Some(method), _) => format!("ask {id} {}", method.as_str().unwrap()),
        (None, Some(error)) => {
            let name = error["data"]["name"].as_str();
            format!(
                "answer {id} {}",
                name.map_or(error["code"].to_string(), ToOwned::to_owned)
            )
        }
        (None, None) => format!("answer {id} {}", message["result"]),
    }
}

fn transmit(apdu: &[u8]) -> DeviceRequest {
    DeviceRequest::CardTransmit { apdu: apdu.to_vec() }
}

fn verify_pin() -> DeviceRequest {
    let header = vec![0x00, 0x20, 0x00, 0x00];
    DeviceRequest::CardVerifyPin { header }
}

const SELECT_MASTER_FILE: [u8; 7] = [0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00];

//= AU-03
//= AU-22
#[test]
fn a_custodian_presents_a_card_and_the_pin_stays_at_the_station() {
    let mut station = Station::in_dialog();
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.check("reader PowerOn");
    station.told(StationInput::Reader(ReaderAnswer::CardAbsent));
    station.check("ask for card");
    station.told(StationInput::CardInserted);
    station.check("reader PowerOn");
    station.told(StationInput::Reader(ReaderAnswer::Atr(
        Atr::try_from(&ATR[..]).unwrap(),
    )));
    station.check(r#"answer 0 {"atr":"3B7A9400008065A20101013D72D643"}"#);
    station.device_asks(&transmit(&SELECT_MASTER_FILE));
    station.check("reader 00A40000023F00");
    station.card_answers(&[0x61, 0x0C]);
    station.check(r#"answer 1 {"response":"610C"}"#);
    station.device_asks(&verify_pin());
    station.check("ask for PIN");
    station.told(StationInput::PinEntered(Pin::from("ABCD5678")));
    station.check("reader 00200000084142434435363738");
    station.card_answers(&[0x90, 0x00]);
    station.check(r#"answer 2 {"status_word":"9000"}"#);
    let outcome = json!({"outcome": "intermediary", "presented": 1, "required": 2, "expires_in_ms": 120_000});
    station.device_answers(0, &outcome);
    station.check("reader PowerOff");
    station.check_notices(&[Notice::Intermediary {
        presented: 1,
        required: 2,
        expires_in_ms: 120_000,
    }]);
}

/// Puts the station into a dialog by `begin`, ends it by `end`, and sees what is left of it.
#[track_caller]
fn check_end(begin: fn() -> Station, end: impl FnOnce(&mut Station), expected: &str) {
    let mut station = begin();
    end(&mut station);
    station.check(expected);
    let resets = expected.matches("reader PowerOff").count();
    // Every later end finds nothing to do any more.
    station.told(StationInput::PinEntered(Pin::from("12345678")));
    station.told(StationInput::CardInserted);
    station.told(StationInput::HangUp);
    station.session.handle_closed(Ending::Torn);
    station.drain();
    let later = station.done.join("; ");
    assert!(
        !later.contains("reader") && !later.contains("withdraw"),
        "{later}"
    );
    assert!(resets <= 1, "{expected}");
}

fn closing(reason: ClosingReason) -> String {
    DeviceNotification::closing(reason, None).to_line()
}

//= RM-15
//= RM-20
#[test]
fn however_a_dialog_ends_the_prompt_is_withdrawn_and_the_card_reset_once() {
    let at_prompt = Station::at_pin_prompt;
    check_end(
        at_prompt,
        |s| s.device_refuses(0, ErrorName::PinCancelled),
        "withdraw; reader PowerOff; answer 1 apdu_refused",
    );
    check_end(
        at_prompt,
        |s| s.told(StationInput::Ask(ManagerRequest::AuthCancel)),
        "ask 1 auth.cancel; withdraw; reader PowerOff; answer 1 pin_cancelled",
    );
    for reason in ClosingReason::ALL {
        check_end(
            at_prompt,
            |s| s.line(&closing(*reason)),
            "withdraw; reader PowerOff; disconnect",
        );
    }
    check_end(
        at_prompt,
        |s| s.line("garbage"),
        "withdraw; reader PowerOff; disconnect",
    );
    check_end(
        at_prompt,
        |s| s.told(StationInput::HangUp),
        "withdraw; reader PowerOff; disconnect",
    );
    for how in [Ending::Torn, Ending::LeftByDevice] {
        let close = |s: &mut Station| {
            s.session.handle_closed(how);
            s.drain();
        };
        check_end(at_prompt, close, "withdraw; reader PowerOff");
    }
    check_end(
        at_prompt,
        |s| {
            s.told(StationInput::Ask(ManagerRequest::Close));
            s.device_answers(1, &json!({}));
        },
        "ask 1 session.close; withdraw; reader PowerOff; disconnect",
    );
}

#[test]
fn a_card_that_was_never_powered_is_not_reset() {
    let at_card_prompt = || {
        let mut station = Station::in_dialog();
        station.device_asks(&DeviceRequest::CardPowerOn);
        station.told(StationInput::Reader(ReaderAnswer::CardAbsent));
        station.check("reader PowerOn; ask for card");
        station
    };
    check_end(
        at_card_prompt,
        |s| s.line(&closing(ClosingReason::Preempted)),
        "withdraw; disconnect",
    );
    check_end(
        Station::in_dialog,
        |s| s.line(&closing(ClosingReason::Preempted)),
        "disconnect",
    );
}

#[test]
fn a_card_that_the_device_switched_off_is_not_reset_again() {
    let mut station = Station::with_card();
    station.device_asks(&DeviceRequest::CardPowerOff);
    station.check("reader PowerOff; answer 1 {}");
    station.told(StationInput::Reader(ReaderAnswer::PoweredOff));
    station.device_refuses(0, ErrorName::CardWrongSet);
    station.check("");
}

#[test]
fn the_answer_to_a_command_of_the_last_dialog_is_not_taken_for_one_of_the_next() {
    let mut station = Station::with_card();
    station.device_asks(&transmit(&SELECT_MASTER_FILE));
    station.told(StationInput::Ask(ManagerRequest::AuthCancel));
    station.device_refuses(0, ErrorName::PinCancelled);
    station.device_answers(1, &json!({}));
    station.told(StationInput::Ask(ManagerRequest::AuthStart));
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.check(
        "reader 00A40000023F00; ask 1 auth.cancel; reader PowerOff; answer 1 pin_cancelled; ask 2 auth.start; reader PowerOn",
    );
    station.card_answers(&[0x90, 0x00]);
    station.told(StationInput::Reader(ReaderAnswer::PoweredOff));
    station.check("");
    station.told(StationInput::Reader(ReaderAnswer::CardMute));
    station.check("answer 2 card_mute");
}

//= AU-22
#[test]
fn outside_a_dialog_every_card_request_is_refused() {
    let requests = [
        DeviceRequest::CardPowerOn,
        transmit(&SELECT_MASTER_FILE),
        verify_pin(),
        DeviceRequest::CardPowerOff,
    ];
    for request in &requests {
        let mut station = Station::open();
        station.device_asks(request);
        station.check("answer 0 apdu_refused");
        assert!(matches!(station.notices[..], [Notice::CardRequestRefused { .. }]));
    }
}

/// The dialog is over for the station when its user says so, not when the device agrees.
#[test]
fn what_the_device_asks_while_it_learns_of_a_cancellation_does_nothing_and_alarms_nobody() {
    for (request, answer) in [
        (DeviceRequest::CardPowerOn, "pin_cancelled"),
        (transmit(&SELECT_MASTER_FILE), "pin_cancelled"),
        (verify_pin(), "pin_cancelled"),
        (DeviceRequest::CardPowerOff, "{}"),
    ] {
        let mut station = Station::with_card();
        station.told(StationInput::Ask(ManagerRequest::AuthCancel));
        station.device_asks(&request);
        station.check(&format!("ask 1 auth.cancel; reader PowerOff; answer 1 {answer}"));
        station.check_notices(&[]);
    }
}

#[test]
fn a_device_that_powers_the_card_off_takes_its_open_request_back() {
    let mut station = Station::at_pin_prompt();
    station.device_asks(&DeviceRequest::CardPowerOff);
    station.check("withdraw; reader PowerOff; answer 1 wrong_state; answer 2 {}");
    station.told(StationInput::Reader(ReaderAnswer::PoweredOff));
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.check("reader PowerOn");
}

//= AU-22
#[test]
fn of_every_class_and_instruction_only_the_four_commands_reach_the_reader() {
    let mut station = Station::with_card();
    for class in 0..=255 {
        for instruction in 0..=255 {
            for p1 in [0x00, 0x02] {
                let id = station.device_id;
                station.device_asks(&transmit(&[class, instruction, p1, 0x00, 0x00]));
                let passes = matches!(
                    (class, instruction, p1),
                    (0x00, 0xA4 | 0xB0, _) | (0x00 | 0x80, 0xC0, 0x00) | (0x80, 0xC0, 0x02)
                );
                if passes {
                    station.check(&format!("reader {class:02X}{instruction:02X}{p1:02X}0000"));
                    station.card_answers(&[0x90, 0x00]);
                    station.check(&format!("answer {id} {{\"response\":\"9000\"}}"));
                } else {
                    station.check(&format!("answer {id} apdu_refused"));
                }
            }
        }
    }
}

//= AU-22
#[test]
fn a_pin_is_asked_for_one_header_only_and_the_custodian_learns_of_another() {
    for header in [
        &[0x00, 0x24, 0x00, 0x00][..],
        &[0x00, 0x20, 0x00, 0x01],
        &[0x00, 0x20, 0x00, 0x00, 0x08],
        &[],
    ] {
        let mut station = Station::with_card();
        let header = header.to_vec();
        station.device_asks(&DeviceRequest::CardVerifyPin {
            header: header.clone(),
        });
        station.check("answer 1 apdu_refused");
        station.check_notices(&[Notice::CardRequestRefused {
            method: "card.verify_pin".into(),
            header: header[..header.len().min(4)].to_vec(),
        }]);
    }
}

//= PN-01
//= PN-03
#[test]
fn what_is_no_pin_never_reaches_the_reader() {
    let mut station = Station::at_pin_prompt();
    for typed in [
        "",
        "1234567",
        "123456789",
        "1234567 ",
        "1234-678",
        "1234567é",
        "ÄÖÜ",
    ] {
        station.told(StationInput::PinEntered(Pin::from(typed)));
        station.check("ask for PIN");
        assert!(matches!(station.notices[..], [Notice::PinRefused(_)]), "{typed}");
        station.notices.clear();
    }
    station.told(StationInput::PinEntered(Pin::from("azAZ0918")));
    station.check("reader 0020000008617A415A30393138");
}

//= AU-09
#[test]
fn giving_up_at_a_prompt_sends_nothing_to_the_card() {
    let mut station = Station::at_pin_prompt();
    station.told(StationInput::PinCancelled);
    station.check("answer 1 pin_cancelled");
    station.told(StationInput::PinEntered(Pin::from("12345678")));
    station.check("");
    let mut station = Station::in_dialog();
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.told(StationInput::Reader(ReaderAnswer::CardAbsent));
    station.told(StationInput::PinCancelled);
    station.check("reader PowerOn; ask for card; answer 0 pin_cancelled");
}

#[track_caller]
fn check_reader_error(answer: ReaderAnswer, error: &str) {
    let mut station = Station::with_card();
    station.device_asks(&transmit(&SELECT_MASTER_FILE));
    station.told(StationInput::Reader(answer));
    station.check(&format!("reader 00A40000023F00; answer 1 {error}"));
    // Until the next power-on there is no card to talk to.
    station.device_asks(&verify_pin());
    assert!(
        station.done[0].starts_with("answer 2 card_"),
        "{:?}",
        station.done
    );
}

#[test]
fn what_goes_wrong_at_the_reader_is_told_by_its_name() {
    check_reader_error(ReaderAnswer::CardAbsent, "card_absent");
    check_reader_error(ReaderAnswer::CardRemoved, "card_removed");
    check_reader_error(ReaderAnswer::CardMute, "card_mute");
    check_reader_error(ReaderAnswer::ReaderUnavailable, "reader_unavailable");
    check_reader_error(ReaderAnswer::from_received(&[0x90]), "card_removed");
    let mut station = Station::in_dialog();
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.told(StationInput::Reader(ReaderAnswer::ReaderUnavailable));
    station.check("reader PowerOn; answer 0 reader_unavailable");
}

#[test]
fn a_card_taken_out_at_the_prompt_withdraws_it_and_another_card_is_not_given_the_pin() {
    let mut station = Station::at_pin_prompt();
    station.told(StationInput::CardRemoved);
    station.check("withdraw; answer 1 card_removed");
    station.told(StationInput::CardInserted);
    station.device_asks(&verify_pin());
    station.check("answer 2 card_removed");
}

#[test]
fn a_card_taken_out_between_two_commands_is_gone_until_the_next_power_on() {
    let mut station = Station::with_card();
    station.told(StationInput::CardRemoved);
    station.told(StationInput::CardInserted);
    station.device_asks(&transmit(&SELECT_MASTER_FILE));
    station.device_asks(&verify_pin());
    station.check("answer 1 card_removed; answer 2 card_removed");
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.check("reader PowerOn");
}

#[test]
fn a_card_inserted_while_the_reader_was_asked_is_powered_without_a_prompt() {
    let mut station = Station::in_dialog();
    station.device_asks(&DeviceRequest::CardPowerOn);
    station.told(StationInput::CardInserted);
    station.told(StationInput::Reader(ReaderAnswer::CardAbsent));
    station.check("reader PowerOn; reader PowerOn");
}

#[test]
fn a_second_card_request_waits_for_nobody_and_disturbs_nothing() {
    let mut station = Station::at_pin_prompt();
    station.device_asks(&verify_pin());
    station.check("answer 2 wrong_state");
    station.told(StationInput::PinEntered(Pin::from("12345678")));
    station.check("reader 00200000083132333435363738");
}

//= AU-19
#[test]
fn a_second_auth_start_is_sent_and_its_refusal_leaves_the_dialog_alone() {
    let mut station = Station::at_pin_prompt();
    station.told(StationInput::Ask(ManagerRequest::AuthStart));
    station.device_refuses(1, ErrorName::WrongState);
    station.check("ask 1 auth.start");
    station.told(StationInput::PinEntered(Pin::from("12345678")));
    station.check("reader 00200000083132333435363738");
}

//= CL-05
#[test]
fn no_line_is_sent_without_an_act() {
    let mut station = Station::open();
    let header: Value = serde_json::from_str(OPENED).unwrap();
    let changed = json!({"jsonrpc": "2.0", "method": "header.changed", "params": header["params"]["header"]});
    station.line(&changed.to_string());
    station.line(r#"{"jsonrpc":"2.0","method":"ceremony.reset","params":{"reason":"interval"}}"#);
    station.line(r#"{"jsonrpc":"2.0","method":"weather.changed"}"#);
    for input in [
        StationInput::CardInserted,
        StationInput::CardRemoved,
        StationInput::PinEntered(Pin::from("12345678")),
        StationInput::PinCancelled,
    ] {
        station.told(input);
    }
    station.check("");
    assert_eq!(station.notices.len(), 2);
}

#[test]
fn acts_before_the_opening_and_after_the_end_are_not_sent() {
    let mut station = Station::before_opening();
    let act = Method::Header;
    station.told(StationInput::Ask(ManagerRequest::Header));
    let why = NotSent::NotOpen;
    station.check_notices(&[Notice::NotSent { act, why }]);
    station.line(&DeviceNotification::denied(DeniedReason::Busy).to_line());
    station.check("disconnect");
    station.notices.clear();
    station.told(StationInput::Ask(ManagerRequest::Header));
    let why = NotSent::Over;
    station.check_notices(&[Notice::NotSent { act, why }]);
    station.session.handle_closed(Ending::LeftByDevice);
    station.drain();
    let ending = Ending::Denied(DeniedReason::Busy);
    station.check_notices(&[Notice::Ended { ending }]);
    station.session.handle_closed(Ending::Torn);
    station.drain();
    station.check_notices(&[]);
}

#[test]
fn the_ninth_open_act_is_not_sent() {
    let mut station = Station::open();
    for _ in 0..9 {
        station.told(StationInput::Ask(ManagerRequest::Info));
    }
    assert_eq!(station.done.len(), 8);
    let (act, why) = (Method::Info, NotSent::TooManyOpen);
    station.check_notices(&[Notice::NotSent { act, why }]);
}

#[track_caller]
fn check_broken(mut station: Station, line: &str, expected: Broken) {
    station.line(line);
    station.check("disconnect");
    let ending = Ending::ProtocolBroken(expected.clone());
    station.session.handle_closed(Ending::Torn);
    station.drain();
    station.check_notices(&[Notice::ProtocolBroken(expected), Notice::Ended { ending }]);
}

#[test]
fn a_device_that_breaks_the_protocol_is_hung_up_on() {
    check_broken(
        Station::before_opening(),
        r#"{"jsonrpc":"2.0","method":"header.changed"}"#,
        Broken::NotOpened,
    );
    check_broken(
        Station::before_opening(),
        r#"{"jsonrpc":"2.0","id":0,"method":"card.power_on"}"#,
        Broken::NotOpened,
    );
    check_broken(
        Station::before_opening(),
        &OPENED.replace("\"protocol\":1", "\"protocol\":2"),
        Broken::Version(2),
    );
    check_broken(Station::open(), OPENED, Broken::OpenedAgain);
    let unasked = Broken::Violation(protocol::Violation::AnswerToNothing(7));
    check_broken(
        Station::open(),
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
        unasked,
    );
    let mut asked = Station::open();
    asked.told(StationInput::Ask(ManagerRequest::Header));
    asked.done.clear();
    let act = Method::Header;
    check_broken(
        asked,
        r#"{"jsonrpc":"2.0","id":0,"result":{}}"#,
        Broken::Result { act },
    );
    let mut station = Station::open();
    station.session.handle_line_too_long(LineTooLong);
    station.drain();
    station.check("disconnect");
}

#[test]
fn unknown_methods_and_wrong_parameters_are_answered_and_the_session_goes_on() {
    let mut station = Station::in_dialog();
    station.line(r#"{"jsonrpc":"2.0","id":0,"method":"card.eject"}"#);
    station.line(r#"{"jsonrpc":"2.0","id":1,"method":"card.transmit","params":{"apdu":"0"}}"#);
    station.check("answer 0 method_not_found; answer 1 invalid_params");
    assert!(station.session.is_open());
}

#[test]
fn nothing_that_is_handed_out_shows_the_pin() {
    let mut session = Station::at_pin_prompt().session;
    let input = StationInput::PinEntered(Pin::from("12345678"));
    assert!(!format!("{input:?}").contains("1234"));
    session.handle_station_input(input);
    assert!(!format!("{session:?}").contains("49, 50, 51"), "{session:?}");
    let output = session.poll_output().unwrap();
    assert!(!format!("{output:?}").contains("49, 50, 51"), "{output:?}");
}

/// Whatever a device or a station may do next.
#[derive(Clone, Debug)]
enum Step {
    Line(String),
    Station(StationInput),
    Closed,
}

/// One of each.
fn requests() -> Vec<ManagerRequest> {
    let params = json!({"password": "correct horse", "old": "correct horse", "new": "battery staple",
        "confirm": "TCA0000001", "mode": "RM1"});
    let decoded = Method::ALL
        .iter()
        .map(|method| ManagerRequest::decode(method.name(), &params));
    decoded.collect::<Result<_, _>>().unwrap()
}

fn any_step() -> impl Strategy<Value = Step> {
    let method = prop_oneof![
        Just("card.power_on"),
        Just("card.transmit"),
        Just("card.verify_pin"),
        Just("card.power_off"),
        Just("x")
    ];
    let params = prop_oneof![
        Just(json!({"apdu": "00A40000023F00"})),
        Just(json!({"apdu": "0020000008"})),
        Just(json!({"header": "00200000"})),
        Just(json!({"header": "00240000"})),
        Just(json!([])),
    ];
    let request = (0..4_u64, method, params).prop_map(
        |(id, method, params)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}),
    );
    let answer = (
        0..6_u64,
        prop_oneof![
            Just(json!({})),
            Just(json!({"outcome": "intermediary", "presented": 1, "required": 2, "expires_in_ms": 5})),
        ],
    )
        .prop_map(|(id, result)| json!({"jsonrpc": "2.0", "id": id, "result": result}));
    let error =
        (0..6_u64).prop_map(|id| json!({"jsonrpc": "2.0", "id": id, "error": {"code": 1, "message": "no"}}));
    let reader = prop_oneof![
        Just(ReaderAnswer::Atr(Atr::try_from(&ATR[..]).unwrap())),
        Just(ReaderAnswer::Response(
            ResponseApdu::try_from(&[0x90, 0x00][..]).unwrap()
        )),
        Just(ReaderAnswer::PoweredOff),
        Just(ReaderAnswer::CardAbsent),
        Just(ReaderAnswer::CardRemoved),
        Just(ReaderAnswer::CardMute),
        Just(ReaderAnswer::ReaderUnavailable),
    ];
    prop_oneof![
        6 => request.prop_map(|line| Step::Line(line.to_string())),
        2 => answer.prop_map(|line| Step::Line(line.to_string())),
        2 => error.prop_map(|line| Step::Line(line.to_string())),
        1 => ".{0,40}".prop_map(Step::Line),
        1 => Just(Step::Line(OPENED.replace('\n', " "))),
        6 => reader.prop_map(|answer| Step::Station(StationInput::Reader(answer))),
        6 => prop::sample::select(requests()).prop_map(|request| Step::Station(StationInput::Ask(request))),
        2 => "[0-9a-zA-Z]{7,9}".prop_map(|typed| Step::Station(StationInput::PinEntered(Pin::from(typed)))),
        2 => Just(Step::Station(StationInput::CardInserted)),
        1 => Just(Step::Station(StationInput::CardRemoved)),
        1 => Just(Step::Station(StationInput::PinCancelled)),
        1 => Just(Step::Closed),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_a_promise(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut session = Session::new();
        session.handle_line(OPENED.replace('\n', " ").as_bytes());
        let (mut is_prompting, mut is_taken, mut pins_asked) = (false, false, 0);
        for step in steps {
            match step {
                Step::Line(line) => session.handle_line(line.as_bytes()),
                Step::Closed => session.handle_closed(Ending::Torn),
                Step::Station(input) => {
                    if matches!(input, StationInput::PinEntered(_) | StationInput::PinCancelled | StationInput::CardInserted) {
                        is_prompting = false;
                    }
                    session.handle_station_input(input);
                }
            }
            while let Some(output) = session.poll_output() {
                match output {
                    SessionOutput::Station(StationOutput::AskForCard) => is_prompting = true,
                    SessionOutput::Station(StationOutput::AskForPin) => { is_prompting = true; pins_asked += 1; }
                    SessionOutput::Station(StationOutput::WithdrawPrompt) => is_prompting = false,
                    SessionOutput::Station(StationOutput::Reader(ReaderCommand::PowerOn)) => is_taken = true,
                    SessionOutput::Station(StationOutput::Reader(ReaderCommand::PowerOff)) => {
                        prop_assert!(is_taken, "a card is reset once");
                        is_taken = false;
                    }
                    SessionOutput::Station(StationOutput::Reader(ReaderCommand::Transmit(tpdu))) => {
                        if tpdu[..4] == [0x00, 0x20, 0x00, 0x00] {
                            prop_assert!(pins_asked > 0 && tpdu.len() == 13 && tpdu[4] == 8);
                        } else {
                            prop_assert_eq!(tpdu, SELECT_MASTER_FILE);
                        }
                        prop_assert!(is_taken, "only a card under power is spoken to");
                    }
                    SessionOutput::Send(_) | SessionOutput::Disconnect => {}
                    SessionOutput::Station(StationOutput::Notice(notice)) => {
                        if let Notice::Ended { .. } = notice {
                            prop_assert!(!is_prompting && !session.is_open());
                        }
                    }
                }
            }
        }
    }
}
