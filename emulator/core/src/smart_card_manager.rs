//! The Smart Card Manager: eight operations with the card in the local reader, as dialogs step by step. Told what
//! somebody answered and what the reader answered, it says what to show, what to send and what to tell. Never activates
//! a device, and never decides who may come here.
//!
//! An operation can be interrupted at any dialog and between any two commands to a card. What it may leave half done is
//! durable before it begins, so that after a cut the device can still name it (SC-10).

mod change_pin;
mod copy_card;
mod copy_set;
mod erase;
mod get_label;
mod inspect;
mod label;
mod new_set;
mod outcome;
mod unfinished;
mod write_set;

pub use label::{InvalidLabel, Label};
pub use outcome::{CardDeed, CardUnfit};
pub use unfinished::{CardSet, UnfinishedCards};

use std::collections::VecDeque;

use apdu::{
    Atr, Inspection, PinEntry, ReaderAnswer, ReaderCommand, ResponseApdu,
    procedure::{CardVisit, CardVisitOutput},
};
use rand_core::Rng;
use zeroize::Zeroizing;

use self::{
    change_pin::ChangePin, copy_card::CopyCard, copy_set::CopySet, erase::Erase, get_label::GetLabel,
    inspect::Inspect, new_set::NewSet, outcome::Trouble,
};
use crate::{
    Event, LocalCard, Purpose, Where,
    console::{Answer, Dialog, Field, SmartCardOperation},
    event::CardOutcome,
};

/// An operation that is under way.
#[derive(Clone, Debug)]
pub(crate) struct SmartCardManager {
    work: Work,
    desk: Desk,
}

/// What the manager is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// Somebody answered the dialog that was shown last, or pressed Esc.
    Answered(Answer),
    /// The local reader answered.
    Reader(ReaderAnswer),
    /// Somebody put a card in or took it out.
    Card(LocalCard),
    /// What was to be kept is durable.
    Kept,
}

/// What the manager asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Show this in place of what was shown before.
    Show(Dialog),
    /// Have the local reader do this.
    Reader(ReaderCommand),
    /// Tell this to the log.
    Tell(Event),
    /// Keep this durably in place of what was kept before, then tell [`Told::Kept`].
    Keep(Option<UnfinishedCards>),
    /// It is over: back to the menu.
    Done,
}

#[derive(Clone, Debug)]
enum Work {
    Inspect(Inspect),
    ChangePin(ChangePin),
    NewSet(Box<NewSet>),
    Erase(Erase),
    GetLabel(GetLabel),
    CopySet(Box<CopySet>),
    CopyCard(Box<CopyCard>),
    /// Only the last dialog is left to be read, and what was kept to be cleared.
    Closing,
}

/// What an operation is told, if nothing went wrong: exactly what it asked for.
#[derive(Debug)]
enum News {
    /// The dialog was read.
    Confirmed,
    /// The button with this place.
    Chosen(usize),
    /// The fields.
    Entered(Vec<Zeroizing<String>>),
    /// The card did what was asked.
    CardDone,
    /// It is durable.
    Kept,
}

impl News {
    /// The fields of the form that was shown last.
    fn entered(self) -> Vec<Zeroizing<String>> {
        match self {
            Self::Entered(values) => values,
            Self::Confirmed | Self::Chosen(_) | Self::CardDone | Self::Kept => {
                panic!("a form is answered with its fields")
            }
        }
    }

    /// The button of the question that was shown last.
    fn chosen(&self) -> usize {
        match self {
            Self::Chosen(place) => *place,
            Self::Confirmed | Self::Entered(_) | Self::CardDone | Self::Kept => {
                panic!("a question is answered with a button")
            }
        }
    }
}

/// What the operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    Answer,
    Atr,
    Response,
    /// Nothing of a card was changed yet, so it may still be given up.
    KeptBefore,
    /// All is done; nothing can be given up any more.
    KeptAfter,
}

/// The table on which all operations work: the screen, the reader with its card, the log and the disk.
#[derive(Clone, Debug)]
struct Desk {
    title: &'static str,
    card: Option<CardVisit>,
    awaited: Awaited,
    /// Commands that the reader has not answered yet.
    unanswered: u32,
    /// Somebody pressed Esc while a command was with the card.
    is_leaving: bool,
    /// The card was taken out while the disk was busy.
    is_removed: bool,
    /// What has to be declared invalid if it ends now.
    unfinished: Option<UnfinishedCards>,
    /// What is kept durably, or on its way there.
    kept: Option<UnfinishedCards>,
    asks: VecDeque<Ask>,
}

