//! The real programs in numbers: ended with `kill -9` again and again, and fifty at once. What was acknowledged must be
//! there afterwards, and nothing else may be left. Few rounds unless the variable `RIG_SOAK` is set.

mod fifty;
mod kills;
mod ledger;
mod programs;

use std::{env, io::Write as _, sync::OnceLock, time::SystemTime};

use sim::Seed;

/// Whether there is time for the full counts.
fn is_soak() -> bool {
    env::var_os("RIG_SOAK").is_some_and(|value| value == "1")
}

/// The seed of this run: another one each time, unless `RIG_SEED` names it.
fn seed() -> Seed {
    static SEED: OnceLock<Seed> = OnceLock::new();
    *SEED.get_or_init(|| {
        if let Ok(text) = env::var("RIG_SEED") {
            return text.parse().expect("a number in `RIG_SEED`");
        }
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("it is later than 1970");
        Seed(u64::from(since.subsec_nanos()))
    })
}

/// Tells the counts, past what the test runner keeps back of a test that passes.
fn report(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn whatever_is_killed_starts_again_and_has_lost_nothing_that_it_acknowledged() {
    programs::build();
    kills::check(if is_soak() { 500 } else { 50 }, seed());
}

#[test]
fn fifty_emulators_at_once_have_fifty_ports_and_leave_nothing_behind() {
    programs::build();
    fifty::check(if is_soak() { 20 } else { 2 });
}
