//! The screens of a person's station: the client's own console, with keys and clicks in the place of hands. Does nothing
//! that the console did not ask for; the station beside it has the connection and the reader.

use client_console::{Console, ConsoleInput, ConsoleOutput, Key, Reader, Settings, Trouble};
use hsm_client::{Fingerprint, StationInput};
use machine::{Cx, Instant, Machine, NoRandomness};

use super::World;

/// A console and what it has done to the station around it.
pub(crate) struct Screens {
    console: Console,
    /// The pages that the browser was started with.
    pub(crate) pages: Vec<String>,
    /// The program has ended.
    pub(crate) is_over: bool,
}

impl World {
    /// Starts the console at the station of somebody.
    pub(crate) fn start_screens(&mut self, name: &str) {
        self.trace.tell(self.now, name, "starts the console");
        let settings = Settings {
            device: "the HSM".into(),
            reader: Reader::Named("the reader".into()),
            escape: program::shown,
        };
        self.station(name).screens = Some(Screens {
            console: Console::new(settings),
            pages: Vec::new(),
            is_over: false,
        });
    }

    /// From now on this station knows the device by a fingerprint that is not its own.
    pub(crate) fn trust_another_device(&mut self, name: &str) {
        self.station(name).trusted = Some(Fingerprint::from_bytes([0xAB; 32]));
    }

    pub(crate) fn press_at_station(&mut self, name: &str, key: Key) {
        // What is typed may be a PIN.
        let shown = match key {
            Key::Char(_) => "a character".to_owned(),
            other => format!("{other:?}"),
        };
        self.trace.tell(self.now, name, format!("presses {shown}"));
        self.tell_screens(name, ConsoleInput::Key(key));
    }

    /// Clicks where the screen shows this; false if it does not.
    pub(crate) fn click_at_station(&mut self, name: &str, text: &str) -> bool {
        let Some((column, row)) = self.place_on_screen(name, text) else {
            return false;
        };
        self.trace.tell(self.now, name, format!("clicks on {text}"));
        self.tell_screens(name, ConsoleInput::Click { column, row });
        true
    }

    fn place_on_screen(&mut self, name: &str, text: &str) -> Option<(u16, u16)> {
        let screen = self.station_screen(name);
        let found = screen
            .lines()
            .zip(0..)
            .find_map(|(line, row)| Some((line.split_once(text)?.0.chars().count(), row)));
        // The screens hold no wide character but what a device or a user named.
        let (column, row) = found?;
        Some((u16::try_from(column).ok()?, row))
    }

    /// What stands on the screen of this person; nothing without a console.
    pub(crate) fn station_screen(&mut self, name: &str) -> String {
        let now = self.now;
        let screens = self.station(name).screens.as_ref();
        screens.map_or_else(String::new, |screens| screens.console.to_text(now))
    }

    /// Tells the console, if this person has one.
    pub(super) fn tell_screens(&mut self, name: &str, input: ConsoleInput) {
        self.with_screens(name, |console, cx| console.handle_input(cx, input));
    }

    /// Moves the numbers that are counted down on screens; whether there were any.
    pub(super) fn expire_screens(&mut self) -> bool {
        let now = self.now;
        let due = self.people.iter().find_map(|(name, station)| {
            let timeout = station.screens.as_ref()?.console.poll_timeout()?;
            (timeout <= now).then(|| name.clone())
        });
        let Some(name) = due else {
            return false;
        };
        self.with_screens(&name, Machine::handle_timeout);
        true
    }

    pub(super) fn next_screen_at(&self) -> Option<Instant> {
        let consoles = self
            .people
            .values()
            .filter_map(|station| station.screens.as_ref());
        consoles
            .filter_map(|screens| screens.console.poll_timeout())
            .min()
    }

    fn with_screens(&mut self, name: &str, act: impl FnOnce(&mut Console, &mut Cx<'_>)) {
        let (now, wall_clock) = (self.now, self.wall_clock());
        let Some(screens) = &mut self.station(name).screens else {
            return;
        };
        let rng = &mut NoRandomness;
        act(&mut screens.console, &mut Cx { now, wall_clock, rng });
        self.obey_screens(name);
    }

    /// Does what the console asks for.
    fn obey_screens(&mut self, name: &str) {
        while let Some(output) = self
            .station(name)
            .screens
            .as_mut()
            .and_then(|screens| screens.console.poll_output())
        {
            match output {
                ConsoleOutput::Connect => {
                    self.connect(name, None);
                    if self.station(name).refused {
                        self.tell_screens(
                            name,
                            ConsoleInput::NotConnected(Trouble {
                                what: "reach the HSM: Connection refused (os error 111)".into(),
                                hint: None,
                            }),
                        );
                    }
                }
                ConsoleOutput::Abandon => self.hang_up(name),
                ConsoleOutput::Station(told) => {
                    let told = StationInput::from(told);
                    if matches!(told, StationInput::PinEntered(_) | StationInput::PinCancelled) {
                        self.station(name).prompt = None;
                    }
                    self.tell_station(name, told);
                }
                ConsoleOutput::InsertCard(image) => unreachable!("no console here has images: `{image}`"),
                ConsoleOutput::OpenBrowser(page) => {
                    self.trace
                        .tell(self.now, name, format!("browser opens {}", page.as_str()));
                    if let Some(screens) = &mut self.station(name).screens {
                        screens.pages.push(page.as_str().to_owned());
                    }
                    self.tell_screens(name, ConsoleInput::Browser(Ok(())));
                }
                ConsoleOutput::Exit => {
                    self.trace.tell(self.now, name, "console ends");
                    if let Some(screens) = &mut self.station(name).screens {
                        screens.is_over = true;
                    }
                }
            }
        }
    }
}
