//! Where the PIN comes from: a file, a variable, or the terminal without echo. Looks at no character of it beyond its
//! form, and writes it nowhere.

use std::{env, fs::File, io, thread};

use hsm_client::Pin;
use program::{Silence, open_terminal, read_secret_file, read_secret_line};
use tokio::sync::mpsc::UnboundedSender;

use crate::{cli::CardArgs, drive::Event, outcome::Outcome};

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
            let line = read_secret_file(path).map_err(|why| Outcome::File {
                message: format!("read PIN file `{}`: {why}", path.display()),
                hint: None,
            })?;
            Pin::from(line.as_str())
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

/// The terminal from which the program was started, wherever its input and output go.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
    /// While a prompt is out.
    silence: Option<Silence>,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        Ok(Self {
            tty: open_terminal()?,
            silence: None,
        })
    }

    fn ask(&mut self, prompt: &str, events: &UnboundedSender<Event>) -> io::Result<()> {
        self.silence = Some(Silence::fall(self.tty.try_clone()?, prompt)?);
        let tty = self.tty.try_clone()?;
        let events = events.clone();
        // A read of a terminal cannot be taken back; the thread may outlive its prompt, and then nobody listens.
        thread::Builder::new().name("pin".into()).spawn(move || {
            let _ = events.send(Event::Pin(
                read_secret_line(tty).map(|line| Pin::from(line.as_str())),
            ));
        })?;
        Ok(())
    }
}
