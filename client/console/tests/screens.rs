//! What a custodian sees in each state of the station, cell by cell, and what each act asks of the device.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use core::time::Duration;

use client_console::{Console, ConsoleInput, ConsoleOutput, Key, Reader, Settings, Told, Trouble};
use hsm_client::{Broken, Ending, Fingerprint, NotSent, Notice, StationOutput};
use machine::{Cx, Instant, Machine as _, NoRandomness, WallClock};
use proptest::prelude::*;
use protocol::{
    CeremonyResetReason, ClosingReason, DeniedReason, Error, ErrorName, Header, Info, Interface,
    ManagerRequest, Method, NetworkSettings, OperatingMode, Progress, SelfTest, ServiceState,
};
use serde_json::json;

/// A console, the time, and what it has asked for.
struct Station {
    console: Console,
    now: Instant,
    asked: Vec<ConsoleOutput>,
}

fn header(service: ServiceState) -> Header {
    Header {
        service,
        model: "XP".into(),
        serial: "TXP0000001".into(),
        firmware: "5.0.22.0".into(),
        ip: [192, 0, 2, 10].into(),
        mode: OperatingMode::Nrm,
    }
}

fn progress(expires_in_ms: u64) -> Progress {
    Progress {
        presented: 1,
        required: 2,
        expires_in_ms,
    }
}

fn escape(text: &str) -> String {
    text.replace('\x1b', "\\u{1b}").replace('\n', "\\u{a}")
}

impl Station {
    fn with(reader: Reader) -> Self {
        let settings = Settings {
            device: "192.0.2.10:4433".into(),
            reader,
            escape,
        };
        Self {
            console: Console::new(settings),
            now: Instant::POWER_ON,
            asked: Vec::new(),
        }
    }

    fn new() -> Self {
        Self::with(Reader::Named("IDBridge CT30 00 00".into()))
    }

    /// Connected, with nobody authenticated.
    fn connected() -> Self {
        let mut station = Self::new();
        station.key(Key::Enter);
        station.check(&[ConsoleOutput::Connect]);
        station.notice(Notice::Opened {
            header: header(ServiceState::Running),
            ceremony: None,
        });
        station.check(&[]);
        station
    }

    fn at_pin_prompt() -> Self {
        let mut station = Self::connected();
        station.key(Key::Enter);
        station.check(&[ask(ManagerRequest::AuthStart)]);
        station.says(StationOutput::AskForPin);
        station
    }

    fn administrator() -> Self {
        let mut station = Self::at_pin_prompt();
        station.key(Key::Enter);
        station.notice(Notice::Administrator {
            presented: 2,
            required: 2,
            activated: true,
        });
        station.key(Key::Enter);
        station.asked.clear();
        station
    }

    fn told(&mut self, input: ConsoleInput) {
        let mut cx = Cx {
            now: self.now,
            wall_clock: WallClock::from_unix_millis(0),
            rng: &mut NoRandomness,
        };
        self.console.handle_input(&mut cx, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.console.poll_output() {
            self.asked.push(output);
        }
    }

    fn key(&mut self, key: Key) {
        self.told(ConsoleInput::Key(key));
    }

    fn types(&mut self, text: &str) {
        text.chars().for_each(|character| self.key(Key::Char(character)));
    }

    fn says(&mut self, output: StationOutput) {
        self.told(ConsoleInput::Station(output));
    }

    fn notice(&mut self, notice: Notice) {
        self.says(StationOutput::Notice(notice));
    }

    fn ended(&mut self, ending: Ending) {
        self.notice(Notice::Ended { ending });
    }

    /// Lets this time pass, with every timer at its moment.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(timeout) = self.console.poll_timeout().filter(|timeout| *timeout <= until) {
            self.now = timeout;
            let mut cx = Cx {
                now: timeout,
                wall_clock: WallClock::from_unix_millis(0),
                rng: &mut NoRandomness,
            };
            self.console.handle_timeout(&mut cx);
            self.drain();
        }
        self.now = until;
    }

    /// Presses what stands under this text.
    fn click(&mut self, text: &str) {
        let screen = self.screen();
        let (row, line) = (0..)
            .zip(screen.lines())
            .find(|(_, line)| line.contains(text))
            .unwrap_or_else(|| panic!("`{text}` is nowhere on\n{screen}"));
        let (before, _) = line.split_once(text).unwrap();
        let column = u16::try_from(before.chars().count()).unwrap();
        self.told(ConsoleInput::Click { column, row });
    }

    fn screen(&self) -> String {
        self.console.to_text(self.now)
    }

    /// What was asked for since the last check.
    #[track_caller]
    fn check(&mut self, expected: &[ConsoleOutput]) {
        assert_eq!(self.asked, expected);
        self.asked.clear();
    }

    #[track_caller]
    fn check_shows(&self, text: &str) {
        let screen = self.screen();
        let words = screen.replace('│', " ");
        let words: Vec<&str> = words.split_whitespace().collect();
        assert!(words.join(" ").contains(text), "`{text}` is not on\n{screen}");
    }
}

