//! Where cards are put in: a card image, somebody's virtual card, a reader of PC/SC. Each works on a thread of its own, so
//! that a mute card holds up nothing. Knows no command of a card.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use apdu::{ReaderAnswer, ReaderCommand};
use tokio::sync::mpsc::UnboundedSender;
use virtual_card::{CardFile, Reach, VirtualReader};

use crate::{drive::Event, outcome::Outcome};

/// How long a wait for a card lasts before somebody looks whether it is still wanted.
const WAIT_TURN: Duration = Duration::from_millis(200);
/// How long the card of somebody's virtual reader may take for an answer. A phone may ask its owner.
const VICC_PATIENCE: Duration = Duration::from_secs(20);
/// How long the end of the program waits for the reset of the card.
const RESET_TIMEOUT: Duration = Duration::from_secs(6);

/// Which reader the user means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReaderName {
    /// `none`: there is no reader, and everything but cards works.
    None,
    /// `vicc:listen:ADDR:PORT`: somebody's virtual card comes here.
    ViccListen(SocketAddr),
    /// `vicc:ADDR:PORT`: somebody's virtual card waits there.
    ViccConnect(SocketAddr),
    /// `pcsc` or `pcsc:NAME`: the first reader of PC/SC, or the first whose name contains this.
    Pcsc(Option<String>),
}

impl fmt::Display for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::ViccListen(address) => write!(f, "vicc:listen:{address}"),
            Self::ViccConnect(address) => write!(f, "vicc:{address}"),
            Self::Pcsc(None) => f.write_str("pcsc"),
            Self::Pcsc(Some(name)) => write!(f, "pcsc:{name}"),
        }
    }
}

/// A text that names no reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidReaderName;

impl fmt::Display for InvalidReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `pcsc`, `pcsc:NAME`, `vicc:ADDR:PORT`, `vicc:listen:ADDR:PORT` or `none`")
    }
}

impl std::error::Error for InvalidReaderName {}

impl FromStr for ReaderName {
    type Err = InvalidReaderName;

    fn from_str(text: &str) -> Result<Self, InvalidReaderName> {
        let address = |text: &str| text.parse().map_err(|_| InvalidReaderName);
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "pcsc" => Ok(Self::Pcsc(None)),
            Some(("pcsc", name)) if !name.is_empty() => Ok(Self::Pcsc(Some(name.to_owned()))),
            Some(("vicc", rest)) => match rest.strip_prefix("listen:") {
                Some(rest) => Ok(Self::ViccListen(address(rest)?)),
                None => Ok(Self::ViccConnect(address(rest)?)),
            },
            _ => Err(InvalidReaderName),
        }
    }
}

/// Something that cards are put into.
#[derive(Debug)]
pub(crate) enum Slot {
    /// There is no reader.
    None,
    /// For images in files, which are named when they are inserted.
    Image(Option<CardFile>),
    Vicc(Box<VirtualReader>),
    #[cfg(feature = "pcsc")]
    Pcsc {
        reader: pcsc_reader::PcscReader,
        name: String,
    },
}

impl Slot {
    /// The slot of a card image.
    pub(crate) fn open_image(path: &Path) -> Result<Self, Outcome> {
        let card = CardFile::open(path).map_err(|why| Outcome::of_card_file(&why))?;
        Ok(Self::Image(Some(card)))
    }

    /// The reader of this name; what can fail, fails before a device hears of it.
    pub(crate) fn open(name: &ReaderName) -> Result<Self, Outcome> {
        match name {
            ReaderName::None => Ok(Self::None),
            ReaderName::ViccListen(address) => match VirtualReader::listen(*address, Reach::ThisComputer) {
                Ok(reader) => Ok(Self::vicc(reader)),
                Err(why) => Err(Outcome::Reader {
                    message: format!("listen for a virtual card at {address}: {why}"),
                    hint: Some(
                        "name a free address of this computer, such as `vicc:listen:127.0.0.1:35963`".into(),
                    ),
                }),
            },
            ReaderName::ViccConnect(address) => Ok(Self::vicc(VirtualReader::connect(*address))),
            ReaderName::Pcsc(part) => open_pcsc(part.as_deref()),
        }
    }

    fn vicc(reader: VirtualReader) -> Self {
        Self::Vicc(Box::new(reader.with_answer_wait(VICC_PATIENCE)))
    }

