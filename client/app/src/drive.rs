//! One errand in the real world: a connection, a reader, a prompt, the end of input, signals and time. Decides nothing; the
//! errand does.

use std::{io, net::IpAddr, thread, time::Duration};

use apdu::ReaderAnswer;
use hsm_client::{Fingerprint, Notice, Pin, StationInput, StationOutput, TlsClientConfig, Trust};
use program::shown;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::{
    address::Address,
    errand::{Errand, Goal, Step, Talk},
    known_hsms::KnownHsms,
    link::{Link, connect, passed},
    outcome::{Known, Outcome},
    pin::PinSource,
    reader::{ReaderDesk, Slot},
    screen::Screen,
    signals::Signals,
    trace::Trace,
};

/// How long the device may take to close its half, once there is nothing left to say.
pub(crate) const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts to be let in by a busy device.
const BUSY_TURN: Duration = Duration::from_secs(1);

/// What is to be done, and with what.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) way: Way,
    pub(crate) timeout: Option<Duration>,
    pub(crate) goal: Goal,
    pub(crate) custodian: Option<Custodian>,
}

/// To whom, from where, and how it is watched.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) hsm: Address,
    pub(crate) source: Option<IpAddr>,
    pub(crate) identity: Identity,
    pub(crate) answer_timeout: Duration,
    pub(crate) trace: Option<Trace>,
}

impl Way {
    /// The settings of TLS, with the trust that there is now.
    pub(crate) fn tls(&self) -> Result<TlsClientConfig, Outcome> {
        let trust = match &self.identity {
            Identity::Pinned(fingerprint) => Trust::Pinned(*fingerprint),
            Identity::Known(known) => match known.fingerprint(&self.hsm) {
                Ok(Some(fingerprint)) => Trust::Pinned(fingerprint),
                Ok(None) => Trust::FirstUse,
                Err(why) => return Err(file(&why)),
            },
        };
        Ok(TlsClientConfig::new(trust).with_key_log(std::sync::Arc::new(rustls::KeyLogFile::new())))
    }

    /// The handshake is done; no line has been sent or read.
    //= CL-06
    pub(crate) fn on_secured(&self, fingerprint: Fingerprint) -> Result<Known, Outcome> {
        match &self.identity {
            Identity::Pinned(_) => Ok(Known::Pinned),
            Identity::Known(known) => remember(known, &self.hsm, fingerprint),
        }
    }
}

/// By what the device is known.
#[derive(Debug)]
pub(crate) enum Identity {
    Pinned(Fingerprint),
    Known(KnownHsms),
}

/// A card, or a reader that one comes into, and whom to ask for its PIN.
#[derive(Debug)]
pub(crate) struct Custodian {
    pub(crate) slot: Slot,
    pub(crate) pin: PinSource,
}

/// A custodian at work.
struct AtWork {
    desk: ReaderDesk,
    /// As its user knows the card or the reader.
    name: String,
    pin: PinSource,
}

/// What happens beside the socket.
#[derive(Debug)]
pub(crate) enum Event {
    /// The prompt is answered; without a PIN the custodian gives up.
    Pin(Option<Pin>),
    /// Standard input has ended.
    EndOfInput,
    /// The reader answers a command of the session with this number.
    Reader {
        session: u64,
        answer: ReaderAnswer,
        /// Why its file fell silent.
        failure: Option<Outcome>,
    },
    CardInserted,
    CardNotInserted(Outcome),
    /// No image is in the slot any more.
    ImageTakenOut,
}