fn ask(request: ManagerRequest) -> ConsoleOutput {
    ConsoleOutput::Station(Told::Ask(request))
}

fn info() -> Info {
    Info {
        model: "XP".into(),
        serial: "TXP0000001".into(),
        firmware: "5.0.22.0".into(),
        hardware: "Dinamo XP (emulated)".into(),
        mode: OperatingMode::Nrm,
        service: ServiceState::Running,
        activated: true,
        uptime_secs: 63,
        date_time: "2026/01/01 00:01:23".into(),
        users: 1,
        objects: 0,
        database_bytes: 4_096,
        free_bytes: 8_585_740_288,
        tampered: false,
        replication_domain: None,
        last_self_test: SelfTest {
            passed: true,
            date_time: "2026/01/01 00:00:20".into(),
        },
    }
}

fn network() -> NetworkSettings {
    let interface = |number: u8| Interface {
        name: format!("Interface {number}"),
        mac: format!("02:00:00:00:00:{number:02X}"),
        ip: [192, 0, 2, 9 + number].into(),
        mask: [255, 255, 255, 0].into(),
        speed: "auto".into(),
        up: number == 1,
    };
    NetworkSettings {
        interfaces: (1..=7).map(interface).collect(),
        gateway: Some([192, 0, 2, 1].into()),
        dns: vec![[192, 0, 2, 53].into()],
        ntp: Vec::new(),
    }
}

//= CL-01
#[test]
fn start_screen() {
    let mut station = Station::new();
    insta::assert_snapshot!("start", station.screen());
    station.key(Key::Down);
    station.key(Key::Enter);
    station.check(&[ConsoleOutput::Exit]);
}

#[test]
fn connecting_can_be_given_up() {
    let mut station = Station::new();
    station.key(Key::Enter);
    insta::assert_snapshot!("connecting", station.screen());
    station.asked.clear();
    station.key(Key::Escape);
    station.check(&[ConsoleOutput::Abandon]);
    station.ended(Ending::HungUp);
    station.check_shows("Start screen");
    station.check_shows("[ Connect ]");
}

#[test]
fn the_device_cannot_be_reached() {
    let mut station = Station::new();
    station.key(Key::Enter);
    station.told(ConsoleInput::NotConnected(Trouble {
        what: "reach 192.0.2.10:4433: connection refused".into(),
        hint: Some("the device listens when it is on, and activated or enabled for remote management".into()),
    }));
    insta::assert_snapshot!("unreachable", station.screen());
}

//= CL-06
#[test]
fn another_device_than_the_trusted_one() {
    let mut station = Station::new();
    station.key(Key::Enter);
    let (pinned, presented) = (
        Fingerprint::from_bytes([0xAB; 32]),
        Fingerprint::from_bytes([0xCD; 32]),
    );
    station.notice(Notice::FingerprintChanged { pinned, presented });
    station.ended(Ending::Tls(hsm_client::TlsError::FingerprintChanged {
        pinned,
        presented,
    }));
    insta::assert_snapshot!("fingerprint_changed", station.screen());
}

#[test]
fn first_use_is_told_with_the_fingerprint() {
    let mut station = Station::new();
    station.key(Key::Enter);
    station.told(ConsoleInput::FirstUse(Fingerprint::from_bytes([0xAB; 32])));
    station.notice(Notice::Opened {
        header: header(ServiceState::Running),
        ceremony: None,
    });
    insta::assert_snapshot!("first_use", station.screen());
    station.key(Key::Enter);
    station.check_shows("Start remote authentication");
}

#[test]
fn every_denial_says_what_to_do() {
    for reason in DeniedReason::ALL {
        let mut station = Station::new();
        station.key(Key::Enter);
        station.notice(Notice::Denied {
            reason: *reason,
            text: reason.sentence().into(),
        });
        station.ended(Ending::Denied(*reason));
        insta::assert_snapshot!(format!("denied_{reason}"), station.screen());
    }
}

//= CL-01
//= HD-01
#[test]
fn management_tab() {
    let station = Station::connected();
    insta::assert_snapshot!("management", station.screen());
}

//= HD-02
//= CL-05
#[test]
fn the_header_follows_the_device_and_no_line_is_sent() {
    let mut station = Station::connected();
    station.notice(Notice::HeaderChanged(header(ServiceState::Stopped)));
    station.check(&[]);
    insta::assert_snapshot!("header_changed", station.screen());
}