    /// As its user knows it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::None => "no reader".into(),
            Self::Image(Some(card)) => card.path().display().to_string(),
            Self::Image(None) => "card images".into(),
            Self::Vicc(reader) => match reader.address() {
                Ok(address) => format!("virtual reader at {address}"),
                Err(_) => "virtual reader".into(),
            },
            #[cfg(feature = "pcsc")]
            Self::Pcsc { name, .. } => name.clone(),
        }
    }

    /// Does what is asked and says what came of it.
    pub(crate) fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        match self {
            //= CL-02
            Self::None => match command {
                ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => ReaderAnswer::ReaderUnavailable,
                ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
            },
            Self::Image(Some(card)) => card.answer(command),
            Self::Image(None) => match command {
                ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => ReaderAnswer::CardAbsent,
                ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
            },
            Self::Vicc(reader) => reader.answer(command),
            #[cfg(feature = "pcsc")]
            Self::Pcsc { reader, .. } => reader.answer(command),
        }
    }

    /// Why a card that fell silent did so, if its file is to blame.
    pub(crate) fn failure(&self) -> Option<Outcome> {
        match self {
            Self::Image(Some(card)) => card.failure().map(Outcome::of_card_file),
            Self::None | Self::Image(None) | Self::Vicc(_) => None,
            #[cfg(feature = "pcsc")]
            Self::Pcsc { .. } => None,
        }
    }

    /// Waits a short while for a card; whether there is one. An image is inserted by name, not by a hand.
    fn wait_for_card(&mut self) -> bool {
        match self {
            Self::None => false,
            Self::Image(card) => card.is_some(),
            Self::Vicc(reader) => reader.wait_for_card(WAIT_TURN).unwrap_or(false),
            #[cfg(feature = "pcsc")]
            Self::Pcsc { name, .. } => {
                let inserted = pcsc_reader::await_card(name, pcsc_reader::Presence::Inserted, WAIT_TURN);
                inserted.unwrap_or_else(|_| {
                    // The reader or its daemon is not there yet; no event says when it comes.
                    thread::sleep(WAIT_TURN);
                    false
                })
            }
        }
    }
}

#[cfg(feature = "pcsc")]
fn open_pcsc(part: Option<&str>) -> Result<Slot, Outcome> {
    let failed = |problem: program::Problem| Outcome::Reader {
        message: problem.what,
        hint: problem.hint,
    };
    let names = pcsc_reader::reader_names().map_err(failed)?;
    let found = names
        .into_iter()
        .find(|name| part.is_none_or(|part| name.contains(part)));
    let Some(name) = found else {
        return Err(Outcome::Reader {
            message: match part {
                Some(part) => format!("find a reader of PC/SC whose name contains `{part}`: there is none"),
                None => "find a reader of PC/SC: there is none".into(),
            },
            hint: Some("plug the reader in; `hsm-client readers` lists those that are there".into()),
        });
    };
    let reader = pcsc_reader::PcscReader::new(&name).map_err(failed)?;
    Ok(Slot::Pcsc { reader, name })
}

#[cfg(not(feature = "pcsc"))]
fn open_pcsc(_: Option<&str>) -> Result<Slot, Outcome> {
    Err(Outcome::Reader {
        message: "open a reader of PC/SC: this program was built without PC/SC".into(),
        hint: Some("build it with `--features pcsc`, or use a card image (`--card`)".into()),
    })
}

enum Order {
    /// For the session of this number.
    Command(u64, ReaderCommand),
    /// Until this wait is no longer the latest one.
    AwaitCard(u64),
    Insert(PathBuf),
    Use(ReaderName),
    TakeOutImage,
}

/// The way to a reader's thread. What it says comes as [`Event`]s.
#[derive(Debug)]
pub(crate) struct ReaderDesk {
    orders: Option<Sender<Order>>,
    /// The number of the wait that is wanted; a higher one ends those before it.
    wait: Arc<AtomicU64>,
    done: Receiver<()>,
}

impl ReaderDesk {
    pub(crate) fn open(slot: Slot, events: UnboundedSender<Event>) -> std::io::Result<Self> {
        let (orders, ordered) = channel();
        let (is_done, done) = channel();
        let wait = Arc::new(AtomicU64::new(0));
        let wanted = wait.clone();
        thread::Builder::new().name("reader".into()).spawn(move || {
            serve(slot, &ordered, &wanted, &events);
            let _ = is_done.send(());
        })?;
        Ok(Self {
            orders: Some(orders),
            wait,
            done,
        })
    }

    /// Has the reader do this for the session of this number; [`Event::Reader`] answers.
    pub(crate) fn command(&self, session: u64, command: ReaderCommand) {
        self.order(Order::Command(session, command));
    }

