//! Where the PIN comes from: a file, a variable, or the terminal without echo. Looks at no character of it beyond its
//! form, and writes it nowhere.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
    thread,
};

use hsm_client::Pin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc::UnboundedSender;
use zeroize::Zeroizing;

use crate::{cli::CardArgs, drive::Event, outcome::Outcome};

/// Bytes of a line that may be a PIN; what is longer is none.
const LINE_BYTES_MAX: usize = 256;

/// Whom the station asks for the PIN.
#[derive(Debug)]
pub(crate) enum PinSource {
    /// A file or a variable: it answers once, since no program presents a PIN again by itself (AU-09).
    Given(Option<Pin>),
    /// The custodian.
    Terminal(Terminal),
}

impl PinSource {
    /// Opens what the user named, before anything else is done.
    pub(crate) fn open(args: &CardArgs) -> Result<Self, Outcome> {
        let pin = if let Some(path) = &args.pin_file {
            read_file(path).map_err(|why| Outcome::File {
                message: format!("read PIN file `{}`: {why}", path.display()),
                hint: None,
            })?
        } else if let Some(name) = &args.pin_env {
            let value = env::var(name).map_err(|_| Outcome::Usage {
                message: format!("read PIN: the environment has no text `{name}`"),
                hint: "set the variable, or use `--pin-file`",
            })?;
            Pin::from(value)
        } else {
            return match Terminal::open() {
                Ok(terminal) => Ok(Self::Terminal(terminal)),
                Err(why) => Err(Outcome::Usage {
                    message: format!("ask for the PIN: there is no terminal ({why})"),
                    hint: "use `--pin-file` or `--pin-env`",
                }),
            };
        };
        //= PN-03
        match pin.check() {
            Ok(_) => Ok(Self::Given(Some(pin))),
            Err(why) => Err(Outcome::PinMalformed {
                message: why.to_string(),
            }),
        }
    }

    /// Asks; the answer comes as [`Event::Pin`].
    pub(crate) fn ask(&mut self, prompt: &str, events: &UnboundedSender<Event>) {
        match self {
            Self::Given(pin) => {
                // Nobody listens only when the program ends.
                let _ = events.send(Event::Pin(pin.take()));
            }
            Self::Terminal(terminal) => {
                if terminal.ask(prompt, events).is_err() {
                    let _ = events.send(Event::Pin(None));
                }
            }
        }
    }

    /// The prompt is answered or moot.
    pub(crate) fn withdraw(&mut self) {
        match self {
            Self::Given(_) => {}
            Self::Terminal(terminal) => terminal.silence = None,
        }
    }
}

/// The first line, without its end.
fn read_file(path: &Path) -> io::Result<Pin> {
    let mut text = Zeroizing::new(String::with_capacity(LINE_BYTES_MAX));
    let limit = u64::try_from(LINE_BYTES_MAX).expect("it is small");
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(Pin::from(text.lines().next().unwrap_or_default()))
}

/// The terminal from which the program was started, wherever its input and output go.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
    /// While a prompt is out.
    silence: Option<Silence>,
}

/// A terminal that shows nothing of what is typed, until this is dropped.
#[derive(Debug)]
struct Silence {
    tty: File,
    before: Termios,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        tcgetattr(&tty)?;
        Ok(Self { tty, silence: None })
    }

    fn ask(&mut self, prompt: &str, events: &UnboundedSender<Event>) -> io::Result<()> {
        let mut silence = Silence::fall(self.tty.try_clone()?)?;
        silence.tty.write_all(prompt.as_bytes())?;
        self.silence = Some(silence);
        let tty = self.tty.try_clone()?;
        let events = events.clone();
        // A read of a terminal cannot be taken back; the thread may outlive its prompt, and then nobody listens.
        thread::Builder::new().name("pin".into()).spawn(move || {
            let _ = events.send(Event::Pin(read_line(tty)));
        })?;
        Ok(())
    }
}

impl Silence {
    fn fall(tty: File) -> io::Result<Self> {
        let before = tcgetattr(&tty)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that the next output does not stand behind the prompt.
        silent.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the prompt is not meant for it.
        tcsetattr(&tty, OptionalActions::Flush, &silent)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

/// One line from the terminal; `None` if the custodian ended the input (Ctrl-D), or the terminal is gone.
fn read_line(mut tty: File) -> Option<Pin> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        match tty.read(byte.as_mut()) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() < LINE_BYTES_MAX => line.push(byte[0]),
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    // What is not UTF-8 is no PIN, and is told so by its length.
    Some(Pin::from(core::str::from_utf8(&line).unwrap_or_default()))
}
