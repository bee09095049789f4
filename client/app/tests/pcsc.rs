//! The real stack, every part of it a program of its own: `virtual-card vicc`, the stock virtual reader, the stock daemon,
//! this program with its reader of PC/SC, TLS, `hsm-emulator` with a bench and a clock that stands still. In a bed of
//! its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;
mod schema;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    time::Duration,
};

use device::{PIN, TestDevice, program};
use pcsc_bed::{Bed, Reader, test_inside};
use pcsc_reader::{Presence, await_card};
use serde_json::Value;

/// Longer than anything here takes; only a hang is as long.
const LONG: Duration = Duration::from_secs(60);
const CLIENT: &str = env!("CARGO_BIN_EXE_hsm-client");

/// A custodian's place: an address, a reader, a home.
struct Station<'a> {
    device: &'a TestDevice,
    reader: Reader,
    source: &'static str,
    home: tempfile::TempDir,
}

impl<'a> Station<'a> {
    fn new(device: &'a TestDevice, bed: &Bed, number: usize) -> Self {
        let reader = bed.readers()[number].clone();
        // The daemon has looked into the reader for the first time.
        await_presence(&reader, Presence::Removed);
        Self {
            device,
            reader,
            source: ["127.0.0.2", "127.0.0.3"][number],
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The words that say who, from where, and with which reader.
    fn words(&self) -> Vec<String> {
        let hsm = self.device.address.to_string();
        let reader = format!("pcsc:{}", self.reader.name);
        let words = ["--hsm", &hsm, "--source", self.source, "--reader", &reader];
        words.map(str::to_owned).to_vec()
    }

    fn client(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CLIENT);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PIN", PIN)
            .args(self.words())
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs to its end; what it says is JSON.
    fn run(&self, args: &[&str]) -> Value {
        said(&self.client(&[&["--json"], args].concat()).output().unwrap())
    }

    /// `auth`, with a PIN that is this one.
    fn auth(&self, pin: &str) -> Value {
        let args = ["--json", "auth", "--pin-env", "PIN"];
        said(&self.client(&args).env("PIN", pin).output().unwrap())
    }

    /// Puts a card in, as the program `virtual-card` does.
    fn insert(&self, card: &Path) -> Inserted<'_> {
        self.insert_with(card, &[])
    }

    fn insert_with(&self, card: &Path, more: &[&str]) -> Inserted<'_> {
        let vicc = Command::new(program("virtual-card"))
            .arg("vicc")
            .arg(card)
            .args(["--log-level", "error", "--connect"])
            .arg(format!("127.0.0.1:{}", self.reader.port))
            .args(more)
            .spawn()
            .unwrap();
        let inserted = Inserted {
            vicc,
            reader: &self.reader,
            card: card.to_owned(),
        };
        await_presence(&self.reader, Presence::Inserted);
        inserted
    }

    /// Plays a custodian at a terminal, who acts when the prompt is there and then types this. What the terminal has shown, and
    /// the exit code.
    fn at_terminal(&self, act: impl FnOnce(), typed: &str) -> (i32, String) {
        let words = format!("'{}'", self.words().join("' '"));
        let mut child = Command::new("script")
            .args(["-qec", &format!("'{CLIENT}' {words} auth"), "/dev/null"])
            .env("HOME", self.home.path())
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (mut shown, mut byte) = (Vec::new(), [0]);
        let prompt = format!("PIN of `{}`: ", self.reader.name);
        while !shown.ends_with(prompt.as_bytes()) {
            let read = output.read(&mut byte).unwrap();
            assert_eq!(read, 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        act();
        writeln!(input, "{typed}").unwrap();
        output.read_to_end(&mut shown).unwrap();
        let code = child.wait().unwrap().code().unwrap();
        (code, String::from_utf8(shown).unwrap())
    }
}

fn await_presence(reader: &Reader, awaited: Presence) {
    let is_so = await_card(&reader.name, awaited, LONG);
    assert!(is_so.unwrap_or_else(|problem| panic!("{problem}")), "{awaited:?}");
}

/// The last object that a program has said; its exit code is the program's.
fn said(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("{output:?}"));
    schema::check_line(last);
    let said: Value = serde_json::from_str(last).unwrap();
    assert_eq!(said["exit_code"], output.status.code().unwrap(), "{output:?}");
    said
}

/// A card in a reader, by the program `virtual-card`. Taken out with it.
struct Inserted<'a> {
    vicc: Child,
    reader: &'a Reader,
    card: PathBuf,
}

