//! One reader. Every call that can get stuck is made on a thread of its own, because nothing can cancel a stuck
//! `SCardTransmit`: whoever asks waits for [`PATIENCE`], then leaves the thread behind. Decides nothing about a card.

use std::{
    ffi::{CStr, CString},
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use apdu::{Atr, ReaderAnswer, ReaderCommand};
use pcsc::{Card, Context, Disposition, Error, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode};
use program::Problem;
use zeroize::Zeroize as _;

use crate::presence::name_of;

/// How long an answer may take. A card of T=0 that works takes less than a second; stock readers give up on a mute one
/// after about one minute, if at all.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Most threads of one reader that may be stuck at a time. After that the reader is unavailable, until one comes back.
pub const ABANDONED_MAX: usize = 8;

/// A reader by its name. Dropping it ends the dialog and resets the card.
#[derive(Debug)]
pub struct PcscReader {
    name: CString,
    patience: Duration,
    desk: Option<Desk>,
    /// One for this reader, and one for each of its threads that has not ended.
    threads: Arc<()>,
}

/// The way to a thread that makes the calls, and back.
#[derive(Debug)]
struct Desk {
    commands: Sender<ReaderCommand>,
    answers: Receiver<ReaderAnswer>,
}

impl PcscReader {
    /// The reader of this name, which need not be there yet. The only error is a name that PC/SC cannot take.
    pub fn new(name: &str) -> Result<Self, Problem> {
        Ok(Self {
            name: name_of(name)?,
            patience: PATIENCE,
            desk: None,
            threads: Arc::default(),
        })
    }

    /// The same reader with another patience than [`PATIENCE`].
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Does what is asked and says what came of it, in time: an answer that does not come within the patience is
    /// [`ReaderAnswer::CardMute`], and the dialog is over.
    pub fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        if self.desk.is_none() {
            // One is this reader itself, which is no thread.
            if Arc::strong_count(&self.threads) > ABANDONED_MAX {
                return ReaderAnswer::ReaderUnavailable;
            }
            match Desk::open(self.name.clone(), self.threads.clone()) {
                Ok(desk) => self.desk = Some(desk),
                Err(_) => return ReaderAnswer::ReaderUnavailable,
            }
        }
        let desk = self.desk.as_ref().expect("it was opened above");
        let answer = match desk.commands.send(command.clone()) {
            Ok(()) => desk.answers.recv_timeout(self.patience),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        answer.unwrap_or_else(|why| {
            self.desk = None;
            match why {
                RecvTimeoutError::Timeout => ReaderAnswer::CardMute,
                RecvTimeoutError::Disconnected => ReaderAnswer::ReaderUnavailable,
            }
        })
    }
}

impl Desk {
    fn open(name: CString, thread: Arc<()>) -> io::Result<Self> {
        let (commands, asked) = mpsc::channel();
        let (told, answers) = mpsc::channel();
        thread::Builder::new().name("pcsc-reader".into()).spawn(move || {
            serve(&name, &asked, &told);
            drop(thread);
        })?;
        Ok(Self { commands, answers })
    }
}

/// Answers until nobody asks any more.
fn serve(name: &CStr, asked: &Receiver<ReaderCommand>, told: &Sender<ReaderAnswer>) {
    let mut context = None;
    let mut dialog: Option<Card> = None;
    for command in asked {
        let answer = match command {
            ReaderCommand::PowerOn => power_on(&mut context, &mut dialog, name),
            ReaderCommand::Transmit(tpdu) => match &dialog {
                Some(card) => transmit(card, &tpdu),
                None => Err(Error::UnpoweredCard),
            },
            ReaderCommand::PowerOff => {
                // Whether or not card and reader are still there, the dialog is over.
                if let Some(card) = dialog.take() {
                    let _ = card.disconnect(Disposition::ResetCard);
                }
                Ok(ReaderAnswer::PoweredOff)
            }
        };
        let answer = answer.unwrap_or_else(|why| {
            if matches!(
                why,
                Error::NoService | Error::ServiceStopped | Error::InvalidHandle
            ) {
                // The daemon went away, and what it knew of us with it.
                (dialog, context) = (None, None);
            }
            on_error(why)
        });
        if told.send(answer).is_err() {
            return;
        }
    }
}

/// Takes the card for this program alone and resets it: cold if it is taken now, warm if it was ours before. No
/// transaction: who has a card exclusively needs none, and Windows resets a card that idles in one.
fn power_on(
    context: &mut Option<Context>,
    dialog: &mut Option<Card>,
    name: &CStr,
) -> Result<ReaderAnswer, Error> {
    let (mut card, reset) = if let Some(card) = dialog.take() {
        (card, Disposition::ResetCard)
    } else {
        let context = match context {
            Some(context) => context,
            None => context.insert(Context::establish(Scope::User)?),
        };
        let card = context.connect(name, ShareMode::Exclusive, Protocols::T0)?;
        (card, Disposition::UnpowerCard)
    };
    // Connecting alone leaves a card as the program before left it.
    card.reconnect(ShareMode::Exclusive, Protocols::T0, reset)?;
    let atr = Atr::try_from(card.status2_owned()?.atr()).map_err(|_| Error::InvalidAtr)?;
    *dialog = Some(card);
    Ok(ReaderAnswer::Atr(atr))
}

fn transmit(card: &Card, tpdu: &[u8]) -> Result<ReaderAnswer, Error> {
    // What was read from a card may be a shadow: the buffer lives for this command alone.
    let mut buffer = [0; MAX_BUFFER_SIZE];
    let answer = card.transmit(tpdu, &mut buffer).map(ReaderAnswer::from_received);
    buffer.zeroize();
    answer
}

/// What an error of PC/SC means for whoever drives a card. All that is not known stands for a reader that cannot be
/// used.
fn on_error(why: Error) -> ReaderAnswer {
    match why {
        Error::NoSmartcard => ReaderAnswer::CardAbsent,
        // Somebody who resets a card that is ours has ended our dialog as surely as one who takes it out. A card without
        // power had its dialog ended before.
        Error::RemovedCard | Error::ResetCard | Error::UnpoweredCard => ReaderAnswer::CardRemoved,
        Error::UnresponsiveCard
        | Error::NotTransacted
        | Error::CommError
        | Error::CommDataLost
        | Error::Timeout
        | Error::InvalidAtr
        | Error::InsufficientBuffer
        | Error::ProtoMismatch
        | Error::UnsupportedCard
        | Error::CardUnsupported => ReaderAnswer::CardMute,
        _ => ReaderAnswer::ReaderUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_pcsc_are_the_answers_that_the_vocabulary_names() {
        for (why, answer) in [
            (Error::NoSmartcard, ReaderAnswer::CardAbsent),
            (Error::RemovedCard, ReaderAnswer::CardRemoved),
            (Error::UnresponsiveCard, ReaderAnswer::CardMute),
            (Error::ReaderUnavailable, ReaderAnswer::ReaderUnavailable),
            (Error::UnknownReader, ReaderAnswer::ReaderUnavailable),
            (Error::NoService, ReaderAnswer::ReaderUnavailable),
            (Error::SharingViolation, ReaderAnswer::ReaderUnavailable),
        ] {
            assert_eq!(on_error(why), answer, "{why}");
        }
    }

    #[test]
    fn a_name_that_pcsc_cannot_take_is_refused() {
        let problem = PcscReader::new("two\0names").expect_err("a NUL ends a name");
        assert!(problem.what.contains("without a NUL"), "{problem}");
    }
}
