//! `hsm-client station`: this program in the place of a person's station, told by another program what the person does.
//! Speaks the contract of `docs/client-contract.md`, a JSON object a line, and does nothing by itself.

use std::{
    io::{self, BufRead as _, Write as _},
    net::IpAddr,
    path::PathBuf,
    thread,
};

use apdu::{ReaderAnswer, ReaderCommand};
use hsm_client::{Fingerprint, Notice, Pin, Speaker, StationInput, StationOutput, TlsClientConfig, Trust};
use protocol::ManagerRequest;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel, unbounded_channel};

use crate::{
    address::Address,
    drive::{Event, Way},
    link::{Link, connect},
    outcome::{Outcome, Words},
    reader::{ReaderDesk, ReaderName, Slot},
};

/// The version of the contract.
const CONTRACT: u32 = 1;
/// Bytes of one line that this program is told, its LF not counted.
const LINE_BYTES_MAX: usize = 65_536;
/// Lines that may wait; who writes faster waits.
const LINES_MAX: usize = 64;

/// What the person does, or the program that stands for it.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Deed {
    Connect {
        hsm: String,
        fingerprint: String,
        source: Option<IpAddr>,
    },
    Ask {
        method: String,
        #[serde(default)]
        params: Value,
    },
    Insert(Inserted),
    Remove,
    Unplug,
    Pin {
        pin: String,
    },
    Cancel,
    HangUp,
    /// Ends this program with a reset of its connection.
    Crash,
    /// Until so many bytes have come, or until the connection is over if there is no number.
    Sync {
        received: Option<u64>,
    },
}

/// What is put in.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Inserted {
    /// The image at this path.
    Card(PathBuf),
    /// A card that a person has put into the reader of this name.
    Reader(String),
}

/// Runs until the other program closes standard input.
pub(crate) async fn run(way: Way) -> Result<(), Outcome> {
    let internal = |what: &str, why: io::Error| Outcome::Internal {
        message: format!("{what}: {why}"),
    };
    let mut deeds = read_deeds().map_err(|why| internal("start the thread of the input", why))?;
    let (events_in, mut events) = unbounded_channel();
    let desk = ReaderDesk::open(Slot::Image(None), events_in)
        .map_err(|why| internal("start the thread of the reader", why))?;
    let mut shell = Shell {
        way,
        desk,
        link: None,
        sessions: 0,
        is_unplugged: false,
        busy: 0,
        counted: (0, 0),
        sync: None,
    };
    tell(&json!({"tell": "ready", "contract": CONTRACT, "cards": "image"}))?;
    loop {
        tokio::select! {
            _ = step(&mut shell.link) => {}
            Some(event) = events.recv() => shell.on_event(event)?,
            deed = deeds.recv() => match deed {
                Some(Ok(Deed::Crash)) => {
                    let reset = shell.link.take().map_or(Ok(()), Link::reset);
                    return reset.map_err(|why| internal("reset the connection", why));
                }
                Some(Ok(deed)) => shell.on_deed(deed, &mut events).await?,
                Some(Err(message)) => tell(&json!({"tell": "problem", "message": message}))?,
                None => return Ok(()),
            },
        }
        shell.obey().await?;
        shell.answer_sync()?;
    }
}

/// Reads lines on a thread of its own, which ends with the process.
fn read_deeds() -> io::Result<Receiver<Result<Deed, String>>> {
    let (deeds_in, deeds) = channel(LINES_MAX);
    thread::Builder::new().name("input".into()).spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let limit = u64::try_from(LINE_BYTES_MAX + 1).unwrap_or(u64::MAX);
            match io::Read::take(&mut input, limit).read_until(b'\n', &mut line) {
                // Input that cannot be read has ended, too.
                Ok(0) | Err(_) => return,
                Ok(_) if line.pop_if(|last| *last == b'\n').is_none() && line.len() > LINE_BYTES_MAX => {
                    let why = format!("read what to do: expected a line of at most {LINE_BYTES_MAX} bytes");
                    let _ = deeds_in.blocking_send(Err(why));
                    return;
                }
                Ok(_) => {}
            }
            let deed = serde_json::from_slice(&line)
                // What stands in it may be a PIN.
                .map_err(|why| {
                    format!(
                        "read what to do: expected a line of the contract, got another ({:?} error)",
                        why.classify()
                    )
                });
            if deeds_in.blocking_send(deed).is_err() {
                return;
            }
        }
    })?;
    Ok(deeds)
}

