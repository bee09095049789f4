//! What a TCP connection promises, and what each fault takes away from it.

use super::*;
use Side::{Client, Server};
use proptest::prelude::*;

const FOREVER: Instant = Instant::from_micros(u64::MAX);

const fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn link(delay: u64, split: Split) -> Link {
    Link::new(LinkSettings {
        delay: micros(delay),
        split,
    })
}

/// Everything still to come, one word each: instant, where, and the text, `FIN` or `RST`.
fn rest(link: &mut Link) -> String {
    let mut words = Vec::new();
    while let Some(now) = link.next_at() {
        let (side, arrival) = link.poll(now).expect("it named this instant");
        let text = match arrival {
            Arrival::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Arrival::Finished => "FIN".to_owned(),
            Arrival::Reset => "RST".to_owned(),
        };
        words.push(format!("{}:{side}:{text}", now.as_micros()));
    }
    words.join(" ")
}

#[test]
fn bytes_arrive_after_the_delay_and_not_before() {
    let mut link = link(50, Split::Whole);
    link.send(at(100), Client, b"hello".to_vec());
    assert_eq!(link.next_at(), Some(at(150)));
    assert_eq!(link.poll(at(149)), None);
    assert_eq!(link.in_flight_len(Client), 5);
    assert_eq!(
        link.poll(at(150)),
        Some((Server, Arrival::Bytes(b"hello".to_vec())))
    );
    assert_eq!(link.in_flight_len(Client), 0);
    assert_eq!(link.poll(FOREVER), None);
}

#[test]
fn whole_mode_hands_over_the_buffer_that_was_sent() {
    let mut link = link(0, Split::Whole);
    let bytes = vec![7; 4096];
    let sent_from = bytes.as_ptr();
    link.send(at(0), Server, bytes);
    let Some((Client, Arrival::Bytes(bytes))) = link.poll(at(0)) else {
        panic!("it was sent")
    };
    assert_eq!(bytes.as_ptr(), sent_from);
}

#[test]
fn a_split_changes_the_segments_and_never_the_instant() {
    for (split, expected) in [
        (Split::Whole, "3:server:abcdefg"),
        (
            Split::EveryByte,
            "3:server:a 3:server:b 3:server:c 3:server:d 3:server:e 3:server:f 3:server:g",
        ),
        (Split::Pieces(0), "3:server:abcdefg"),
        (Split::Pieces(1), "3:server:abcdefg"),
        (Split::Pieces(3), "3:server:abc 3:server:de 3:server:fg"),
        (
            Split::Pieces(100),
            "3:server:a 3:server:b 3:server:c 3:server:d 3:server:e 3:server:f 3:server:g",
        ),
    ] {
        let mut link = link(3, split);
        link.send(at(0), Client, b"abcdefg".to_vec());
        assert_eq!(rest(&mut link), expected, "{split:?}");
    }
}

#[test]
fn a_seeded_split_does_not_depend_on_the_lengths_of_earlier_writes() {
    let second_write = |first_len: usize| {
        let mut link = link(0, Split::Seeded(Seed(3)));
        link.send(at(0), Client, vec![b'x'; first_len]);
        while link.poll(at(0)).is_some() {}
        link.send(
            at(1),
            Client,
            b"0123456789012345678901234567890123456789".to_vec(),
        );
        rest(&mut link)
    };
    assert_eq!(second_write(1), second_write(1400));
}

#[test]
fn nothing_overtakes_when_the_delay_shrinks() {
    let mut link = link(100, Split::Whole);
    link.send(at(0), Client, b"slow".to_vec());
    link.settings.delay = micros(1);
    link.send(at(10), Client, b"fast".to_vec());
    link.finish(at(11), Client);
    link.send(at(10), Server, b"other-way".to_vec());
    assert_eq!(
        rest(&mut link),
        "11:client:other-way 100:server:slow 100:server:fast 100:server:FIN"
    );
}

#[test]
fn one_side_finishes_and_the_other_goes_on() {
    let mut link = link(5, Split::Whole);
    link.finish(at(0), Client);
    link.finish(at(1), Client);
    link.send(at(10), Server, b"still-here".to_vec());
    assert_eq!(rest(&mut link), "5:server:FIN 15:client:still-here");
    assert!(!link.is_over());
    link.finish(at(20), Server);
    assert_eq!(rest(&mut link), "25:client:FIN");
    assert!(link.is_over());
}

