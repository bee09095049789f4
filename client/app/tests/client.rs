//! The program `hsm-client` against a device on loopback: what it prints, what it leaves, and its exit codes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skip says why")]

mod device;
mod schema;
mod stranger;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    time::Duration,
};

use card_core::CardImage;
use device::TestDevice;
use serde_json::Value;
use virtual_card::CardFile;

/// A device, the cards of its custodians, and a user with a home of their own.
struct Rig {
    device: TestDevice,
    folder: tempfile::TempDir,
    cards: [PathBuf; 3],
    pin: PathBuf,
}

impl Rig {
    fn new() -> Self {
        Self::around(TestDevice::start())
    }

    fn around(device: TestDevice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cards = device.cards();
        let pin = pin_file(folder.path(), device::PIN);
        Self {
            device,
            folder,
            cards,
            pin,
        }
    }

    /// The program, with what comes before its command.
    fn client(&self) -> Command {
        let mut command = client_of(self.folder.path());
        command.args(["--hsm", &self.device.address.to_string()]);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.client().args(args).output().unwrap())
    }

    fn known_hsms(&self) -> PathBuf {
        self.folder.path().join("config/hsm-rig/known_hsms")
    }

    /// `auth` or `op NAME` with a card, from an address of its own.
    fn with_card(&self, source: &str, args: &[&str], card: &Path) -> Command {
        let mut command = self.client();
        command.args(["--source", source]).args(args);
        command.arg("--card").arg(card).arg("--pin-file").arg(&self.pin);
        command
    }

    /// The first custodian has come and gone.
    fn first_custodian(&self) {
        let ran = Ran::of(
            self.with_card("127.0.0.1", &["auth"], &self.cards[0])
                .output()
                .unwrap(),
        );
        ran.check(0, "intermediary: card 1 of 2 is accepted; ");
    }

    /// The second custodian is the administrator, and stays.
    fn administrator(&self) -> Administrator {
        let mut command = self.with_card("127.0.0.2", &["--json", "auth"], &self.cards[1]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let Ok(administrator) = serde_json::from_str::<Value>(&line) else {
            panic!("{line}: {:?}", child.wait_with_output().unwrap());
        };
        assert_eq!(administrator["outcome"], "administrator");
        Administrator { child, input, output }
    }
}

/// Somebody who stays until input ends.
struct Administrator {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl Administrator {
    fn end(mut self) -> (i32, Vec<Value>) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let lines = rest.lines().map(|line| {
            schema::check_line(line);
            serde_json::from_str(line).unwrap()
        });
        (self.child.wait().unwrap().code().unwrap(), lines.collect())
    }
}

fn client_of(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hsm-client"));
    command
        .env_clear()
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"));
    command.stdin(Stdio::null());
    command
}

/// What came of a run.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn check(&self, code: i32, said: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(
            self.stdout.contains(said) || self.stderr.contains(said),
            "{said}: {self:?}"
        );
    }

    /// What was wrong, and what to do about it.
    #[track_caller]
    fn check_problem(&self, code: i32, said: &str, hint: &str) {
        self.check(code, said);
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        assert!(self.stderr.contains("\nhint: "), "{self:?}");
        assert!(self.stderr.contains(hint), "{hint}: {self:?}");
    }

    #[track_caller]
    fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').unwrap();
        schema::check_line(line);
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("one object: {self:?}"));
        assert_eq!(value["exit_code"], self.code);
        value
    }
}

//= HD-01
//= IN-01
//= NW-01
#[test]
fn header_information_and_network_are_read_in_a_session_each() {
    let rig = Rig::new();
    let status = rig.run(&["status"]);
    status.check(0, "first use of 127.0.0.1:");
    assert_eq!(
        status.stdout,
        "service   stopped\nmodel     XP\nserial    TXP0000001\nfirmware  5.0.22.0\naddress   192.0.2.10\nmode      NRM\n"
    );
    let status = rig.run(&["--json", "status"]);
    assert_eq!(status.stderr, "", "the device is known now");
    assert_eq!(status.json()["header"]["serial"], "TXP0000001");

    rig.run(&["info"]).check(0, "activated           no\n");
    assert_eq!(rig.run(&["info", "--json"]).json()["info"]["model"], "XP");
    let network = rig.run(&["network"]);
    network.check(
        0,
        "interface  Interface 1: 192.0.2.10/255.255.255.0, 02:00:00:00:00:01, speed auto, link up\n",
    );
    network.check(0, "gateway    192.0.2.1\n");
    assert_eq!(
        rig.run(&["network", "--json"]).json()["network"]["gateway"],
        "192.0.2.1"
    );
    rig.device.wait_for("session_ended", "closed by the manager");
}

