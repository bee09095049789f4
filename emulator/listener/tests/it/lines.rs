//! Lines and records have nothing to do with each other, and bytes that are neither give nobody anything.

use std::sync::Arc;

use hsm_core::{ConnectionId, Event, SessionEnd};
use hsm_listener::Input;
use proptest::prelude::*;
use protocol::LINE_BYTES_MAX;
use rustls::version::{TLS12, TLS13};

use crate::bench::{Bench, Client, Out, config, manager, request};

#[test]
fn many_lines_of_one_record_are_answered_in_their_order() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let lines: String = (0..20).map(|id| request(id, "device.header")).collect();
    client.write(lines.as_bytes());
    client.exchange(&mut bench);
    let expected: Vec<_> = (0..20).map(|id| format!("answer {id}")).collect();
    assert_eq!(client.told()[1..], expected);
}

#[test]
fn a_line_in_as_many_records_as_it_has_bytes_is_one_line() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    for byte in request(3, "device.header").bytes() {
        client.write(&[byte]);
        client.exchange(&mut bench);
    }
    assert_eq!(client.told(), ["session.opened", "answer 3"]);
}

#[test]
fn lines_after_the_one_that_ends_the_session_have_no_meaning() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let lines = request(0, "session.close") + &request(1, "device.header");
    client.write(lines.as_bytes());
    client.exchange(&mut bench);
    assert_eq!(client.told(), ["session.opened", "answer 0"]);
}

#[test]
fn a_line_too_long_ends_a_session_and_a_denied_connection_is_not_even_told() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let mut newcomer = bench.connect(&manager());
    newcomer.write(&vec![b'x'; LINE_BYTES_MAX + 1]);
    newcomer.exchange(&mut bench);
    assert_eq!(newcomer.told(), ["session.denied busy"]);
    client.write(&vec![b'x'; LINE_BYTES_MAX]);
    client.exchange(&mut bench);
    assert_eq!(client.told(), ["session.opened"]);
    client.write(b"x");
    client.exchange(&mut bench);
    assert_eq!(
        client.told(),
        ["session.opened", "session.closing protocol_error"]
    );
}

/// How a session ends whose lines, with garbage behind them, come in pieces of this many bytes.
fn check_broken(requests: u64, piece: usize) {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let lines: String = (0..requests).map(|id| request(id, "device.header")).collect();
    client.write((lines + &request(requests, "session.close")).as_bytes());
    let mut bytes = client.take_ciphertext();
    bytes.extend(b"\x17\x03\x03\x00\x20this is no record that anyone made");
    for piece in bytes.chunks(piece) {
        bench.deliver(client.id, piece);
    }
    let ends = bench.events.iter().filter_map(|event| match event {
        Event::SessionEnded { end, .. } => Some(*end),
        _ => None,
    });
    assert_eq!(
        ends.collect::<Vec<_>>(),
        [SessionEnd::ClosedByManager],
        "{requests} requests, in pieces of {piece}"
    );
    assert_eq!(bench.outs(client.id).last(), Some(&Out::Finish));
}

//= OP-11
#[test]
fn a_line_counts_that_was_whole_before_tls_was_broken_however_it_was_cut() {
    for requests in [0, 1, 400] {
        for piece in [1, 7, 1_000, 100_000] {
            check_broken(requests, piece);
        }
    }
}

//= RM-06
#[test]
fn garbage_behind_the_last_byte_of_a_handshake_frees_the_place_at_once() {
    for somebody_is_there in [false, true] {
        let mut bench = Bench::started();
        let there = somebody_is_there.then(|| bench.connect(&manager()));
        let mut newcomer = Client::new(bench.accept(), &manager());
        let hello = newcomer.take_ciphertext();
        bench.deliver(newcomer.id, &hello);
        newcomer.take_in(&bench);
        let mut last = newcomer.take_ciphertext();
        last.extend(b"\x17\x03\x03\x00\x20this is no record that anyone made");
        bench.deliver(newcomer.id, &last);
        if let Some(mut there) = there {
            there.ask(&mut bench, 0, "session.close");
            assert_eq!(there.told(), ["session.opened", "answer 0"]);
        }
        assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    //= RM-06
    #[test]
    fn random_bytes_on_any_connection_give_nobody_anything(
        pieces in prop::collection::vec((0..12_u64, first_bytes(), any::<u8>()), 0..60),
    ) {
        let mut bench = Bench::started();
        for (number, bytes, fate) in pieces {
            let connection = ConnectionId::new(number);
            match fate {
                0..=99 => {
                    bench.accept();
                }
                100..=109 => bench.input(Input::Finished { connection }),
                110..=119 => bench.input(Input::Reset { connection }),
                120..=129 => bench.wait(std::time::Duration::from_secs(3)),
                130.. => bench.deliver(connection, &bytes),
            }
            prop_assert_eq!(bench.appliance.device().administrator(), None);
        }
        // The place is free.
        prop_assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    }

    //= RM-19
    #[test]
    fn a_session_is_the_same_however_its_bytes_are_cut(
        old_tls: bool,
        sizes in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let mut bench = Bench::started();
        let version = if old_tls { &TLS12 } else { &TLS13 };
        let mut client = Client::new(bench.accept(), &Arc::new(config(&[version], &[protocol::ALPN])));
        client.write((request(0, "device.header") + &request(1, "auth.start") + &request(2, "ops.restart")).as_bytes());
        let mut sizes = sizes.iter().cycle();
        loop {
            let bytes = client.take_ciphertext();
            if bytes.is_empty() {
                break;
            }
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let piece;
                (piece, rest) = rest.split_at(rest.len().min(*sizes.next().expect("it cycles")));
                bench.deliver(client.id, piece);
            }
            client.take_in(&bench);
        }
        prop_assert_eq!(client.told(), ["session.opened", "answer 0", "card.power_on", "answer 2"]);
        prop_assert_eq!(bench.appliance.device().administrator(), None);
    }

    //= RM-06
    #[test]
    fn a_session_with_one_byte_changed_ends_and_frees_the_place(place: prop::sample::Index, flip in 1..=255_u8) {
        let mut bench = Bench::started();
        let mut client = bench.connect(&manager());
        client.write(request(0, "device.header").as_bytes());
        let mut bytes = client.take_ciphertext();
        // All but the type and the version in the header. TLS 1.3 says that the version is to be ignored; of a type
        // that it does not know, rustls takes the record for what an encrypted one must be (found by ci/soak).
        let places: Vec<_> = (3..bytes.len()).collect();
        let index = *place.get(&places);
        bytes[index] ^= flip;
        bench.deliver(client.id, &bytes);
        bench.input(Input::Finished { connection: client.id });
        client.take_in(&bench);
        prop_assert_eq!(client.told(), ["session.opened"]);
        prop_assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    }
}

/// Nothing in particular, or what begins like something that the port knows.
fn first_bytes() -> impl Strategy<Value = Vec<u8>> {
    let hello = Client::new(ConnectionId::new(0), &manager()).take_ciphertext();
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..64),
        (1..hello.len()).prop_map(move |len| hello[..len].to_vec()),
        Just(b"OLEH".to_vec()),
        Just(b"OLE".to_vec()),
        prop::collection::vec(any::<u8>(), 0..64)
            .prop_map(|rest| [b"\x16\x03\x01\x00\x20", &rest[..]].concat()),
    ]
}