/// What stands on the screen while the disk is busy.
const WAITING: &str = "One moment...";
/// Characters of a label field: as many as a label has bytes.
const LABEL_CHARACTERS_MAX: usize = Label::BYTES_MAX;

impl SmartCardManager {
    /// Begins an operation; its first dialog is among the asks.
    pub(crate) fn begin(operation: SmartCardOperation) -> Self {
        let mut desk = Desk::new(operation.label());
        let work = match operation {
            SmartCardOperation::Inspect => Work::Inspect(Inspect::begin(&mut desk)),
            SmartCardOperation::ChangePin => Work::ChangePin(ChangePin::begin(&mut desk)),
            SmartCardOperation::CreateServerMasterKey => {
                Work::NewSet(Box::new(NewSet::begin(&mut desk, Purpose::ServerMasterKey)))
            }
            SmartCardOperation::Erase => Work::Erase(Erase::begin(&mut desk)),
            SmartCardOperation::CreatePartitionAuthSet => Work::NewSet(Box::new(NewSet::begin(
                &mut desk,
                Purpose::PartitionAuthorization,
            ))),
            SmartCardOperation::GetLabel => Work::GetLabel(GetLabel::begin(&mut desk)),
            SmartCardOperation::CopySet => Work::CopySet(Box::new(CopySet::begin(&mut desk))),
            SmartCardOperation::CopyCard => Work::CopyCard(Box::new(CopyCard::begin(&mut desk))),
        };
        Self { work, desk }
    }

    /// What an operation had not finished when the device went down: it is declared invalid, on the screen and in the
    /// log, until somebody has read it.
    //= SC-10
    pub(crate) fn declare(unfinished: UnfinishedCards) -> Self {
        let mut desk = Desk::new("");
        desk.kept = Some(unfinished.clone());
        desk.unfinished = Some(unfinished);
        desk.declare();
        Self {
            work: Work::Closing,
            desk,
        }
    }

    /// Something happened. What comes while nothing of its kind is awaited changes nothing.
    pub(crate) fn handle(&mut self, told: Told, rng: &mut dyn Rng) {
        let mut news = match told {
            Told::Answered(answer) => self.desk.on_answered(answer),
            Told::Reader(answer) => self.desk.on_reader(answer),
            Told::Card(LocalCard::Removed) => self.desk.on_removed(),
            Told::Card(LocalCard::Inserted) => None,
            Told::Kept => self.desk.on_kept(),
        };
        while let Some(came) = news {
            self.work(came, rng);
            news = self.desk.leave_if_asked();
        }
    }

    /// The next thing to do, until there is none.
    pub(crate) fn poll(&mut self) -> Option<Ask> {
        self.desk.asks.pop_front()
    }

    /// The device goes down: what is half done is told to the log now, and stays kept for the screen.
    //= SC-10
    pub(crate) fn abandon(&mut self) {
        if let Work::Closing = self.work {
            // It was declared already.
            return;
        }
        self.desk.let_go_in(&Trouble::Left);
        let declared = self.desk.unfinished.clone();
        if let Some(unfinished) = &declared {
            let events: Vec<_> = unfinished.events().collect();
            self.desk.asks.extend(events.into_iter().map(Ask::Tell));
        }
        if declared != self.desk.kept {
            self.desk.asks.push_back(Ask::Keep(declared));
        }
        self.work = Work::Closing;
    }

    fn work(&mut self, news: Result<News, Trouble>, rng: &mut dyn Rng) {
        let desk = &mut self.desk;
        let goes_on = match &mut self.work {
            Work::Inspect(work) => work.on(desk, news),
            Work::ChangePin(work) => work.on(desk, news),
            Work::NewSet(work) => work.on(desk, news, rng),
            Work::Erase(work) => work.on(desk, news),
            Work::GetLabel(work) => work.on(desk, news),
            Work::CopySet(work) => work.on(desk, news, rng),
            Work::CopyCard(work) => work.on(desk, news),
            Work::Closing => desk.close(&news),
        };
        match goes_on {
            Flow::GoesOn => {}
            Flow::Closes => self.work = Work::Closing,
        }
    }
}

