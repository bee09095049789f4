//! A card in a reader of somebody else: plugs a card file into a vpcd, such as that of the stock PC/SC daemon, and keeps
//! it there until it is taken out. One task reads, has the card answer, and writes; nothing is handed to another thread.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use apdu::{ReaderAnswer, ReaderCommand};
use program::{ExitCode, Port, Problem};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};
use vpcd::{Decoder, Request, encode};

use crate::{
    CardFile,
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
        card.answer(&ReaderCommand::PowerOff);
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
                self.tell_ready();
                self.tell_waiting(&Place::In(place));
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
            self.card.answer(&ReaderCommand::PowerOff);
            let Some(ended) = ended else {
                continue;
            };
            let why = match ended {
                End::Card(problem) => return Err(problem),
                End::Reader(why) => why,
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
                self.tell_waiting(&Place::Waiting(format!("reader at {address}: {why}")));
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
                    if let Some(csn) = csn {
                        info!("card {csn} is in the reader at {address}");
                    }
                    if let Way::Connect(attempts) = &mut self.way {
                        attempts.on_spoken();
                    }
                    if let Some(ready) = self.ready.take() {
                        // Nobody listens only when the program ends.
                        let _ = ready.send(());
                    }
                    for waiting in self.waiting.drain(..) {
                        let _ = waiting.send(Place::In(address.clone()));
                    }
                    continue;
                }
                (_, newcomer) = self.way.next_newcomer() => {
                    debug!("turned {newcomer} away: another reader has the card");
                    continue;
                }
                ended = &mut dialog => return Some(ended),
            };
            match asked.what {
                Move::Insert if is_heard => {
                    let _ = asked.answer.send(Place::In(address.clone()));
                }
                Move::Insert => self.waiting.push(asked.answer),
                Move::Remove => {
                    self.is_inserted = false;
                    if let Way::Listen(port) = &mut self.way {
                        port.close();
                    }
                    info!("the card is taken out of the reader at {address}");
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
                self.is_inserted = false;
                if let Way::Listen(port) = &mut self.way {
                    port.close();
                }
                self.tell_waiting(&Place::Out);
                // Who asked and went away needs no answer.
                let _ = answer.send(Place::Out);
            }
        }
    }

    async fn on_asked_outside(&mut self) {
        let asked = self.control.next().await;
        self.on_asked(asked.what, asked.answer);
    }

    fn tell_ready(&mut self) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(());
        }
    }

    fn tell_waiting(&mut self, place: &Place) {
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(place.clone());
        }
    }
}

/// The answer to reset, and none of a card that gives none.
fn power_on(card: &mut CardFile) -> Vec<u8> {
    match card.answer(&ReaderCommand::PowerOn) {
        ReaderAnswer::Atr(atr) => atr.as_bytes().to_vec(),
        _ => Vec::new(),
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
            let Some(answer) = answer(card, atr, message) else {
                continue;
            };
            if let Some(failure) = card.failure() {
                return Ok(End::Card(failure.into()));
            }
            let bytes = encode(&answer).map_err(io::Error::other)?;
            write_all(stream, &bytes).await?;
        }
    }
}

/// What the card has to say to one message, if anything.
fn answer(card: &mut CardFile, atr: &mut Vec<u8>, message: Vec<u8>) -> Option<Vec<u8>> {
    match Request::from(message) {
        Request::PowerOff => {
            card.answer(&ReaderCommand::PowerOff);
            None
        }
        Request::PowerOn | Request::Reset => {
            *atr = power_on(card);
            None
        }
        Request::Atr => Some(atr.clone()),
        Request::Transmit(command) => Some(match card.answer(&ReaderCommand::Transmit(command)) {
            ReaderAnswer::Response(response) => response.to_bytes(),
            // A card without power hears nothing. An answer without a byte ends the reader's wait, which nothing else
            // would: to it the card is gone, and comes back.
            _ => Vec::new(),
        }),
        unknown @ (Request::Unknown(_) | Request::Empty) => {
            debug!("ignored a message of the reader: {unknown:?}");
            None
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