//= AU-01
//= AU-02
//= AU-04
//= AU-05
//= CL-04
#[test]
fn two_custodians_at_two_stations_make_an_administrator_who_leaves_at_the_end_of_input() {
    let rig = Rig::new();
    rig.first_custodian();
    let mut administrator = rig.administrator();
    rig.device.wait_for("administrator_granted", "127.0.0.2");
    drop(administrator.input.take());
    let (code, said) = administrator.end();
    assert_eq!(code, 0);
    assert_eq!(said.last().unwrap()["outcome"], "left");
    rig.device.wait_for("session_ended", "closed by the manager");
}

//= OP-01
//= OP-02
#[test]
fn an_operation_is_done_by_the_last_custodian_and_refused_to_an_intermediary() {
    let rig = Rig::new();
    let stop = |source, card: usize| {
        Ran::of(
            rig.with_card(source, &["--json", "op", "stop-service"], &rig.cards[card])
                .output()
                .unwrap(),
        )
    };
    let intermediary = stop("127.0.0.1", 0);
    assert_eq!(intermediary.code, 12);
    assert_eq!(intermediary.json()["outcome"], "more_custodians_needed");
    let done = stop("127.0.0.2", 1);
    assert_eq!(
        (done.code, done.json()["operation"].as_str()),
        (0, Some("stop-service"))
    );
    rig.device.wait_for("service_stopped", "");

    // The service is stopped already: refused by its name.
    stop("127.0.0.1", 1);
    let again = stop("127.0.0.2", 2);
    assert_eq!(
        (again.code, again.json()["error"].as_str()),
        (12, Some("service_not_started"))
    );

    rig.first_custodian();
    let restart = Ran::of(
        rig.with_card("127.0.0.2", &["op", "restart"], &rig.cards[2])
            .output()
            .unwrap(),
    );
    restart.check(0, "done: `restart`\n");
    rig.device.wait_for("started", "after remote restart");
    // RM-11: it is armed again, and nobody's rights are left.
    rig.run(&["status"]).check(0, "service   stopped\n");
    rig.run(&["info"]).check(0, "activated           no\n");
}

//= AU-09
#[test]
fn a_wrong_pin_costs_one_try_and_is_never_presented_again() {
    let rig = Rig::new();
    let wrong = pin_file(rig.folder.path(), "00000000");
    let mut command = rig.client();
    command
        .args(["--json", "auth", "--card"])
        .arg(&rig.cards[0])
        .arg("--pin-file")
        .arg(&wrong);
    let ran = Ran::of(command.output().unwrap());
    let outcome = ran.json();
    assert_eq!((ran.code, outcome["error"].as_str()), (13, Some("pin_wrong")));
    assert_eq!(outcome["data"]["tries_left"], 6);
    let image = CardImage::from_text(&fs::read_to_string(&rig.cards[0]).unwrap()).unwrap();
    assert_eq!(image.try_counter(), 1);

    let mut command = rig.client();
    command
        .args(["auth", "--card"])
        .arg(&rig.cards[0])
        .args(["--pin-env", "PIN_OF_ANA"]);
    let ran = Ran::of(command.env("PIN_OF_ANA", device::PIN).output().unwrap());
    ran.check(0, "intermediary: card 1 of 2 is accepted");
    let image = CardImage::from_text(&fs::read_to_string(&rig.cards[0]).unwrap()).unwrap();
    assert_eq!(image.try_counter(), 0);
}

