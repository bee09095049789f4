//! Plays the scenarios that are about a card in a reader of its own with a real one: a `virtual-card vicc` process in a
//! reader of the stock PC/SC daemon, inside a bed of its own. Everything else is skipped, and says why. Decides no
//! verdict: the steps are those of the simulation.

use std::{
    cell::Cell,
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use apdu::{ReaderAnswer, ReaderCommand};
use card_core::CardImage;
use pcsc_bed::{Bed, Reader};
use pcsc_reader::{PcscReader, Presence, await_card};
use program::{ExitCode, Problem};
use sim::Seed;
use tempfile::TempDir;

use super::{Played, Skipped, sim::play_on};
use crate::{
    card_under_test::{CardBed, CardUnderTest, Silence},
    gherkin::pickle::Pickle,
    rig::Ready,
    steps::{Handler, Steps, Value, breaks_a_card},
};

/// How long a card may be on its way into a reader or out of it. The stock reader looks every 0.4 s.
const ON_THE_WAY: Duration = Duration::from_secs(30);

/// Makes the lane ready for so many scenarios at a time: inside a bed it starts the daemon, and outside it plays this
/// program once more inside one.
pub fn make_ready(jobs: NonZeroUsize) -> Result<Ready<'static, Value, Handler>, Problem> {
    let own = env::current_exe().map_err(|why| Problem::io("find", Path::new("hsm-rig"), &why))?;
    let program = own.with_file_name("virtual-card");
    if !program.is_file() {
        let what = format!(
            "play scenarios in lane `pcsc`: expected the program `{}`, got nothing there",
            program.display()
        );
        return Err(Problem::new(ExitCode::Usage, what)
            .hint("`cargo build -p virtual-card` builds it, with `--release` if `hsm-rig` was built so"));
    }
    if !pcsc_bed::is_inside() {
        let status = pcsc_bed::play_inside(own.as_os_str(), env::args_os().skip(1))?;
        let code = ExitCode::ALL
            .into_iter()
            .find(|code| Some(i32::from(code.code())) == status.code());
        // Whatever else ended it, it did not end itself.
        return Ok(Ready::Elsewhere(code.unwrap_or(ExitCode::Internal)));
    }
    let bed = Bed::make(jobs.get())?;
    for reader in bed.readers() {
        await_card(&reader.name, Presence::Removed, ON_THE_WAY)?;
    }
    let readers = Arc::new(Readers {
        program,
        free: Mutex::new(bed.readers().to_vec()),
        returned: Condvar::new(),
        _bed: bed,
    });
    Ok(Ready::Here(Box::new(move |pickle, steps, seed| {
        play(&readers, pickle, steps, seed)
    })))
}

fn play(readers: &Arc<Readers>, pickle: &Pickle, steps: &Steps, seed: Seed) -> Result<Played, Skipped> {
    if let Some(why) = Skipped::of(pickle) {
        return Err(why);
    }
    let resolved = pickle
        .steps
        .iter()
        .filter_map(|step| steps.resolve(&pickle.source, step).ok());
    if resolved
        .into_iter()
        .any(|found| breaks_a_card(found.definition.expression))
    {
        return Err(Skipped(
            "breaks a card or looks into it, and the lane lets cards be".into(),
        ));
    }
    let bed = Rc::new(PcscCards {
        readers: readers.clone(),
        is_asked: Cell::new(false),
    });
    let played = play_on(pickle, steps, seed, bed.clone());
    // Whoever never asks for a card was played by the simulation alone, which its own lane does.
    if bed.is_asked.get() {
        Ok(played)
    } else {
        Err(Skipped("puts no card into a reader of its own".into()))
    }
}

/// The readers of the bed that hold no card.
struct Readers {
    /// `virtual-card`
    program: PathBuf,
    free: Mutex<Vec<Reader>>,
    returned: Condvar,
    _bed: Bed,
}