impl Inserted<'_> {
    /// A hand takes the card out, or puts it in.
    fn tell(&self, what: &str) {
        let told = Command::new(program("virtual-card"))
            .arg(what)
            .arg(&self.card)
            .output()
            .unwrap();
        assert!(told.status.success(), "{what}: {told:?}");
    }
}

impl Drop for Inserted<'_> {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.vicc.kill();
        let _ = self.vicc.wait();
        if !std::thread::panicking() {
            await_presence(self.reader, Presence::Removed);
        }
    }
}

/// An administrator who stays until input ends.
struct Administrator {
    child: Child,
    input: Option<ChildStdin>,
    said: BufReader<std::process::ChildStdout>,
}

impl Administrator {
    fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut administrator = Self {
            input: child.stdin.take(),
            said: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        let first = administrator.next();
        assert_eq!(first["outcome"], "administrator", "{first}");
        administrator
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "it has ended");
        schema::check_line(line.trim_end());
        serde_json::from_str(&line).unwrap()
    }

    /// What it says last, and that it ends of itself.
    fn end(mut self) -> Value {
        let mut last = self.next();
        while last.get("notice").is_some() {
            last = self.next();
        }
        let code = self.child.wait().unwrap().code().unwrap();
        assert_eq!(last["exit_code"], code, "{last}");
        drop(self.input.take());
        last
    }
}

fn ceremony(device: &TestDevice) -> String {
    device.state()["ceremony"].to_string()
}

