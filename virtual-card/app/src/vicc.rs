//! A card in a reader of somebody else: plugs a card file into a vpcd, such as that of the stock PC/SC daemon, and keeps
//! it there until it is taken out. One task reads, has the card answer, and writes; nothing is handed to another thread.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use apdu::{Csn, ReaderCommand};
use program::{ExitCode, Port, Problem};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, info, warn};
use vpcd::{Decoder, Request, encode};

use crate::{
    CardFile, Contact,
    control::{Control, Move, Place},
    peer,
};

/// The first wait before another attempt to connect; each failure doubles it.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
/// The longest wait before another attempt to connect.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 4_096;

/// How a card comes to its reader.
#[derive(Debug)]
pub(crate) enum Way {
    /// It connects to a vpcd, again and again.
    Connect(Attempts),
    /// It waits for a vpcd in "reversed" mode.
    Listen(Port),
}

/// Attempts to reach one vpcd.
#[derive(Debug)]
pub(crate) struct Attempts {
    host: String,
    port: u16,
    delay: Duration,
    next: Option<Instant>,
}

/// A card and its way to a reader.
#[derive(Debug)]
pub(crate) struct Vicc {
    /// Before the card, so that it is gone before another program can hold that.
    control: Control,
    card: CardFile,
    way: Way,
    /// The last answer to reset; it is told without power, too.
    atr: Vec<u8>,
    is_inserted: bool,
    /// Told once, when a reader has spoken with the card, or can.
    ready: Option<mpsc::UnboundedSender<()>>,
    /// Who asked for the card to be put in and waits for what comes of it.
    waiting: Vec<oneshot::Sender<Place>>,
}

/// Why there is no dialog with a reader any more.
enum End {
    /// The reader, or the way to it.
    Reader(String),
    /// The disk: the card can answer no more.
    Card(Problem),
    /// A fault of the card.
    TornOut,
}

impl Attempts {
    pub(crate) const fn new(host: String, port: u16) -> Self {
        Self {
            host,
            port,
            delay: RETRY_DELAY_MIN,
            next: None,
        }
    }

    /// Tries once, when its time has come. Nothing is lost if it is dropped.
    async fn connect(&mut self) -> io::Result<TcpStream> {
        if let Some(at) = self.next {
            sleep_until(at).await;
        }
        TcpStream::connect((self.host.as_str(), self.port)).await
    }

    fn on_failed(&mut self) {
        self.next = Some(Instant::now() + self.delay);
        self.delay = (self.delay * 2).min(RETRY_DELAY_MAX);
    }

    fn on_spoken(&mut self) {
        self.delay = RETRY_DELAY_MIN;
    }
}

impl Way {
    /// For people and for the ready-file.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Connect(attempts) if attempts.host.contains(':') => {
                format!("[{}]:{}", attempts.host, attempts.port)
            }
            Self::Connect(attempts) => format!("{}:{}", attempts.host, attempts.port),
            Self::Listen(port) => port.address().to_string(),
        }
    }

    async fn next_connection(&mut self) -> io::Result<TcpStream> {
        match self {
            Self::Connect(attempts) => attempts.connect().await,
            Self::Listen(port) => Ok(port.accept().await.0),
        }
    }

    /// Comes back only with a peer that nobody needs now.
    async fn next_newcomer(&mut self) -> (TcpStream, SocketAddr) {
        match self {
            Self::Connect(_) => std::future::pending().await,
            Self::Listen(port) => port.accept().await,
        }
    }
}

impl Vicc {
    /// The card is put in, as far as it can be without a reader. Must be called inside a runtime.
    pub(crate) fn new(
        mut card: CardFile,
        way: Way,
        ready: mpsc::UnboundedSender<()>,
    ) -> Result<Self, Problem> {
        let control = Control::listen(card.path())?;
        // The reader asks for it before it gives power.
        let atr = power_on(&mut card);
        card.contact(&ReaderCommand::PowerOff);
        Ok(Self {
            control,
            card,
            way,
            atr,
            is_inserted: true,
            ready: Some(ready),
            waiting: Vec::new(),
        })
    }