impl Readers {
    fn free(&self) -> MutexGuard<'_, Vec<Reader>> {
        // A world that broke left the list as it was.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one. A scenario holds one at a time, so there is an end to that.
    fn take(&self) -> Reader {
        let mut free = self.free();
        loop {
            match free.pop() {
                Some(reader) => return reader,
                None => free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn give_back(&self, reader: Reader) {
        self.free().push(reader);
        self.returned.notify_one();
    }
}

/// The cards of one scenario.
struct PcscCards {
    readers: Arc<Readers>,
    is_asked: Cell<bool>,
}

impl CardBed for PcscCards {
    fn reader_with(&self, image: CardImage) -> Result<Box<dyn CardUnderTest>, String> {
        self.is_asked.set(true);
        let folder = tempfile::tempdir().map_err(|why| format!("make a folder for a card: {why}"))?;
        let path = folder.path().join("card");
        fs::write(&path, image.to_text()).map_err(|why| format!("write `{}`: {why}", path.display()))?;
        let place = self.readers.take();
        let reader = PcscReader::new(&place.name).map_err(|problem| problem.what)?;
        let mut card = PcscCard {
            readers: self.readers.clone(),
            place,
            path,
            vicc: None,
            reader,
            _folder: folder,
        };
        card.start().map_err(|silence| silence.to_string())?;
        Ok(Box::new(card))
    }
}

/// A card in a process of its own, in a reader of the bed.
struct PcscCard {
    readers: Arc<Readers>,
    place: Reader,
    path: PathBuf,
    vicc: Option<Child>,
    reader: PcscReader,
    _folder: TempDir,
}

impl PcscCard {
    /// Starts `virtual-card vicc`; the card is in the reader.
    fn start(&mut self) -> Result<(), Silence> {
        // A card that is on its way out would be taken for this one.
        self.wait_for(Presence::Removed)?;
        let vicc = Command::new(&self.readers.program)
            .arg("vicc")
            .arg(&self.path)
            .args(["--log-level", "error", "--connect"])
            .arg(format!("127.0.0.1:{}", self.place.port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.vicc = Some(vicc.map_err(|why| Silence::Failed(format!("start `virtual-card`: {why}")))?);
        self.wait_for(Presence::Inserted)
    }

    /// Kills `virtual-card vicc`; the card is out of the reader.
    fn kill(&mut self) -> Result<(), Silence> {
        self.reader.answer(&ReaderCommand::PowerOff);
        if let Some(mut vicc) = self.vicc.take() {
            // It is ours, and it may have ended already.
            let _ = vicc.kill();
            let _ = vicc.wait();
        }
        self.wait_for(Presence::Removed)
    }

    fn wait_for(&self, awaited: Presence) -> Result<(), Silence> {
        match await_card(&self.place.name, awaited, ON_THE_WAY) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Silence::Failed(format!(
                "waited {ON_THE_WAY:?} for a card to be {awaited:?}"
            ))),
            Err(problem) => Err(Silence::Failed(problem.what)),
        }
    }

    /// `virtual-card insert` or `remove`.
    fn tell(&self, what: &str) -> Result<(), Silence> {
        let failed = |why: &dyn ToString| {
            let why = why.to_string();
            Silence::Failed(format!("`virtual-card {what}`: {}", why.trim()))
        };
        let told = Command::new(&self.readers.program)
            .arg(what)
            .arg(&self.path)
            .stdin(Stdio::null())
            .output()
            .map_err(|why| failed(&why))?;
        if told.status.success() {
            Ok(())
        } else {
            Err(failed(&String::from_utf8_lossy(&told.stderr)))
        }
    }

    fn ask(&mut self, command: &ReaderCommand) -> Result<Vec<u8>, Silence> {
        match self.reader.answer(command) {
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
            ReaderAnswer::ReaderUnavailable => Err(Silence::Failed(
                "the reader, or the daemon, is unavailable".into(),
            )),
        }
    }
}

impl CardUnderTest for PcscCard {
    fn power_on(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOff)?;
        self.ask(&ReaderCommand::PowerOn)
    }

    /// A card that is ours already is reset as it is.
    fn warm_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOn)
    }

    fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::Transmit(tpdu.to_vec()))
    }

    fn remove(&mut self) -> Result<(), Silence> {
        self.tell("remove")?;
        self.wait_for(Presence::Removed)
    }

    fn insert(&mut self) -> Result<(), Silence> {
        self.tell("insert")?;
        self.wait_for(Presence::Inserted)
    }

    fn restart(&mut self) -> Result<(), Silence> {
        self.kill()?;
        self.start()
    }
}

impl Drop for PcscCard {
    fn drop(&mut self) {
        // If the reader does not let go of it, the next scenario finds out.
        let _ = self.kill();
        self.readers.give_back(self.place.clone());
    }
}
