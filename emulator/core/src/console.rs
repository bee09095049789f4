//! The local console: what a person at the device sees and what a key means. Decides nothing about the device:
//! a key that asks for something becomes a [`Wish`], and the device grants it or not.

mod screen;

pub use screen::{SCREEN_COLUMNS, SCREEN_ROWS, Screen};

use apdu::PinEntry;
use protocol::ServiceState;
use zeroize::Zeroizing;

/// A key of the console's keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Tab.
    Tab,
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Backspace.
    Backspace,
    /// A function key, 1 to 12.
    Function(u8),
    /// A character.
    Char(char),
}

/// What a person at the console has asked for.
#[derive(Debug)]
pub(crate) enum Wish {
    EnableRemoteManagement,
    StartService,
    StopService,
    Restart,
    PowerOff,
    PresentCard(PinEntry),
}

/// What the console shows while remote management is not enabled.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    view: View,
    message: Option<String>,
}

#[derive(Clone, Debug)]
enum View {
    /// The device is not activated. `typed` is a PIN on its way.
    StartPin {
        typed: Zeroizing<String>,
        next: bool,
    },
    Menu {
        menu: Menu,
        selected: usize,
    },
}

/// A menu with its entries in order. Source: LC-02, LC-07.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Menu {
    Main,
    Configuration,
    PowerOff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Back,
    About,
    Service,
    Monitor,
    RemoteManagement,
    Configuration,
    Partition,
    SelfTest,
    LockConsole,
    PowerMenu,
    LoadRemoteManagement,
    Restart,
    PowerOff,
}

/// The longest PIN entry that the field takes: one more than a PIN, as the vendor's field has nine places.
const PIN_FIELD_CHARACTERS_MAX: usize = 9;

impl Menu {
    const fn title(self) -> &'static str {
        match self {
            Self::Main => "Main",
            Self::Configuration => "Configuration",
            Self::PowerOff => "Power Off",
        }
    }

    const fn entries(self) -> &'static [Entry] {
        match self {
            Self::Main => &[
                Entry::About,
                Entry::Service,
                Entry::Monitor,
                Entry::RemoteManagement,
                Entry::Configuration,
                Entry::Partition,
                Entry::SelfTest,
                Entry::LockConsole,
                Entry::PowerMenu,
            ],
            Self::Configuration => &[Entry::Back, Entry::LoadRemoteManagement],
            Self::PowerOff => &[Entry::Back, Entry::Restart, Entry::PowerOff],
        }
    }
}

impl Entry {
    const fn label(self, service: ServiceState) -> &'static str {
        match self {
            Self::Back => "◂",
            Self::About => "About",
            Self::Service => match service {
                ServiceState::Running => "Stop Service",
                ServiceState::Stopped => "Start Service",
            },
            Self::Monitor => "Monitor",
            Self::RemoteManagement => "Remote Management",
            Self::Configuration => "Configuration",
            Self::Partition => "Partition",
            Self::SelfTest => "Self Test",
            Self::LockConsole => "Lock Console",
            Self::PowerMenu | Self::PowerOff => "Power Off",
            Self::LoadRemoteManagement => "Load Remote Management",
            Self::Restart => "Restart",
        }
    }

    const fn opens_a_menu(self) -> bool {
        matches!(
            self,
            Self::Monitor | Self::Configuration | Self::Partition | Self::PowerMenu
        )
    }
}

impl Console {
    /// The first screen after a start: the start PIN.
    pub(crate) fn start_pin() -> Self {
        Self {
            view: View::StartPin {
                typed: Zeroizing::default(),
                next: false,
            },
            message: None,
        }
    }

    /// The main menu, with nothing above it.
    pub(crate) fn main_menu() -> Self {
        Self {
            view: View::Menu {
                menu: Menu::Main,
                selected: 0,
            },
            message: None,
        }
    }

