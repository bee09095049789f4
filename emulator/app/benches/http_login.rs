//! The login of a known user beside that of a name that nobody has, at the HTTP console of a real program: from the last
//! byte of the request to the last of the answer. Prints a table and judges nothing.

#![allow(
    clippy::print_stdout,
    reason = "a table for people is what this program is for"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/emulator.rs"]
mod emulator;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/hand.rs"]
mod hand;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/http_console.rs"]
mod http_console;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/manager.rs"]
mod manager;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use hand::read_answer;
use http_console::{Console, PASSWORD};

const USERS: usize = 20;
/// One less than blocks a user.
const TRIES: usize = 6;

fn main() {
    let folder = tempfile::tempdir().expect("there is room");
    let console = Console::start(folder.path());
    let master = console.login("master", PASSWORD);
    for user in 0..USERS {
        let fields = format!("name=known{user:02}&password=a+password");
        assert_eq!(console.post("/users/create", Some(&master), &fields).status, 200);
    }
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    // One of each in turn, so that whatever else the machine does falls on both.
    for _ in 0..TRIES {
        for user in 0..USERS {
            known.push(refused_login(&console, &format!("known{user:02}")));
            unknown.push(refused_login(&console, &format!("nobody{user:02}")));
        }
    }
    println!("a refused login at the HTTP console, {} of each, ms", known.len());
    println!(
        "{:<24} {:>9} {:>9} {:>9}",
        "", "1st quart.", "median", "3rd quart."
    );
    let mut medians = Vec::new();
    for (name, mut took) in [
        ("a user, wrong password", known),
        ("a name that nobody has", unknown),
    ] {
        took.sort();
        let [first, median, third] = [1, 2, 3].map(|quarter| millis(took[took.len() * quarter / 4]));
        println!("{name:<24} {first:>10.2} {median:>9.2} {third:>10.2}");
        medians.push(median);
    }
    println!("{:<24} {:>20.3}", "ratio of the medians", medians[0] / medians[1]);
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// How long the answer to a wrong password takes, the connection being there.
fn refused_login(console: &Console, name: &str) -> Duration {
    let mut stream = console.connect();
    stream
        .conn
        .complete_io(&mut stream.sock)
        .expect("the handshake is done");
    let fields = format!("name={name}&password=wrong+words");
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{fields}",
        console.address,
        console.of_a_form(None),
        fields.len()
    );
    let begin = Instant::now();
    stream.write_all(request.as_bytes()).expect("it reads");
    let answer = read_answer(stream);
    let took = begin.elapsed();
    assert_eq!(answer.status, 403, "{answer:?}");
    took
}