/// Whether an operation has asked for something and waits, or has shown its last dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
enum Flow {
    GoesOn,
    Closes,
}

impl Desk {
    const fn new(title: &'static str) -> Self {
        Self {
            title,
            card: None,
            awaited: Awaited::Nothing,
            unanswered: 0,
            is_leaving: false,
            is_removed: false,
            unfinished: None,
            kept: None,
            asks: VecDeque::new(),
        }
    }

    // What operations do.

    /// Shows a dialog and waits for its answer.
    fn show(&mut self, dialog: Dialog) -> Flow {
        self.awaited = Awaited::Answer;
        self.asks.push_back(Ask::Show(dialog));
        Flow::GoesOn
    }

    /// Says what is under way; nobody is asked anything.
    fn show_progress(&mut self, what: &str) {
        let progress = Dialog::progress(self.title, vec![what.to_owned()]);
        self.asks.push_back(Ask::Show(progress));
    }

    /// Asks for the one card that the operation is about, in the vendor's box of 40 columns without a title (D).
    fn ask_for_the_card(&mut self) -> Flow {
        /// Text of this width makes that box.
        const TEXT_COLUMNS: usize = 34;
        let line = "Insert the card and press Enter.";
        self.show(Dialog::notice(format!("{line:<TEXT_COLUMNS$}")))
    }

    /// Asks for one card of several. `complaint` says what was wrong with the last one.
    fn ask_for_card(&mut self, which: &str, complaint: Option<String>) -> Flow {
        let lines = complaint
            .into_iter()
            .chain([format!("Insert {which} and press Enter.")])
            .collect();
        let title = self.title.into();
        self.show(Dialog::Notice { title, lines })
    }

    /// Asks for the PIN of the card in the reader, and for whatever else.
    fn ask_for_pin(&mut self, lines: Vec<String>, others: Vec<Field>) -> Flow {
        let fields = core::iter::once(Field::pin("PIN")).chain(others).collect();
        self.show(Dialog::form(self.title, lines, fields))
    }

    /// Powers the card that was put in, and has it tell what it tells anybody.
    fn meet_card(&mut self) -> Flow {
        self.card = Some(CardVisit::new());
        self.use_card("Reading the card...", |_| {})
    }

    /// Asks the card for something and waits until it is done.
    fn use_card(&mut self, what: &str, ask: impl FnOnce(&mut CardVisit)) -> Flow {
        if self.is_leaving {
            // Nothing more goes to the card: what is awaited is the leaving.
            self.awaited = Awaited::Answer;
            return Flow::GoesOn;
        }
        self.show_progress(what);
        ask(self.visit());
        let finished = self.drive();
        assert!(
            finished.is_none(),
            "nothing is finished before a command was answered"
        );
        Flow::GoesOn
    }

    /// The card in the reader. Only asked for after [`meet_card`](Self::meet_card).
    fn visit(&mut self) -> &mut CardVisit {
        self.card.as_mut().expect("the card was met and not let go")
    }

    /// What the card in the reader has told without its PIN.
    fn inspection(&mut self) -> Inspection {
        self.visit()
            .inspection()
            .expect("a card that was met has told it")
    }

    /// The text of the card's label, if it was read and there is one.
    fn label(&mut self) -> Option<String> {
        let label = self.visit().learned().label.as_ref()?;
        Some(String::from_utf8_lossy(label).into_owned())
    }

    /// Switches the card off and logs what came of it.
    //= AU-14
    fn let_go(&mut self, outcome: CardOutcome) {
        let Some(card) = self.card.take() else { return };
        self.unanswered += 1;
        self.asks.push_back(Ask::Reader(ReaderCommand::PowerOff));
        if card.was_powered() {
            let learned = card.learned();
            let label = learned.label.as_ref();
            self.asks.push_back(Ask::Tell(Event::CardUsed {
                at: Where::Local,
                serial: learned.serial_number,
                label: label.map(|label| String::from_utf8_lossy(label).into_owned()),
                outcome,
            }));
        }
    }

    fn tell(&mut self, event: Event) {
        self.asks.push_back(Ask::Tell(event));
    }

    /// Keeps, before anything of the card in the reader is changed, that it may be left half done.
    //= SC-10
    fn keep_before(&mut self, unfinished: UnfinishedCards) -> Flow {
        self.awaited = Awaited::KeptBefore;
        self.unfinished = Some(unfinished);
        self.keep();
        Flow::GoesOn
    }

