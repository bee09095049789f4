//! A reader into which somebody else's virtual card is put: Debian's `vicc`, a phone, another `virtual-card`. One slot of
//! vpcd, without a driver. Relays commands and answers, and knows none of them.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use apdu::{ReaderAnswer, ReaderCommand};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use vpcd::{Input, Output, Reader};

use crate::peer;

/// How long a card may take for an answer, unless the maker of the reader says otherwise. A phone may ask its owner.
pub const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// How long one attempt to reach a card may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// The wait before another attempt to reach a card.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 4_096;

/// Who may put a card into a listening reader. Nothing on this wire is encrypted, and nobody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Programs of this computer; another address than loopback is refused.
    ThisComputer,
    /// Whoever can reach the address.
    Everybody,
}

impl Reach {
    /// Refuses an address that reaches further.
    pub(crate) fn check(self, address: SocketAddr) -> io::Result<()> {
        if self == Self::Everybody || address.ip().is_loopback() {
            return Ok(());
        }
        let what = "expected an address of this computer alone, such as 127.0.0.1";
        Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
    }
}

/// One slot that answers as a reader does. It blocks its thread until the card has answered, or [`ANSWER_WAIT`] is over.
#[derive(Debug)]
pub struct VirtualReader {
    machine: Reader,
    way: Way,
    stream: Option<TcpStream>,
    answer_wait: Duration,
}

#[derive(Debug)]
enum Way {
    Listen(TcpListener),
    /// The card waits for us: vicc in "reversed" mode.
    Connect(SocketAddr),
}

impl VirtualReader {
    /// A slot that cards connect to. Port 0 is one that is free.
    pub fn listen(address: SocketAddr, reach: Reach) -> io::Result<Self> {
        reach.check(address)?;
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self::new(Way::Listen(listener)))
    }

    /// A slot that reaches out for a card, at each power-on that finds none.
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(Way::Connect(address))
    }

    fn new(way: Way) -> Self {
        Self {
            machine: Reader::default(),
            way,
            stream: None,
            answer_wait: ANSWER_WAIT,
        }
    }

    /// The same reader, which takes a card for mute after this time.
    #[must_use]
    pub fn with_answer_wait(self, answer_wait: Duration) -> Self {
        Self { answer_wait, ..self }
    }

    /// Where cards connect, or where the card is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.way {
            Way::Listen(listener) => listener.local_addr(),
            Way::Connect(address) => Ok(*address),
        }
    }

    /// Waits until a card is in the slot; `false` if none came in this time.
    pub fn wait_for_card(&mut self, wait: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + wait;
        loop {
            self.look_after_card();
            if self.stream.is_none() {
                self.take_card(left_of(deadline));
            }
            let left = left_of(deadline);
            if self.stream.is_some() || left.is_zero() {
                return Ok(self.stream.is_some());
            }
            match &self.way {
                Way::Listen(listener) => wait_for_peer(listener, left)?,
                Way::Connect(_) => thread::sleep(RETRY_DELAY.min(left)),
            }
        }
    }

    /// The reader does what it is told. A power-on takes the card that waits to be put in, if the slot is empty.
    pub fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        self.look_after_card();
        if self.stream.is_none() && *command == ReaderCommand::PowerOn {
            self.take_card(CONNECT_WAIT);
        }
        let deadline = Instant::now() + self.answer_wait;
        self.machine.handle_input(Input::Command(command));
        loop {
            match self.machine.poll_output() {
                Some(Output::Answer(answer)) => {
                    self.obey();
                    return answer;
                }
                Some(output) => self.obey_one(output),
                None => self.listen_to_card(deadline),
            }
        }
    }

    /// Notices that a card has left, or speaks unasked.
    fn look_after_card(&mut self) {
        let Some(stream) = &self.stream else {
            return;
        };
        let looked = stream.set_nonblocking(true).and_then(|()| {
            let looked = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            looked
        });
        match looked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Nothing was asked: whatever comes, the card cannot stay.
            Ok(_) | Err(_) => self.lose_card(),
        }
    }

    /// Takes the card that waits to be put in, if there is one.
    fn take_card(&mut self, wait: Duration) {
        let taken = match &self.way {
            Way::Listen(listener) => listener.accept().map(|(stream, _)| stream),
            Way::Connect(_) if wait.is_zero() => return,
            Way::Connect(address) => TcpStream::connect_timeout(address, wait.min(CONNECT_WAIT)),
        };
        let prepared = taken.and_then(|stream| {
            stream.set_nonblocking(false)?;
            stream.set_write_timeout(Some(self.answer_wait))?;
            peer::prepare(&stream)?;
            Ok(stream)
        });
        // One that is gone before it was taken never was here.
        if let Ok(stream) = prepared {
            self.stream = Some(stream);
            self.machine.handle_input(Input::CardInserted);
        }
    }

    /// Waits for bytes of the card and tells the machine what came of it.
    fn listen_to_card(&mut self, deadline: Instant) {
        let Some(stream) = &mut self.stream else {
            return self.machine.handle_input(Input::CardRemoved);
        };
        let left = left_of(deadline);
        if left.is_zero() {
            return self.machine.handle_input(Input::AnswerLate);
        }
        let mut buffer = [0; READ_BYTES];
        let read = peer::acknowledge_at_once(&*stream)
            .and_then(|()| stream.set_read_timeout(Some(left)))
            .and_then(|()| stream.read(&mut buffer));
        match read {
            Ok(0) => self.lose_card(),
            Ok(len) => self.machine.handle_input(Input::Received(&buffer[..len])),
            Err(error) => match error.kind() {
                // The deadline says whether it is too late.
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {}
                _ => self.lose_card(),
            },
        }
    }

    fn obey(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.obey_one(output);
        }
    }

    fn obey_one(&mut self, output: Output) {
        match output {
            Output::Send(bytes) => {
                let sent = self
                    .stream
                    .as_mut()
                    .is_some_and(|stream| stream.write_all(&bytes).is_ok());
                if !sent {
                    self.lose_card();
                }
            }
            Output::Close => self.stream = None,
            Output::Answer(_) => unreachable!("each command has one answer"),
        }
    }

    fn lose_card(&mut self) {
        self.stream = None;
        self.machine.handle_input(Input::CardRemoved);
    }
}

fn left_of(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn wait_for_peer(listener: &TcpListener, wait: Duration) -> io::Result<()> {
    let wait = Timespec::try_from(wait).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&wait)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
