//! Copy Card: shadow and label of one card onto another with the same PIN. The target keeps its PIN, its seal and its
//! serial number; the source is only read.

use apdu::{Csn, PinEntry, procedure::CardVisit};
use protocol::ErrorName;

use super::{
    CardDeed, CardUnfit, Desk, Flow, News, Trouble, UnfinishedCards,
    copy_set::shadow_of,
    fields, pin_of,
    write_set::{YES, ask_to_overwrite},
};
use crate::{Shadow, event::CardOutcome};

#[derive(Clone, Debug)]
pub(super) struct CopyCard {
    /// What was typed for the source, and is presented to the target. Dropping it wipes it.
    pin: Option<PinEntry>,
    source: Option<Source>,
    step: Step,
}

/// What is copied.
#[derive(Clone, Debug)]
struct Source {
    card: Csn,
    /// As it is on the card; empty if it has none.
    label: Vec<u8>,
    shadow: Shadow,
}

#[expect(clippy::enum_variant_names, reason = "each is named for what it waits for")]
#[derive(Clone, Copy, Debug)]
enum Step {
    ExpectSource,
    ExpectSourceMet,
    ExpectPin,
    ExpectSourceVerified,
    ExpectSourceRead,
    ExpectTarget,
    ExpectTargetMet,
    ExpectOverwrite,
    ExpectTargetVerified,
    ExpectTargetRead,
    ExpectKept,
    ExpectWritten,
    ExpectCleared,
}

impl CopyCard {
    pub(super) fn begin(desk: &mut Desk) -> Self {
        let _ = desk.ask_for_card("the card to be copied", None);
        Self {
            pin: None,
            source: None,
            step: Step::ExpectSource,
        }
    }

    //= SC-09
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>) -> Flow {
        let done = match news {
            Ok(news) => self.go_on(desk, news),
            Err(trouble) => Err(trouble),
        };
        done.unwrap_or_else(|trouble| desk.give_up(&trouble))
    }

    fn go_on(&mut self, desk: &mut Desk, news: News) -> Result<Flow, Trouble> {
        Ok(match self.step {
            Step::ExpectSource => {
                self.step = Step::ExpectSourceMet;
                desk.meet_card()
            }
            Step::ExpectSourceMet => {
                let inspection = desk.inspection();
                inspection
                    .refusal()
                    .map_or(Ok(()), |refusal| Err(Trouble::Refused(refusal)))?;
                if inspection.status.shadow_len == 0 {
                    return Err(Trouble::Shadow(ErrorName::CardNotInitialized));
                }
                self.step = Step::ExpectPin;
                desk.ask_for_pin(vec!["Both cards must have the same PIN.".into()], Vec::new())
            }
            Step::ExpectPin => {
                let [typed] = fields(news.entered());
                match pin_of(&typed) {
                    Err(complaint) => desk.ask_for_pin(vec![complaint], Vec::new()),
                    Ok(pin) => {
                        self.step = Step::ExpectSourceVerified;
                        self.present(desk, pin)
                    }
                }
            }
            Step::ExpectSourceVerified => {
                self.step = Step::ExpectSourceRead;
                desk.use_card("Reading the card...", CardVisit::read)
            }
            Step::ExpectSourceRead => {
                let shadow = shadow_of(desk)?;
                let card = desk.inspection().csn;
                let label = desk.visit().learned().label.clone().unwrap_or_default();
                self.source = Some(Source { card, label, shadow });
                desk.let_go(CardOutcome::Managed(CardDeed::Read));
                self.step = Step::ExpectTarget;
                let read = format!("Card {card} was read.");
                desk.ask_for_card("the card to be written", Some(read))
            }
            Step::ExpectTarget => {
                self.step = Step::ExpectTargetMet;
                desk.meet_card()
            }
            Step::ExpectTargetMet => {
                let inspection = desk.inspection();
                if inspection.csn == self.source().card {
                    return Err(Trouble::Unfit(CardUnfit::SourceItself));
                }
                inspection
                    .refusal()
                    .map_or(Ok(()), |refusal| Err(Trouble::Refused(refusal)))?;
                if inspection.status.shadow_len == 0 {
                    return Ok(self.present_to_target(desk));
                }
                self.step = Step::ExpectOverwrite;
                ask_to_overwrite(desk)
            }
            Step::ExpectOverwrite if news.chosen() == YES => self.present_to_target(desk),
            Step::ExpectOverwrite => return Err(Trouble::Unfit(CardUnfit::NotToBeOverwritten)),
            Step::ExpectTargetVerified => {
                self.step = Step::ExpectTargetRead;
                desk.use_card("Reading the card...", CardVisit::read_label)
            }
            Step::ExpectTargetRead => {
                // A card cannot be made to forget its label alone.
                if self.source().label.is_empty() && desk.label().is_some() {
                    return Err(Trouble::Unfit(CardUnfit::HasLabel));
                }
                self.step = Step::ExpectKept;
                let card = desk.inspection().csn;
                desk.keep_before(UnfinishedCards::of_card(card))
            }
            Step::ExpectKept => {
                self.step = Step::ExpectWritten;
                let source = self.source();
                let shadow = source.shadow.to_bytes();
                desk.use_card("Writing the card...", |card| card.write(&source.label, &shadow))
            }
            Step::ExpectWritten => {
                let (set, index) = (self.source().shadow.set, self.source().shadow.index);
                desk.let_go(CardOutcome::Managed(CardDeed::Written { set, index }));
                self.step = Step::ExpectCleared;
                desk.keep_after()
            }
            Step::ExpectCleared => {
                let card = self.source().card;
                desk.end(vec![
                    format!("Card {card} was copied."),
                    "The two count once together.".into(),
                ])
            }
        })
    }

    fn present_to_target(&mut self, desk: &mut Desk) -> Flow {
        self.step = Step::ExpectTargetVerified;
        let pin = self.pin.take().expect("it was typed for the source");
        desk.use_card("Presenting the PIN...", |card| card.verify(&pin))
    }

    fn present(&mut self, desk: &mut Desk, pin: PinEntry) -> Flow {
        let flow = desk.use_card("Presenting the PIN...", |card| card.verify(&pin));
        self.pin = Some(pin);
        flow
    }

    fn source(&self) -> &Source {
        self.source
            .as_ref()
            .expect("the source was read before the target was asked for")
    }
}