//= PN-03
#[test]
fn a_file_without_a_pin_is_refused_before_anybody_hears_of_it() {
    let rig = Rig::new();
    let short = pin_file(rig.folder.path(), "1234567");
    let mut command = rig.client();
    command
        .args(["auth", "--card"])
        .arg(&rig.cards[0])
        .arg("--pin-file")
        .arg(&short);
    let ran = Ran::of(command.output().unwrap());
    ran.check(13, "read PIN: expected 8 characters, got 7");
    assert!(!ran.stderr.contains("1234567"), "{ran:?}");

    let mut command = rig.client();
    command
        .args(["auth", "--card"])
        .arg(&rig.cards[0])
        .args(["--pin-env", "NOT_SET"]);
    Ran::of(command.output().unwrap()).check(2, "the environment has no text `NOT_SET`");
    assert!(!rig.known_hsms().exists(), "nobody was connected to");
}

//= RM-05
#[test]
fn a_second_station_is_denied_and_the_first_is_not_disturbed() {
    let rig = Rig::new();
    rig.first_custodian();
    let mut administrator = rig.administrator();
    let ran = rig.run(&["--json", "status"]);
    assert_eq!((ran.code, ran.json()["reason"].as_str()), (10, Some("busy")));
    drop(administrator.input.take());
    let (code, said) = administrator.end();
    assert_eq!((code, said.len()), (0, 1), "{said:?}");
}

//= RM-07
#[test]
fn an_administrator_who_does_nothing_is_ended_by_the_inactivity_limit() {
    let rig = Rig::new();
    rig.first_custodian();
    let administrator = rig.administrator();
    let state = rig.device.advance(Duration::from_millis(119_999));
    assert_eq!(state["manager"]["access"], "administrator", "{state}");
    rig.device.advance(Duration::from_millis(1));
    let (code, said) = administrator.end();
    let last = said.last().unwrap();
    assert_eq!(
        (code, last["outcome"].as_str(), last["reason"].as_str()),
        (11, Some("session_ended"), Some("inactivity"))
    );
}

//= RM-10
#[test]
fn somebody_at_the_console_ends_the_administrators_session() {
    let rig = Rig::new();
    rig.first_custodian();
    let administrator = rig.administrator();
    rig.device.press("Enter");
    let (code, said) = administrator.end();
    let last = said.last().unwrap();
    assert_eq!(
        (code, last["outcome"].as_str(), last["reason"].as_str()),
        (11, Some("session_ended"), Some("preempted"))
    );
    let ran = rig.run(&["--json", "status"]);
    assert_eq!((ran.code, ran.json()["reason"].as_str()), (10, Some("not_armed")));
}

//= CL-06
#[test]
fn a_changed_fingerprint_is_refused_with_both_values_until_it_is_forgotten() {
    let rig = Rig::new();
    rig.run(&["status"]).check(0, "first use of ");
    let known = fs::read_to_string(rig.known_hsms()).unwrap();
    let (address, fingerprint) = known.lines().last().unwrap().split_once(' ').unwrap();
    assert_eq!(address, rig.device.address.to_string());

    let other = fingerprint.replacen(&fingerprint[..2], "00", 1);
    let forged = known.replace(fingerprint, &other);
    fs::write(rig.known_hsms(), &forged).unwrap();
    for args in [
        &["status"][..],
        &["trust"],
        &["info", "--timeout", "10s"],
        &["network", "-v"],
    ] {
        let ran = rig.run(args);
        ran.check(9, fingerprint);
        ran.check(9, &other);
        assert_eq!(ran.stdout, "");
    }
    let json = rig.run(&["status", "--json"]).json();
    assert_eq!(
        (json["trusted"].as_str(), json["presented"].as_str()),
        (Some(&*other), Some(fingerprint))
    );
    assert_eq!(
        fs::read_to_string(rig.known_hsms()).unwrap(),
        forged,
        "it is not touched"
    );

    // A pinned device is what the user says, and nothing is remembered.
    rig.run(&["status", "--fingerprint", fingerprint]).check(0, "XP");
    assert_eq!(fs::read_to_string(rig.known_hsms()).unwrap(), forged);
    rig.run(&["status", "--fingerprint", &other])
        .check(9, fingerprint);

    rig.run(&["trust", "--forget"])
        .check(0, "is forgotten; it was known as");
    rig.run(&["trust"]).check(0, "(new)\n");
    rig.run(&["trust"]).check(0, "(remembered)\n");
    assert_eq!(fs::read_to_string(rig.known_hsms()).unwrap(), known);
    rig.run(&["trust", "--forget"]).check(0, "is forgotten");
    rig.run(&["trust", "--forget"]).check(0, "was not known");
    let pinned = rig.run(&["trust", "--fingerprint", fingerprint, "--json"]).json();
    assert_eq!(pinned["known"], "pinned");
    rig.run(&["trust", "--forget"]).check(0, "was not known");
}

