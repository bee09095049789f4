//! Create Server Master Key and Create Partition Auth Set: asks for N and then for M, and splits a new secret. Activates
//! nothing. The second half of Copy Set comes here with a secret that is there already.

use rand_core::Rng;
use zeroize::Zeroizing;

use super::{Desk, Flow, News, Trouble, fields, write_set::WriteSet};
use crate::{
    CARDS_MAX, Purpose, Scheme, ServerMasterKey, SetId,
    console::{Dialog, Field},
};

#[derive(Clone, Debug)]
pub(super) struct NewSet {
    purpose: Purpose,
    /// What is copied: the secret and the set that it comes from.
    copied: Option<(ServerMasterKey, SetId)>,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    ExpectCards,
    ExpectRequired { cards: u8 },
    Writing(WriteSet),
}

const SCHEME_TITLE: &str = "M of N scheme";
/// Text of this width makes the vendor's box of 39 columns (D).
const SCHEME_TEXT_COLUMNS: usize = 33;
/// More than the longest number that is accepted, so that a longer one is refused rather than cut.
const NUMBER_CHARACTERS_MAX: usize = 4;

impl NewSet {
    pub(super) fn begin(desk: &mut Desk, purpose: Purpose) -> Self {
        Self::ask(desk, purpose, None)
    }

    //= SC-08
    pub(super) fn begin_copy(
        desk: &mut Desk,
        purpose: Purpose,
        secret: ServerMasterKey,
        from: SetId,
    ) -> Self {
        Self::ask(desk, purpose, Some((secret, from)))
    }

    fn ask(desk: &mut Desk, purpose: Purpose, copied: Option<(ServerMasterKey, SetId)>) -> Self {
        let _ = ask_for_cards(desk, None);
        Self {
            purpose,
            copied,
            step: Step::ExpectCards,
        }
    }

    //= SC-03
    //= SC-04
    //= SC-06
    pub(super) fn on(&mut self, desk: &mut Desk, news: Result<News, Trouble>, rng: &mut dyn Rng) -> Flow {
        match &mut self.step {
            Step::Writing(writing) => writing.on(desk, news),
            Step::ExpectCards => match news {
                Err(trouble) => desk.give_up(&trouble),
                Ok(news) => {
                    let [typed] = fields(news.entered());
                    match number(&typed).filter(|cards| Scheme::new(2, *cards).is_some()) {
                        None => ask_for_cards(desk, Some(format!("N is a number from 2 to {CARDS_MAX}."))),
                        Some(cards) => {
                            self.step = Step::ExpectRequired { cards };
                            ask_for_required(desk, cards, None)
                        }
                    }
                }
            },
            Step::ExpectRequired { cards } => match news {
                Err(trouble) => desk.give_up(&trouble),
                Ok(news) => {
                    let cards = *cards;
                    let [typed] = fields(news.entered());
                    match number(&typed).and_then(|required| Scheme::new(required, cards)) {
                        None => {
                            ask_for_required(desk, cards, Some(format!("M is a number from 2 to {cards}.")))
                        }
                        Some(scheme) => {
                            let (secret, source) = match self.copied.take() {
                                Some((secret, source)) => (secret, Some(source)),
                                None => (ServerMasterKey::generate(rng), None),
                            };
                            let shadows = secret.split(scheme, self.purpose, rng);
                            self.step = Step::Writing(WriteSet::begin(desk, shadows, source));
                            Flow::GoesOn
                        }
                    }
                }
            },
        }
    }
}

fn number(typed: &Zeroizing<String>) -> Option<u8> {
    typed.parse().ok()
}

fn ask_for_cards(desk: &mut Desk, complaint: Option<String>) -> Flow {
    let what = format!("Cards in the set, from 2 to {CARDS_MAX}:");
    ask_for_number(desk, complaint, &what, "N")
}

fn ask_for_required(desk: &mut Desk, cards: u8, complaint: Option<String>) -> Flow {
    let what = format!("Cards needed, from 2 to {cards}:");
    ask_for_number(desk, complaint, &what, "M")
}

fn ask_for_number(desk: &mut Desk, complaint: Option<String>, what: &str, name: &str) -> Flow {
    let what = format!("{what:<SCHEME_TEXT_COLUMNS$}");
    let lines = complaint.into_iter().chain([what]).collect();
    let field = Field::number(name, NUMBER_CHARACTERS_MAX);
    desk.show(Dialog::form(SCHEME_TITLE, lines, vec![field]))
}