    /// Keeps the card in its reader until the disk fails.
    pub(crate) async fn run(mut self) -> Result<Infallible, Problem> {
        // Only the first of a row of failures is worth a line.
        let mut is_told = false;
        loop {
            while !self.is_inserted {
                self.on_asked_outside().await;
                is_told = false;
            }
            if let Way::Listen(port) = &mut self.way {
                port.open()
                    .map_err(|error| listen_problem(port.address(), &error))?;
                let place = self.way.address();
                tell_ready(&mut self.ready);
                tell_waiting(&mut self.waiting, &Place::In(place));
            }
            let connected = tokio::select! {
                biased;
                asked = self.control.next() => {
                    self.on_asked(asked.what, asked.answer);
                    continue;
                }
                connected = self.way.next_connection() => connected,
            };
            let ended = match connected {
                Ok(stream) => self.hold(&stream).await,
                Err(error) => Some(End::Reader(error.to_string())),
            };
            self.card.contact(&ReaderCommand::PowerOff);
            let Some(ended) = ended else {
                continue;
            };
            let why = match ended {
                End::Card(problem) => return Err(problem),
                End::Reader(why) => why,
                End::TornOut => {
                    warn!("the card is torn out of the reader; `virtual-card insert` puts it back");
                    self.take_out();
                    continue;
                }
            };
            let address = self.way.address();
            if let Way::Connect(attempts) = &mut self.way {
                if attempts.delay == RETRY_DELAY_MIN {
                    is_told = false;
                }
                attempts.on_failed();
                if !is_told {
                    warn!("reader at {address}: {why}; trying again");
                    is_told = true;
                }
                tell_waiting(
                    &mut self.waiting,
                    &Place::Waiting(format!("reader at {address}: {why}")),
                );
            } else {
                info!("reader at {address}: {why}");
            }
        }
    }

    /// Holds the card in the reader behind this connection; `None` if it was taken out.
    async fn hold(&mut self, stream: &TcpStream) -> Option<End> {
        let (first_word, mut heard) = oneshot::channel();
        let address = self.way.address();
        let csn = self.card.image().map(card_core::CardImage::csn);
        let mut dialog = pin!(dialog(&mut self.card, &mut self.atr, stream, first_word));
        let mut is_heard = false;
        loop {
            let asked = tokio::select! {
                biased;
                asked = self.control.next() => asked,
                Ok(()) = &mut heard, if !is_heard => {
                    is_heard = true;
                    on_heard(&mut self.way, &mut self.ready, &mut self.waiting, &address, csn);
                    continue;
                }
                (_, newcomer) = self.way.next_newcomer() => {
                    debug!("turned {newcomer} away: another reader has the card");
                    continue;
                }
                ended = &mut dialog => {
                    // A reader may say its first word and its last in one breath.
                    if !is_heard && heard.try_recv().is_ok() {
                        on_heard(&mut self.way, &mut self.ready, &mut self.waiting, &address, csn);
                    }
                    return Some(ended);
                }
            };
            match asked.what {
                Move::Insert if is_heard => {
                    let _ = asked.answer.send(Place::In(address.clone()));
                }
                Move::Insert => self.waiting.push(asked.answer),
                Move::Remove => {
                    info!("the card is taken out of the reader at {address}");
                    self.is_inserted = false;
                    if let Way::Listen(port) = &mut self.way {
                        port.close();
                    }
                    let _ = asked.answer.send(Place::Out);
                    return None;
                }
            }
        }
    }

    /// Somebody asks for a move while no reader has the card.
    fn on_asked(&mut self, what: Move, answer: oneshot::Sender<Place>) {
        match what {
            Move::Insert => {
                if let Way::Connect(attempts) = &mut self.way {
                    attempts.next = None;
                }
                self.is_inserted = true;
                self.waiting.push(answer);
            }
            Move::Remove => {
                self.take_out();
                // Who asked and went away needs no answer.
                let _ = answer.send(Place::Out);
            }
        }
    }

    /// From now on no reader finds the card.
    fn take_out(&mut self) {
        self.is_inserted = false;
        if let Way::Listen(port) = &mut self.way {
            port.close();
        }
        tell_waiting(&mut self.waiting, &Place::Out);
    }

    async fn on_asked_outside(&mut self) {
        let asked = self.control.next().await;
        self.on_asked(asked.what, asked.answer);
    }
}

/// The reader has spoken with the card: it is in.
fn on_heard(
    way: &mut Way,
    ready: &mut Option<mpsc::UnboundedSender<()>>,
    waiting: &mut Vec<oneshot::Sender<Place>>,
    address: &str,
    csn: Option<Csn>,
) {
    if let Some(csn) = csn {
        info!("card {csn} is in the reader at {address}");
    }
    if let Way::Connect(attempts) = way {
        attempts.on_spoken();
    }
    tell_ready(ready);
    tell_waiting(waiting, &Place::In(address.to_owned()));
}