#[test]
fn known_devices_that_cannot_be_read_or_kept_stop_everything() {
    let rig = Rig::new();
    let file = rig.folder.path().join("mine");
    fs::write(&file, "nonsense\n").unwrap();
    let mine = file.to_str().unwrap();
    rig.run(&["status", "--known-hsms", mine])
        .check(5, "line 1: expected `ADDRESS FINGERPRINT`");
    // A folder cannot be made below a file.
    let below = file.join("known_hsms");
    rig.run(&["status", "--known-hsms", below.to_str().unwrap()])
        .check(5, "known devices `");
    assert_eq!(fs::read_to_string(&file).unwrap(), "nonsense\n");
}

#[test]
fn a_device_that_says_nothing_is_given_up_when_the_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    // It listens, and never accepts.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = client_of(folder.path());
    command.args([
        "--hsm",
        &silent.local_addr().unwrap().to_string(),
        "--timeout",
        "200ms",
    ]);
    let ran = Ran::of(command.args(["--json", "status"]).output().unwrap());
    assert_eq!(
        (ran.code, ran.json()["outcome"].as_str()),
        (14, Some("timed_out"))
    );

    // An administrator does not outstay it either.
    let rig = Rig::new();
    rig.first_custodian();
    let mut command = rig.with_card("127.0.0.2", &["--timeout", "1s", "auth"], &rig.cards[1]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take();
    let ran = Ran::of(child.wait_with_output().unwrap());
    drop(input);
    ran.check(14, "administrator: 2 of 2 cards are accepted");
    ran.check(14, "the time of 1000 ms (`--timeout`) is over");
}

#[test]
fn a_device_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = client_of(folder.path());
    let ran = Ran::of(
        command
            .args(["--hsm", &free.to_string(), "status"])
            .output()
            .unwrap(),
    );
    ran.check(8, "Connection refused");
    let mut command = client_of(folder.path());
    let ran = Ran::of(
        command
            .args(["--hsm", "127.0.0.1", "--source", "::1", "status"])
            .output()
            .unwrap(),
    );
    ran.check(8, "`--source` is ::1");

    // Something else listens there.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let serves = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut command = client_of(folder.path());
    let ran = Ran::of(command.args(["--hsm", &address, "status"]).output().unwrap());
    ran.check(8, "run TLS with the device");
    serves.join().unwrap();
}

#[test]
fn a_card_in_use_damaged_or_missing_is_told_apart() {
    let rig = Rig::new();
    let auth = |card: &Path| {
        Ran::of(
            rig.with_card("127.0.0.1", &["--json", "auth"], card)
                .output()
                .unwrap(),
        )
    };
    let held = CardFile::open(&rig.cards[0]).unwrap();
    let ran = auth(&rig.cards[0]);
    assert_eq!(
        (ran.code, ran.json()["outcome"].as_str()),
        (7, Some("card_image_in_use"))
    );
    drop(held);

    let text = fs::read_to_string(&rig.cards[0])
        .unwrap()
        .replace("try_counter = 0", "try_counter = 99");
    fs::write(&rig.cards[0], &text).unwrap();
    let ran = auth(&rig.cards[0]);
    assert_eq!(
        (ran.code, ran.json()["outcome"].as_str()),
        (6, Some("card_image_damaged"))
    );
    assert_eq!(fs::read_to_string(&rig.cards[0]).unwrap(), text);

    let ran = auth(&rig.folder.path().join("nobody.card"));
    assert_eq!((ran.code, ran.json()["outcome"].as_str()), (5, Some("file")));
}