/// Without a connection nothing happens at one. A device that owes a word is waited for.
async fn step(link: &mut Option<Link>) -> bool {
    match link {
        Some(link) => link.step().await,
        None => core::future::pending().await,
    }
}

fn tell(told: &Value) -> Result<(), Outcome> {
    let mut output = io::stdout().lock();
    let written = writeln!(output, "{told}").and_then(|()| output.flush());
    written.map_err(|why| Outcome::File {
        message: format!("write standard output: {why}"),
        hint: None,
    })
}

/// What is waited for before a sync is answered.
#[derive(Clone, Copy)]
enum Until {
    Received(u64),
    Over,
}

struct Shell {
    way: Way,
    desk: ReaderDesk,
    link: Option<Link>,
    /// How many connections there were; the last one has this number.
    sessions: u64,
    is_unplugged: bool,
    /// Orders that the reader has not carried out.
    busy: usize,
    /// Bytes sent and received on the connection that ended last.
    counted: (u64, u64),
    sync: Option<Until>,
}

impl Shell {
    fn tell_session(&mut self, input: StationInput) {
        if let Some(link) = &mut self.link {
            link.tell(input);
        }
    }

    async fn on_deed(&mut self, deed: Deed, events: &mut UnboundedReceiver<Event>) -> Result<(), Outcome> {
        match deed {
            Deed::Connect {
                hsm,
                fingerprint,
                source,
            } => return self.connect(&hsm, &fingerprint, source).await,
            Deed::Ask { method, params } => match ManagerRequest::decode(&method, &params) {
                Ok(request) => self.tell_session(StationInput::Ask(request)),
                Err(why) => {
                    let message = format!("ask the device: {why}");
                    return tell(&json!({"tell": "problem", "message": message}));
                }
            },
            Deed::Insert(inserted) => {
                match inserted {
                    Inserted::Card(card) => self.desk.insert(card),
                    Inserted::Reader(name) => match name.parse::<ReaderName>() {
                        Ok(name) => self.desk.use_reader(name),
                        Err(why) => {
                            let message = format!("insert a card: {why}");
                            return tell(&json!({"tell": "problem", "message": message}));
                        }
                    },
                }
                // Whoever takes the card out next must find it in.
                let is_done =
                    |event: &Event| matches!(event, Event::CardInserted | Event::CardNotInserted(_));
                self.wait_for(is_done, events).await?;
            }
            Deed::Remove => {
                self.desk.take_out_image();
                // Whoever has it next must find it free.
                let is_done = |event: &Event| matches!(event, Event::ImageTakenOut);
                self.wait_for(is_done, events).await?;
                self.tell_session(StationInput::CardRemoved);
            }
            Deed::Unplug => self.is_unplugged = true,
            Deed::Pin { pin } => self.tell_session(StationInput::PinEntered(Pin::from(pin.as_str()))),
            Deed::Cancel => self.tell_session(StationInput::PinCancelled),
            Deed::HangUp => self.tell_session(StationInput::HangUp),
            Deed::Sync { received } => self.sync = Some(received.map_or(Until::Over, Until::Received)),
            Deed::Crash => unreachable!("it ends the program before it comes here"),
        }
        Ok(())
    }

    /// Takes in what comes from the reader, to the event that is waited for.
    async fn wait_for(
        &mut self,
        is_it: impl Fn(&Event) -> bool,
        events: &mut UnboundedReceiver<Event>,
    ) -> Result<(), Outcome> {
        while let Some(event) = events.recv().await {
            let was_it = is_it(&event);
            self.on_event(event)?;
            if was_it {
                break;
            }
        }
        Ok(())
    }

