//! Limits where the driver is late or the disk is: what the scenarios, whose world is always punctual, cannot show.

use std::time::Duration;

use hsm_core::Key;
use machine::Instant;
use serde_json::Value;

use crate::bench::Bench;

const LIMIT: Duration = Duration::from_secs(120);

fn just_before(at: Instant) -> Instant {
    Instant::from_micros(at.as_micros() - 1)
}

/// The answer to the second card of two, presented at this moment by a driver that calls no timeout before it.
fn check_second_card(second_at: impl Fn(Instant) -> Instant) -> Value {
    let mut bench = Bench::started(2);
    bench.arrive();
    bench.present(0);
    let accepted_at = bench.now;
    bench.now = Instant::from_micros(accepted_at.as_micros() + 60_000_000);
    bench.ask("device.header");
    bench.now = second_at(accepted_at + LIMIT);
    bench.present(1).expect("somebody is connected")["result"]["outcome"].clone()
}

//= AU-06
#[test]
fn a_late_driver_gives_a_card_no_more_time_than_a_punctual_one() {
    assert_eq!(check_second_card(just_before), "administrator");
    assert_eq!(check_second_card(|end| end), "intermediary");
}

//= RM-19
#[test]
fn a_late_driver_gives_a_line_no_more_time_than_a_punctual_one() {
    for (early, is_answered) in [(true, true), (false, false)] {
        let mut bench = Bench::started(2);
        bench.arrive();
        let end = bench.now + LIMIT;
        bench.now = if early { just_before(end) } else { end };
        let asked = bench
            .ask("device.header")
            .expect("nobody has told the device the time");
        assert_eq!(bench.answer_to(asked).is_some(), is_answered);
        assert_eq!(bench.manager.is_some(), is_answered);
    }
}

//= RM-12
#[test]
fn keys_after_an_accepted_local_restart_enable_nothing() {
    let mut bench = Bench::started(2);
    bench.arrive();
    bench.present(0);
    bench.present(1);
    bench.press(&[Key::Esc]);
    bench.disk_is_slow = true;
    let restart = [Key::Up, Key::Enter, Key::Down, Key::Enter];
    bench.press(&restart);
    let remote_management = [Key::Esc, Key::Down, Key::Down, Key::Down, Key::Enter];
    bench.press(&remote_management);
    bench.disk_is_slow = false;
    bench.write_one();
    bench.wait(Duration::from_secs(60));
    let screen = bench
        .device
        .as_ref()
        .expect("there is power")
        .screen()
        .to_string();
    assert!(screen.contains("start PIN"), "{screen}");
}