    /// Keeps that everything is finished.
    fn keep_after(&mut self) -> Flow {
        self.awaited = Awaited::KeptAfter;
        self.unfinished = None;
        self.keep();
        Flow::GoesOn
    }

    fn keep(&mut self) {
        self.show_progress(WAITING);
        self.kept.clone_from(&self.unfinished);
        self.asks.push_back(Ask::Keep(self.kept.clone()));
    }

    /// Ends with something to be read.
    fn end(&mut self, lines: Vec<String>) -> Flow {
        let title = self.title.into();
        let _ = self.show(Dialog::Notice { title, lines });
        self.is_leaving = false;
        Flow::Closes
    }

    /// Ends with a list to be read.
    fn end_with_list(&mut self, title: &str, rows: Vec<String>) -> Flow {
        let _ = self.show(Dialog::list(title, rows));
        self.is_leaving = false;
        Flow::Closes
    }

    /// Ends because of trouble: lets the card go, declares invalid what is half done, and says what it was.
    //= SC-10
    fn give_up(&mut self, trouble: &Trouble) -> Flow {
        self.let_go_in(trouble);
        if self.unfinished.is_some() {
            self.declare();
            return Flow::Closes;
        }
        match trouble {
            Trouble::Left => {
                self.finish();
                Flow::Closes
            }
            Trouble::Refused(_)
            | Trouble::Unfit(_)
            | Trouble::Absent
            | Trouble::Removed
            | Trouble::Mute
            | Trouble::Unavailable
            | Trouble::Shadow(_) => self.end(vec![trouble.to_string()]),
        }
    }

    /// Lets the card go; what it was to become is not its name any more if nothing of it was changed.
    fn let_go_in(&mut self, trouble: &Trouble) {
        if let Some(card) = &self.card
            && !card.is_being_written()
            && let (Some(unfinished), Some(serial)) = (&mut self.unfinished, card.learned().serial_number)
        {
            unfinished.remove(serial);
        }
        self.unfinished.take_if(|unfinished| unfinished.is_empty());
        self.let_go(trouble.outcome());
    }

    /// Says on the screen and in the log what is invalid.
    //= SC-10
    fn declare(&mut self) {
        let Some(unfinished) = &self.unfinished else {
            return;
        };
        let events: Vec<_> = unfinished.events().collect();
        let rows = unfinished.rows();
        self.asks.extend(events.into_iter().map(Ask::Tell));
        let _ = self.end_with_list("", rows);
    }

    /// The last dialog was read, or what was kept is cleared.
    fn close(&mut self, news: &Result<News, Trouble>) -> Flow {
        match news {
            Ok(News::Kept | News::Confirmed | News::Chosen(_) | News::Entered(_)) | Err(Trouble::Left) => {
                self.finish();
            }
            // A card has nothing to say any more.
            Ok(News::CardDone)
            | Err(
                Trouble::Refused(_)
                | Trouble::Unfit(_)
                | Trouble::Absent
                | Trouble::Removed
                | Trouble::Mute
                | Trouble::Unavailable
                | Trouble::Shadow(_),
            ) => {}
        }
        Flow::Closes
    }

    fn finish(&mut self) {
        if self.kept.is_some() {
            let _ = self.keep_after();
        } else {
            self.awaited = Awaited::Nothing;
            self.is_leaving = false;
            self.asks.push_back(Ask::Done);
        }
    }

    // What happens.

    fn on_answered(&mut self, answer: Answer) -> Option<Result<News, Trouble>> {
        match (self.awaited, answer) {
            (Awaited::Answer, answer) => Some(match answer {
                Answer::Confirmed => Ok(News::Confirmed),
                Answer::Chosen(place) => Ok(News::Chosen(place)),
                Answer::Entered(values) => Ok(News::Entered(values)),
                Answer::Left => Err(Trouble::Left),
            }),
            (Awaited::Atr | Awaited::Response | Awaited::KeptBefore, Answer::Left) => {
                self.is_leaving = true;
                self.show_progress("Leaving when the card has answered...");
                None
            }
            (Awaited::KeptAfter, Answer::Left) => {
                self.show_progress(WAITING);
                None
            }
            (
                Awaited::Atr | Awaited::Response | Awaited::KeptBefore | Awaited::KeptAfter,
                Answer::Confirmed | Answer::Chosen(_) | Answer::Entered(_),
            )
            | (Awaited::Nothing, _) => None,
        }
    }

