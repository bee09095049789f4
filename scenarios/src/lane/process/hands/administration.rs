//! Hands at a device out of the factory, and of administrators and the owner of a Pocket.

use serde_json::{Value, json};

use super::{Hands, custodians::params};
use crate::steps::mismatch;

pub(super) const HANDS: Hands = &[
    (
        "a(n) {model} HSM out of the factory, and a {scheme} set of cards held by {people}",
        |stage, args| stage.make_new(args.model(0), *args.scheme(1), args.people(2)),
    ),
    (
        "{person} asks the HSM to {operation}, confirmed as {string}",
        |stage, args| {
            let params = params(stage, args.act(1).name(), Some(args.string(2)))?;
            stage.ask(args.person(0), args.act(1).name(), &params)
        },
    ),
    (
        "{person} gives the activation password {string}",
        |stage, args| {
            stage.ask(
                args.person(0),
                "auth.activate",
                &json!({"password": args.string(1)}),
            )
        },
    ),
    (
        "{person} changes the activation password from {string} to {string}",
        |stage, args| {
            let params = json!({"old": args.string(1), "new": args.string(2)});
            stage.ask(args.person(0), "auth.change_password", &params)
        },
    ),
    ("{person} sets the network to:", |stage, args| {
        let members: Value =
            serde_json::from_str(args.text()).map_err(|why| mismatch("a JSON object", why.to_string()))?;
        stage.ask(args.person(0), "network.set", &members)
    }),
];
