//! Card dialogs whose end nobody waits for any more.

use std::time::Duration;

use apdu::{Atr, ReaderAnswer, ReaderCommand};
use hsm_core::{CardOutcome, Device, Event, Input, Key, Output, Profile, ServerMasterKey, Stored};
use machine::{Cx, Instant, Machine as _, WallClock};
use serde_json::json;
use sim::Seed;

use crate::bench::Bench;

//= AU-18
#[test]
fn the_late_answer_to_a_cancelled_dialog_is_thrown_away_and_the_next_dialog_goes_on() {
    for late in [json!({"atr": "3B00"}), json!({}), json!(null)] {
        let mut bench = Bench::started(2);
        bench.arrive();
        bench.slot = Some(0);
        let cancelled = bench.ask("auth.start").expect("there is a manager");
        bench.ask("auth.cancel");
        let answer = bench.answer_to(cancelled).expect("it was cancelled");
        assert_eq!(answer["error"]["data"]["name"], "pin_cancelled");

        let next = bench.ask("auth.start").expect("there is a manager");
        let stale = bench
            .open_requests
            .pop_front()
            .expect("the station has not answered it");
        bench.answer(&stale, "result", &late);
        assert_eq!(
            bench.answer_to(next),
            None,
            "the second dialog waits for its own answer"
        );
        while let Some(request) = bench.open_requests.pop_front() {
            bench.answer_honestly(&request);
        }
        let answer = bench.answer_to(next).expect("the station was honest");
        assert_eq!(answer["result"]["outcome"], "intermediary");
    }
}

//= AU-14
#[test]
fn a_card_that_is_being_read_locally_when_the_device_stops_is_powered_off_and_logged() {
    let mut rng = Seed(14).rng_for("key");
    let stored = Stored::bound_to(ServerMasterKey::generate(&mut rng).binding());
    let mut device = Device::new(Profile::xp(), stored);
    let mut now = Instant::POWER_ON;
    let mut outputs = Vec::new();
    let mut tell = |now: Instant, input: Option<Input>| {
        let mut cx = Cx {
            now,
            wall_clock: WallClock::from_unix_millis(0),
            rng: &mut rng,
        };
        match input {
            Some(input) => device.handle_input(&mut cx, input),
            None => device.handle_timeout(&mut cx),
        }
        while let Some(output) = device.poll_output() {
            if let Output::Persist { ticket, .. } = &output {
                device.handle_input(&mut cx, Input::Persisted(*ticket));
            }
            outputs.push(output);
        }
    };
    tell(now, Some(Input::PowerButton));
    now = now + Duration::from_secs(20);
    tell(now, None);
    "12345678"
        .chars()
        .for_each(|digit| tell(now, Some(Input::Key(Key::Char(digit)))));
    tell(now, Some(Input::Key(Key::Enter)));
    let atr = Atr::try_from(&card_core::profile::ATR[..]).expect("the card's own");
    tell(now, Some(Input::LocalReader(ReaderAnswer::Atr(atr))));
    tell(now, Some(Input::PowerButton));

    let is_powered_off = |output: &Output| matches!(output, Output::LocalReader(ReaderCommand::PowerOff));
    assert!(outputs.iter().any(is_powered_off));
    let is_logged = |output: &Output| match output {
        Output::Event(record) => matches!(
            record.event,
            Event::CardUsed {
                outcome: CardOutcome::Abandoned,
                ..
            }
        ),
        _ => false,
    };
    assert!(outputs.iter().any(is_logged));
}