#[test]
fn ctrl_c_gives_up_or_leaves() {
    let rig = Rig::new();
    rig.first_custodian();
    let administrator = rig.administrator();
    interrupt(&administrator.child);
    let (code, said) = administrator.end();
    assert_eq!(
        (code, said.last().unwrap()["outcome"].as_str()),
        (0, Some("left"))
    );
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
}

/// Plays somebody at a terminal, who types a text at each of these prompts, in this order; `script` gives the program a
/// terminal of its own. `None` without that program.
fn at_terminal(rig: &Rig, arguments: &str, typed: &[(&str, &str)]) -> Option<(i32, String)> {
    let client = env!("CARGO_BIN_EXE_hsm-client");
    let address = rig.device.address;
    // Ctrl-C is for the program, not for the shell around it.
    let command = format!("trap '' INT; {client} --hsm {address} {arguments}; echo code $?; stty -a");
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]);
    script.env("HOME", rig.folder.path()).env("SHELL", "/bin/sh");
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = script.spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut screen = Vec::new();
    let mut typed = typed.iter().peekable();
    let mut byte = [0];
    while output.read(&mut byte).unwrap_or(0) == 1 {
        screen.push(byte[0]);
        if let Some((_, text)) = typed.next_if(|(prompt, _)| screen.ends_with(prompt.as_bytes())) {
            input.write_all(text.as_bytes()).unwrap();
        }
    }
    child.wait().unwrap();
    assert_eq!(typed.next(), None, "{}", String::from_utf8_lossy(&screen));
    let screen = String::from_utf8(screen).unwrap();
    let (_, code) = screen.rsplit_once("code ").unwrap_or_else(|| panic!("{screen}"));
    Some((code.split_whitespace().next().unwrap().parse().unwrap(), screen))
}

//= AU-03
//= PN-03
#[test]
fn a_pin_typed_at_the_terminal_is_not_shown() {
    const CTRL_C: &str = "pqxz\u{3}";
    const CTRL_D: &str = "\u{4}";
    for (typed, code, said) in [
        (&["12345678\n"][..], 0, "intermediary: card 1 of 2"),
        (&["99999999\n"], 13, "the PIN is wrong (pin_wrong), 6 tries left"),
        (&[CTRL_D], 14, "given up"),
        (&[CTRL_C], 14, "given up"),
        (
            &["pqxz\n", CTRL_D],
            14,
            "expected 8 characters, got 4; the card has not seen it",
        ),
        (&["pqxz\n", "12345678\n"], 0, "intermediary: card 1 of 2"),
    ] {
        let rig = Rig::new();
        let prompts: Vec<_> = typed.iter().map(|typed| (".card`: ", *typed)).collect();
        let arguments = format!("auth --card {}", rig.cards[0].display());
        let Some((came, screen)) = at_terminal(&rig, &arguments, &prompts) else {
            eprintln!("skipped: the program `script`, which makes a terminal, is not here");
            return;
        };
        assert_eq!(came, code, "{screen}");
        assert!(screen.contains(said), "{said}: {screen}");
        for secret in ["12345678", "99999999", "pqxz"] {
            assert!(!screen.contains(secret), "{screen}");
        }
        let is_as_before = screen.contains(" echo ") && screen.contains("-echonl ");
        assert!(is_as_before, "{screen}");
    }
}