    /// Waits for a card; [`Event::CardInserted`] says that it is there.
    pub(crate) fn await_card(&self) {
        let wait = self.wait.fetch_add(1, Ordering::SeqCst) + 1;
        self.order(Order::AwaitCard(wait));
    }

    /// Nobody waits for a card any more.
    pub(crate) fn stop_waiting(&self) {
        self.wait.fetch_add(1, Ordering::SeqCst);
    }

    /// Puts this image into the slot; [`Event::CardInserted`] or [`Event::CardNotInserted`] says what came of it.
    pub(crate) fn insert(&self, path: PathBuf) {
        self.order(Order::Insert(path));
    }

    /// From now on cards are put into the reader of this name, and there is one in it; [`Event::CardInserted`] or
    /// [`Event::CardNotInserted`] says what came of it.
    pub(crate) fn use_reader(&self, name: ReaderName) {
        self.order(Order::Use(name));
    }

    /// Takes the image out, so that the next custodian's can come in, or another program can have it;
    /// [`Event::ImageTakenOut`] says when.
    pub(crate) fn take_out_image(&self) {
        self.order(Order::TakeOutImage);
    }

    fn order(&self, order: Order) {
        self.stop_waiting_unless_wanted(&order);
        if let Some(orders) = &self.orders {
            // A thread that is gone answers nothing, and the device's limit ends the dialog.
            let _ = orders.send(order);
        }
    }

    fn stop_waiting_unless_wanted(&self, order: &Order) {
        if !matches!(order, Order::AwaitCard(_)) {
            self.stop_waiting();
        }
    }
}

/// The last order, a reset, is carried out before the program ends, if the card lets it.
impl Drop for ReaderDesk {
    fn drop(&mut self) {
        self.stop_waiting();
        self.orders = None;
        let _ = self.done.recv_timeout(RESET_TIMEOUT);
    }
}

fn serve(mut slot: Slot, ordered: &Receiver<Order>, wanted: &AtomicU64, events: &UnboundedSender<Event>) {
    for order in ordered {
        // Nobody listens only when the program ends.
        let _ = events.send(match order {
            Order::Command(session, command) => {
                let answer = slot.answer(&command);
                tracing::debug!(?command, "card");
                let failure = slot.failure();
                Event::Reader {
                    session,
                    answer,
                    failure,
                }
            }
            Order::AwaitCard(wait) => {
                let is_wanted = || wanted.load(Ordering::SeqCst) == wait;
                let mut is_there = false;
                while is_wanted() && !is_there {
                    is_there = slot.wait_for_card();
                    if matches!(slot, Slot::None | Slot::Image(None)) {
                        break;
                    }
                }
                if !(is_there && is_wanted()) {
                    continue;
                }
                Event::CardInserted
            }
            Order::Insert(path) => {
                // The one before is let go of first: it may be the same.
                slot = Slot::Image(None);
                match Slot::open_image(&path) {
                    Ok(image) => {
                        slot = image;
                        Event::CardInserted
                    }
                    Err(why) => Event::CardNotInserted(why),
                }
            }
            Order::Use(name) => {
                // The one before is let go of first: it may be the same.
                slot = Slot::Image(None);
                match Slot::open(&name) {
                    Ok(reader) => {
                        slot = reader;
                        Event::CardInserted
                    }
                    Err(why) => Event::CardNotInserted(why),
                }
            }
            Order::TakeOutImage => {
                if matches!(slot, Slot::Image(_)) {
                    slot = Slot::Image(None);
                }
                Event::ImageTakenOut
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_named_as_it_prints() {
        for text in [
            "pcsc",
            "pcsc:IDBridge CT30",
            "none",
            "vicc:127.0.0.1:35963",
            "vicc:listen:[::1]:1",
        ] {
            assert_eq!(text.parse::<ReaderName>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "pcsc:",
            "vicc",
            "vicc:here",
            "vicc:listen:1",
            "pcscd",
            "none:1",
            "card:1",
        ] {
            assert_eq!(text.parse::<ReaderName>(), Err(InvalidReaderName), "{text}");
        }
    }

    //= CL-02
    #[test]
    fn no_reader_is_unavailable_and_never_holds_a_card() {
        let mut slot = Slot::open(&ReaderName::None).unwrap();
        assert_eq!(
            slot.answer(&ReaderCommand::PowerOn),
            ReaderAnswer::ReaderUnavailable
        );
        assert_eq!(slot.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
        assert!(!slot.wait_for_card());
        assert_eq!(slot.name(), "no reader");
    }
}
