//! Bytes that nobody should send. None of them makes the device panic, and a stranger's have no effect at all.

use apdu::ReaderAnswer;
use hsm_core::{ConnectionId, Input, Key};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::Bench;

/// Random bytes, or something that looks like a message: right and wrong members, methods, ids and values.
pub(crate) fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => prop::collection::vec(prop::sample::select(br#"{}[]",:0123456789.-eE\u jsonrpcidmethodresult"#.to_vec()), 0..80),
        4 => message().prop_map(|message| message.to_string().into_bytes()),
        1 => (0..400_usize).prop_map(|depth| b"[".repeat(depth)),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let methods = prop_oneof![
        prop::sample::select(protocol::Method::ALL).prop_map(|method| json!(method.name())),
        prop::sample::select(vec![
            json!("card.power_on"),
            json!(""),
            json!(null),
            json!(7),
            json!("session.opened")
        ]),
    ];
    let ids = prop_oneof![
        4 => (0..20_u64).prop_map(|id| json!(id)),
        1 => prop::sample::select(vec![
            json!(null), json!(-1), json!(1.5), json!("0"), json!(protocol::ID_MAX), json!(protocol::ID_MAX + 1),
        ]),
    ];
    let version = prop_oneof![8 => Just(json!("2.0")), 1 => Just(json!("1.0")), 1 => Just(json!(2))];
    let member = |value: BoxedStrategy<Value>| prop::option::of(value);
    (
        prop::option::weighted(0.9, version),
        prop::option::weighted(0.8, ids),
        prop::option::weighted(0.6, methods),
        member(anything().boxed()),
        member(anything().boxed()),
        member(anything().boxed()),
    )
        .prop_map(|(jsonrpc, id, method, params, result, error)| {
            let members = [
                ("jsonrpc", jsonrpc),
                ("id", id),
                ("method", method),
                ("params", params),
                ("result", result),
                ("error", error),
            ];
            let present = members
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(present.collect())
        })
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        "[0-9A-Fa-f]{0,20}".prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
        prop::sample::select(vec![
            json!({"atr": "3B7A9400008065A20101013D72D643"}),
            json!({"response": "9000"}),
            json!({"response": ""}),
            json!({"status_word": "9000"}),
            json!({"status_word": "90"}),
            json!({"code": 17, "message": "", "data": {"name": "pin_cancelled"}}),
        ]),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

#[derive(Clone, Debug)]
enum Deed {
    Arrive,
    Says(Vec<u8>),
    /// What a station forges is an answer to what was asked.
    Answers {
        member: &'static str,
        value: Value,
    },
    Present(usize),
    Start,
    Key(Key),
    LocalReader(ReaderAnswer),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let keys = vec![
        Key::Up,
        Key::Down,
        Key::Enter,
        Key::Esc,
        Key::Backspace,
        Key::Char('1'),
        Key::Function(12),
    ];
    let answers = vec![
        ReaderAnswer::PoweredOff,
        ReaderAnswer::CardAbsent,
        ReaderAnswer::CardRemoved,
        ReaderAnswer::CardMute,
        ReaderAnswer::ReaderUnavailable,
        ReaderAnswer::from_received(&[0x90, 0x00]),
        ReaderAnswer::from_received(&[0x61, 0x10]),
    ];
    prop_oneof![
        3 => Just(Deed::Arrive),
        6 => line().prop_map(Deed::Says),
        6 => (prop::sample::select(vec!["result", "error"]), anything())
            .prop_map(|(member, value)| Deed::Answers { member, value }),
        2 => (0..crate::bench::CARDS).prop_map(Deed::Present),
        3 => Just(Deed::Start),
        1 => prop::sample::select(keys).prop_map(Deed::Key),
        1 => prop::sample::select(answers).prop_map(Deed::LocalReader),
        1 => (0..130_u64).prop_map(Deed::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    //= RM-06
    #[test]
    fn no_bytes_on_any_connection_make_the_device_panic(deeds in prop::collection::vec((deed(), 0..8_u64), 0..60)) {
        let mut bench = Bench::started(2);
        for (deed, connection) in deeds {
            match deed {
                Deed::Arrive => {
                    bench.arrive();
                }
                Deed::Says(line) => {
                    let connection = bench.manager.unwrap_or(ConnectionId::new(connection));
                    bench.line(connection, line);
                }
                Deed::Answers { member, value } => {
                    if let Some(request) = bench.open_requests.pop_front() {
                        bench.answer(&request, member, &value);
                    }
                }
                Deed::Present(card) => {
                    bench.present(card);
                }
                Deed::Start => {
                    bench.ask("auth.start");
                }
                Deed::Key(key) => bench.press(&[key]),
                Deed::LocalReader(answer) => bench.input(Input::LocalReader(answer)),
                Deed::Wait(seconds) => bench.wait(std::time::Duration::from_secs(seconds)),
            }
        }
    }

    //= RM-05
    //= RM-06
    #[test]
    fn what_a_stranger_says_changes_nothing(lines in prop::collection::vec(line(), 0..20)) {
        let mut bench = Bench::started(2);
        let manager = bench.arrive();
        bench.present(0);
        let before = (bench.device.as_ref().map(machine::Machine::poll_timeout), bench.sights.len());
        for line in lines {
            // One that was denied, and one that nobody knows.
            for number in [manager.as_u64() + 1, 77] {
                bench.line(ConnectionId::new(number), line.clone());
            }
        }
        bench.sights.retain(|sight| !matches!(sight.seen, crate::bench::Seen::Spoke(connection) if connection != manager));
        prop_assert_eq!(bench.device.as_ref().map(machine::Machine::poll_timeout), before.0);
        prop_assert!(bench.sights.len() <= before.1, "the device said something");
    }
}
