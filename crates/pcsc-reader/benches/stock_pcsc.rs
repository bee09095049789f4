//! Cards through the stock PC/SC daemon and the stock virtual reader, beside each other in one run: ours, one of a few
//! lines as anybody would write it, and the `vicc` of Debian. Rounds are interleaved. Prints a table and judges nothing;
//! `ci/bench` runs it and installs what it needs.

use std::{
    env,
    ffi::CString,
    fmt::Write as _,
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use apdu::{Csn, ResponseApdu};
use card_core::{CardImage, Personalisation, profile};
use pcsc::{Context, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode};
use pcsc_bed::{Bed, Reader};
use pcsc_reader::{Presence, await_card};

const ROUNDS: usize = 8;
/// A round of a card that is fast, and one of a card that takes 47 ms a command.
const FAST_ROUND: usize = 2_000;
const SLOW_ROUND: usize = 20;
/// A round of VERIFY: the disk has each try before the card compares.
const VERIFY_ROUND: usize = 100;

const PIN: &str = "12345678";
/// With P2 = 0C no file control information is asked for: Debian's program breaks over that.
const SELECT: &[u8] = &[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00];
const GET_INFO: &[u8] = &[0x80, 0xC0, 0x02, 0xA1, 0x08];
const VERIFY: &[u8] = b"\x00\x20\x00\x00\x0812345678";

/// Longer than a card may take to be seen.
const INSERTED_WITHIN: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    if args.next().as_deref() == Some("plain-card") {
        let port = args.next().and_then(|port| port.parse().ok());
        return plain_card(port.ok_or(io::ErrorKind::InvalidInput)?);
    }
    if !pcsc_bed::is_inside() {
        let status = pcsc_bed::play_inside(env::current_exe()?.as_os_str(), []).map_err(io::Error::other)?;
        return if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(status.to_string()))
        };
    }
    let bed = Bed::make(4).map_err(io::Error::other)?;
    let [synced, unsynced, plain, debian] = bed.readers() else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let folder = tempfile::tempdir()?;
    let cards = [
        Inserted::new(
            "ours",
            synced,
            FAST_ROUND,
            ours(folder.path(), "synced", synced, &[])?,
        )?,
        Inserted::new(
            "ours, `--no-sync`",
            unsynced,
            FAST_ROUND,
            ours(folder.path(), "unsynced", unsynced, &["--no-sync"])?,
        )?,
        Inserted::new("a card of a few lines", plain, SLOW_ROUND, plain_command(plain)?)?,
        Inserted::new(
            "Debian's `vicc`",
            debian,
            SLOW_ROUND,
            debian_command(folder.path(), debian)?,
        )?,
    ];
    let mut table = String::from(
        "| through stock pcscd and vpcd | card | APDU/s: median (5 % – 95 %) | p50, ms | p99, ms | answer | goal |\n\
         |---|---|---:|---:|---:|---|---:|\n",
    );
    for (what, tpdu, goal) in [("SELECT", SELECT, "≥ 5000/s"), ("GET INFO", GET_INFO, "≥ 5000/s")] {
        let mut measured: [Measured; 4] = Default::default();
        for _ in 0..ROUNDS {
            for (card, measured) in cards.iter().zip(&mut measured) {
                card.round(tpdu, card.count, measured)?;
            }
        }
        for (card, measured) in cards.iter().zip(measured) {
            measured.row(
                &mut table,
                what,
                card,
                if card.count == FAST_ROUND { goal } else { "–" },
            );
        }
    }
    // The others keep no tries, so there is nothing to be compared with.
    let mut measured: [Measured; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (card, measured) in cards.iter().zip(&mut measured) {
            card.round(VERIFY, VERIFY_ROUND, measured)?;
        }
    }
    for (card, measured) in cards.iter().zip(measured) {
        measured.row(&mut table, "VERIFY", card, "–");
    }
    writeln!(io::stdout(), "{table}")
}

/// A card of its own process, in a reader of PC/SC.
struct Inserted {
    what: &'static str,
    card: pcsc::Card,
    /// Commands of a round.
    count: usize,
    process: Child,
}

impl Inserted {
    fn new(what: &'static str, reader: &Reader, count: usize, mut program: Command) -> io::Result<Self> {
        let process = program.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        if !await_card(&reader.name, Presence::Inserted, INSERTED_WITHIN).map_err(io::Error::other)? {
            return Err(io::Error::other(format!("{what}: never came into the reader")));
        }
        let context = Context::establish(Scope::User).map_err(io::Error::other)?;
        let name = CString::new(reader.name.as_str())?;
        // Debian's program speaks T=1.
        let card = context.connect(&name, ShareMode::Exclusive, Protocols::ANY);
        Ok(Self {
            what,
            card: card.map_err(io::Error::other)?,
            count,
            process,
        })
    }

