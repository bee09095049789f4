//! Programs that never heard of this project, each at work on our card through the stock PC/SC daemon and the stock
//! virtual reader: what they print is what they would print of a card of plastic. Asks nothing of the card's inside.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use pcsc_bed::{Bed, Reader, test_inside};
use pcsc_reader::{Presence, await_card};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_virtual-card");

/// Seconds after which a tool is stuck. None takes two.
const STUCK_AFTER: &str = "60";

/// The longest that a card may be on its way into a reader.
const LONG: Duration = Duration::from_secs(60);

/// What a custodian's card is asked for, by people who write APDUs: master file, serial number, PIN, label.
const COMMANDS: [&str; 8] = [
    "00 A4 00 00 02 3F 00",
    "00 C0 00 00 12",
    "80 C0 02 A1 08",
    "00 20 00 00 08 31 32 33 34 35 36 37 38",
    "00 A4 00 00 02 01 00",
    "00 A4 00 00 02 00 01",
    "00 B0 00 00 09",
    "00 B0 00 00 00",
];

/// A running `virtual-card vicc` with one card, in the first reader of a bed.
struct Inserted {
    vicc: Child,
    reader: Reader,
    card: PathBuf,
    _folder: TempDir,
}

impl Inserted {
    fn new(bed: &Bed) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let card = folder.path().join("ana.card");
        let made = Command::new(PROGRAM)
            .arg("new")
            .arg(&card)
            .args(["--label", "Ana Souza", "--pin-env", "PIN"])
            .args(["--csn", "15C00000E3A81710006F0000FF000001"])
            .env("PIN", "12345678")
            .output()
            .expect("it was built");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let reader = bed.readers()[0].clone();
        let vicc = Command::new(PROGRAM)
            .arg("vicc")
            .arg(&card)
            .args(["--log-level", "warn", "--connect"])
            .arg(format!("127.0.0.1:{}", reader.port))
            .spawn()
            .expect("it was built");
        let inserted = Self {
            vicc,
            reader,
            card,
            _folder: folder,
        };
        inserted.await_presence(Presence::Inserted);
        inserted
    }

    fn await_presence(&self, awaited: Presence) {
        let is_so = await_card(&self.reader.name, awaited, LONG);
        assert!(is_so.unwrap_or_else(|problem| panic!("{problem}")), "{awaited:?}");
    }

    /// `virtual-card insert` and `remove`.
    fn tell(&self, what: &str) {
        let told = Command::new(PROGRAM)
            .arg(what)
            .arg(&self.card)
            .output()
            .expect("it was built");
        assert!(
            told.status.success(),
            "{what}: {}",
            String::from_utf8_lossy(&told.stderr)
        );
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.vicc.kill();
        let _ = self.vicc.wait();
    }
}

/// A stock tool that ends by itself, or is ended.
fn tool(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args([STUCK_AFTER, name]).args(args).env("LC_ALL", "C");
    command
}

/// What it printed, on both ways.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("it prints text");
    format!("{text}{}", output.status)
}

#[test]
fn opensc_tool_lists_the_reader_and_the_card() {
    test_inside(1, |bed| {
        let _card = Inserted::new(bed);
        let said = ["-l", "-a", "-n"].map(|what| {
            format!(
                "$ opensc-tool {what}\n{}\n",
                printed(&mut tool("opensc-tool", &[what]))
            )
        });
        insta::assert_snapshot!(said.concat());
    });
}

/// `opensc-tool` follows 61xx and 6Cxx by itself.
#[test]
fn opensc_tool_sends_commands() {
    test_inside(1, |bed| {
        let _card = Inserted::new(bed);
        let args: Vec<&str> = COMMANDS.iter().flat_map(|command| ["-s", command]).collect();
        insta::assert_snapshot!(printed(&mut tool("opensc-tool", &args)));
    });
}

