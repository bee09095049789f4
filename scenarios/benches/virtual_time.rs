//! What virtual time costs in wall time: one scenario with a two-minute wait, its TLS handshake alone, the whole suite.
//! Prints a table and judges nothing; `ci/bench` runs it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::Command,
    time::{Duration, Instant},
};

use hsm_client::{Fingerprint, TlsClient, TlsClientConfig, Trust};
use hsm_listener::Identity;
use hsm_rig::{
    gherkin::{self, pickle::Pickle},
    lane::sim::play,
    steps,
};
use rustls::ServerConnection;
use sim::Seed;

/// Plays of the scenario, and handshakes.
const ROUNDS: usize = 500;
/// Runs of the whole suite.
const SUITE_ROUNDS: usize = 15;

fn main() -> io::Result<()> {
    let boundary = include_bytes!("../suite/remote-management/inactivity.feature");
    let scenario = scenario(
        boundary,
        "A session ends after two minutes, not one millisecond before",
    );
    let steps = steps::registry();
    let mut virtual_time = Duration::ZERO;
    let scenario_times = times(ROUNDS, || {
        let played = play(&scenario, &steps, Seed(0));
        assert!(played.failure.is_none(), "the scenario is of the suite");
        virtual_time = played.lasted;
    });

    let identity = Identity::generate("bench").expect("the crypto library makes a P-256 certificate");
    let server = identity.server_config().expect("TLS accepts its own certificate");
    let trust = Trust::Pinned(Fingerprint::of_certificate(identity.certificate()));
    let client = TlsClientConfig::new(trust);
    let handshake_times = times(ROUNDS, || {
        let mut server = ServerConnection::new(server.clone()).expect("the configuration is good");
        let mut client = TlsClient::new(&client);
        handshake(&mut client, &mut server);
    });

    let mut suite_lines = Vec::new();
    let mut suite = |jobs: &str| {
        times(SUITE_ROUNDS, || {
            let output = Command::new(env!("CARGO_BIN_EXE_hsm-rig"))
                .args(["run", "--jobs", jobs])
                .output();
            let output = output.expect("the runner was built beside this");
            assert!(output.status.success(), "the suite passes");
            suite_lines = String::from_utf8_lossy(&output.stdout)
                .lines()
                .take(3)
                .map(str::to_owned)
                .collect();
        })
    };
    let (one, two) = (suite("1"), suite("2"));

    let mut table = String::new();
    let mut row = |what: &str, times: &[Duration], goal: &str| {
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        let (low, median, high) = (at(5), at(50), at(95));
        writeln!(
            table,
            "| {what} | {} | {low:.2?} | {median:.2?} | {high:.2?} | {goal} |",
            times.len()
        )
        .expect("a String takes everything");
    };
    row(
        "scenario with a two-minute wait, two TLS sessions",
        &scenario_times,
        "< 5 ms",
    );
    row(
        "one TLS handshake in memory, both sides, nothing else",
        &handshake_times,
        "–",
    );
    row(
        "the whole suite, start of the process to its end, 1 job",
        &one,
        "–",
    );
    row(
        "the whole suite, start of the process to its end, 2 jobs",
        &two,
        "< 1 s",
    );
    let mut out = io::stdout();
    writeln!(
        out,
        "| what | rounds | 5 % | median | 95 % | goal |\n|---|---:|---:|---:|---:|---:|"
    )?;
    writeln!(
        out,
        "{table}\nthe scenario simulates {virtual_time:.3?}; the suite:"
    )?;
    suite_lines
        .iter()
        .try_for_each(|line| writeln!(out, "    {line}"))
}

fn scenario(feature: &[u8], name: &str) -> Pickle {
    let document = gherkin::parse("inactivity.feature", feature)
        .into_result()
        .expect("the suite is read in tests");
    let found = gherkin::pickle::expand(&document)
        .into_iter()
        .find(|pickle| pickle.name == name);
    found.expect("the scenario has this name")
}

/// How long each round took, shortest first.
fn times(rounds: usize, mut round: impl FnMut()) -> Vec<Duration> {
    // The first round pays for what is made once a process.
    round();
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let begin = Instant::now();
            round();
            begin.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn handshake(client: &mut TlsClient, server: &mut ServerConnection) {
    while client.is_handshaking() || server.is_handshaking() {
        while let Some(bytes) = client.poll_transmit() {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                server.read_tls(&mut rest).expect("reading memory");
                server.process_new_packets().expect("an honest handshake");
            }
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("writing to memory");
        }
        client
            .receive(&bytes, &mut Vec::new())
            .expect("an honest handshake");
    }
}