//= NW-01
//= IN-01
#[test]
fn the_tabs_are_read_when_they_are_opened() {
    let mut station = Station::connected();
    station.key(Key::Char('2'));
    station.check(&[ask(ManagerRequest::Network)]);
    insta::assert_snapshot!("network_reading", station.screen());
    station.notice(Notice::Network(network()));
    insta::assert_snapshot!("network", station.screen());
    station.key(Key::Tab);
    station.check(&[ask(ManagerRequest::Info)]);
    station.notice(Notice::Info(info()));
    insta::assert_snapshot!("information", station.screen());
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::Info)]);
    station.key(Key::BackTab);
    station.check(&[ask(ManagerRequest::Network)]);
}

//= HT-01
#[test]
fn the_http_console_opens_in_the_browser() {
    let mut station = Station::connected();
    station.key(Key::Char('4'));
    station.check(&[]);
    insta::assert_snapshot!("web", station.screen());
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::HttpConsoleUrl)]);
    station.notice(Notice::HttpConsoleUrl {
        url: "https://192.0.2.10/".into(),
    });
    let [ConsoleOutput::OpenBrowser(address)] = &station.asked[..] else {
        panic!("{:?}", station.asked)
    };
    assert_eq!(address.as_str(), "https://192.0.2.10/");
    station.asked.clear();
    station.told(ConsoleInput::Browser(Ok(())));
    station.check_shows("The browser was asked");
    station.told(ConsoleInput::Browser(Err(Trouble {
        what: "start `xdg-open`: no such file".into(),
        hint: Some("name another program with `--opener`".into()),
    })));
    insta::assert_snapshot!("browser_failed", station.screen());
}

//= HT-01
#[test]
fn what_is_no_web_address_is_not_opened() {
    let mut station = Station::connected();
    station.notice(Notice::HttpConsoleUrl {
        url: "file:///etc/passwd".into(),
    });
    station.check(&[]);
    station.check_shows("Nothing was opened");
}

//= AU-03
#[test]
fn a_card_is_awaited_and_its_pin_is_not_shown() {
    let mut station = Station::connected();
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::AuthStart)]);
    insta::assert_snapshot!("waiting_for_the_device", station.screen());
    station.says(StationOutput::AskForCard);
    insta::assert_snapshot!("insert_card", station.screen());
    station.says(StationOutput::AskForPin);
    let before = station.screen();
    insta::assert_snapshot!("pin", before);
    station.types("1234x567");
    assert_eq!(station.screen(), before, "not even its length is shown");
    assert!(station.console.is_typing_secret());
    station.key(Key::Backspace);
    station.types("8");
    assert!(!format!("{:?}", station.console).contains("1234"));
    station.key(Key::Enter);
    let [ConsoleOutput::Station(Told::PinEntered(pin))] = &station.asked[..] else {
        panic!("{:?}", station.asked)
    };
    assert_eq!(*pin, hsm_client::Pin::from("1234x568"));
    insta::assert_snapshot!("pin_entered", station.screen());
}

//= PN-03
#[test]
fn what_is_no_pin_is_asked_for_again() {
    let mut station = Station::at_pin_prompt();
    station.types("123");
    station.key(Key::Enter);
    let why = hsm_client::Pin::from("123").check().unwrap_err();
    station.notice(Notice::PinRefused(why));
    station.says(StationOutput::AskForPin);
    insta::assert_snapshot!("pin_refused", station.screen());
}

//= AU-09
#[test]
fn giving_up_costs_no_try_and_the_prompt_goes() {
    let mut station = Station::at_pin_prompt();
    station.types("12");
    station.key(Key::Escape);
    station.check(&[ConsoleOutput::Station(Told::PinCancelled)]);
    station.notice(Notice::Refused {
        act: Method::AuthStart,
        error: ErrorName::PinCancelled.into(),
    });
    insta::assert_snapshot!("given_up", station.screen());

    station.key(Key::Enter);
    station.key(Key::Escape);
    station.check(&[ask(ManagerRequest::AuthStart), ask(ManagerRequest::AuthCancel)]);
}

//= AU-09
#[test]
fn a_card_that_is_refused_says_why_and_what_to_do() {
    let mut station = Station::at_pin_prompt();
    station.key(Key::Enter);
    station.asked.clear();
    station.notice(Notice::Refused {
        act: Method::AuthStart,
        error: ErrorName::PinWrong.into_error().with("tries_left", 5),
    });
    insta::assert_snapshot!("pin_wrong", station.screen());
    station.key(Key::Enter);
    station.check(&[]);
}

//= RM-20
#[test]
fn a_session_that_ends_takes_the_prompt_with_it() {
    let mut station = Station::at_pin_prompt();
    station.types("1234");
    station.notice(Notice::Closing {
        reason: ClosingReason::Inactivity,
        text: ClosingReason::Inactivity.sentence().into(),
    });
    station.says(StationOutput::WithdrawPrompt);
    station.ended(Ending::Closing(ClosingReason::Inactivity));
    station.check(&[]);
    insta::assert_snapshot!("ended_inactivity", station.screen());
}

