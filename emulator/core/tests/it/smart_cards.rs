//! The Smart Card Manager, interrupted: each operation at every key, at every answer of the reader and of the disk, by
//! Esc, by the power button, by a card that is pulled out before, in the middle of and after each command, and by a cut of power.

use apdu::{Csn, ReaderAnswer, ResponseApdu, StatusWord};
use hsm_core::{Event, Input, Key, Purpose, Scheme, ServerMasterKey};
use proptest::prelude::*;
use sim::Seed;

use crate::card_bench::{CardBench, Content, Interruption, PIN, Torn, card, serial};

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
        bench.seen.clear();
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
#[expect(clippy::print_stdout, reason = "how many points were tried is a result")]
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

/// Anything that can happen to somebody at the Smart Card Manager, in any order.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Press(Key),
    /// Where the cursor stands in a field for a PIN; nowhere else is it somebody's secret.
    TypePin,
    /// Into whatever has the keys.
    TypeNumber(u8),
    PutIn(usize),
    TakeOut,
    Settle,
    /// One answer of the reader or of the disk.
    Step,
    /// The reader says something that was not asked for.
    Answer(usize, u16, usize),
    Interrupt(Interruption),
}

fn chance() -> impl Strategy<Value = Chance> {
    let keys = prop::sample::select(vec![
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Tab,
        Key::Enter,
        Key::Esc,
        Key::Backspace,
        Key::Function(5),
        Key::Char('2'),
        Key::Char('é'),
        Key::Char('日'),
        Key::Char('\u{202E}'),
    ]);
    let torn = (0_usize..4, prop::option::of(0_usize..4)).prop_map(|(writes, bytes_of_next)| Torn {
        writes,
        bytes_of_next,
    });
    let interruption = prop_oneof![
        Just(Interruption::Esc),
        torn.clone().prop_map(Interruption::Removal),
        (torn, any::<bool>()).prop_map(|(torn, is_written)| Interruption::Cut { torn, is_written }),
    ];
    prop_oneof![
        8 => keys.prop_map(Chance::Press),
        8 => Just(Chance::Press(Key::Enter)),
        6 => Just(Chance::TypePin),
        2 => (0_u8..70).prop_map(Chance::TypeNumber),
        4 => (0..CARDS).prop_map(Chance::PutIn),
        1 => Just(Chance::TakeOut),
        8 => Just(Chance::Settle),
        2 => Just(Chance::Step),
        1 => (0_usize..7, any::<u16>(), 0_usize..80).prop_map(|(kind, status, len)| Chance::Answer(kind, status, len)),
        1 => interruption.prop_map(Chance::Interrupt),
    ]
}

fn strange(kind: usize, status: u16, len: usize) -> ReaderAnswer {
    let atr = || apdu::Atr::try_from(&card_core::profile::ATR[..]).expect("the card's own");
    match kind {
        0 => ReaderAnswer::Atr(atr()),
        1 => ReaderAnswer::Response(ResponseApdu {
            data: vec![0x5A; len],
            status: StatusWord(status),
        }),
        2 => ReaderAnswer::PoweredOff,
        3 => ReaderAnswer::CardAbsent,
        4 => ReaderAnswer::CardRemoved,
        5 => ReaderAnswer::CardMute,
        _ => ReaderAnswer::ReaderUnavailable,
    }
}

impl CardBench {
    fn happen(&mut self, chance: Chance) {
        match chance {
            Chance::Press(key) => self.press(key),
            Chance::TypePin if self.is_in_pin_field() => {
                PIN.chars().for_each(|digit| self.press(Key::Char(digit)));
            }
            Chance::TypePin => {}
            Chance::TypeNumber(number) => {
                let digits = number.to_string();
                digits.chars().for_each(|digit| self.press(Key::Char(digit)));
            }
            Chance::PutIn(card) => {
                self.take_out();
                self.put_in(card);
            }
            Chance::TakeOut => self.take_out(),
            Chance::Settle => self.settle(),
            Chance::Step => self.step(),
            Chance::Answer(kind, status, len) => self.input(Input::LocalReader(strange(kind, status, len))),
            // A command may be under way that a strange answer has overtaken; only a cut is no matter then.
            Chance::Interrupt(interruption) => self.interrupt(interruption),
        }
    }
}

