//! Writes a set that was split already, card after card. Knows neither where its secret comes from nor what it is for.

use std::collections::VecDeque;

use apdu::{Csn, procedure::CardVisit};

use super::{
    CardDeed, CardSet, CardUnfit, Desk, Flow, LABEL_CHARACTERS_MAX, Label, News, Trouble, UnfinishedCards,
    fields, pin_of,
};
use crate::{
    Event, SetId, Shadow,
    console::{Dialog, Field},
    event::CardOutcome,
};

#[derive(Clone, Debug)]
pub(super) struct WriteSet {
    set: CardSet,
    /// The set that is copied, none of whose cards may be written. Source: SC-08.
    source: Option<SetId>,
    /// What is still to be written, in the order of the indices. Dropping it wipes it.
    shadows: VecDeque<Shadow>,
    written: Vec<Csn>,
    /// What the card in the reader is to be labelled with.
    label: Option<Label>,
    step: Step,
}

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Copy, Debug)]
enum Step {
    ExpectInserted,
    ExpectMet,
    ExpectOverwrite,
    ExpectEntry,
    ExpectVerified,
    ExpectRead,
    ExpectKept,
    ExpectWritten,
    ExpectCleared,
}

/// To lose a key by pressing Enter once too often would be a pity, so No comes first.
pub(super) const NO_AND_YES: &[&str] = &["No", "Yes"];
/// The place of Yes among them.
pub(super) const YES: usize = 1;

impl WriteSet {
    /// Begins with the prompt for the first card. There is at least one shadow.
    pub(super) fn begin(desk: &mut Desk, shadows: Vec<Shadow>, source: Option<SetId>) -> Self {
        let first = shadows.first().expect("a scheme has two cards at least");
        let set = CardSet {
            id: first.set,
            purpose: first.purpose,
            scheme: first.scheme,
        };
        let mut work = Self {
            set,
            source,
            shadows: shadows.into(),
            written: Vec::new(),
            label: None,
            step: Step::ExpectInserted,
        };
        let _ = work.ask_for_card(desk, None);
        work
    }

    //= SC-03
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>) -> Flow {
        let news = match news {
            Ok(news) => news,
            Err(trouble) => return self.on_trouble(desk, &trouble),
        };
        match self.step {
            Step::ExpectInserted => {
                self.step = Step::ExpectMet;
                desk.meet_card()
            }
            Step::ExpectMet => self.on_met(desk),
            Step::ExpectOverwrite if news.chosen() == YES => self.ask_for_entry(desk, None),
            Step::ExpectOverwrite => self.on_trouble(desk, &Trouble::Unfit(CardUnfit::NotToBeOverwritten)),
            Step::ExpectEntry => {
                let [typed, label] = fields(news.entered());
                let label = Label::try_from(label.as_str()).map_err(|_| {
                    format!(
                        "A label has 1 to {} bytes and no control characters.",
                        Label::BYTES_MAX
                    )
                });
                match pin_of(&typed).and_then(|pin| Ok((pin, label?))) {
                    Err(complaint) => self.ask_for_entry(desk, Some(complaint)),
                    Ok((pin, label)) => {
                        self.label = Some(label);
                        self.step = Step::ExpectVerified;
                        desk.use_card("Presenting the PIN...", |card| card.verify(&pin))
                    }
                }
            }
            Step::ExpectVerified if self.source.is_some() => {
                self.step = Step::ExpectRead;
                desk.use_card("Reading the card...", CardVisit::read)
            }
            Step::ExpectVerified => self.keep(desk),
            Step::ExpectRead => {
                let held = desk.visit().take_shadow().unwrap_or_default();
                let held = Shadow::parse(held.expose()).ok().map(|shadow| shadow.set);
                //= SC-08
                if held.is_some() && held == self.source {
                    return self.on_trouble(desk, &Trouble::Unfit(CardUnfit::InSourceSet));
                }
                self.keep(desk)
            }
            Step::ExpectKept => {
                self.step = Step::ExpectWritten;
                let (label, shadow) = (self.label.as_ref(), self.next().to_bytes());
                let label = label.expect("it was typed with the PIN").as_str().as_bytes();
                desk.use_card("Writing the card...", |card| card.write(label, &shadow))
            }
            Step::ExpectWritten => {
                let card = desk.inspection().csn;
                let (set, index) = (self.set.id, self.next().index);
                desk.let_go(CardOutcome::Managed(CardDeed::Written { set, index }));
                self.shadows.pop_front();
                self.written.push(card);
                if self.shadows.is_empty() {
                    self.step = Step::ExpectCleared;
                    return desk.keep_after();
                }
                self.ask_for_card(desk, Some(format!("Card {index} was written.")))
            }
            Step::ExpectCleared => {
                desk.tell(Event::SetFinished(self.set));
                let (required, cards) = (self.set.scheme.required(), self.set.scheme.cards());
                desk.end(vec![
                    format!("The set is complete: {cards} cards, of which {required} are needed."),
                    self.set.to_string(),
                ])
            }
        }
    }

    fn on_met(&mut self, desk: &mut Desk) -> Flow {
        let inspection = desk.inspection();
        if let Some(refusal) = inspection.refusal() {
            return self.on_trouble(desk, &Trouble::Refused(refusal));
        }
        if self.written.contains(&inspection.csn) {
            return self.on_trouble(desk, &Trouble::Unfit(CardUnfit::InThisSet));
        }
        if inspection.status.shadow_len == 0 {
            return self.ask_for_entry(desk, None);
        }
        self.step = Step::ExpectOverwrite;
        ask_to_overwrite(desk)
    }

    /// A card that was not changed may be tried again, or another one; Esc ends the operation, and so does a card that
    /// was left half written.
    fn on_trouble(&mut self, desk: &mut Desk, trouble: &Trouble) -> Flow {
        let is_being_written = desk.card.as_ref().is_some_and(CardVisit::is_being_written);
        if *trouble == Trouble::Left || is_being_written {
            return desk.give_up(trouble);
        }
        desk.let_go_in(trouble);
        self.ask_for_card(desk, Some(trouble.to_string()))
    }

    fn ask_for_card(&mut self, desk: &mut Desk, line: Option<String>) -> Flow {
        self.step = Step::ExpectInserted;
        let (index, cards) = (self.next().index, self.set.scheme.cards());
        desk.ask_for_card(&format!("card {index} of {cards} of the new set"), line)
    }

    fn ask_for_entry(&mut self, desk: &mut Desk, complaint: Option<String>) -> Flow {
        self.step = Step::ExpectEntry;
        let which = format!("Card {} of {}", self.next().index, self.set.scheme.cards());
        let lines = complaint.into_iter().chain([which]).collect();
        desk.ask_for_pin(lines, vec![Field::text("Label", LABEL_CHARACTERS_MAX)])
    }

    fn keep(&mut self, desk: &mut Desk) -> Flow {
        self.step = Step::ExpectKept;
        let so_far = desk.unfinished.clone();
        let mut unfinished = so_far.unwrap_or_else(|| UnfinishedCards::of_set(self.set));
        unfinished.push(desk.inspection().csn);
        desk.keep_before(unfinished)
    }

    fn next(&self) -> &Shadow {
        self.shadows
            .front()
            .expect("an operation ends with the last card")
    }
}

/// Asks whether what the card in the reader holds may be lost.
pub(super) fn ask_to_overwrite(desk: &mut Desk) -> Flow {
    let lines = vec![
        format!("Card {} holds a key already.", desk.inspection().csn),
        "Overwrite it?".into(),
    ];
    desk.show(Dialog::question(desk.title, lines, NO_AND_YES))
}