#[test]
fn every_end_by_the_device_is_told() {
    for reason in ClosingReason::ALL {
        let mut station = Station::connected();
        station.notice(Notice::Closing {
            reason: *reason,
            text: "a sentence of the device".into(),
        });
        station.ended(Ending::Closing(*reason));
        station.check_shows(&format!("{} (`{reason}`)", reason.sentence()));
        station.check_shows("a sentence of the device");
    }
    for (ending, said) in [
        (Ending::Torn, "broke off"),
        (Ending::LeftByDevice, "without a reason"),
        (Ending::ProtocolBroken(Broken::LineTooLong), "broke the protocol"),
    ] {
        let mut station = Station::connected();
        station.ended(ending);
        station.check_shows(said);
        station.check_shows("[ Connect ]");
    }
}

//= AU-04
//= CL-04
#[test]
fn an_intermediary_leaves_and_its_countdown_goes_on() {
    let mut station = Station::at_pin_prompt();
    station.key(Key::Enter);
    station.asked.clear();
    station.notice(Notice::Intermediary {
        presented: 1,
        required: 2,
        expires_in_ms: 120_000,
    });
    station.check(&[ask(ManagerRequest::Close)]);
    station.ended(Ending::Closed);
    insta::assert_snapshot!("intermediary_left", station.screen());
    station.pass(Duration::from_millis(60_001));
    station.check_shows("60 s left");
    station.pass(Duration::from_millis(59_998));
    station.check_shows("1 s left");
    station.pass(Duration::from_millis(1));
    insta::assert_snapshot!("intermediary_too_late", station.screen());
    station.check(&[]);
}

//= CL-04
#[test]
fn an_intermediary_stays_if_the_next_card_is_here() {
    let mut station = Station::connected();
    station.key(Key::Char('n'));
    insta::assert_snapshot!("next_card_here", station.screen());
    station.key(Key::Enter);
    station.asked.clear();
    station.notice(Notice::Intermediary {
        presented: 1,
        required: 2,
        expires_in_ms: 120_000,
    });
    station.check(&[]);
    insta::assert_snapshot!("intermediary_stays", station.screen());
    station.pass(Duration::from_secs(30));
    station.check_shows("90 s left");
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::AuthStart)]);
}

//= AU-02
#[test]
fn a_process_that_goes_on_is_shown_to_the_next_custodian() {
    let mut station = Station::new();
    station.key(Key::Enter);
    station.notice(Notice::Opened {
        header: header(ServiceState::Stopped),
        ceremony: Some(progress(61_500)),
    });
    insta::assert_snapshot!("process_goes_on", station.screen());
    station.notice(Notice::CeremonyReset {
        reason: CeremonyResetReason::Interval,
    });
    insta::assert_snapshot!("process_reset", station.screen());
    station.notice(Notice::CeremonyProgress(progress(120_000)));
    station.check_shows("120 s left");
}

//= AU-05
#[test]
fn the_last_custodian_has_the_menu() {
    let mut station = Station::at_pin_prompt();
    station.key(Key::Enter);
    station.notice(Notice::Administrator {
        presented: 2,
        required: 2,
        activated: true,
    });
    insta::assert_snapshot!("final_custodian", station.screen());
    station.key(Key::Enter);
    insta::assert_snapshot!("operations", station.screen());
}

//= OP-01
#[test]
fn an_operation_is_confirmed_done_and_told() {
    let mut station = Station::administrator();
    station.key(Key::Enter);
    station.check(&[]);
    insta::assert_snapshot!("confirm_stop", station.screen());
    station.key(Key::Enter);
    station.key(Key::Enter);
    station.check(&[]);
    station.key(Key::Left);
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::StopService)]);
    insta::assert_snapshot!("operation_works", station.screen());
    station.notice(Notice::OperationProgress {
        percent: 45,
        text: "sessions are being closed".into(),
    });
    insta::assert_snapshot!("operation_progress", station.screen());
    station.notice(Notice::HeaderChanged(header(ServiceState::Stopped)));
    station.notice(Notice::Done {
        act: Method::StopService,
    });
    insta::assert_snapshot!("operation_done", station.screen());
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::StartService)]);
}

#[test]
fn an_operation_that_is_refused_says_why() {
    let mut station = Station::administrator();
    station.key(Key::Down);
    station.key(Key::Enter);
    station.key(Key::Char('n'));
    station.check(&[]);
    station.key(Key::Down);
    station.key(Key::Enter);
    station.key(Key::Char('y'));
    station.check(&[ask(ManagerRequest::Restart)]);
    station.notice(Notice::Refused {
        act: Method::Restart,
        error: ErrorName::WrongState.into(),
    });
    insta::assert_snapshot!("operation_refused", station.screen());
}