    fn on_removed(&mut self) -> Option<Result<News, Trouble>> {
        match self.awaited {
            Awaited::Answer if self.card.is_some() => Some(Err(Trouble::Removed)),
            Awaited::KeptBefore => {
                self.is_removed = true;
                None
            }
            // The reader's answer says it.
            Awaited::Answer | Awaited::Atr | Awaited::Response | Awaited::KeptAfter | Awaited::Nothing => {
                None
            }
        }
    }

    fn on_kept(&mut self) -> Option<Result<News, Trouble>> {
        match core::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::KeptBefore if core::mem::take(&mut self.is_leaving) => Some(Err(Trouble::Left)),
            Awaited::KeptBefore if core::mem::take(&mut self.is_removed) => Some(Err(Trouble::Removed)),
            Awaited::KeptBefore | Awaited::KeptAfter => Some(Ok(News::Kept)),
            other @ (Awaited::Answer | Awaited::Atr | Awaited::Response | Awaited::Nothing) => {
                self.awaited = other;
                None
            }
        }
    }

    fn on_reader(&mut self, answer: ReaderAnswer) -> Option<Result<News, Trouble>> {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered > 0 {
            // It belongs to a card that was let go.
            return None;
        }
        match (self.awaited, answer) {
            (Awaited::Atr, ReaderAnswer::Atr(atr)) => self.on_atr(atr),
            (Awaited::Response, ReaderAnswer::Response(response)) => self.on_response(response),
            (Awaited::Atr | Awaited::Response, answer) => Some(Err(match answer {
                ReaderAnswer::CardAbsent => Trouble::Absent,
                ReaderAnswer::CardRemoved => Trouble::Removed,
                ReaderAnswer::ReaderUnavailable => Trouble::Unavailable,
                ReaderAnswer::CardMute
                | ReaderAnswer::PoweredOff
                | ReaderAnswer::Atr(_)
                | ReaderAnswer::Response(_) => Trouble::Mute,
            })),
            (Awaited::Answer | Awaited::KeptBefore | Awaited::KeptAfter | Awaited::Nothing, _) => None,
        }
    }

    fn on_atr(&mut self, atr: Atr) -> Option<Result<News, Trouble>> {
        self.visit().handle_atr(atr);
        self.drive()
    }

    fn on_response(&mut self, response: ResponseApdu) -> Option<Result<News, Trouble>> {
        self.visit().handle_response(response);
        self.drive()
    }

    /// Does what the card's procedure asks for next. Between two commands is where Esc takes hold.
    fn drive(&mut self) -> Option<Result<News, Trouble>> {
        let (command, awaited) = match self.visit().poll_output()? {
            CardVisitOutput::Finished(Ok(())) => return Some(Ok(News::CardDone)),
            CardVisitOutput::Finished(Err(refusal)) => return Some(Err(Trouble::Refused(refusal))),
            CardVisitOutput::PowerOn => (ReaderCommand::PowerOn, Awaited::Atr),
            CardVisitOutput::Transmit(tpdu) => (ReaderCommand::Transmit(tpdu), Awaited::Response),
        };
        if core::mem::take(&mut self.is_leaving) {
            return Some(Err(Trouble::Left));
        }
        self.awaited = awaited;
        self.unanswered += 1;
        self.asks.push_back(Ask::Reader(command));
        None
    }

    /// Esc came while a command was with the card, and the operation waits for somebody again.
    fn leave_if_asked(&mut self) -> Option<Result<News, Trouble>> {
        let leaves = self.awaited == Awaited::Answer && core::mem::take(&mut self.is_leaving);
        leaves.then_some(Err(Trouble::Left))
    }
}

/// What was typed for a PIN, or what to say about it.
//= PN-03
fn pin_of(typed: &str) -> Result<PinEntry, String> {
    PinEntry::try_from(typed).map_err(|_| "A PIN has 8 characters, digits or letters.".into())
}

/// The fields of a form that has this many. What was typed is wiped with them.
fn fields<const N: usize>(entered: Vec<Zeroizing<String>>) -> [Zeroizing<String>; N] {
    entered
        .try_into()
        .unwrap_or_else(|_| panic!("a form gives back its {N} fields"))
}