fn tell_ready(ready: &mut Option<mpsc::UnboundedSender<()>>) {
    if let Some(ready) = ready.take() {
        // Nobody listens only when the program ends.
        let _ = ready.send(());
    }
}

fn tell_waiting(waiting: &mut Vec<oneshot::Sender<Place>>, place: &Place) {
    for waiting in waiting.drain(..) {
        // Who asked and went away needs no answer.
        let _ = waiting.send(place.clone());
    }
}

/// The answer to reset, and none of a card that gives none.
fn power_on(card: &mut CardFile) -> Vec<u8> {
    match card.contact(&ReaderCommand::PowerOn) {
        Contact::Atr(atr) => atr,
        Contact::Answer { .. } | Contact::Unpowered | Contact::Mute | Contact::TornOut => Vec::new(),
    }
}

/// Answers one reader for as long as it is there. May be dropped between any two of its steps: what the card has
/// answered is on the disk by then.
async fn dialog(
    card: &mut CardFile,
    atr: &mut Vec<u8>,
    stream: &TcpStream,
    first_word: oneshot::Sender<()>,
) -> End {
    match converse(card, atr, stream, first_word).await {
        Err(error) => End::Reader(error.to_string()),
        Ok(end) => end,
    }
}

async fn converse(
    card: &mut CardFile,
    atr: &mut Vec<u8>,
    stream: &TcpStream,
    first_word: oneshot::Sender<()>,
) -> io::Result<End> {
    peer::prepare(stream)?;
    let mut first_word = Some(first_word);
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        peer::acknowledge_at_once(stream)?;
        stream.readable().await?;
        let mut rest = match stream.try_read(&mut buffer) {
            Ok(0) if decoder.is_amid_message() => {
                return Ok(End::Reader(
                    "it closed the connection in the middle of a message".into(),
                ));
            }
            Ok(0) => return Ok(End::Reader("it closed the connection".into())),
            Ok(len) => &buffer[..len],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        while let Some(message) = decoder.take(&mut rest) {
            if let Some(first_word) = first_word.take() {
                // Whoever holds the card waits for it.
                let _ = first_word.send(());
            }
            let reply = reply(card, atr, message);
            if let Some(failure) = card.failure() {
                return Ok(End::Card(failure.into()));
            }
            match reply {
                Reply::Nothing => {}
                Reply::Bytes { bytes, after } => {
                    if !after.is_zero() {
                        sleep(after).await;
                    }
                    write_all(stream, &encode(&bytes).map_err(io::Error::other)?).await?;
                }
                Reply::TornOut => return Ok(End::TornOut),
            }
        }
    }
}

/// What a message comes to.
enum Reply {
    Nothing,
    Bytes { bytes: Vec<u8>, after: Duration },
    TornOut,
}

/// What the card has to say to one message, if anything.
fn reply(card: &mut CardFile, atr: &mut Vec<u8>, message: Vec<u8>) -> Reply {
    let now = |bytes| Reply::Bytes {
        bytes,
        after: Duration::ZERO,
    };
    match Request::from(message) {
        Request::PowerOff => {
            card.contact(&ReaderCommand::PowerOff);
            Reply::Nothing
        }
        Request::PowerOn | Request::Reset => {
            *atr = power_on(card);
            Reply::Nothing
        }
        Request::Atr => now(atr.clone()),
        Request::Transmit(command) => match card.contact(&ReaderCommand::Transmit(command)) {
            Contact::Answer { bytes, after } => Reply::Bytes { bytes, after },
            Contact::TornOut => Reply::TornOut,
            // A card without power hears nothing. A message without a byte ends the reader's wait, which nothing else
            // would: to it the card is gone, and comes back.
            Contact::Unpowered | Contact::Atr(_) => now(Vec::new()),
            // A fault that somebody asked for: the reader waits until the card is taken out.
            Contact::Mute => Reply::Nothing,
        },
        unknown @ (Request::Unknown(_) | Request::Empty) => {
            debug!("ignored a message of the reader: {unknown:?}");
            Reply::Nothing
        }
    }
}

/// Commonly one write: the answer is short, and the reader waits for it.
async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why a port is not ours.
pub(crate) fn listen_problem(address: SocketAddr, error: &io::Error) -> Problem {
    let what = format!("listen on {address}: {error}");
    match error.kind() {
        io::ErrorKind::AddrInUse => Problem::new(ExitCode::InUse, what).hint(
            "end the program that has it, or choose another with `--listen`; port 0 is one that is free",
        ),
        _ => Problem::new(ExitCode::Usage, what),
    }
}