//= OP-03
#[test]
fn the_device_ends_the_session_after_a_switch_off() {
    let mut station = Station::administrator();
    station.key(Key::Down);
    station.key(Key::Down);
    station.key(Key::Enter);
    insta::assert_snapshot!("confirm_switch_off", station.screen());
    station.click("[ Yes ]");
    station.check(&[ask(ManagerRequest::PowerOff)]);
    station.notice(Notice::Done {
        act: Method::PowerOff,
    });
    station.notice(Notice::Closing {
        reason: ClosingReason::PowerOff,
        text: ClosingReason::PowerOff.sentence().into(),
    });
    station.ended(Ending::Closing(ClosingReason::PowerOff));
    insta::assert_snapshot!("switched_off", station.screen());
}

//= OP-04
#[test]
fn the_user_master_is_unlocked_without_a_question() {
    let mut station = Station::administrator();
    station.click("[ Unlock user master ]");
    station.check(&[ask(ManagerRequest::UnlockMaster)]);
    station.notice(Notice::Done {
        act: Method::UnlockMaster,
    });
    station.check_shows("The user master is unlocked.");
}

//= OP-06
//= OP-09
#[test]
fn factory_mode_is_confirmed_with_the_serial_number_and_the_device_judges_it() {
    let mut station = Station::administrator();
    station.click("[ Return to factory mode ]");
    station.key(Key::Enter);
    station.check(&[]);
    station.check_shows("Nothing was typed: type its serial number to confirm.");
    station.types("TXP0000002");
    insta::assert_snapshot!("confirm_factory_mode", station.screen());
    let confirm = |serial: &str| {
        ask(ManagerRequest::FactoryReset {
            confirm: serial.into(),
        })
    };
    station.key(Key::Enter);
    station.check(&[confirm("TXP0000002")]);
    station.notice(Notice::Refused {
        act: Method::FactoryReset,
        error: ErrorName::ConfirmationMismatch.into(),
    });
    insta::assert_snapshot!("factory_mode_not_confirmed", station.screen());
    station.key(Key::Enter);
    station.click("[ Return to factory mode ]");
    station.types("TXP0000001");
    station.key(Key::Enter);
    station.check(&[confirm("TXP0000001")]);
    station.notice(Notice::Done {
        act: Method::FactoryReset,
    });
    station.check_shows("The device returns to factory mode.");
    station.click("[ Return to factory mode ]");
    station.types("TXP0000001");
    station.key(Key::Escape);
    station.check(&[]);
}

//= OP-07
//= OP-09
#[test]
fn the_modes_that_the_device_does_not_have_are_offered() {
    let mut station = Station::administrator();
    assert!(!station.screen().contains("mode to NRM"));
    station.click("[ Change operating mode to RM2 ]");
    station.types("TXP0000001");
    insta::assert_snapshot!("confirm_mode", station.screen());
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::SetMode {
        mode: OperatingMode::Rm2,
        confirm: "TXP0000001".into(),
    })]);
    station.notice(Notice::Done { act: Method::SetMode });
    station.notice(Notice::HeaderChanged(Header {
        mode: OperatingMode::Rm2,
        ..header(ServiceState::Running)
    }));
    station.check_shows("[ Change operating mode to NRM ]");
    assert!(!station.screen().contains("mode to RM2"));
}

//= OP-05
#[test]
fn live_sync_is_shown_as_the_device_answers_it() {
    let mut station = Station::administrator();
    station.click("[ Online synchronization (Database live sync) ]");
    station.types("TXP0000001");
    station.key(Key::Enter);
    station.check(&[ask(ManagerRequest::LiveSync {
        node: None,
        confirm: "TXP0000001".into(),
    })]);
    station.notice(Notice::OperationProgress {
        percent: 30,
        text: "objects are being copied".into(),
    });
    station.check_shows("30 %");
    station.notice(Notice::Refused {
        act: Method::LiveSync,
        error: ErrorName::SyncUndefined.into(),
    });
    insta::assert_snapshot!("live_sync_refused", station.screen());
}

/// A Pocket, with nobody authenticated.
fn pocket() -> Station {
    let mut station = Station::new();
    station.key(Key::Enter);
    station.notice(Notice::Opened {
        header: Header {
            model: "Pocket".into(),
            ..header(ServiceState::Stopped)
        },
        ceremony: None,
    });
    station.asked.clear();
    station
}

fn pocket_administrator() -> Station {
    let mut station = pocket();
    station.key(Key::Enter);
    station.types("correct horse");
    station.key(Key::Enter);
    station.notice(Notice::Activated);
    station.key(Key::Enter);
    station.asked.clear();
    station
}