//= CL-02
//= AU-01
//= AU-02
//= AU-03
//= AU-04
//= AU-05
//= AU-06
//= RM-05
//= RM-10
#[test]
fn two_custodians_at_two_stations_with_readers_of_pcsc() {
    device::build();
    test_inside(2, |bed| {
        let device = TestDevice::start();
        let [ana, bruno, carla] = device.cards();
        let (left, right) = (Station::new(&device, bed, 0), Station::new(&device, bed, 1));
        let readers = left.run(&["readers"]);
        let names: Vec<_> = bed.readers().iter().map(|reader| reader.name.as_str()).collect();
        assert_eq!(readers["readers"], serde_json::json!(names));

        // The first comes to a reader without a card, and is told to put it in.
        let mut first = left
            .client(&["--json", "auth", "--pin-env", "PIN"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut talk = BufReader::new(first.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("insert a card into") {
            assert_ne!(talk.read_line(&mut told).unwrap(), 0, "{told}");
        }
        let card = left.insert(&ana);
        let first = said(&first.wait_with_output().unwrap());
        assert_eq!(
            (
                &first["outcome"],
                &first["presented"],
                &first["required"],
                &first["expires_in_ms"]
            ),
            (&"intermediary".into(), &1.into(), &2.into(), &120_000.into()),
            "{first}"
        );
        drop(card);
        device.wait_for("card_used", "accepted, 1 of 2");

        // The last millisecond at which the next one counts.
        device.advance(Duration::from_millis(119_999));
        let card = right.insert(&bruno);
        let administrator = Administrator::of(right.client(&["--json", "auth", "--pin-env", "PIN"]));
        let state = device.state();
        assert!(
            state["manager"]["peer"]
                .as_str()
                .unwrap()
                .starts_with("127.0.0.3:"),
            "{state}"
        );
        assert_eq!(state["manager"]["access"], "administrator");
        assert_eq!(state["activated"], true);

        // Somebody else is denied at the left station, with a card ready, which is not even looked at.
        let third = left.insert(&carla);
        let denied = left.auth(PIN);
        assert_eq!(
            (&denied["exit_code"], &denied["reason"]),
            (&10.into(), &"busy".into()),
            "{denied}"
        );
        drop((card, third));
        assert_eq!(
            device.state()["manager"],
            state["manager"],
            "nobody was disturbed"
        );

        // Somebody at the device itself comes before everybody.
        device.press("Enter");
        let ended = administrator.end();
        assert_eq!(
            (&ended["exit_code"], &ended["reason"]),
            (&11.into(), &"preempted".into()),
            "{ended}"
        );
        let shut_out = right.run(&["status"]);
        assert_eq!(
            (&shut_out["exit_code"], &shut_out["reason"]),
            (&10.into(), &"not_armed".into()),
            "{shut_out}"
        );
    });
}

//= AU-09
#[test]
fn a_wrong_pin_at_a_reader_of_pcsc_costs_one_try_and_the_process_nothing() {
    device::build();
    test_inside(2, |bed| {
        let device = TestDevice::start();
        let [ana, bruno, _] = device.cards();
        let (left, right) = (Station::new(&device, bed, 0), Station::new(&device, bed, 1));
        let card = left.insert(&ana);
        assert_eq!(left.auth(PIN)["outcome"], "intermediary");
        drop(card);

        let card = right.insert(&bruno);
        let wrong = right.auth("00000000");
        assert_eq!(
            (&wrong["exit_code"], &wrong["error"], &wrong["data"]["tries_left"]),
            (&13.into(), &"pin_wrong".into(), &6.into()),
            "{wrong}"
        );
        assert_eq!(ceremony(&device), r#"{"presented":1,"required":2}"#);
        let inspected = right.run(&["card", "inspect"]);
        assert_eq!(inspected["card"]["tries_left"], 6, "once, and by nobody else");
        drop(card);

        let card = right.insert(&bruno);
        let mut administrator = Administrator::of(right.client(&["--json", "auth", "--pin-env", "PIN"]));
        drop(administrator.input.take());
        assert_eq!(administrator.end()["outcome"], "left");
        assert_eq!(right.run(&["card", "inspect"])["card"]["tries_left"], 7);
        drop(card);
    });
}

//= AU-20
//= CL-02
#[test]
fn a_card_pulled_out_of_a_reader_of_pcsc_in_the_middle_counts_for_nothing() {
    device::build();
    test_inside(1, |bed| {
        let device = TestDevice::start();
        let [ana, ..] = device.cards();
        let station = Station::new(&device, bed, 0);

        // By a hand, while its holder is asked for the PIN.
        let card = station.insert(&ana);
        let pull = || {
            card.tell("remove");
            await_presence(&station.reader, Presence::Removed);
        };
        let (code, shown) = station.at_terminal(pull, PIN);
        assert_eq!(code, 13, "{shown}");
        assert!(shown.contains("card_removed"), "{shown}");
        assert!(!shown.contains(PIN), "{shown}");
        assert_eq!(ceremony(&device), "null");
        device.wait_for("card_used", "refused, card_removed");
        card.tell("insert");
        await_presence(&station.reader, Presence::Inserted);
        assert_eq!(
            station.run(&["card", "inspect"])["card"]["tries_left"],
            7,
            "the PIN was shown to nobody"
        );
        drop(card);

        // At each command of the dialog in turn, until it is one that the dialog no longer has.
        let faults = station.home.path().join("faults");
        let mut torn = 0;
        let outcome = loop {
            let at = torn + 1;
            fs::write(
                &faults,
                format!("version = 1\n[[fault]]\nkind = \"torn_out\"\nat = {at}\nbytes = 0\n"),
            )
            .unwrap();
            let card = station.insert_with(&ana, &["--fault", faults.to_str().unwrap()]);
            let outcome = station.auth(PIN);
            // One that is torn out stays out.
            drop(card);
            if outcome["exit_code"] == 0 {
                break outcome;
            }
            assert_eq!(
                (&outcome["exit_code"], &outcome["error"]),
                (&13.into(), &"card_removed".into()),
                "torn out at command {at}: {outcome}"
            );
            assert_eq!(ceremony(&device), "null", "torn out at command {at}");
            // The daemon looks into a reader every 0.4 s and takes a card that is back before for a dead one; a new daemon
            // has seen neither.
            bed.restart_daemon().unwrap_or_else(|problem| panic!("{problem}"));
            torn = at;
        };
        assert!(torn >= 8, "a dialog has more commands than {torn}");
        assert_eq!(outcome["outcome"], "intermediary", "{outcome}");
        assert_eq!(ceremony(&device), r#"{"presented":1,"required":2}"#);
    });
}