#[test]
#[should_panic(expected = "the client sent bytes after it had finished")]
fn sending_after_finishing_is_our_mistake() {
    let mut link = link(0, Split::Whole);
    link.finish(at(0), Client);
    link.send(at(0), Client, b"late".to_vec());
}

#[test]
fn a_reset_destroys_what_is_in_flight_both_ways() {
    let mut link = link(5, Split::Whole);
    link.send(at(0), Client, b"lost".to_vec());
    link.send(at(0), Server, b"lost".to_vec());
    link.reset(at(1), Client);
    link.send(at(2), Server, b"lost".to_vec());
    link.send(at(2), Client, b"lost".to_vec());
    link.finish(at(2), Server);
    assert_eq!((link.in_flight_len(Client), link.in_flight_len(Server)), (0, 0));
    assert!(!link.is_over());
    assert_eq!(rest(&mut link), "6:server:RST");
    assert!(link.is_over());
}

#[test]
fn two_resets_that_cross_tell_nobody() {
    let mut link = link(5, Split::Whole);
    link.reset(at(0), Client);
    link.reset(at(1), Client);
    assert_eq!(
        link.next_at(),
        Some(at(5)),
        "the second one of the same side does nothing"
    );
    link.reset(at(1), Server);
    assert_eq!(rest(&mut link), "");
    assert!(link.is_over());
}

#[test]
fn a_reset_after_both_have_finished_tells_nobody() {
    let mut link = link(0, Split::Whole);
    link.finish(at(0), Client);
    link.finish(at(0), Server);
    assert_eq!(rest(&mut link), "0:server:FIN 0:client:FIN");
    link.reset(at(1), Client);
    assert_eq!(rest(&mut link), "");
}

#[test]
fn a_cut_cable_tells_nobody() {
    let mut link = link(5, Split::Whole);
    link.send(at(0), Client, b"arrived".to_vec());
    assert!(link.poll(at(5)).is_some());
    link.send(at(6), Client, b"lost".to_vec());
    link.finish(at(6), Server);
    link.cut();
    link.send(at(7), Client, b"lost".to_vec());
    link.reset(at(8), Client);
    link.reset(at(8), Server);
    assert_eq!(rest(&mut link), "");
    assert!(link.is_over());
}

#[test]
fn a_peer_that_stops_reading_leaves_bytes_in_flight_until_it_reads_again() {
    let mut link = link(5, Split::Whole);
    link.send(at(0), Server, b"one".to_vec());
    link.hold(Client);
    link.send(at(10), Server, b"two".to_vec());
    link.finish(at(10), Server);
    link.send(at(10), Client, b"up".to_vec());
    assert_eq!(rest(&mut link), "15:server:up", "the other direction is not held");
    assert_eq!(link.in_flight_len(Server), 6);
    link.release(at(12), Client);
    assert_eq!(rest(&mut link), "12:client:one 15:client:two 15:client:FIN");
    assert_eq!(link.in_flight_len(Server), 0);
}

#[test]
fn a_held_peer_learns_of_a_reset_when_it_reads_again() {
    let mut link = link(5, Split::Whole);
    link.hold(Client);
    link.send(at(0), Server, b"lost".to_vec());
    link.reset(at(1), Server);
    assert_eq!(rest(&mut link), "");
    link.release(at(100), Client);
    assert_eq!(rest(&mut link), "100:client:RST");
}

#[test]
fn a_cut_after_a_write_lets_that_write_arrive_as_a_whole_and_nothing_else() {
    let mut link = link(5, Split::EveryByte);
    link.add_fault(Fault::CutAfterWrite { side: Client, n: 2 })
        .unwrap();
    link.send(at(0), Client, b"a".to_vec());
    link.send(at(0), Client, Vec::new());
    link.send(at(0), Client, b"bc".to_vec());
    link.send(at(0), Client, b"d".to_vec());
    link.finish(at(0), Client);
    link.send(at(0), Server, b"e".to_vec());
    link.send(at(1), Server, b"f".to_vec());
    assert_eq!(link.faults_left(), []);
    assert_eq!(link.writes(Client), 3, "a write of no bytes is none");
    assert_eq!(rest(&mut link), "5:server:a 5:server:b 5:server:c");
    assert!(link.is_over());
}