//= PK-02
#[test]
fn an_activation_password_typed_at_the_terminal_is_not_shown() {
    const CTRL_C: &str = "pqxz\u{3}";
    const CTRL_D: &str = "\u{4}";
    const NEW: &str = "New activation password: ";
    const AGAIN: &str = "The new one again: ";
    const PASSWORD: &str = "Activation password: ";
    let rig = Rig::around(TestDevice::pocket());
    let set = "password set";
    let network = r#"network set '{"ntp": ["time.example"]}'"#;
    for (arguments, typed, code, said) in [
        (set, &[(NEW, CTRL_C)][..], 14, "given up"),
        (set, &[(NEW, CTRL_D)], 14, "given up"),
        (set, &[(NEW, "correct horse\n"), (AGAIN, CTRL_D)], 14, "given up"),
        (
            set,
            &[(NEW, "correct horse\n"), (AGAIN, "correct hearse\n")],
            2,
            "the second was another than the first",
        ),
        (
            set,
            &[(NEW, "pqxz\n"), (AGAIN, "pqxz\n")],
            12,
            "8 to 64 characters",
        ),
        (
            set,
            &[(NEW, "correct horse\n"), (AGAIN, "correct horse\n")],
            0,
            "the activation password is set",
        ),
        (
            "op --ask-password unlock-master",
            &[(PASSWORD, "correct hearse\n")],
            12,
            "activation_password_wrong",
        ),
        (
            "op --ask-password unlock-master",
            &[(PASSWORD, "correct horse\n")],
            0,
            "done: `unlock-master`",
        ),
        (network, &[(PASSWORD, "correct horse\n")], 0, "time.example"),
        (
            "password change",
            &[
                (PASSWORD, "correct horse\n"),
                (NEW, "battery staple\n"),
                (AGAIN, "battery staple\n"),
            ],
            0,
            "done: `password change`",
        ),
        (
            "op --ask-password unlock-master",
            &[(PASSWORD, "battery staple\n")],
            0,
            "done: `unlock-master`",
        ),
    ] {
        let Some((came, screen)) = at_terminal(&rig, arguments, typed) else {
            eprintln!("skipped: the program `script`, which makes a terminal, is not here");
            return;
        };
        assert_eq!(came, code, "{arguments}: {screen}");
        assert!(screen.contains(said), "{said}: {screen}");
        for secret in ["horse", "hearse", "staple", "pqxz"] {
            assert!(!screen.contains(secret), "{screen}");
        }
        assert!(
            screen.contains(" echo ") && screen.contains("-echonl "),
            "{screen}"
        );
    }
    rig.run(&["auth", "--card", "x", "--ask-password"])
        .check(2, "cannot be used with");
}

/// Without a terminal nobody can be asked; `setsid` takes the one of this test away, if it has one.
#[test]
fn without_a_terminal_a_password_is_a_file_or_a_variable() {
    let rig = Rig::around(TestDevice::pocket());
    let mut command = Command::new("setsid");
    command.arg(env!("CARGO_BIN_EXE_hsm-client"));
    command.args(["--hsm", &rig.device.address.to_string(), "password", "set"]);
    command.env("HOME", rig.folder.path()).stdin(Stdio::null());
    let ran = Ran::of(command.output().unwrap());
    ran.check_problem(
        2,
        "ask for the activation password: there is no terminal",
        "--password-env",
    );
}

#[test]
fn completions_manual_and_version_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["completions", "bash"][..], "_hsm__client()"),
        (&["completions", "zsh"], "#compdef hsm-client"),
        (&["completions", "fish"], "complete -c hsm-client"),
        (&["man"], ".TH hsm-client 1"),
        (&["man", "auth"], "hsm\\-client\\-auth"),
        (&["--version"], program_version()),
    ] {
        let ran = Ran::of(client_of(folder.path()).args(args).output().unwrap());
        ran.check(0, said);
        assert_eq!(ran.stderr, "");
    }
    for args in [
        &[][..],
        &["frobnicate"],
        &["man", "frobnicate"],
        &["op", "explode", "--card", "x"],
        &["status", "--timeout", "soon"],
    ] {
        assert_eq!(
            Ran::of(client_of(folder.path()).args(args).output().unwrap()).code,
            2,
            "{args:?}"
        );
    }
}

fn program_version() -> &'static str {
    program::VERSION
}