/// Does the job, whatever comes of it.
pub(crate) async fn run(job: Job, screen: &mut Screen) -> Outcome {
    let deadline = job.timeout.map(|timeout| Instant::now() + timeout);
    let timeout_ms = job.timeout.map_or(0, |timeout| {
        u64::try_from(timeout.as_millis()).expect("it was read from milliseconds")
    });
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(why) => {
            return Outcome::Internal {
                message: format!("listen for signals: {why}"),
            };
        }
    };
    let tls = match job.way.tls() {
        Ok(tls) => tls,
        Err(outcome) => return outcome,
    };
    let connected = tokio::select! {
        connected = connect(&job.way.hsm, job.way.source) => connected,
        () = signals.recv() => return Outcome::GaveUp,
        () = passed(deadline) => return Outcome::TimedOut { timeout_ms },
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(why) => {
            return Outcome::Unreachable {
                hsm: job.way.hsm,
                message: why.to_string(),
            };
        }
    };
    tracing::info!(hsm = %job.way.hsm, "connected");
    let (events_in, mut events) = unbounded_channel();
    let custodian = match job
        .custodian
        .map(|custodian| at_work(custodian, &events_in))
        .transpose()
    {
        Ok(custodian) => custodian,
        Err(outcome) => return outcome,
    };
    let mut drive = Drive {
        link: Link::new(stream, &tls, job.way.answer_timeout, job.way.trace.clone()),
        errand: Errand::new(job.way.hsm.clone(), job.goal),
        way: job.way,
        custodian,
        card_failure: None,
        events: events_in,
        screen,
    };
    drive.obey().await;
    let is_in_time = drive.until_over(&mut events, &mut signals, deadline).await;
    if !is_in_time {
        drive.errand.on_failure(Outcome::TimedOut { timeout_ms });
        drive.link.tell(StationInput::HangUp);
        drive.obey().await;
    }
    drive.into_outcome()
}

/// The pause between two attempts of `--wait`, cut short by `left`; false if the user gives up.
pub(crate) async fn wait_turn(left: Option<Duration>) -> bool {
    let Ok(mut signals) = Signals::new() else {
        return false;
    };
    let turn = left.map_or(BUSY_TURN, |left| left.min(BUSY_TURN));
    tokio::select! {
        () = tokio::time::sleep(turn) => true,
        () = signals.recv() => false,
    }
}

fn at_work(custodian: Custodian, events: &UnboundedSender<Event>) -> Result<AtWork, Outcome> {
    let name = custodian.slot.name();
    let desk = ReaderDesk::open(custodian.slot, events.clone()).map_err(|why| Outcome::Internal {
        message: format!("start the thread of the reader: {why}"),
    })?;
    Ok(AtWork {
        desk,
        name,
        pin: custodian.pin,
    })
}

struct Drive<'a> {
    link: Link,
    errand: Errand,
    way: Way,
    custodian: Option<AtWork>,
    /// Why the card fell silent, if its file is to blame.
    card_failure: Option<Outcome>,
    events: UnboundedSender<Event>,
    screen: &'a mut Screen,
}

/// A command has one session.
const SESSION: u64 = 1;