#[test]
fn a_hold_from_a_write_lets_the_earlier_ones_arrive() {
    let mut link = link(5, Split::Whole);
    link.add_fault(Fault::HoldFromWrite { side: Client, n: 2 })
        .unwrap();
    for (now, text) in [(0, "a"), (1, "b"), (2, "c")] {
        link.send(at(now), Client, text.into());
    }
    assert_eq!(rest(&mut link), "5:server:a");
    assert_eq!(link.in_flight_len(Client), 2);
    link.release(at(50), Server);
    link.send(at(50), Client, b"d".to_vec());
    assert_eq!(rest(&mut link), "50:server:b 50:server:c 55:server:d");
}

#[test]
fn a_delayed_write_keeps_the_later_ones_behind_it() {
    let mut link = link(5, Split::Whole);
    link.add_fault(Fault::DelayWrite {
        side: Client,
        n: 2,
        by: micros(100),
    })
    .unwrap();
    for (now, text) in [(0, "a"), (1, "b"), (2, "c"), (200, "d")] {
        link.send(at(now), Client, text.into());
    }
    assert_eq!(
        rest(&mut link),
        "5:server:a 106:server:b 106:server:c 205:server:d"
    );
}

#[test]
fn several_faults_on_one_write_all_happen_and_only_for_its_side() {
    let mut link = link(0, Split::Whole);
    let delay = Fault::DelayWrite {
        side: Server,
        n: 1,
        by: micros(7),
    };
    link.add_fault(delay).unwrap();
    link.add_fault(Fault::CutAfterWrite { side: Server, n: 1 })
        .unwrap();
    link.send(at(0), Client, b"a".to_vec());
    assert_eq!(link.faults_left().len(), 2);
    link.send(at(0), Server, b"b".to_vec());
    link.finish(at(0), Client);
    assert_eq!(rest(&mut link), "0:server:a 0:server:FIN 7:client:b");
    assert!(link.is_over());
}

#[test]
fn a_fault_that_could_never_happen_is_refused() {
    let mut link = link(0, Split::Whole);
    link.send(at(0), Client, b"a".to_vec());
    for n in [0, 1] {
        assert_eq!(
            link.add_fault(Fault::CutAfterWrite { side: Client, n })
                .unwrap_err()
                .to_string(),
            format!("add fault to a write of the client: expected write 2 or a later one, got {n}")
        );
    }
    assert_eq!(link.faults_left(), []);
    assert_eq!(
        link.add_fault(Fault::CutAfterWrite { side: Client, n: 2 }),
        Ok(())
    );
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut link = link(5, Split::Whole);
    link.send(at(0), Client, b"a".to_vec());
    let mut branch = link.clone();
    branch.cut();
    assert_eq!(rest(&mut branch), "");
    assert_eq!(rest(&mut link), "5:server:a");
}

/// One thing somebody does, and how long after the one before.
#[derive(Clone, Debug)]
enum Deed {
    Send(Side, Vec<u8>),
    Delay(u64),
    Split(Split),
    Hold(Side),
    Release(Side),
    Take,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Client), Just(Server)]
}

