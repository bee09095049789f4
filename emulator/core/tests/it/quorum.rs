//! AU-13 against everything: whatever happens in whatever order, rights and the key come from M distinct cards only.

use std::time::Duration;

use hsm_core::{ConnectionId, Event, Gone, Input, Key, LocalCard, Operation, Where};
use machine::Instant;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::bench::{Bench, CARDS, COPY_OF_THE_FIRST, Identity, PIN, RIGHT_SETS, Seen, Sight, WRONG_PIN};

/// What AU-13 allows, kept from what went into the device and what came out of it. It never asks the device how far
/// the process is.
struct Quorum {
    required: usize,
    counted: Vec<(Identity, Instant)>,
    administrator: Option<ConnectionId>,
    last_line: Instant,
    operation_is_owed: bool,
    local_shadows: Vec<Identity>,
    activated: bool,
}

const INTERVAL: Duration = Duration::from_secs(120);
const INACTIVITY: Duration = Duration::from_secs(120);

impl Quorum {
    fn new(required: u8) -> Self {
        Self {
            required: usize::from(required),
            counted: Vec::new(),
            administrator: None,
            last_line: Instant::POWER_ON,
            operation_is_owed: false,
            local_shadows: Vec::new(),
            activated: false,
        }
    }

    //= AU-13
    fn on_sight(&mut self, Sight { at, delivered, seen }: &Sight) {
        if self
            .counted
            .last()
            .is_some_and(|(_, last)| at.since(*last) >= INTERVAL)
        {
            self.counted.clear();
        }
        if !self.operation_is_owed && at.since(self.last_line) >= INACTIVITY {
            self.administrator = None;
        }
        match seen {
            Seen::LocalAct => (self.administrator, self.counted) = (None, Vec::new()),
            Seen::LocalShadow(identity) if !self.local_shadows.contains(identity) => {
                self.local_shadows.push(*identity);
            }
            Seen::Spoke(connection) if self.administrator == Some(*connection) => self.last_line = *at,
            Seen::Left(connection) | Seen::End(connection) => self.on_end(*connection),
            Seen::Line(connection, line) if line["method"] == "session.closing" => self.on_end(*connection),
            Seen::Line(connection, line) if line["result"]["outcome"].is_string() => {
                self.on_accepted(*connection, &line["result"], *delivered, *at);
            }
            Seen::Event(Event::OperationAccepted {
                operation: Operation::Restart | Operation::PowerOff,
                ..
            }) => {
                self.operation_is_owed = true;
            }
            Seen::Event(Event::Activated(Where::Local)) => self.on_activated_locally(),
            Seen::NetworkDown | Seen::Event(Event::Stopping(_)) => {
                *self = Self {
                    required: self.required,
                    ..Self::new(0)
                };
            }
            Seen::LocalShadow(_) | Seen::Spoke(_) | Seen::Line(..) | Seen::Event(_) => {}
        }
    }

    fn on_end(&mut self, connection: ConnectionId) {
        self.administrator = self
            .administrator
            .filter(|administrator| *administrator != connection);
    }

    fn on_accepted(&mut self, connection: ConnectionId, result: &Value, card: Option<Identity>, at: Instant) {
        let card = card.expect("only a card's own shadow is accepted");
        assert!(RIGHT_SETS.contains(&card.set), "{card:?} was accepted");
        for (earlier, _) in &self.counted {
            assert!(
                earlier.set == card.set && earlier.index != card.index,
                "{card:?} after {earlier:?}"
            );
        }
        self.counted.push((card, at));
        assert_eq!(result["presented"], self.counted.len(), "{result}");
        let complete = self.counted.len() == self.required;
        assert_eq!(result["outcome"] == "administrator", complete, "{result}");
        if complete {
            self.counted.clear();
            (self.administrator, self.last_line) = (Some(connection), at);
            (self.activated, self.operation_is_owed) = (true, false);
        }
    }

