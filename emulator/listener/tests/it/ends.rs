//! How connections end: the last line, what is thrown away after it, and what is held until then.

use std::time::Duration;

use hsm_core::{ConnectionId, Event, Input as DeviceInput, SessionEnd};
use hsm_listener::{
    HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, Input, LINGER_BYTES_MAX, LINGER_TIMEOUT, LINGERING_MAX,
    OUTPUT_BYTES_MAX,
};

use crate::bench::{Bench, Client, Out, manager, request};

const MICROSECOND: Duration = Duration::from_micros(1);

#[test]
fn the_limits_are_those_of_the_protocol_page() {
    assert_eq!((HANDSHAKES_MAX, HANDSHAKE_TIMEOUT), (8, Duration::from_secs(10)));
    assert_eq!((LINGERING_MAX, LINGER_TIMEOUT), (64, Duration::from_secs(10)));
    assert_eq!((OUTPUT_BYTES_MAX, LINGER_BYTES_MAX), (262_144, 65_536));
}

/// A manager and a newcomer that was denied.
fn denied() -> (Bench, Client, Client) {
    let mut bench = Bench::started();
    let client = bench.connect(&manager());
    let newcomer = bench.connect(&manager());
    assert_eq!(newcomer.told(), ["session.denied busy"]);
    (bench, client, newcomer)
}

#[test]
fn the_last_line_comes_before_close_notify_and_that_before_the_fin() {
    let (bench, _, newcomer) = denied();
    assert!(newcomer.is_closed, "close_notify came");
    let outs = bench.outs(newcomer.id);
    let finish = outs
        .iter()
        .position(|out| *out == Out::Finish)
        .expect("our half is closed");
    assert_eq!(finish, outs.len() - 1, "nothing comes after the FIN");

    // Without the last record, which is `close_notify`, the line is whole.
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    bench.input(Input::Device(DeviceInput::Key(hsm_core::Key::Up)));
    let [.., line, close_notify, fin] = bench.outs(client.id) else {
        panic!("three last things")
    };
    assert!(matches!((line, close_notify), (Out::Bytes(_), Out::Bytes(_))));
    assert_eq!(*fin, Out::Finish);
    let whole = bench.outs.get_mut(&client.id).expect("it is there");
    let withheld = whole.split_off(whole.len() - 2);
    client.take_in(&bench);
    assert_eq!(
        (client.told().last().map(String::as_str), client.is_closed),
        (Some("session.closing preempted"), false)
    );
    bench
        .outs
        .get_mut(&client.id)
        .expect("it is there")
        .extend(withheld);
    client.take_in(&bench);
    assert!(client.is_closed);
}

#[test]
fn what_a_denied_connection_sends_is_thrown_away_up_to_a_limit() {
    let (mut bench, mut client, mut newcomer) = denied();
    newcomer.write(request(0, "session.close").as_bytes());
    let line = newcomer.take_ciphertext();
    bench.deliver(newcomer.id, &line);
    bench.deliver(newcomer.id, &vec![b'x'; LINGER_BYTES_MAX - line.len()]);
    assert!(!bench.is_closed(newcomer.id), "at the limit");
    bench.deliver(newcomer.id, b"x");
    assert!(bench.is_closed(newcomer.id), "one past it");
    client.ask(&mut bench, 0, "device.header");
    assert_eq!(client.told(), ["session.opened", "answer 0"]);
}

#[test]
fn a_denied_connection_is_closed_ten_seconds_later_or_when_the_other_end_closes() {
    let (mut bench, _, newcomer) = denied();
    bench.wait(LINGER_TIMEOUT.saturating_sub(MICROSECOND));
    assert!(!bench.is_closed(newcomer.id));
    bench.wait(MICROSECOND);
    assert!(bench.is_closed(newcomer.id));

    let (mut bench, _, newcomer) = denied();
    bench.input(Input::Finished {
        connection: newcomer.id,
    });
    assert!(bench.is_closed(newcomer.id));
    assert_eq!(bench.appliance.connections_len(), 1, "the manager's");
}

