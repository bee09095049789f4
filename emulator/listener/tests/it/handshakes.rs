//! Connections that are no session yet: how many, how long, and that they disturb nobody.

use std::time::Duration;

use hsm_core::{Event, TurnedAway};
use hsm_listener::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, Input};

use crate::bench::{Bench, Client, manager};

const MICROSECOND: Duration = Duration::from_micros(1);

fn turned_away(bench: &Bench, expected: TurnedAway) -> usize {
    let is_it = |event: &&Event| matches!(event, Event::TurnedAway { why, .. } if *why == expected);
    bench.events.iter().filter(is_it).count()
}

//= RM-06
#[test]
fn the_ninth_unfinished_handshake_closes_the_oldest_and_no_other() {
    let mut bench = Bench::started();
    let newcomers: Vec<_> = (0..HANDSHAKES_MAX).map(|_| bench.accept()).collect();
    assert_eq!(newcomers.len(), 8);
    // One that has begun is as unfinished as one that is silent.
    bench.deliver(newcomers[0], &[0x16]);
    assert!(newcomers.iter().all(|id| !bench.is_closed(*id)));
    assert_eq!(bench.connect(&manager()).told(), ["session.opened"]);
    let closed: Vec<_> = newcomers.iter().filter(|id| bench.is_closed(**id)).collect();
    assert_eq!(closed, [&newcomers[0]]);
    assert_eq!(turned_away(&bench, TurnedAway::TooManyHandshakes), 1);
    // The manager's is finished, so there is room for one again.
    bench.accept();
    assert!(!bench.is_closed(newcomers[1]));
}

//= RM-06
#[test]
fn an_unfinished_handshake_lives_ten_seconds_and_its_bytes_buy_no_more() {
    let mut bench = Bench::started();
    let (silent, slow) = (bench.accept(), bench.accept());
    let hello = Client::new(slow, &manager()).take_ciphertext();
    bench.deliver(slow, &hello[..1]);
    bench.wait(HANDSHAKE_TIMEOUT.saturating_sub(2 * MICROSECOND));
    bench.deliver(slow, &hello[1..100]);
    bench.wait(MICROSECOND);
    assert!(!bench.is_closed(silent) && !bench.is_closed(slow));
    bench.wait(MICROSECOND);
    assert!(bench.is_closed(silent) && bench.is_closed(slow));
    //= LG-04
    let told = turned_away(&bench, TurnedAway::HandshakeTimeout);
    assert_eq!(told, 1, "the second of one address is counted with the first");
    assert_eq!(bench.appliance.connections_len(), 0);
}

//= RM-06
#[test]
fn a_finished_handshake_has_no_such_limit() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    bench.wait(2 * HANDSHAKE_TIMEOUT);
    client.ask(&mut bench, 0, "device.header");
    assert_eq!(client.told(), ["session.opened", "answer 0"]);
}

//= RM-05
//= RM-06
#[test]
fn nine_newcomers_leave_the_managers_bytes_untouched() {
    let mut bench = Bench::started();
    let mut client = bench.connect(&manager());
    let before = bench.outs(client.id).to_vec();
    for _ in 0..=HANDSHAKES_MAX {
        bench.accept();
    }
    let denied = bench.connect(&manager());
    assert_eq!(denied.told(), ["session.denied busy"]);
    assert_eq!(bench.outs(client.id), before);
    client.ask(&mut bench, 0, "device.header");
    assert_eq!(client.told(), ["session.opened", "answer 0"]);
}

//= RM-18
#[test]
fn lines_sent_with_the_end_of_the_handshake_are_read_after_opened() {
    let mut bench = Bench::started();
    let mut client = Client::new(bench.accept(), &manager());
    client.write(crate::bench::request(7, "device.header").as_bytes());
    client.exchange(&mut bench);
    assert_eq!(client.told(), ["session.opened", "answer 7"]);
}

#[test]
fn a_newcomer_that_leaves_during_its_handshake_is_forgotten() {
    for reset in [false, true] {
        let mut bench = Bench::started();
        let connection = bench.accept();
        bench.deliver(connection, &[0x16, 0x03]);
        bench.input(if reset {
            Input::Reset { connection }
        } else {
            Input::Finished { connection }
        });
        assert_eq!(bench.appliance.connections_len(), 0);
        assert_eq!(turned_away(&bench, TurnedAway::Left), 1);
    }
}
