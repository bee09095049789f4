//! Cards in readers of their own: a `virtual-card vicc` process for each, and the wire of vpcd between it and the reader.
//! The steps are those of the simulation.

use std::{
    cell::Cell,
    fs,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use apdu::{ReaderAnswer, ReaderCommand};
use card_core::CardImage;
use serde_json::Value;
use virtual_card::VirtualReader;

use super::device::{START_PATIENCE, TURN};
use crate::card_under_test::{CardBed, CardUnderTest, Silence, torn_out};

/// How long a card may take for an answer. What is mute longer than that is mute.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// The cards of one scenario.
pub(super) struct ProcessBed {
    program: PathBuf,
    folder: PathBuf,
    /// How many were put into readers.
    pub(super) asked: Cell<usize>,
}

impl ProcessBed {
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            asked: Cell::new(0),
        }
    }
}

impl CardBed for ProcessBed {
    fn reader_with(&self, image: CardImage) -> Result<Box<dyn CardUnderTest>, String> {
        let number = self.asked.get();
        self.asked.set(number + 1);
        let path = self.folder.join(format!("{number}.card"));
        fs::write(&path, image.to_text()).map_err(|why| format!("write `{}`: {why}", path.display()))?;
        let mut card = ProcessCard {
            program: self.program.clone(),
            path,
            vicc: None,
            reader: None,
            at_power_on: None,
            sent: Vec::new(),
        };
        card.start(None).map_err(|silence| silence.to_string())?;
        Ok(Box::new(card))
    }
}

/// A card in a process of its own.
struct ProcessCard {
    program: PathBuf,
    path: PathBuf,
    vicc: Option<Child>,
    /// `None` while there is no card in it.
    reader: Option<VirtualReader>,
    /// Its image as it was when it got its power, while it has that.
    at_power_on: Option<Vec<u8>>,
    /// The commands since then.
    sent: Vec<Vec<u8>>,
}

impl ProcessCard {
    /// Starts `virtual-card vicc`, which waits for the reader. The card has these faults, if any.
    fn start(&mut self, faults: Option<&str>) -> Result<(), Silence> {
        let ready = self.path.with_extension("ready");
        // The one before was killed, and has left its own behind.
        if let Err(why) = fs::remove_file(&ready)
            && why.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Silence::Failed(format!("remove `{}`: {why}", ready.display())));
        }
        let fault_file = self.path.with_extension("faults");
        if let Some(faults) = faults {
            let written = fs::write(&fault_file, faults);
            written.map_err(|why| Silence::Failed(format!("write `{}`: {why}", fault_file.display())))?;
        }
        let mut vicc = Command::new(&self.program);
        vicc.arg("vicc").arg(&self.path);
        if faults.is_some() {
            vicc.arg("--fault").arg(&fault_file);
        }
        let vicc = vicc
            .args([
                "--listen",
                "127.0.0.1:0",
                "--end-with-input",
                "--log-level",
                "error",
                "--ready-file",
            ])
            .arg(&ready)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the runner, and this one ends with it.
            .process_group(0)
            .spawn();
        let vicc = vicc.map_err(|why| Silence::Failed(format!("start `virtual-card`: {why}")))?;
        let vicc = self.vicc.insert(vicc);
        let give_up = Instant::now() + START_PATIENCE;
        let address = loop {
            // It appears whole.
            if let Ok(facts) = fs::read(&ready) {
                break address_of(&facts);
            }
            if !matches!(vicc.try_wait(), Ok(None)) || Instant::now() > give_up {
                return Err(Silence::Failed(
                    "`virtual-card vicc` does not become ready".into(),
                ));
            }
            thread::sleep(TURN);
        };
        let address = address.ok_or_else(|| Silence::Failed("a ready-file with an address".into()))?;
        self.reader = Some(VirtualReader::connect(address).with_answer_wait(ANSWER_WAIT));
        Ok(())
    }

    /// Kills `virtual-card vicc`; the card is out of the reader.
    fn kill(&mut self) {
        self.reader = None;
        self.at_power_on = None;
        if let Some(mut vicc) = self.vicc.take() {
            // It is ours, and it may have ended already.
            let _ = vicc.kill();
            let _ = vicc.wait();
        }
    }

    /// What is on the disk.
    fn text(&self) -> Result<Vec<u8>, Silence> {
        fs::read(&self.path).map_err(|why| Silence::Failed(format!("read `{}`: {why}", self.path.display())))
    }

    fn ask(&mut self, command: &ReaderCommand) -> Result<Vec<u8>, Silence> {
        let reader = self.reader.as_mut().ok_or(Silence::Absent)?;
        match reader.answer(command) {
            ReaderAnswer::Atr(atr) => Ok(atr.as_bytes().to_vec()),
            ReaderAnswer::Response(response) => {
                let mut bytes = response.data;
                bytes.extend(response.status.0.to_be_bytes());
                Ok(bytes)
            }
            ReaderAnswer::PoweredOff => Ok(Vec::new()),
            ReaderAnswer::CardAbsent => Err(Silence::Absent),
            ReaderAnswer::CardRemoved => Err(Silence::Removed),
            ReaderAnswer::CardMute => Err(Silence::Mute),
            ReaderAnswer::ReaderUnavailable => Err(Silence::Failed("the reader is unavailable".into())),
        }
    }
}

impl CardUnderTest for ProcessCard {
    fn power_on(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOff)?;
        self.at_power_on = Some(self.text()?);
        self.sent.clear();
        self.ask(&ReaderCommand::PowerOn)
    }

    fn warm_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOn)
    }

    fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        self.sent.push(tpdu.to_vec());
        self.ask(&ReaderCommand::Transmit(tpdu.to_vec()))
    }

    fn remove(&mut self) -> Result<(), Silence> {
        self.kill();
        Ok(())
    }

    fn insert(&mut self) -> Result<(), Silence> {
        self.start(None)
    }

    fn restart(&mut self) -> Result<(), Silence> {
        self.kill();
        self.start(None)
    }

    /// The program takes faults when it starts, so it is another one that has them.
    fn set_faults(&mut self, text: &str) -> Result<(), Silence> {
        if !self.sent.is_empty() {
            return Err(Silence::Failed(
                "a card that was told something has no new faults".into(),
            ));
        }
        self.kill();
        self.start(Some(text))?;
        self.power_on().map(drop)
    }

    /// The same commands again, from the same image, to a program with that fault at the last.
    fn tear_out(&mut self, bytes: i64, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        let image = self.at_power_on.take().ok_or(Silence::Absent)?;
        let sent = std::mem::take(&mut self.sent);
        self.kill();
        let put_back = fs::write(&self.path, image);
        put_back.map_err(|why| Silence::Failed(format!("write `{}`: {why}", self.path.display())))?;
        self.start(Some(&torn_out(sent.len() + 1, bytes)))?;
        self.power_on()?;
        for again in &sent {
            self.transmit(again)?;
        }
        let came = self.transmit(tpdu);
        self.kill();
        came
    }

    fn image(&self) -> Result<CardImage, Silence> {
        let text = String::from_utf8(self.text()?);
        let text = text.map_err(|why| Silence::Failed(why.to_string()))?;
        CardImage::from_text(&text).map_err(|invalid| Silence::Failed(invalid.to_string()))
    }
}

impl Drop for ProcessCard {
    fn drop(&mut self) {
        self.kill();
    }
}

fn address_of(facts: &[u8]) -> Option<SocketAddr> {
    let facts: Value = serde_json::from_slice(facts).ok()?;
    facts["cards"][0]["listen"].as_str()?.parse().ok()
}
