//! What stands in a bed: the stock daemon and its readers. Each pair of readers is a driver of its own file, because the
//! stock driver has two slots and keeps them in variables that all its readers share.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs,
    io::{self, BufRead as _, BufReader, Read},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use program::{ExitCode, Problem};

use crate::is_inside;

/// Most readers of a bed. pcsc-lite before 2.5 has no more (`PCSCLITE_MAX_READERS_CONTEXTS`).
pub const READERS_MAX: usize = 16;

/// Slots of the driver as it is packaged.
const SLOTS: usize = 2;

/// Where the first reader listens for its card: `VPCDPORT` of vsmartcard. Nobody else is in this network.
const FIRST_PORT: u16 = 0x8C7B;

/// Where Debian puts the driver.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// Where the daemon's configuration is. Gone with the bed, like everything below `/run`.
const FOLDER: &str = "/run/pcsc-bed";

/// How long the daemon may take to serve. It takes milliseconds; only a broken one takes longer.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Where programs find the daemon.
const SOCKET: &str = "/run/pcscd/pcscd.comm";

/// What the daemon says when its readers are there.
const READY: &str = "daemon ready";

/// Most lines of the daemon's log that are kept for a report.
const LOG_LINES_MAX: usize = 50;

/// A reader without a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// As PC/SC calls it.
    pub name: String,
    /// Where it listens on the loopback for a card by the protocol of vsmartcard.
    pub port: u16,
}

/// A running daemon and its readers.
#[derive(Debug)]
pub struct Bed {
    readers: Vec<Reader>,
    config: PathBuf,
    daemon: Option<Daemon>,
}

impl Bed {
    /// Starts the daemon with this many readers, and comes back when it serves. Only inside the namespaces of a bed. PC/SC calls a reader
    /// unavailable until the daemon has looked into it for the first time; wait for it to be empty.
    pub fn make(readers: usize) -> Result<Self, Problem> {
        let usage = |what: String| Problem::new(ExitCode::Usage, what);
        if !is_inside() {
            let what = "make a PC/SC bed: expected to be inside the namespaces of one, got the machine's own";
            return Err(usage(what.into()));
        }
        if readers > READERS_MAX {
            return Err(usage(format!(
                "make a PC/SC bed: expected 0 to {READERS_MAX} readers, got {readers}"
            )));
        }
        let folder = Path::new(FOLDER);
        fs::create_dir_all(folder).map_err(|why| Problem::io("make", folder, &why))?;
        let config = folder.join("reader.conf");
        let mut text = String::new();
        let mut named = Vec::new();
        for (driver, first) in (0..readers).step_by(SLOTS).enumerate() {
            let file = folder.join(format!("libifdvpcd-{driver}.so"));
            fs::copy(DRIVER, &file).map_err(|why| {
                Problem::io("copy the driver", Path::new(DRIVER), &why)
                    .hint("install the package `vsmartcard-vpcd`")
            })?;
            let port = port(first);
            writeln!(
                text,
                "FRIENDLYNAME \"Bed {driver}\"\nDEVICENAME /dev/null:{port:#06X}\nLIBPATH {}\nCHANNELID {port:#06X}\n",
                file.display()
            )
            .expect("a String takes everything");
            for slot in 0..SLOTS {
                named.push(Reader {
                    name: format!("Bed {driver} 00 {slot:02}"),
                    port: self::port(first + slot),
                });
            }
        }
        fs::write(&config, text).map_err(|why| Problem::io("write", &config, &why))?;
        named.truncate(readers);
        let daemon = Daemon::start(&config)?;
        Ok(Self {
            readers: named,
            config,
            daemon: Some(daemon),
        })
    }

    /// The readers, as many as were asked for. The daemon may know one more, since drivers come with two.
    pub fn readers(&self) -> &[Reader] {
        &self.readers
    }

    /// Ends the daemon, as a crash would, and starts it anew. Who was connected is not any more.
    pub fn restart_daemon(&mut self) -> Result<(), Problem> {
        // The old one lets go of its sockets before the new one wants them.
        self.daemon = None;
        self.daemon = Some(Daemon::start(&self.config)?);
        Ok(())
    }

    /// The last lines that the daemon logged.
    pub fn log(&self) -> String {
        self.daemon.as_ref().map_or_else(String::new, Daemon::log)
    }
}

fn port(reader: usize) -> u16 {
    FIRST_PORT + u16::try_from(reader).expect("there are few readers")
}

#[derive(Debug)]
struct Daemon {
    child: Child,
    /// Lines, without their ends.
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Daemon {
    fn start(config: &Path) -> Result<Self, Problem> {
        // What a killed one left behind would be taken for a running one.
        for left in [SOCKET, "/run/pcscd/pcscd.pid"] {
            match fs::remove_file(left) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => {
                    return Err(Problem::io("remove", Path::new(left), &why));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let mut child = Command::new("pcscd")
            .args(["--foreground", "--info", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|why| {
                Problem::new(ExitCode::Usage, format!("start `pcscd`: {why}"))
                    .hint("install the package `pcscd`")
            })?;
        let stdout = child.stdout.take().expect("the standard output was asked for");
        let daemon = Self {
            child,
            log: Arc::default(),
        };
        let (ready, is_ready) = mpsc::channel();
        let log = daemon.log.clone();
        thread::spawn(move || keep_log(stdout, &log, &ready));
        let deadline = Instant::now() + READY_WITHIN;
        // No message: the daemon ended, or is stuck.
        let mut serves = is_ready.recv_timeout(READY_WITHIN).is_ok();
        // It says that it is ready, and a moment later makes its socket, of which it says nothing.
        while serves && UnixStream::connect(SOCKET).is_err() {
            thread::yield_now();
            serves = Instant::now() < deadline;
        }
        if serves {
            return Ok(daemon);
        }
        let said = daemon.log();
        let what = format!("start `pcscd`: expected it to serve at `{SOCKET}`, it said\n{said}");
        Err(Problem::new(ExitCode::Usage, what))
    }

    fn log(&self) -> String {
        let lines = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log to its end, keeps the last lines, and says when the daemon is ready.
fn keep_log(stdout: impl Read, log: &Mutex<VecDeque<String>>, ready: &mpsc::Sender<()>) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else {
            return;
        };
        let is_ready = line.contains(READY);
        let mut lines = log.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        if is_ready {
            // Whoever waited may have given up.
            let _ = ready.send(());
        }
    }
}