fn split() -> impl Strategy<Value = Split> {
    prop_oneof![
        Just(Split::Whole),
        Just(Split::EveryByte),
        (0_usize..9).prop_map(Split::Pieces),
        any::<u64>().prop_map(|seed| Split::Seeded(Seed(seed))),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let deed = prop_oneof![
        4 => (side(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(side, bytes)| Deed::Send(side, bytes)),
        1 => (0_u64..100).prop_map(Deed::Delay),
        1 => split().prop_map(Deed::Split),
        1 => side().prop_map(Deed::Hold),
        1 => side().prop_map(Deed::Release),
        3 => Just(Deed::Take),
    ];
    prop::collection::vec((0_u64..30, deed), 0..40)
}

/// One of them, with the write and the delay it is about.
fn fault() -> impl Strategy<Value = Fault> {
    (side(), 1_u64..6, 0_u64..60, any::<bool>()).prop_map(|(side, n, by, is_delay)| {
        if is_delay {
            Fault::DelayWrite {
                side,
                n,
                by: micros(by),
            }
        } else {
            Fault::HoldFromWrite { side, n }
        }
    })
}

/// A link, what went in and what came out, for each receiving side.
struct Bench {
    link: Link,
    now: Instant,
    sent: [Vec<u8>; 2],
    taken: [Vec<u8>; 2],
    trace: Vec<(Instant, Side, Arrival)>,
}

impl Bench {
    fn new(faults: &[Fault]) -> Self {
        let mut link = link(10, Split::Whole);
        for fault in faults {
            link.add_fault(*fault).unwrap();
        }
        Self {
            link,
            now: at(0),
            sent: Default::default(),
            taken: Default::default(),
            trace: Vec::new(),
        }
    }

    fn play(&mut self, deeds: &[(u64, Deed)]) {
        for (after, deed) in deeds {
            self.now = self.now + micros(*after);
            match deed.clone() {
                Deed::Send(side, bytes) => {
                    self.sent[side.peer() as usize].extend(&bytes);
                    self.link.send(self.now, side, bytes);
                }
                Deed::Delay(delay) => self.link.settings.delay = micros(delay),
                Deed::Split(split) => self.link.settings.split = split,
                Deed::Hold(side) => self.link.hold(side),
                Deed::Release(side) => self.link.release(self.now, side),
                Deed::Take => self.take(self.now),
            }
        }
    }

    /// Takes all that has arrived by `until`, checking that it comes in time order and adds up.
    fn take(&mut self, until: Instant) {
        while let Some(next) = self.link.next_at().filter(|next| *next <= until) {
            let (side, arrival) = self.link.poll(until).expect("it named an instant that has come");
            if let Arrival::Bytes(bytes) = &arrival {
                assert!(!bytes.is_empty());
                self.taken[side as usize].extend(bytes);
            }
            assert!(
                self.trace.last().is_none_or(|(last, ..)| *last <= next),
                "time goes forward"
            );
            self.trace.push((next, side, arrival));
        }
        assert_eq!(self.link.poll(until), None);
        for side in [Client, Server] {
            let (sent, taken) = (&self.sent[side as usize], &self.taken[side as usize]);
            assert!(sent.starts_with(taken), "the {side} took {taken:?} of {sent:?}");
            assert_eq!(self.link.in_flight_len(side.peer()), sent.len() - taken.len());
        }
    }
}

proptest! {
    #[test]
    fn bytes_arrive_in_order_and_none_is_lost(deeds in deeds(), faults in prop::collection::vec(fault(), 0..4)) {
        let mut bench = Bench::new(&faults);
        bench.play(&deeds);
        for side in [Client, Server] {
            bench.link.release(bench.now, side);
            bench.link.finish(bench.now, side);
        }
        bench.take(FOREVER);
        prop_assert_eq!(&bench.taken, &bench.sent);
        prop_assert!(bench.link.is_over());
        for side in [Client, Server] {
            let last = bench.trace.iter().rfind(|(_, at, _)| *at == side);
            prop_assert!(matches!(last, Some((_, _, Arrival::Finished))), "the FIN of the {} is last", side.peer());
        }
    }

    #[test]
    fn nothing_arrives_after_a_cut(before in deeds(), after in deeds()) {
        let mut bench = Bench::new(&[]);
        bench.play(&before);
        bench.link.cut();
        let taken = bench.taken.clone();
        for (_, deed) in after {
            match deed {
                Deed::Send(side, bytes) => bench.link.send(bench.now, side, bytes),
                Deed::Release(side) => bench.link.reset(bench.now, side),
                Deed::Delay(_) | Deed::Split(_) | Deed::Hold(_) | Deed::Take => {
                    bench.link.release(bench.now, Client);
                    bench.link.release(bench.now, Server);
                }
            }
            prop_assert_eq!(bench.link.next_at(), None);
            prop_assert_eq!(bench.link.poll(FOREVER), None);
        }
        prop_assert_eq!(bench.taken, taken);
    }

    #[test]
    fn a_cut_after_a_write_delivers_exactly_the_writes_up_to_it(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..10),
        n in 1_usize..10,
        split in split(),
    ) {
        let mut bench = Bench::new(&[Fault::CutAfterWrite { side: Client, n: n as u64 }]);
        bench.link.settings.split = split;
        for write in &writes {
            bench.link.send(bench.now, Client, write.clone());
        }
        let arrived = writes[..n.min(writes.len())].concat();
        let mut taken = Vec::new();
        while let Some((_, Arrival::Bytes(bytes))) = bench.link.poll(FOREVER) {
            taken.extend(bytes);
        }
        prop_assert_eq!(taken, arrived);
        prop_assert_eq!(bench.link.is_over(), n <= writes.len());
        prop_assert_eq!(bench.link.faults_left().len(), usize::from(n > writes.len()));
    }

    #[test]
    fn the_same_deeds_give_the_same_trace(deeds in deeds(), faults in prop::collection::vec(fault(), 0..4)) {
        let [first, second] = [(); 2].map(|()| {
            let mut bench = Bench::new(&faults);
            bench.play(&deeds);
            bench.take(FOREVER);
            bench.trace
        });
        prop_assert_eq!(first, second);
    }
}