fn activate(password: &str) -> ConsoleOutput {
    ask(ManagerRequest::Activate {
        password: password.into(),
    })
}

//= PK-02
#[test]
fn a_password_takes_the_place_of_the_cards_of_a_pocket() {
    let mut station = pocket();
    insta::assert_snapshot!("pocket", station.screen());
    station.key(Key::Enter);
    assert!(station.console.is_typing_secret());
    station.types("sesame00");
    insta::assert_snapshot!("password", station.screen());
    assert!(!format!("{:?}", station.console).contains("sesame"));
    station.key(Key::Enter);
    station.check(&[activate("sesame00")]);
    assert!(!station.console.is_typing_secret());
    station.notice(Notice::Refused {
        act: Method::Activate,
        error: Error::from(ErrorName::ActivationPasswordWrong).with("tries_left", 5),
    });
    insta::assert_snapshot!("password_wrong", station.screen());
    station.key(Key::Enter);
    station.check(&[]);
    station.key(Key::Enter);
    station.types("sesame01");
    station.key(Key::Enter);
    station.check(&[activate("sesame01")]);
    station.notice(Notice::Activated);
    insta::assert_snapshot!("activated", station.screen());
    station.key(Key::Enter);
    insta::assert_snapshot!("pocket_operations", station.screen());
}

//= PK-02
#[test]
fn the_first_password_is_typed_twice() {
    let mut station = pocket();
    station.click("[ Set the first activation password ]");
    station.types("sesame0");
    station.key(Key::Enter);
    station.check_shows("A new password has 8 to 64 characters.");
    station.types("sesame00");
    station.key(Key::Enter);
    insta::assert_snapshot!("first_password_again", station.screen());
    station.types("sesame01");
    station.key(Key::Enter);
    station.check(&[]);
    station.check_shows("The two are not the same.");
    for _ in 0..2 {
        station.types("sesame00");
        station.key(Key::Enter);
    }
    station.check(&[activate("sesame00")]);
}

//= PK-02
#[test]
fn the_administrator_changes_the_password() {
    let mut station = pocket_administrator();
    station.click("[ Change the activation password ]");
    for text in ["correct horse", "battery staple", "battery staple"] {
        station.types(text);
        station.key(Key::Enter);
    }
    station.check(&[ask(ManagerRequest::ChangePassword {
        old: "correct horse".into(),
        new: "battery staple".into(),
    })]);
    station.notice(Notice::Done {
        act: Method::ChangePassword,
    });
    station.check_shows("The activation password is changed.");
    station.click("[ Change the activation password ]");
    station.types("correct horse");
    station.key(Key::Escape);
    station.check(&[]);
}

fn pocket_network() -> NetworkSettings {
    NetworkSettings {
        interfaces: network().interfaces[..2].to_vec(),
        ..network()
    }
}

fn types_over(station: &mut Station, text: &str) {
    for _ in 0..40 {
        station.key(Key::Backspace);
    }
    station.types(text);
}

//= NW-03
#[test]
fn network_settings_of_a_pocket_are_changed_and_what_is_wrong_is_said_field_by_field() {
    let mut station = pocket_administrator();
    station.key(Key::Char('2'));
    station.check(&[ask(ManagerRequest::Network)]);
    assert!(!station.screen().contains("[ Change ]"), "nothing was read yet");
    station.notice(Notice::Network(pocket_network()));
    station.click("[ Change ]");
    insta::assert_snapshot!("network_form", station.screen());
    station.click("Interface 2 netmask");
    types_over(&mut station, "255.0.255.0");
    station.click("Gateway");
    types_over(&mut station, "");
    station.key(Key::Enter);
    types_over(&mut station, "192.0.2.53, 300.1.1.1");
    station.click("[ Change ]");
    let members = json!({
        "interfaces": [{"name": "Interface 2", "mask": "255.0.255.0"}],
        "gateway": null,
        "dns": ["192.0.2.53", "300.1.1.1"],
    });
    let sent = ManagerRequest::decode("network.set", &members).unwrap();
    station.check(&[ask(sent)]);
    let Err(errors) = pocket_network().changed_by(members.as_object().unwrap()) else {
        panic!("the mask is none");
    };
    station.notice(Notice::Refused {
        act: Method::SetNetwork,
        error: errors.into_error(),
    });
    insta::assert_snapshot!("network_form_wrong", station.screen());
    types_over(&mut station, "255.255.255.0");
    station.click("DNS");
    insta::assert_snapshot!("network_form_wrong_dns", station.screen());
    types_over(&mut station, "");
    station.click("[ Change ]");
    let members = json!({"gateway": null, "dns": []});
    let sent = ManagerRequest::decode("network.set", &members).unwrap();
    station.check(&[ask(sent)]);
    let changed = pocket_network().changed_by(members.as_object().unwrap()).unwrap();
    station.notice(Notice::Network(changed));
    insta::assert_snapshot!("network_changed", station.screen());
    station.click("[ Change ]");
    station.click("[ Change ]");
    station.check(&[]);
    station.check_shows("nothing changed");
}

