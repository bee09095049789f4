//! The Smart Card Manager, interrupted: each operation at every key, at every answer of the reader and of the disk, by
//! Esc, by the power button, by a card that is pulled out before, in the middle of and after each command, and by a cut of power.

use apdu::Csn;
use hsm_core::{Event, Key, Purpose, Scheme, ServerMasterKey};
use sim::Seed;

use crate::card_bench::{CardBench, Content, Interruption, PIN, card, serial};

/// What somebody does at the device, one key or one hand's move at a time.
#[derive(Clone, Copy, Debug)]
enum Act {
    Press(Key),
    PutIn(usize),
    TakeOut,
}

/// The whole of one operation, as a person does it.
struct Operation {
    name: &'static str,
    /// Entries of the menu above it.
    above: usize,
    acts: Vec<Act>,
    /// What the last screen says.
    end: &'static str,
    makes_a_set: bool,
}

/// How often an operation was interrupted, by what.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    escapes: usize,
    buttons: usize,
    removals: usize,
    cuts: usize,
}

/// The cards of every sweep: an empty one, one with a shadow of a lost set, and a whole 2-of-2 set.
const EMPTY: usize = 0;
const OLD: usize = 1;
const FIRST: usize = 2;
const SECOND: usize = 3;
const CARDS: usize = 4;

fn bench() -> CardBench {
    let mut rng = Seed(21).rng_for("sets");
    let mut set = |purpose| {
        let scheme = Scheme::new(2, 2).expect("2 of 2 is a scheme");
        ServerMasterKey::generate(&mut rng).split(scheme, purpose, &mut rng)
    };
    let (old, source) = (
        set(Purpose::PartitionAuthorization),
        set(Purpose::ServerMasterKey),
    );
    CardBench::new([
        card(EMPTY_SERIAL, "", &[]),
        card(OLD_SERIAL, "old label", &old[0].to_bytes()),
        card(3, "Ana", &source[0].to_bytes()),
        card(4, "Bruno", &source[1].to_bytes()),
    ])
}

const EMPTY_SERIAL: u8 = 1;
const OLD_SERIAL: u8 = 2;

fn serial_of(card: usize) -> Csn {
    serial(u8::try_from(card + 1).expect("there are four"))
}

/// Acts from left to right.
#[derive(Default)]
struct Script(Vec<Act>);

impl Script {
    fn typed(mut self, text: &str) -> Self {
        self.0.extend(text.chars().map(|c| Act::Press(Key::Char(c))));
        self.enter()
    }

    fn enter(mut self) -> Self {
        self.0.push(Act::Press(Key::Enter));
        self
    }

    fn right(mut self) -> Self {
        self.0.push(Act::Press(Key::Right));
        self
    }

    /// The card is put in, after the one before was taken out, and Enter is pressed.
    fn card(mut self, card: usize) -> Self {
        self.0.extend([Act::TakeOut, Act::PutIn(card)]);
        self.enter()
    }

    fn scheme(self, required: &str, cards: &str) -> Self {
        self.typed(cards).typed(required)
    }
}

fn operations() -> [Operation; 8] {
    let start = Script::default;
    let set = || {
        start()
            .scheme("2", "2")
            .card(EMPTY)
            .typed(PIN)
            .typed("Carla")
            .card(OLD)
            .right()
            .enter()
            .typed(PIN)
            .typed("Davi")
    };
    let all = [
        ("Inspect", start().card(OLD), "CSN"),
        (
            "Change PIN",
            start().card(OLD).typed(PIN).typed("86420753").typed("86420753"),
            "The PIN was changed",
        ),
        ("Create Server Master Key", set(), "The set is complete"),
        ("Erase", start().card(OLD).typed(PIN), "The card was erased"),
        ("Create Partition Auth Set", set(), "The set is complete"),
        ("Get Label", start().card(OLD).typed(PIN), "Label: old label"),
        (
            "Copy Set",
            {
                let copied = start().card(SECOND).typed(PIN).card(FIRST).typed(PIN);
                let Script(made) = set();
                Script(copied.0.into_iter().chain(made).collect())
            },
            "The set is complete",
        ),
        (
            "Copy Card",
            start().card(FIRST).typed(PIN).card(OLD).right().enter(),
            "was copied",
        ),
    ];
    let mut above = 0;
    all.map(|(name, Script(acts), end)| {
        // The way back is the first entry.
        above += 1;
        Operation {
            name,
            above,
            acts,
            end,
            makes_a_set: end == "The set is complete",
        }
    })
}

fn begin(operation: &Operation) -> CardBench {
    let mut bench = bench();
    for _ in 0..operation.above {
        bench.press(Key::Down);
    }
    bench.press(Key::Enter);
    bench
}

fn act(bench: &mut CardBench, act: Act) {
    match act {
        Act::Press(key) => bench.press(key),
        Act::PutIn(card) => bench.put_in(card),
        Act::TakeOut => bench.take_out(),
    }
}

