//! The scenarios of `suite/agreement`, played against the real programs: `hsm-emulator` over sockets, cards in files. The
//! simulation plays the same files with everything else. What is awaited is an event, never a span of time; the one
//! span is the device's own two minutes.

mod device;
mod station;
mod steps;

use std::{fmt::Write as _, fs, path::PathBuf, thread};

use hsm_rig::gherkin::{self, pickle::Pickle};

/// Where the repository is.
fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn scenarios() -> Vec<Pickle> {
    let path = "scenarios/suite/agreement/simulated-and-real.feature";
    let bytes = fs::read(repository().join(path)).expect("the scenarios are there");
    let document = gherkin::parse(path, &bytes)
        .into_result()
        .expect("the suite is read in other tests");
    gherkin::pickle::expand(&document)
}

#[test]
fn what_is_simulated_holds_for_the_real_programs() {
    device::build();
    let scenarios = scenarios();
    assert!(scenarios.len() >= 13, "the file is read");
    // Each has an emulator of its own, so that the one that waits two minutes keeps nobody waiting.
    let failures: Vec<String> = thread::scope(|scope| {
        let played: Vec<_> = scenarios
            .iter()
            .map(|scenario| scope.spawn(|| steps::play(scenario)))
            .collect();
        played
            .into_iter()
            .zip(&scenarios)
            .filter_map(|(played, scenario)| {
                let outcome = played
                    .join()
                    .unwrap_or_else(|_| Err("a mistake of the test itself".into()));
                outcome.err().map(|why| {
                    format!(
                        "{}:{} {}: {why}",
                        scenario.source.path(),
                        scenario.line(),
                        scenario.name
                    )
                })
            })
            .collect()
    });
    let told = failures.iter().fold(String::new(), |mut told, failure| {
        writeln!(told, "{failure}").expect("a String takes everything");
        told
    });
    assert!(failures.is_empty(), "{told}");
}