#[test]
fn a_device_with_more_interfaces_than_rows_is_changed_around_the_mark() {
    let mut station = pocket_administrator();
    station.key(Key::Char('2'));
    let many = core::iter::repeat_n(network().interfaces[0].clone(), 100).collect();
    station.notice(Notice::Network(NetworkSettings {
        interfaces: many,
        ..network()
    }));
    station.click("[ Change ]");
    for _ in 0..3 {
        station.key(Key::Up);
    }
    station.check_shows("▸ NTP");
    station.key(Key::Up);
    station.check_shows("▸ DNS");
}

//= NW-02
//= NW-03
#[test]
fn nobody_else_is_offered_a_change_of_network_settings() {
    for mut station in [pocket(), Station::administrator()] {
        station.key(Key::Char('2'));
        station.notice(Notice::Network(pocket_network()));
        assert!(!station.screen().contains("[ Change ]"));
    }
}

#[test]
fn a_refusal_that_names_no_field_is_told_and_one_of_several_is_said_below() {
    let mut station = pocket_administrator();
    station.key(Key::Char('2'));
    station.notice(Notice::Network(pocket_network()));
    let mut change = |error: Error| {
        station.click("[ Change ]");
        types_over(&mut station, "198.51.100.1");
        station.click("[ Change ]");
        station.notice(Notice::Refused {
            act: Method::SetNetwork,
            error,
        });
        let screen = station.screen();
        station.key(Key::Escape);
        screen
    };
    let screen = change(ErrorName::WrongState.into());
    assert!(screen.contains("The device refused"), "{screen}");
    let fields = json!({"interfaces": "\u{1b}[2J", "interfaces.7.ip": 7, "ntp.1": "no computer"});
    let screen = change(Error::from(ErrorName::InvalidParams).with("fields", fields));
    assert!(screen.contains("interfaces: \\u{1b}[2J"), "{screen}");
    assert!(screen.contains("! wrong"), "{screen}");
}

//= AU-12
#[test]
fn start_screen_and_exit_end_the_session() {
    let mut station = Station::administrator();
    station.key(Key::Char('s'));
    station.check(&[ask(ManagerRequest::Close)]);
    insta::assert_snapshot!("leaving", station.screen());
    station.ended(Ending::Closed);
    station.check(&[]);
    insta::assert_snapshot!("left", station.screen());

    let mut station = Station::administrator();
    station.click("X Exit");
    station.check(&[ask(ManagerRequest::Close)]);
    station.ended(Ending::Closed);
    station.check(&[ConsoleOutput::Exit]);
}

#[test]
fn a_signal_ends_the_session_without_waiting_for_an_answer() {
    let mut station = Station::at_pin_prompt();
    station.told(ConsoleInput::Leave);
    station.check(&[ask(ManagerRequest::Close), ConsoleOutput::Station(Told::HangUp)]);
    station.ended(Ending::HungUp);
    station.check(&[ConsoleOutput::Exit]);
}

#[test]
fn the_mouse_presses_what_the_keys_press() {
    let mut station = Station::new();
    station.click("[ Connect ]");
    station.check(&[ConsoleOutput::Connect]);
    let mut station = Station::connected();
    station.click("2 Network settings");
    station.check(&[ask(ManagerRequest::Network)]);
    station.notice(Notice::Network(network()));
    station.click("[ Read again ]");
    station.check(&[ask(ManagerRequest::Network)]);
    station.click("1 Remote HSM");
    station.click("[ Start remote");
    station.check(&[ask(ManagerRequest::AuthStart)]);
    station.click("3 Information");
    station.check(&[]);
    station.click("[ Give up ]");
    station.check(&[ask(ManagerRequest::AuthCancel)]);
}

#[test]
fn an_image_is_a_card_whose_file_is_named() {
    let mut station = Station::with(Reader::Images(vec!["ana.card".into(), "bruno.card".into()]));
    station.key(Key::Enter);
    station.notice(Notice::Opened {
        header: header(ServiceState::Running),
        ceremony: None,
    });
    station.key(Key::Enter);
    station.says(StationOutput::AskForCard);
    insta::assert_snapshot!("insert_image", station.screen());
    station.asked.clear();
    station.key(Key::Enter);
    station.check(&[ConsoleOutput::InsertCard("ana.card".into())]);
    station.told(ConsoleInput::CardNotInserted(Trouble {
        what: "open card `ana.card`: it is in use".into(),
        hint: Some("end the other program".into()),
    }));
    insta::assert_snapshot!("image_not_inserted", station.screen());
    station.key(Key::Enter);
    station.check(&[]);
    station.types("other.card");
    station.key(Key::Enter);
    station.check(&[ConsoleOutput::InsertCard("other.card".into())]);
    station.says(StationOutput::AskForCard);
    station.check_shows("bruno.card");
}