    async fn connect(&mut self, hsm: &str, fingerprint: &str, source: Option<IpAddr>) -> Result<(), Outcome> {
        let (Ok(hsm), Ok(fingerprint)) = (hsm.parse::<Address>(), fingerprint.parse::<Fingerprint>()) else {
            let message = "connect: expected an address and a fingerprint, got something else";
            return tell(&json!({"tell": "problem", "message": message}));
        };
        self.link = None;
        let stream = connect(&hsm, source)
            .await
            .and_then(|stream| Ok((stream.local_addr()?, stream)));
        match stream {
            Ok((address, stream)) => {
                let tls = TlsClientConfig::new(Trust::Pinned(fingerprint));
                let mut link = Link::new(stream, &tls, self.way.answer_timeout, self.way.trace.clone());
                link.keep_lines();
                self.link = Some(link);
                self.sessions += 1;
                tell(&json!({"tell": "connected", "address": address.to_string()}))
            }
            Err(why) => tell(&json!({"tell": "unreachable", "message": why.to_string()})),
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), Outcome> {
        match event {
            Event::Reader { session, answer, .. } => {
                self.busy = self.busy.saturating_sub(1);
                if session == self.sessions {
                    self.tell_session(StationInput::Reader(answer));
                }
            }
            Event::CardInserted => self.tell_session(StationInput::CardInserted),
            Event::CardNotInserted(why) => {
                let (Words::Problem(message, _) | Words::Data(message)) = why.words();
                return tell(&json!({"tell": "problem", "message": message}));
            }
            // Nobody types here.
            Event::ImageTakenOut | Event::Pin(_) | Event::EndOfInput => {}
        }
        Ok(())
    }

    /// Does what the session asks for, and tells what there is to tell.
    async fn obey(&mut self) -> Result<(), Outcome> {
        while let Some(output) = self.link.as_mut().and_then(Link::poll) {
            self.tell_lines()?;
            self.on_station_output(output)?;
        }
        self.tell_lines()?;
        if let Some(link) = &mut self.link {
            link.finish().await;
        }
        Ok(())
    }

    fn tell_lines(&mut self) -> Result<(), Outcome> {
        let lines = self.link.as_mut().map(Link::take_lines).unwrap_or_default();
        for (speaker, line) in lines {
            let from = match speaker {
                Speaker::Device => "device",
                Speaker::Station => "station",
            };
            tell(&json!({"tell": "line", "from": from, "line": line}))?;
        }
        Ok(())
    }

    fn on_station_output(&mut self, output: StationOutput) -> Result<(), Outcome> {
        match output {
            StationOutput::Reader(command) if self.is_unplugged => {
                let answer = match command {
                    ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
                    ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => ReaderAnswer::ReaderUnavailable,
                };
                self.tell_session(StationInput::Reader(answer));
                Ok(())
            }
            StationOutput::Reader(command) => {
                self.busy += 1;
                self.desk.command(self.sessions, command);
                Ok(())
            }
            StationOutput::AskForCard => tell(&json!({"tell": "prompt", "for": "card"})),
            StationOutput::AskForPin => tell(&json!({"tell": "prompt", "for": "pin"})),
            StationOutput::WithdrawPrompt => tell(&json!({"tell": "prompt", "for": null})),
            StationOutput::Notice(notice) => {
                if let Notice::Ended { .. } = notice
                    && let Some(link) = self.link.take()
                {
                    self.counted = (link.sent_len(), link.received_len());
                }
                hsm_client::told(&notice).map_or(Ok(()), |told| tell(&told))
            }
        }
    }

    /// Says how far the connection is, once it is as far as was asked for.
    fn answer_sync(&mut self) -> Result<(), Outcome> {
        let Some(until) = self.sync else {
            return Ok(());
        };
        let (sent, received) = match (&self.link, until) {
            (None, _) if self.busy == 0 => self.counted,
            (Some(link), Until::Received(bytes))
                if self.busy == 0 && link.is_sent() && link.received_len() >= bytes =>
            {
                (link.sent_len(), link.received_len())
            }
            _ => return Ok(()),
        };
        self.sync = None;
        tell(&json!({"tell": "synced", "sent": sent, "received": received}))
    }
}