    /// A card was accepted locally and more are needed.
    pub(crate) fn ask_for_next_pin(&mut self) {
        self.view = View::StartPin {
            typed: Zeroizing::default(),
            next: true,
        };
    }

    /// A message over whatever is shown, until Enter or Esc.
    pub(crate) fn tell(&mut self, message: impl Into<String>) {
        self.message = Some(message.into());
    }

    /// One key, while remote management is not enabled.
    pub(crate) fn handle_key(&mut self, key: Key, service: ServiceState) -> Option<Wish> {
        if self.message.is_some() {
            if matches!(key, Key::Enter | Key::Esc) {
                self.message = None;
            }
            return None;
        }
        match &mut self.view {
            View::StartPin { typed, .. } => match key {
                Key::Enter => {
                    let entered = core::mem::take(typed);
                    match PinEntry::try_from(entered.as_str()) {
                        Ok(pin) => return Some(Wish::PresentCard(pin)),
                        //= PN-03
                        Err(_) => self.tell("A PIN has 8 characters, digits or letters."),
                    }
                    None
                }
                Key::Backspace => {
                    typed.pop();
                    None
                }
                Key::Char(character) if typed.chars().count() < PIN_FIELD_CHARACTERS_MAX => {
                    typed.push(character);
                    None
                }
                Key::Esc => {
                    *typed = Zeroizing::default();
                    None
                }
                Key::Char(_) | Key::Up | Key::Down | Key::Left | Key::Right | Key::Tab | Key::Function(_) => {
                    None
                }
            },
            View::Menu { menu, selected } => {
                let (menu, entries, entry) = (*menu, menu.entries(), menu.entries()[*selected]);
                match key {
                    Key::Up => *selected = (*selected + entries.len() - 1) % entries.len(),
                    Key::Down | Key::Tab => *selected = (*selected + 1) % entries.len(),
                    Key::Esc | Key::Left if menu != Menu::Main => *self = Self::main_menu(),
                    Key::Right if entry.opens_a_menu() => return self.open(entry, service),
                    Key::Enter => return self.open(entry, service),
                    Key::Esc | Key::Left | Key::Right | Key::Backspace | Key::Function(_) | Key::Char(_) => {}
                }
                None
            }
        }
    }

    fn open(&mut self, entry: Entry, service: ServiceState) -> Option<Wish> {
        match entry {
            Entry::Back => {
                *self = Self::main_menu();
                None
            }
            Entry::Configuration => self.show(Menu::Configuration),
            Entry::PowerMenu => self.show(Menu::PowerOff),
            Entry::Service => Some(match service {
                ServiceState::Running => Wish::StopService,
                ServiceState::Stopped => Wish::StartService,
            }),
            //= RM-16
            Entry::RemoteManagement | Entry::LoadRemoteManagement => Some(Wish::EnableRemoteManagement),
            Entry::Restart => Some(Wish::Restart),
            Entry::PowerOff => Some(Wish::PowerOff),
            Entry::About | Entry::Monitor | Entry::Partition | Entry::SelfTest | Entry::LockConsole => {
                self.tell(format!("{} is not emulated yet.", entry.label(service)));
                None
            }
        }
    }

    fn show(&mut self, menu: Menu) -> Option<Wish> {
        self.view = View::Menu { menu, selected: 0 };
        None
    }

    /// Draws what is shown over an empty screen.
    pub(crate) fn draw(&self, screen: &mut Screen, service: ServiceState) {
        match &self.view {
            View::StartPin { typed, next } => screen.start_pin(typed.chars().count(), *next),
            View::Menu { menu, selected } => {
                let lines: Vec<_> = menu
                    .entries()
                    .iter()
                    .map(|entry| (entry.label(service), entry.opens_a_menu()))
                    .collect();
                screen.menu(menu.title(), &lines, *selected);
            }
        }
        if let Some(message) = &self.message {
            screen.message(message);
        }
    }
}
