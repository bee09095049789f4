//! Hands of users in their own partition at the HTTP console. There is no page about another's partition, and so no hand.

use hsm_core::KeyAlgorithm;

use super::{
    super::{browser::form, stage::Stage},
    Hands,
    users::{read, send},
};
use crate::{lane::Mismatch, steps::Args};

pub(super) const HANDS: Hands = &[
    (
        "{person} creates the key {string} with the label {string}",
        |stage, args| {
            let fields = [
                ("name", args.string(1)),
                ("algorithm", KeyAlgorithm::Aes256.name()),
                ("label", args.string(2)),
                ("exportable", "1"),
            ];
            send(stage, args, "/keys", "/keys/create", &fields)
        },
    ),
    ("{person} looks at the key {string}", |stage, args| {
        read(stage, args, |browser, http| {
            browser.look_at(http, &page_of(args), "Name")
        })
    }),
    (
        "{person} keeps the key {string} in the device for ever and labels it {string}",
        |stage, args| {
            let fields = [("label", args.string(2))];
            change(stage, args, "/keys/attributes", &fields)
        },
    ),
    (
        "{person} lets the key {string} leave the device and labels it {string}",
        |stage, args| {
            let fields = [("label", args.string(2)), ("exportable", "1")];
            change(stage, args, "/keys/attributes", &fields)
        },
    ),
    ("{person} blocks the key {string}", |stage, args| {
        change(stage, args, "/keys/block", &[])
    }),
    ("{person} releases the key {string}", |stage, args| {
        change(stage, args, "/keys/release", &[])
    }),
    ("{person} removes the key {string}", |stage, args| {
        change(stage, args, "/keys/remove", &[("sure", "1")])
    }),
    ("{person} lists the keys", |stage, args| {
        read(stage, args, |browser, http| browser.list(http, "/keys"))
    }),
];

/// The page about the key that is named.
fn page_of(args: &Args) -> String {
    format!("/keys/key?{}", form(&[("name", args.string(1))]))
}

/// Sends a form of that page.
fn change(stage: &mut Stage<'_>, args: &Args, action: &str, fields: &[(&str, &str)]) -> Result<(), Mismatch> {
    let named = [("name", args.string(1))];
    send(stage, args, &page_of(args), action, &[&named, fields].concat())
}
