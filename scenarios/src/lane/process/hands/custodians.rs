//! Hands of people at their stations: connect, present cards, ask, operate.

use serde_json::{Value, json};

use super::{super::stage::Stage, Hands};
use crate::{lane::Mismatch, world::PIN};

pub(super) const HANDS: Hands = &[
    ("{person} connects", |stage, args| {
        stage.connect(args.person(0), None)
    }),
    ("{person} connects from {address}", |stage, args| {
        stage.connect(args.person(0), Some(*args.address(1)))
    }),
    ("{person} hangs up", |stage, args| stage.hang_up(args.person(0))),
    ("{person} closes the session", |stage, args| {
        stage.ask(args.person(0), "session.close", &json!({}))
    }),
    ("the program of {person} crashes", |stage, args| {
        stage.crash(args.person(0))
    }),
    (
        "the program of {person} will crash in the instant the card is accepted",
        |stage, args| stage.crash_on_acceptance(args.person(0)),
    ),
    ("{person} starts to authenticate", |stage, args| {
        stage.ask(args.person(0), "auth.start", &json!({}))
    }),
    ("{person} cancels the dialog", |stage, args| {
        stage.ask(args.person(0), "auth.cancel", &json!({}))
    }),
    ("{person} inserts the card", |stage, args| {
        stage.insert(args.person(0), args.person(0))
    }),
    ("{person} inserts the card of {person}", |stage, args| {
        stage.insert(args.person(0), args.person(1))
    }),
    ("{person} takes the card out", |stage, args| {
        stage.take_card_out(args.person(0))
    }),
    ("{person} types the right PIN", |stage, args| {
        stage.type_pin(args.person(0), PIN)
    }),
    ("{person} types the PIN {string}", |stage, args| {
        stage.type_pin(args.person(0), args.string(1))
    }),
    ("{person} gives up at the prompt", |stage, args| {
        stage.person(args.person(0)).prompt = None;
        stage.does(args.person(0), &json!({"do": "cancel"}))
    }),
    ("{person} authenticates", |stage, args| {
        stage.authenticate(args.person(0), args.person(0))
    }),
    (
        "{person} authenticates with the card of {person}",
        |stage, args| stage.authenticate(args.person(0), args.person(1)),
    ),
    ("{person} connects and authenticates", |stage, args| {
        stage.connect(args.person(0), None)?;
        stage.authenticate(args.person(0), args.person(0))
    }),
    ("{person} connects, authenticates and hangs up", |stage, args| {
        stage.connect(args.person(0), None)?;
        stage.authenticate(args.person(0), args.person(0))?;
        stage.hang_up(args.person(0))
    }),
    ("{person} asks for {reading}", |stage, args| {
        stage.ask(args.person(0), args.act(1).name(), &json!({}))
    }),
    ("{person} asks the HSM to {operation}", |stage, args| {
        let params = params(stage, args.act(1).name(), None)?;
        stage.ask(args.person(0), args.act(1).name(), &params)
    }),
    ("the reader of {person} is unplugged", |stage, args| {
        stage.unplug(args.person(0))
    }),
];

/// The parameters of an operation, confirmed with the device's own serial number if no other is given.
pub(super) fn params(stage: &mut Stage<'_>, method: &str, confirm: Option<&str>) -> Result<Value, Mismatch> {
    let serial = stage.factory()?.profile.serial.clone();
    let confirm = confirm.map_or(serial, str::to_owned);
    Ok(match method {
        "ops.set_mode" => json!({"confirm": confirm, "mode": "RM1"}),
        "ops.live_sync" | "ops.factory_reset" => json!({"confirm": confirm}),
        _ => json!({}),
    })
}