#[test]
fn a_reader_of_the_output_that_goes_away_is_no_error() {
    let rig = Rig::new();
    rig.run(&["trust"]).check(0, "(new)");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = rig
        .client()
        .arg("info")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

/// A file with the PIN.
fn pin_file(folder: &Path, pin: &str) -> PathBuf {
    let path = folder.join(format!("pin-{pin}"));
    fs::write(&path, format!("{pin}\n")).unwrap();
    path
}

//= HT-01
#[test]
fn web_starts_the_opener_with_the_login_page() {
    let rig = Rig::new();
    rig.first_custodian();
    let opened = rig.folder.path().join("opened");
    let opener = rig.folder.path().join("opener");
    fs::write(
        &opener,
        format!(
            "#!/bin/sh\nprintf '%s' \"$*\" > {0}.new && mv {0}.new {0}\n",
            opened.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    // Not activated: there is no HTTP console yet.
    let ran = rig.run(&["web"]);
    assert_eq!(ran.code, 12, "{ran:?}");
    let mut administrator = rig.administrator();
    administrator.input = None;
    administrator.end();
    let ran = rig.run(&["--opener", opener.to_str().unwrap(), "--json", "web"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("\"url\":\"https://192.0.2.10/\""), "{ran:?}");
    wait_until("the opener was started", || {
        fs::read_to_string(&opened).is_ok_and(|text| text == "https://192.0.2.10/")
    });
    let ran = rig.run(&["--opener", "/nowhere/at all", "web"]);
    ran.check_problem(5, "start `/nowhere/at all`", "--opener");
}

/// Looks until it is so; there is no event of a file that a stranger writes.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn trust_is_shown_without_connecting() {
    let rig = Rig::new();
    let ran = rig.run(&["trust", "--show"]);
    ran.check(0, "is not known");
    rig.run(&["trust"]).check(0, "(new)");
    let ran = rig.run(&["--json", "trust", "--show"]);
    assert!(
        ran.stdout
            .contains("{\"outcome\":\"known\",\"exit_code\":0,\"fingerprint\":\""),
        "{ran:?}"
    );
}

#[test]
fn a_card_is_inspected_without_its_pin() {
    let rig = Rig::new();
    let card = rig.cards[0].to_str().unwrap();
    let ran = rig.run(&["card", "inspect", "--card", card]);
    ran.check(0, "PIN SCR    : 0\n");
    let ran = rig.run(&["--json", "card", "inspect", "--card", card]);
    let read: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(read["card"]["tries_left"], 7, "{ran:?}");
    rig.run(&["card", "inspect"])
        .check_problem(2, "neither a card image nor a reader", "--reader");
}

#[test]
fn the_example_of_the_library_runs() {
    let rig = Rig::new();
    let address = rig.device.address.to_string();
    let example = Command::new(device::program("examples/who_answers"))
        .arg(&address)
        .output()
        .unwrap();
    let ran = Ran::of(example);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let fingerprint = rig.run(&["--json", "trust"]).json()["fingerprint"].clone();
    let first = format!("{address} is {}", fingerprint.as_str().unwrap());
    assert_eq!(
        lines,
        [&*first, "XP TXP0000001, firmware 5.0.22.0", "ended: HungUp"],
        "{ran:?}"
    );
    assert_eq!(ran.code, 0);
}

#[test]
fn a_device_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ran = Ran::of(
        client_of(folder.path())
            .args(["--hsm", &address, "--answer-timeout", "50ms", "status"])
            .output()
            .unwrap(),
    );
    ran.check_problem(8, "says nothing", "");
}

#[test]
fn a_busy_device_is_waited_for() {
    let rig = Rig::new();
    rig.first_custodian();
    let mut administrator = rig.administrator();
    let mut command = rig.with_card("127.0.0.3", &["auth", "--wait"], &rig.cards[2]);
    let mut waiting = command
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    talk.read_line(&mut line).unwrap();
    assert!(
        line.contains("another manager is connected; trying again"),
        "{line}"
    );
    administrator.input = None;
    administrator.end();
    let ended = waiting.wait_with_output().unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(out.contains("intermediary: card 1 of 2 is accepted"), "{out}");
}

//= PK-02
//= NW-03
//= OP-09
#[test]
fn a_pocket_is_set_up_and_operated_with_its_password() {
    let rig = Rig::around(TestDevice::pocket());
    let password = |name: &str, text: &str| {
        let path = rig.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (first, other) = (
        password("first", "correct horse\n"),
        password("other", "battery staple\r\n"),
    );
    let trace = rig.folder.path().join("trace.jsonl");
    let trace_text = trace.to_str().unwrap();
    rig.run(&["password", "set", "--password-file", &first])
        .check(0, "done: the activation password is set");
    rig.run(&["auth", "--wait", "--password-file", &other])
        .check(12, "activation_password_wrong");
    let change = ["password", "change", "--new-password-file", &other];
    rig.run(
        &[
            &["--trace", trace_text],
            &change[..],
            &["--password-file", &first],
        ]
        .concat(),
    )
    .check(0, "done: `password change`");
    let text = fs::read_to_string(&trace).unwrap();
    assert!(
        text.contains(r#"{"new":"00000000000000","old":"0000000000000"}"#),
        "{text}"
    );
    assert!(!text.contains("correct") && !text.contains("staple"), "{text}");
    let set = |json: &str| rig.run(&["--json", "network", "set", json, "--password-file", &other]);
    let refused = set(r#"{"gateway": "nowhere"}"#);
    refused.check(12, "gateway");
    assert!(
        refused.json()["data"]["fields"]["gateway"].is_string(),
        "{refused:?}"
    );
    let changed = set(r#"{"ntp": ["time.example"]}"#);
    assert_eq!(changed.json()["network"]["ntp"][0], "time.example");
    let op = |args: &[&str]| rig.run(&[&["op"], args, &["--password-file", &other]].concat());
    op(&["factory-reset"]).check_problem(2, "expected `--confirm`", "`hsm-client status` shows it");
    op(&["factory-reset", "--confirm", "TXP0000009"]).check(12, "confirmation_mismatch");
    op(&["unlock-master"]).check(0, "done: `unlock-master`");
    rig.run(&["auth", "--card", "x", "--password-file", &other])
        .check(2, "cannot be used with");
}

#[test]
fn a_trace_holds_what_happened_and_no_secret_and_can_be_told_again() {
    let rig = Rig::new();
    let trace = rig.folder.path().join("trace.jsonl");
    let mut command = rig.with_card(
        "127.0.0.1",
        &["--trace", trace.to_str().unwrap(), "auth"],
        &rig.cards[0],
    );
    Ran::of(command.output().unwrap()).check(0, "intermediary: ");
    let text = fs::read_to_string(&trace).unwrap();
    assert!(!text.contains(device::PIN), "{text}");
    let image = fs::read_to_string(&rig.cards[0]).unwrap().to_uppercase();
    let mut session = hsm_client::Session::new();
    let mut outputs = 0;
    for line in text.lines() {
        let line: hsm_client::TraceLine = line.parse().unwrap();
        hsm_client_input(&mut session, line.input().unwrap());
        while session.poll_output().is_some() {
            outputs += 1;
        }
    }
    assert!(outputs > 20, "the whole dialog came out again: {outputs}");
    assert!(!session.is_open());
    // What stands in the card's image as its shadow stands nowhere in the trace.
    let secrets = image
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| value.trim().trim_matches('"'));
    for secret in secrets.filter(|value| value.len() >= 32) {
        assert!(!text.to_uppercase().contains(secret), "{secret}");
    }
}

fn hsm_client_input(session: &mut hsm_client::Session, input: hsm_client::SessionInput) {
    use hsm_client::SessionInput;
    match input {
        SessionInput::Line(line) => session.handle_line(&line),
        SessionInput::LineTooLong(too_long) => session.handle_line_too_long(too_long),
        SessionInput::Closed(how) => session.handle_closed(how),
        SessionInput::Station(input) => session.handle_station_input(input),
    }
}

#[test]
fn the_keys_of_tls_are_logged_for_whoever_asks() {
    let rig = Rig::new();
    let keys = rig.folder.path().join("keys");
    let ran = Ran::of(
        rig.client()
            .env("SSLKEYLOGFILE", &keys)
            .arg("status")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = fs::read_to_string(&keys).unwrap();
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
}

//= CL-02
#[test]
fn somebodys_virtual_card_is_a_card() {
    let rig = Rig::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = rig.client();
    command
        .args([
            "--reader",
            &format!("vicc:listen:{address}"),
            "auth",
            "--pin-file",
        ])
        .arg(&rig.pin);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("insert a card into") {
        assert_ne!(talk.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // A stranger's card of a few lines: the image behind the wire of vsmartcard.
    let image = rig.cards[0].clone();
    let card = std::thread::spawn(move || {
        stranger::serve_card(std::net::TcpStream::connect(address).unwrap(), &image);
    });
    let ended = child.wait_with_output().unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(out.contains("intermediary: card 1 of 2 is accepted"), "{out}");
    card.join().unwrap();
}