proptest! {
    // Each case is a hundred screens; a quarter of the usual number of cases is enough of them.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    /// Whatever is pressed, put in, answered and cut: nothing panics, and no PIN is on the screen, in the log, in what
    /// is kept or in what a developer sees of the device. The bench looks at the screen after each input.
    //= LF-04
    #[test]
    fn no_sequence_of_keys_cards_and_answers_panics_or_shows_a_pin(
        above in 1_usize..=8, chances in prop::collection::vec(chance(), 0..120),
    ) {
        let mut bench = bench();
        for _ in 0..above {
            bench.press(Key::Down);
        }
        bench.press(Key::Enter);
        for chance in chances {
            bench.happen(chance);
        }
        let told: Vec<_> = bench.events.iter().map(ToString::to_string).collect();
        let shown = format!("{:?} {:?} {told:?}", bench.device, bench.unfinished());
        prop_assert!(!shown.contains(PIN));
    }
}

/// What stands on the screen, with what a terminal highlights, told apart by a rule.
fn shown(bench: &CardBench) -> String {
    let screen = bench.device.as_ref().map(hsm_core::Device::screen);
    let focus = screen.as_ref().and_then(|screen| screen.focus);
    let marked = focus.map_or_else(String::new, |focus| {
        let cells = screen.as_ref().map(|screen| screen.text_in(focus));
        format!("focus: row {}, column {}: {cells:?}\n", focus.row, focus.column)
    });
    format!("{}\n{}{marked}", "=".repeat(80), bench.screen())
}

/// The screens of a whole operation, without those in the middle of a field.
fn screens(operation: &Operation) -> Vec<String> {
    let mut bench = begin(operation);
    let mut screens = vec![shown(&bench)];
    let mut see = |bench: &CardBench| {
        let screen = shown(bench);
        if !screens.contains(&screen) {
            screens.push(screen);
        }
    };
    for done in &operation.acts {
        if !matches!(done, Act::Press(Key::Char(_))) {
            see(&bench);
        }
        act(&mut bench, *done);
        while bench.is_busy() {
            see(&bench);
            bench.step();
        }
    }
    see(&bench);
    screens
}

//= LC-08
//= SC-01
#[test]
fn every_screen_of_every_operation_cell_by_cell() {
    for operation in operations() {
        let name = operation.name.to_lowercase().replace(' ', "_");
        insta::assert_snapshot!(name, screens(&operation).concat());
    }
}

/// Cards of no use, wrong entries and everything else that somebody has to be told, one after the other.
#[test]
fn every_complaint_cell_by_cell() {
    let start = Script::default;
    let complaints = [
        ("no card", 1, start().enter()),
        (
            "old PIN",
            2,
            start()
                .card(OLD)
                .typed("1234567")
                .typed("86420753")
                .typed("86420753"),
        ),
        (
            "new PIN",
            2,
            start().card(OLD).typed(PIN).typed("8642075x").typed("8642075x"),
        ),
        (
            "new PIN in two ways",
            2,
            start().card(OLD).typed(PIN).typed("86420753").typed("86420754"),
        ),
        ("N", 3, start().typed("65")),
        ("M", 3, start().typed("3").typed("4")),
        (
            "wrong PIN",
            3,
            start()
                .scheme("2", "2")
                .card(EMPTY)
                .typed("00000000")
                .typed("Carla"),
        ),
        (
            "label",
            3,
            start().scheme("2", "2").card(EMPTY).typed(PIN).typed(""),
        ),
        (
            "card taken out",
            3,
            Script({
                let mut acts = start().scheme("2", "2").card(EMPTY).0;
                acts.push(Act::TakeOut);
                acts
            }),
        ),
        (
            "card twice",
            3,
            start()
                .scheme("2", "2")
                .card(EMPTY)
                .typed(PIN)
                .typed("Carla")
                .card(EMPTY),
        ),
        (
            "set left",
            3,
            Script({
                let mut acts = start().scheme("2", "2").card(EMPTY).typed(PIN).typed("Carla").0;
                acts.push(Act::Press(Key::Esc));
                acts
            }),
        ),
        (
            "not overwritten",
            8,
            start().card(FIRST).typed(PIN).card(OLD).enter(),
        ),
        ("source itself", 8, start().card(FIRST).typed(PIN).card(FIRST)),
        ("nothing to copy", 8, start().card(EMPTY)),
        ("no label", 6, start().card(EMPTY).typed(PIN)),
        (
            "another set",
            7,
            start().card(FIRST).typed(PIN).card(OLD).typed(PIN),
        ),
    ];
    let mut page = String::new();
    for (name, above, Script(acts)) in complaints {
        let operation = Operation {
            name,
            above,
            acts,
            end: "",
            makes_a_set: false,
        };
        let mut bench = walk(&operation, |_| {});
        bench.settle();
        page.extend([name, "\n", &shown(&bench)]);
    }
    insta::assert_snapshot!("complaints", page);
}