impl Drive<'_> {
    /// Lets things happen until the connection is gone; false if the time was over before.
    async fn until_over(
        &mut self,
        events: &mut UnboundedReceiver<Event>,
        signals: &mut Signals,
        deadline: Option<Instant>,
    ) -> bool {
        let mut leave_by = None;
        while !self.errand.is_over() {
            if self.errand.is_decided() && leave_by.is_none() {
                leave_by = Some(Instant::now() + LEAVE_TIMEOUT);
            }
            tokio::select! {
                is_heard = self.link.step() => if !is_heard {
                    let step = self.errand.on_silence();
                    self.step(step);
                },
                Some(event) = events.recv() => self.on_event(event),
                () = signals.recv() => {
                    let step = self.errand.on_leave();
                    self.step(step);
                }
                () = passed(leave_by) => return true,
                () = passed(deadline) => return self.errand.is_decided(),
            }
            self.obey().await;
        }
        true
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Pin(pin) => {
                if let Some(custodian) = &mut self.custodian {
                    custodian.pin.withdraw();
                }
                self.link
                    .tell(pin.map_or(StationInput::PinCancelled, StationInput::PinEntered));
            }
            Event::EndOfInput => {
                let step = self.errand.on_leave();
                self.step(step);
            }
            Event::Reader { answer, failure, .. } => {
                // A card that fell silent because of its file is told for what it is.
                self.card_failure = failure.or(self.card_failure.take());
                self.link.tell(StationInput::Reader(answer));
            }
            Event::CardInserted => self.link.tell(StationInput::CardInserted),
            // Nothing is inserted by name here, nor taken out.
            Event::CardNotInserted(_) | Event::ImageTakenOut => {}
        }
    }

    /// Does what the connection asks for.
    async fn obey(&mut self) {
        while let Some(output) = self.link.poll() {
            self.on_station_output(output);
        }
        self.link.finish().await;
    }

    fn on_station_output(&mut self, output: StationOutput) {
        match (output, &mut self.custodian) {
            (StationOutput::Notice(Notice::Secured(secured)), _) => self.on_secured(secured.fingerprint),
            (StationOutput::Notice(notice), _) => {
                if let Some(talk) = self.errand.talk_before(&notice) {
                    self.screen.tell(&talk);
                }
                if let Some(step) = self.errand.on_notice(notice) {
                    self.step(step);
                }
            }
            (StationOutput::Reader(command), Some(custodian)) => custodian.desk.command(SESSION, command),
            (StationOutput::AskForPin, Some(custodian)) => {
                let name = shown(&custodian.name);
                custodian.pin.ask(&format!("PIN of `{name}`: "), &self.events);
            }
            (StationOutput::AskForCard, Some(custodian)) => {
                let reader = custodian.name.clone();
                custodian.desk.await_card();
                self.screen.tell(&Talk::AskForCard { reader });
            }
            (StationOutput::WithdrawPrompt, Some(custodian)) => {
                custodian.desk.stop_waiting();
                custodian.pin.withdraw();
            }
            // A station without a card never starts a dialog.
            (
                StationOutput::Reader(_)
                | StationOutput::AskForPin
                | StationOutput::WithdrawPrompt
                | StationOutput::AskForCard,
                None,
            ) => self.link.tell(StationInput::PinCancelled),
        }
    }

    fn on_secured(&mut self, fingerprint: Fingerprint) {
        let step = match self.way.on_secured(fingerprint) {
            Ok(known) => self.errand.on_trusted(fingerprint, known),
            Err(outcome) => Some(self.errand.on_failure(outcome)),
        };
        if let Some(step) = step {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(act) => self.link.tell(StationInput::Ask(act)),
            Step::HangUp => self.link.tell(StationInput::HangUp),
            Step::Tell(talk) => self.screen.tell(&talk),
            Step::Stay(outcome) => {
                self.screen.is_staying = true;
                self.screen.report(&outcome);
                let events = self.events.clone();
                let watching = thread::Builder::new().name("input".into()).spawn(move || {
                    // Input that cannot be read has ended, too.
                    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
                    let _ = events.send(Event::EndOfInput);
                });
                if watching.is_err() {
                    let _ = self.events.send(Event::EndOfInput);
                }
            }
        }
    }

    fn into_outcome(self) -> Outcome {
        self.card_failure.unwrap_or_else(|| self.errand.into_outcome())
    }
}

/// Looks the device up once more, since another program may have met it meanwhile.
fn remember(known: &KnownHsms, hsm: &Address, presented: Fingerprint) -> Result<Known, Outcome> {
    if known.fingerprint(hsm).map_err(|why| file(&why))? == Some(presented) {
        return Ok(Known::Remembered);
    }
    let trusted = known.remember(hsm, presented).map_err(|why| file(&why))?;
    if trusted == presented {
        Ok(Known::New)
    } else {
        let hsm = hsm.clone();
        Err(Outcome::FingerprintChanged {
            hsm,
            trusted,
            presented,
        })
    }
}

pub(crate) fn file(why: &impl ToString) -> Outcome {
    Outcome::File {
        message: why.to_string(),
        hint: None,
    }
}