/// Goes through the operation, looking at it before every key, every hand's move and every answer.
fn walk(operation: &Operation, mut look: impl FnMut(&CardBench)) -> CardBench {
    let mut bench = begin(operation);
    for done in &operation.acts {
        look(&bench);
        act(&mut bench, *done);
        while bench.is_busy() {
            look(&bench);
            bench.step();
        }
    }
    look(&bench);
    bench
}

/// What is on the cards, and the log's and the screen's word for it.
//= SC-10
fn check(operation: &Operation, bench: &CardBench, before: &[Content], after: &[Content], how: &str) {
    let is_set_finished = bench
        .events
        .iter()
        .any(|event| matches!(event, Event::SetFinished(_)));
    // A cut may take away the last word of an operation that is over: then every card holds what it should.
    let is_set_whole = (0..CARDS).all(|card| bench.content(card) == after[card]);
    for card in 0..CARDS {
        let now = bench.content(card);
        if now == before[card] {
            continue;
        }
        // One card on its own is finished when it holds what it should; one of a set, when the whole set is.
        let is_finished = now == after[card] && (is_set_whole || !operation.makes_a_set);
        let serial = serial_of(card);
        let is_in_log = bench.serials_in_log().contains(&serial);
        let is_on_screen = bench.seen.contains(&format!("CSN {serial}"));
        assert!(
            is_finished || (is_in_log && is_on_screen),
            "{how}: card {serial} is neither what it was, nor finished, nor declared (log {is_in_log}, screen \
             {is_on_screen})\nbefore {:?}\nnow {now:?}\nafter {:?}",
            before[card],
            after[card],
        );
    }
    for card in [FIRST, SECOND] {
        assert_eq!(bench.content(card), before[card], "{how}: a source is only read");
    }
    assert!(is_set_whole || !is_set_finished, "{how}: the set is not finished");
    // What is finished is not called invalid, and the other way round.
    let is_set_invalid = bench
        .events
        .iter()
        .any(|event| matches!(event, Event::SetInvalid(_)));
    assert!(!(is_set_invalid && is_set_finished), "{how}: the set is both");
}

/// Interrupts one operation everywhere.
fn sweep(operation: &Operation) -> Count {
    let contents = |bench: &CardBench| (0..CARDS).map(|card| bench.content(card)).collect::<Vec<_>>();
    let before = contents(&begin(operation));
    let whole = walk(operation, |_| {});
    assert!(
        whole.seen.contains(operation.end),
        "{}: {}",
        operation.name,
        whole.screen()
    );
    let after = contents(&whole);

    let mut count = Count::default();
    let mut place = 0;
    walk(operation, |bench| {
        place += 1;
        for interruption in bench.interruptions() {
            let mut bench = bench.clone();
            bench.seen.clear();
            bench.interrupt(interruption);
            let how = format!("{} at place {place} by {interruption:?}", operation.name);
            leave(&mut bench, interruption, &how);
            check(operation, &bench, &before, &after, &how);
            match interruption {
                Interruption::Esc => count.escapes += 1,
                Interruption::PowerButton => count.buttons += 1,
                Interruption::Removal(_) => count.removals += 1,
                Interruption::Cut { .. } => count.cuts += 1,
            }
        }
    });
    count
}

/// Somebody reads what is on the screen and goes back to where the operation was begun.
fn leave(bench: &mut CardBench, interruption: Interruption, how: &str) {
    /// Dialogs that can follow one another on the way out.
    const ESCAPES_MAX: usize = 4;
    let is_out = |bench: &CardBench| match interruption {
        Interruption::Esc | Interruption::Removal(_) => bench.is_at_menu(),
        Interruption::Cut { .. } | Interruption::PowerButton => {
            bench.screen().contains("fresh/first time") && bench.unfinished().is_none()
        }
    };
    for _ in 0..ESCAPES_MAX {
        if is_out(bench) {
            break;
        }
        bench.press(Key::Esc);
        bench.settle();
    }
    assert!(is_out(bench), "{how}: nobody comes out of\n{}", bench.screen());
    assert_eq!(bench.unfinished(), None, "{how}: it was read and is still kept");
}

//= SC-10
#[test]
fn every_operation_interrupted_everywhere_leaves_no_card_that_nobody_knows_of() {
    let mut total = 0;
    for operation in operations() {
        let count = sweep(&operation);
        println!("{}: {count:?}", operation.name);
        // Each powers a card, sends it three commands at least, and takes a key before that.
        assert!(
            count.escapes > 4 && count.removals > 4 && count.cuts > 4,
            "{}: {count:?}",
            operation.name
        );
        total += count.escapes + count.buttons + count.removals + count.cuts;
    }
    println!("in all: {total} interruptions");
}