    fn failed(&self, why: &impl ToString) -> io::Error {
        io::Error::other(format!("{}: {}", self.what, why.to_string()))
    }

    fn round(&self, tpdu: &[u8], count: usize, measured: &mut Measured) -> io::Result<()> {
        let mut buffer = [0; MAX_BUFFER_SIZE];
        let begin = Instant::now();
        for _ in 0..count {
            let asked = Instant::now();
            let answer = self.card.transmit(tpdu, &mut buffer);
            let answer = answer.map_err(|why| self.failed(&why))?;
            measured.millis.push(asked.elapsed().as_secs_f64() * 1e3);
            let answer = ResponseApdu::try_from(answer).map_err(|why| self.failed(&why))?;
            measured.answer = answer.status.to_string();
        }
        let count = f64::from(u32::try_from(count).map_err(io::Error::other)?);
        measured.rates.push(count / begin.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What was measured of one card with one command.
#[derive(Default)]
struct Measured {
    /// Of each round.
    rates: Vec<f64>,
    /// Of each command.
    millis: Vec<f64>,
    /// The last one.
    answer: String,
}

impl Measured {
    fn row(mut self, table: &mut String, command: &str, card: &Inserted, goal: &str) {
        self.rates.sort_by(f64::total_cmp);
        self.millis.sort_by(f64::total_cmp);
        let at = |figures: &[f64], share: usize| figures[(figures.len() - 1) * share / 100];
        writeln!(
            table,
            "| {command} | {} | {:.0} ({:.0} – {:.0}) | {:.3} | {:.3} | {} | {goal} |",
            card.what,
            at(&self.rates, 50),
            at(&self.rates, 5),
            at(&self.rates, 95),
            at(&self.millis, 50),
            at(&self.millis, 99),
            self.answer,
        )
        .expect("a String takes everything");
    }
}

fn ours(folder: &Path, name: &str, reader: &Reader, flags: &[&str]) -> io::Result<Command> {
    let path = folder.join(format!("{name}.card"));
    let image = CardImage::personalised(&Personalisation {
        csn: Csn(*b"a card of bench."),
        pin: PIN,
        label: name,
        shadow: b"not a real shadow",
        card_type: profile::CARD_TYPE,
        presentations_max: profile::PRESENTATIONS_MAX,
    });
    fs::write(&path, image.map_err(io::Error::other)?.to_text())?;
    let bench = env::current_exe()?;
    // A bench stands in `target/release/deps`.
    let programs = bench.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(programs.join("virtual-card"));
    command.arg("vicc").arg(path).args(flags);
    command.args(["--log-level", "off", "--connect"]);
    command.arg(format!("127.0.0.1:{}", reader.port));
    Ok(command)
}

fn plain_command(reader: &Reader) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["plain-card", &reader.port.to_string()]);
    Ok(command)
}

/// Debian's program, which looks for its modules where Debian does not put them.
fn debian_command(folder: &Path, reader: &Reader) -> io::Result<Command> {
    symlink("/usr/lib/python3/dist-packages/Cryptodome", folder.join("Crypto"))?;
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["/usr/bin/vicc", "--hostname", "127.0.0.1", "--port"])
        .arg(reader.port.to_string())
        .env(
            "PYTHONPATH",
            format!(
                "{}:/usr/lib/python3/site-packages/virtualsmartcard",
                folder.display()
            ),
        )
        .stderr(Stdio::null());
    Ok(command)
}

/// The card of a few lines: answers 9000 to everything, and has never heard of delayed acknowledgements.
fn plain_card(port: u16) -> io::Result<()> {
    let mut reader = TcpStream::connect(("127.0.0.1", port))?;
    reader.set_nodelay(true)?;
    loop {
        let mut len = [0; 2];
        reader.read_exact(&mut len)?;
        let mut message = vec![0; u16::from_be_bytes(len).into()];
        reader.read_exact(&mut message)?;
        match message[..] {
            [4] => reader.write_all(&[0, 4, 0x3B, 0x02, 0x14, 0x50])?,
            [_] => {}
            _ => reader.write_all(&[0, 2, 0x90, 0x00])?,
        }
    }
}