#[test]
fn a_device_cannot_steer_the_terminal_or_break_the_frame() {
    let mut station = Station::new();
    station.key(Key::Enter);
    station.notice(Notice::Opened {
        header: Header {
            model: "\x1b[2J\n".into(),
            serial: "S".repeat(1_000),
            firmware: "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字".into(),
            ..header(ServiceState::Running)
        },
        ceremony: None,
    });
    let screen = station.screen();
    assert!(!screen.contains('\x1b'));
    insta::assert_snapshot!("hostile_header", screen);
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_a_larger_one_has_it_in_the_middle() {
    let mut station = Station::connected();
    station.told(ConsoleInput::Resized {
        columns: 79,
        rows: 24,
    });
    assert_eq!(
        station.screen().trim_end(),
        "hsm-client needs 80 x 24 cells; here are 79 x 24"
    );
    station.told(ConsoleInput::Resized {
        columns: 100,
        rows: 30,
    });
    let screen = station.screen();
    assert!(
        screen.lines().nth(3).unwrap().starts_with("          ┌"),
        "{screen}"
    );
    station.click("2 Network settings");
    station.check(&[ask(ManagerRequest::Network)]);
}

fn any_output() -> impl Strategy<Value = StationOutput> {
    let header = || header(ServiceState::Stopped);
    prop_oneof![
        Just(StationOutput::AskForCard),
        Just(StationOutput::AskForPin),
        Just(StationOutput::WithdrawPrompt),
        Just(StationOutput::Notice(Notice::Opened {
            header: header(),
            ceremony: Some(progress(3_000)),
        })),
        Just(StationOutput::Notice(Notice::HeaderChanged(header()))),
        Just(StationOutput::Notice(Notice::CeremonyProgress(progress(2_000)))),
        Just(StationOutput::Notice(Notice::Info(info()))),
        Just(StationOutput::Notice(Notice::Network(network()))),
        Just(StationOutput::Notice(Notice::Administrator {
            presented: 2,
            required: 2,
            activated: false,
        })),
        Just(StationOutput::Notice(Notice::Activated)),
        Just(StationOutput::Notice(Notice::HeaderChanged(Header {
            model: "Pocket".into(),
            ..header()
        }))),
        Just(StationOutput::Notice(Notice::Refused {
            act: Method::SetNetwork,
            error: Error::from(ErrorName::InvalidParams).with("fields", json!({"gateway": "no"})),
        })),
        Just(StationOutput::Notice(Notice::NotSent {
            act: Method::SetNetwork,
            why: NotSent::TooManyOpen,
        })),
        Just(StationOutput::Notice(Notice::Done { act: Method::Restart })),
        Just(StationOutput::Notice(Notice::Refused {
            act: Method::Info,
            error: ErrorName::Internal.into(),
        })),
        Just(StationOutput::Notice(Notice::Ended { ending: Ending::Torn })),
    ]
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<char>().prop_map(Key::Char),
        prop::sample::select(&['1', '2', '3', '4', 's', 'n', 'r', 'x'][..]).prop_map(Key::Char),
        prop::sample::select(
            &[
                Key::Enter,
                Key::Escape,
                Key::Tab,
                Key::BackTab,
                Key::Up,
                Key::Down,
                Key::Left,
                Key::Right,
                Key::Backspace
            ][..]
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a device says, in whatever order, and however long it takes: nothing is sent but the goodbye of an
    /// intermediary.
    //= CL-05
    #[test]
    fn nothing_is_sent_without_an_act_of_the_user(outputs in prop::collection::vec((any_output(), 0..5_000_u64), 0..40)) {
        let mut station = Station::new();
        station.key(Key::Enter);
        station.asked.clear();
        for (output, millis) in outputs {
            station.says(output);
            station.pass(Duration::from_millis(millis));
        }
        station.check(&[]);
    }

    #[test]
    fn no_order_of_keys_clicks_and_notices_upsets_it(
        happened in prop::collection::vec((any_key(), any_output(), 0..80_u16, 0..24_u16, 0..4_u8), 0..60),
    ) {
        let mut station = Station::connected();
        for (key, output, column, row, which) in happened {
            match which {
                0 | 1 => station.key(key),
                2 => station.says(output),
                _ => station.told(ConsoleInput::Click { column, row }),
            }
            let screen = station.screen();
            prop_assert_eq!(screen.lines().count(), 24);
        }
    }
}