#[test]
fn sixty_four_connections_may_linger_and_one_more_closes_the_one_that_has_for_longest() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let lingering: Vec<_> = (0..LINGERING_MAX).map(|_| bench.connect(&manager()).id).collect();
    assert_eq!(lingering.len(), 64);
    assert!(lingering.iter().all(|id| !bench.is_closed(*id)));
    // The manager's connection is older than all of them, and has lingered for no time when it begins to.
    bench.wait(MICROSECOND);
    client.ask(&mut bench, 0, "session.close");
    assert_eq!(closed_of(&bench, &lingering), [lingering[0]]);
    bench.wait(MICROSECOND);
    assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    assert_eq!(bench.connect(&manager()).told(), ["session.denied busy"]);
    assert_eq!(closed_of(&bench, &lingering), [lingering[0], lingering[1]]);
    assert!(!bench.is_closed(client.id));
}

fn closed_of(bench: &Bench, ids: &[ConnectionId]) -> Vec<ConnectionId> {
    ids.iter().copied().filter(|id| bench.is_closed(*id)).collect()
}

/// A manager that takes nothing, and whose next answer would make exactly `waiting` bytes wait.
fn check_waiting(waiting: usize) -> (Bench, Client) {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    bench.cable_is_quick = false;
    let connection = client.id;
    let bytes = |bench: &Bench| -> usize {
        let outs = bench.outs(connection).iter();
        outs.map(|out| {
            if let Out::Bytes(bytes) = out {
                bytes.len()
            } else {
                0
            }
        })
        .sum()
    };
    let sent = bytes(&bench);
    // Ids of as many digits make answers of as many bytes.
    for id in 10_000.. {
        let before = bytes(&bench);
        client.write(request(id, "device.info").as_bytes());
        let ciphertext = client.take_ciphertext();
        bench.deliver(client.id, &ciphertext);
        let answer_len = bytes(&bench) - before;
        let total = bytes(&bench) - sent;
        assert!(answer_len > 100, "an answer came");
        if total + answer_len > waiting {
            let bytes_len = total + answer_len - waiting;
            bench.input(Input::Sent {
                connection: client.id,
                bytes_len,
            });
            client.write(request(id + 1, "device.info").as_bytes());
            let ciphertext = client.take_ciphertext();
            bench.deliver(client.id, &ciphertext);
            break;
        }
    }
    client.take_in(&bench);
    (bench, client)
}

fn slow_ends(bench: &Bench) -> usize {
    let is_slow = |event: &&Event| matches!(event, Event::SessionEnded { end: SessionEnd::Closing(reason), .. } if reason.name() == "slow");
    bench.events.iter().filter(is_slow).count()
}

#[test]
fn a_manager_that_takes_nothing_is_slow_past_the_limit_and_not_at_it() {
    let (mut bench, mut client) = check_waiting(OUTPUT_BYTES_MAX);
    assert_eq!(slow_ends(&bench), 0);
    // What is sent waits no longer.
    bench.input(Input::Sent {
        connection: client.id,
        bytes_len: OUTPUT_BYTES_MAX,
    });
    client.ask(&mut bench, 1, "device.header");
    assert_eq!(client.told().last().map(String::as_str), Some("answer 1"));

    let (bench, client) = check_waiting(OUTPUT_BYTES_MAX + 1);
    assert_eq!(slow_ends(&bench), 1);
    assert_eq!(
        client.told().last().map(String::as_str),
        Some("session.closing slow")
    );
    assert_eq!(bench.outs(client.id).last(), Some(&Out::Finish));
}

#[test]
fn when_the_network_goes_down_every_connection_is_forgotten() {
    let (mut bench, client, newcomer) = denied();
    let unfinished = bench.accept();
    for _ in 0..2 {
        bench.input(Input::Device(DeviceInput::PowerButton));
    }
    bench.wait(Duration::from_secs(2));
    assert_eq!((bench.network_downs, bench.appliance.connections_len()), (1, 0));
    let before = bench.outs.clone();
    for id in [client.id, newcomer.id, unfinished] {
        bench.deliver(id, b"\x16\x03\x01");
        bench.input(Input::Sent {
            connection: id,
            bytes_len: 1,
        });
        bench.input(Input::Finished { connection: id });
        bench.input(Input::Reset { connection: id });
    }
    assert_eq!(bench.outs, before);
}