    fn on_activated_locally(&mut self) {
        let most = RIGHT_SETS.map(|set| {
            self.local_shadows
                .iter()
                .filter(|shadow| shadow.set == set)
                .count()
        });
        assert!(
            most.iter().any(|cards| *cards >= self.required),
            "{:?}",
            self.local_shadows
        );
        self.activated = true;
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Arrive,
    Leave(Gone),
    Ask(&'static str),
    /// A whole honest dialog, cancelled by nobody.
    Present {
        card: usize,
        types: Option<&'static str>,
    },
    /// `auth.start` with this card in the reader; what follows is left to others.
    Begin(usize),
    Answer {
        which: usize,
        how: Answer,
    },
    RemoveCard,
    /// A line on a connection that is not, or no longer, the manager's.
    StrangerSpeaks(Vec<u8>),
    ManagerSays(Vec<u8>),
    LineTooLong,
    Slow,
    Wait(Duration),
    Press(&'static [Key]),
    /// The start PIN is typed at the console with this card in the local reader.
    PresentLocally(usize),
    LocalCard(LocalCard),
    PowerButton,
    DiskIsSlow(bool),
    DiskCatchesUp,
    Cut,
    PowerReturns,
}

#[derive(Clone, Debug)]
enum Answer {
    Honest,
    /// With a member of its own and a value of its own, to that request or to another.
    Forged {
        member: &'static str,
        value: Value,
        id: Option<u64>,
    },
}

/// Remote Management, from the top of the main menu, and Esc out of whatever message stood there.
const ENABLE: &[Key] = &[
    Key::Esc,
    Key::Up,
    Key::Up,
    Key::Up,
    Key::Up,
    Key::Up,
    Key::Up,
    Key::Enter,
];
const RESTART: &[Key] = &[Key::Up, Key::Enter, Key::Down, Key::Enter];

fn deed() -> impl Strategy<Value = Deed> {
    let right = (0..4_usize).prop_map(|card| Deed::Present {
        card,
        types: Some(PIN),
    });
    let other = (COPY_OF_THE_FIRST..CARDS).prop_map(|card| Deed::Present {
        card,
        types: Some(PIN),
    });
    let denied = (0..4_usize, prop::sample::select(vec![Some(WRONG_PIN), None]))
        .prop_map(|(card, types)| Deed::Present { card, types });
    let how = prop_oneof![4 => Just(Answer::Honest), 1 => forged()];
    let dialog = prop_oneof![
        2 => (0..CARDS).prop_map(Deed::Begin),
        8 => (0..4_usize, how).prop_map(|(which, how)| Deed::Answer { which, how }),
        1 => Just(Deed::Ask("auth.cancel")),
        1 => Just(Deed::RemoveCard),
    ];
    let ends = prop::sample::select(vec![
        Deed::Leave(Gone::Finished),
        Deed::Leave(Gone::Reset),
        Deed::Ask("session.close"),
        Deed::LineTooLong,
        Deed::Slow,
        Deed::ManagerSays(b"{}".to_vec()),
    ]);
    let methods = vec![
        "device.header",
        "ops.stop_service",
        "ops.start_service",
        "ops.restart",
        "ops.power_off",
        "weather.now",
    ];
    let spans = [0, 1, 60_000, 119_999, 120_000].map(Duration::from_millis);
    let local = prop_oneof![
        1 => prop::sample::select(vec![&[Key::Esc][..], &[Key::Enter], &[Key::Char('1')], RESTART]).prop_map(Deed::Press),
        3 => Just(Deed::Press(ENABLE)),
        4 => (0..CARDS).prop_map(Deed::PresentLocally),
        1 => prop::sample::select(vec![LocalCard::Inserted, LocalCard::Removed]).prop_map(Deed::LocalCard),
        1 => Just(Deed::PowerButton),
    ];
    let mishaps = prop::sample::select(vec![
        Deed::DiskIsSlow(true),
        Deed::DiskIsSlow(false),
        Deed::DiskIsSlow(false),
        Deed::Cut,
        Deed::PowerReturns,
        Deed::PowerReturns,
    ]);
    prop_oneof![
        16 => Just(Deed::Arrive),
        24 => right,
        4 => other,
        2 => denied,
        12 => dialog,
        4 => ends,
        3 => prop::sample::select(methods).prop_map(Deed::Ask),
        2 => crate::lines::line().prop_map(Deed::StrangerSpeaks),
        1 => crate::lines::line().prop_map(Deed::ManagerSays),
        8 => prop::sample::select(spans.to_vec()).prop_map(Deed::Wait),
        3 => local,
        3 => mishaps,
        3 => Just(Deed::DiskCatchesUp),
    ]
}

fn forged() -> impl Strategy<Value = Answer> {
    let values = vec![
        json!({}),
        json!(null),
        json!([]),
        json!({"atr": "3B7A9400008065A20101013D72D643"}),
        json!({"atr": "00"}),
        json!({"response": "9000"}),
        json!({"response": ""}),
        json!({"response": "61"}),
        json!({"response": "6138"}),
        json!({"response": "53564D4B019000"}),
        json!({"status_word": "9000"}),
        json!({"status_word": "63C0"}),
        json!({"code": 14, "message": "", "data": {"name": "card_removed"}}),
        json!({"code": 6, "message": "", "data": {"name": "svmk_mismatch"}}),
        json!({"code": 1, "message": ""}),
    ];
    let member = prop::sample::select(vec!["result", "error"]);
    (
        member,
        prop::sample::select(values),
        prop::option::weighted(0.1, 0..40_u64),
    )
        .prop_map(|(member, value, id)| Answer::Forged { member, value, id })
}

fn do_to(bench: &mut Bench, deed: &Deed) {
    match deed {
        Deed::Arrive => {
            bench.arrive();
        }
        Deed::Leave(how) => {
            if let Some(connection) = bench.manager {
                bench.input(Input::Gone {
                    connection,
                    how: *how,
                });
            }
        }
        Deed::Ask(method) => {
            bench.ask(method);
        }
        Deed::Present { card, types } => {
            bench.types = *types;
            bench.present(*card);
        }
        Deed::Begin(card) => {
            bench.types = Some(PIN);
            bench.slot = Some(*card);
            bench.ask("auth.start");
        }
        Deed::Answer { which, how } => {
            let index = (*which).min(bench.open_requests.len().saturating_sub(1));
            if let Some(mut request) = bench.open_requests.remove(index) {
                match how {
                    Answer::Honest => bench.answer_honestly(&request),
                    Answer::Forged { member, value, id } => {
                        request.id = id.unwrap_or(request.id);
                        bench.answer(&request, member, value);
                    }
                }
            }
        }
        Deed::RemoveCard => bench.take_card_out(),
        Deed::StrangerSpeaks(line) => bench.line(ConnectionId::new(900), line.clone()),
        Deed::ManagerSays(line) => {
            if let Some(connection) = bench.manager {
                bench.line(connection, line.clone());
            }
        }
        Deed::LineTooLong => {
            if let Some(connection) = bench.manager {
                bench.input(Input::LineTooLong { connection });
            }
        }
        Deed::Slow => {
            if let Some(connection) = bench.manager {
                bench.input(Input::Slow { connection });
            }
        }
        Deed::Wait(span) => bench.wait(*span),
        Deed::Press(keys) => bench.press(keys),
        Deed::PresentLocally(card) => {
            bench.local_slot = Some(*card);
            bench.press(&PIN.chars().map(Key::Char).collect::<Vec<_>>());
            bench.press(&[Key::Enter, Key::Esc]);
        }
        Deed::LocalCard(LocalCard::Inserted) => bench.put_in_locally(0),
        Deed::LocalCard(LocalCard::Removed) => bench.input(Input::LocalCard(LocalCard::Removed)),
        Deed::PowerButton => bench.input(Input::PowerButton),
        Deed::DiskIsSlow(slow) => bench.disk_is_slow = *slow,
        Deed::DiskCatchesUp => bench.write_one(),
        Deed::Cut => bench.cut(),
        Deed::PowerReturns => bench.return_power(),
    }
}

/// Plays a sequence beside the model. Gives how often somebody became the administrator.
fn check_sequence(required: u8, deeds: &[Deed]) -> usize {
    let mut bench = Bench::started(required);
    let mut quorum = Quorum::new(required);
    let mut granted = 0;
    for (number, deed) in deeds.iter().enumerate() {
        do_to(&mut bench, deed);
        for sight in std::mem::take(&mut bench.sights) {
            granted += usize::from(matches!(
                sight.seen,
                Seen::Event(Event::AdministratorGranted { .. })
            ));
            quorum.on_sight(&sight);
        }
        assert_eq!(
            bench.administrator(),
            quorum.administrator,
            "after deed {number}, {deed:?}"
        );
        assert_eq!(
            bench.is_activated(),
            quorum.activated,
            "after deed {number}, {deed:?}"
        );
    }
    granted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() })]

    //= AU-13
    //= RM-15
    //= RM-18
    //= AU-08
    #[test]
    fn no_sequence_of_inputs_gives_administrator_rights_without_a_quorum(
        required in 2..=3_u8,
        deeds in prop::collection::vec(deed(), 0..60),
    ) {
        check_sequence(required, &deeds);
    }
}

/// The sequences of the test above, drawn from a seed of our own, do reach what they must not reach unduly.
#[test]
fn many_sequences_do_reach_the_administrator() {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, b"hsm-rig: AU-13, sequences of it ");
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let sequences = (2..=3_u8, prop::collection::vec(deed(), 60));
    let mut reached = 0;
    let mut granted = 0;
    for _ in 0..SEQUENCES {
        let (required, deeds) = sequences
            .new_tree(&mut runner)
            .expect("nothing is filtered")
            .current();
        let times = check_sequence(required, &deeds);
        reached += usize::from(times > 0);
        granted += times;
    }
    assert!(
        reached * 5 > SEQUENCES * 2,
        "only {reached} of {SEQUENCES} sequences reached it, {granted} times"
    );
}

const SEQUENCES: usize = 2_000;