#[test]
fn scriptor_plays_a_script() {
    test_inside(1, |bed| {
        let card = Inserted::new(bed);
        let mut command = tool("scriptor", &["-r", &card.reader.name]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut scriptor = command.spawn().expect("it is installed");
        let script = format!("reset\n{}\n", COMMANDS.join("\n"));
        let mut stdin = scriptor.stdin.take().expect("it was asked for");
        stdin.write_all(script.as_bytes()).expect("it reads");
        drop(stdin);
        let output = scriptor.wait_with_output().expect("it ends");
        insta::assert_snapshot!(String::from_utf8(output.stdout).expect("it prints text"));
    });
}

/// pyscard resolves nothing, and waits for cards by itself.
#[test]
fn pyscard_waits_for_the_card_and_talks_to_it() {
    test_inside(1, |bed| {
        let card = Inserted::new(bed);
        fs::write(card.card.with_extension("apdus"), COMMANDS.join("\n")).expect("there is room");
        let script = r#"
import sys
from smartcard.CardConnection import CardConnection
from smartcard.CardRequest import CardRequest
from smartcard.CardType import ATRCardType
from smartcard.System import readers
from smartcard.util import toBytes, toHexString

print(readers())
custodian = ATRCardType(toBytes("3B 7A 94 00 00 80 65 A2 01 01 01 3D 72 D6 43"))
connection = CardRequest(timeout=30, cardType=custodian).waitforcard().connection
connection.connect(CardConnection.T0_protocol)
print(connection.getReader(), toHexString(connection.getATR()))
for line in open(sys.argv[1]):
    data, sw1, sw2 = connection.transmit(toBytes(line))
    print(line.strip(), "->", toHexString(data), "%02X%02X" % (sw1, sw2))
"#;
        let apdus = card.card.with_extension("apdus");
        let args = ["-c", script, apdus.to_str().expect("it is text")];
        insta::assert_snapshot!(printed(&mut tool("/usr/bin/python3", &args)));
    });
}

#[test]
fn pcsc_scan_lists_readers_and_cards() {
    test_inside(1, |bed| {
        let _card = Inserted::new(bed);
        let said = ["-r", "-c"].map(|what| {
            let said = printed(&mut tool("pcsc_scan", &[what]));
            // The time of day, alone on its line, and what a terminal would paint over.
            let is_time = |line: &&str| line.split(':').count() == 3 && line.split(' ').count() >= 5;
            let lines: Vec<&str> = said
                .lines()
                .filter(|line| !is_time(line))
                .map(str::trim_end)
                .collect();
            format!("$ pcsc_scan {what}\n{}\n", lines.join("\n"))
        });
        insta::assert_snapshot!(said.concat());
    });
}

/// Waits for the events that a person with a card in the hand would make.
#[test]
fn pcsc_scan_sees_the_card_leave_and_come_back() {
    test_inside(1, |bed| {
        let card = Inserted::new(bed);
        let mut scan = tool("pcsc_scan", &["-n"]);
        let mut scan = scan.stdout(Stdio::piped()).spawn().expect("it is installed");
        let mut stdout = scan.stdout.take().expect("it was asked for");
        let first = "Reader 0: Bed 0 00 00\n  Event number: ";
        until(&mut stdout, first, "Card inserted");
        card.tell("remove");
        until(&mut stdout, first, "Card removed");
        card.tell("insert");
        until(&mut stdout, first, "Card inserted");
        until(
            &mut stdout,
            "ATR: ",
            "3B 7A 94 00 00 80 65 A2 01 01 01 3D 72 D6 43",
        );
        scan.kill().expect("it is ours");
        scan.wait().expect("it is ours");
    });
}

/// Reads on until `first` was said and then `then`.
fn until(stdout: &mut ChildStdout, first: &str, then: &str) {
    let (mut said, mut byte) = (Vec::new(), [0]);
    for awaited in [first, then] {
        while !said.ends_with(awaited.as_bytes()) {
            let read = stdout.read(&mut byte).expect("it can be read");
            assert_eq!(read, 1, "no `{awaited}` in\n{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
    }
}

#[test]
fn the_card_comes_back_after_the_daemon_was_killed() {
    test_inside(1, |bed| {
        let card = Inserted::new(bed);
        let before = printed(&mut tool("opensc-tool", &["-a", "-s", COMMANDS[2]]));
        assert!(before.contains("15 C0 00 00 E3 A8 17 10"), "{before}");
        bed.restart_daemon().unwrap_or_else(|problem| panic!("{problem}"));
        card.await_presence(Presence::Inserted);
        assert_eq!(
            printed(&mut tool("opensc-tool", &["-a", "-s", COMMANDS[2]])),
            before
        );
    });
}
