//! Where the HTTP console is, and whether: what the profile and the command line say.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use hsm_core::{Model, Profile};

use crate::hand::Bench;

//= HC-01
#[test]
fn the_profile_says_whether_there_is_a_console_and_the_command_line_where() {
    let folder = tempfile::tempdir().expect("there is room");
    let profile = folder.path().join("profile.toml");
    let text = Profile::text_of(Model::Pocket);
    let path = profile.to_str().expect("it is text").to_owned();
    let http_with = |text: &str, more: &[&str]| {
        fs::write(&profile, text).expect("there is room");
        let words = [&["--profile", path.as_str()], more].concat();
        let bench = Bench::start_with(folder.path(), &words);
        let http = bench.emulator.ready_file()["http"].clone();
        http.as_str().map(|url| {
            let address = url.strip_prefix("https://").and_then(|url| url.strip_suffix('/'));
            address
                .and_then(|address| address.parse().ok())
                .expect("an address")
        })
    };
    let with_console = format!("{text}\n[http_console]\nport = 0\n");
    assert_eq!(http_with(text, &[]), None::<SocketAddr>);
    let by_profile = http_with(&with_console, &[]).expect("there is one");
    assert!(by_profile.ip() == Ipv4Addr::LOCALHOST && by_profile.port() != 0);
    let elsewhere = http_with(&with_console, &["--http-listen", "127.0.0.2:0"]).expect("there is one");
    assert_eq!(elsewhere.ip(), Ipv4Addr::new(127, 0, 0, 2));
}
