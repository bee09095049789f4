//! The station with a reader of PC/SC: a card by vicc, the stock daemon, this program, TLS, a device. In a bed of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;
mod stranger;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Shutdown, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use device::{PIN, TestDevice};
use pcsc_bed::test_inside;
use pcsc_reader::{Presence, await_card};

/// Longer than anything here takes; only a hang is as long.
const LONG: Duration = Duration::from_secs(60);

fn client(home: &Path, device: &TestDevice) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hsm-client"));
    command
        .env("XDG_CONFIG_HOME", home)
        .args(["--hsm", &device.address.to_string(), "--reader", "pcsc"]);
    command
}

//= CL-02
//= AU-02
#[test]
fn two_custodians_present_cards_in_a_reader_of_pcsc() {
    test_inside(1, |bed| {
        let reader = bed.readers()[0].clone();
        assert!(await_card(&reader.name, Presence::Removed, LONG).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let device = TestDevice::start();
        let cards = device.make_cards(folder.path());
        let pin = folder.path().join("pin");
        fs::write(&pin, PIN).unwrap();
        let listed = client(folder.path(), &device).arg("readers").output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains(&reader.name), "{listed}");

        let outcomes = [
            "intermediary: card 1 of 2",
            "administrator: 2 of 2 cards are accepted",
        ];
        for (card, outcome) in cards.iter().zip(outcomes) {
            let mut child = client(folder.path(), &device)
                .args(["auth", "--pin-file"])
                .arg(&pin)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut talk = BufReader::new(child.stderr.take().unwrap());
            let mut said = String::new();
            while !said.contains("insert a card into") {
                assert_ne!(talk.read_line(&mut said).unwrap(), 0, "{said}");
            }
            // The card is put in when it is asked for, and taken out when the program is done with it.
            let stream = TcpStream::connect(("127.0.0.1", reader.port)).unwrap();
            let (served, image) = (stream.try_clone().unwrap(), card.clone());
            let serving = thread::spawn(move || stranger::serve_card(served, &image));
            let ended = child.wait_with_output().unwrap();
            let out = String::from_utf8(ended.stdout).unwrap();
            assert!(out.contains(outcome), "{out}");
            stream.shutdown(Shutdown::Both).unwrap();
            serving.join().unwrap();
            assert!(await_card(&reader.name, Presence::Removed, LONG).unwrap());
        }
    });
}
