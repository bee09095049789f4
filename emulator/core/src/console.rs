//! The local console: what a person at the device sees and what a key means. Decides nothing about the device:
//! a key that asks for something becomes a [`Wish`], and the device grants it or not.

mod screen;

pub use screen::{SCREEN_COLUMNS, SCREEN_ROWS, Screen};

use apdu::PinEntry;
use protocol::{OperatingMode, ServiceState};
use zeroize::Zeroizing;

use crate::{LifeCycle, device::Order};

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
    Operate(Order),
    Lock,
    /// Yes to the offer that follows a set of another key.
    ResetForOtherSet,
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
    Question {
        question: Question,
        yes_selected: bool,
    },
    /// The serial number, to confirm what destroys the database. Source: OP-09.
    Confirmation {
        what: Destruction,
        typed: String,
    },
}

/// A question with the buttons No and Yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Source: LF-01.
    FirstBoot,
    /// Source: LF-05.
    ResetForOtherSet,
}

/// What is confirmed by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destruction {
    DatabaseReset,
    OperatingMode(OperatingMode),
}

impl Question {
    const fn lines(self) -> [&'static str; 3] {
        match self {
            Self::FirstBoot => [
                "This is a fresh/first time HSM boot.",
                "A valid Server Master Key must be generated now.",
                "Do you want to load smart card manager?",
            ],
            Self::ResetForOtherSet => [
                "Wrong SVMK: this set belongs to another key.",
                "A reset destroys the database and all keys in it.",
                "Do you want to reset the database now?",
            ],
        }
    }
}

/// A menu with its entries in order. Source: LC-02, LC-07.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Menu {
    Main,
    Configuration,
    OperatingMode,
    SmartCard,
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
    SmartCardManager,
    OperatingMode,
    UnblockMaster,
    LoadRemoteManagement,
    DatabaseReset,
    Mode(OperatingMode),
    /// What the Smart Card Manager will do.
    Card(&'static str),
    Restart,
    PowerOff,
}

/// The longest serial number that the field takes.
const SERIAL_FIELD_CHARACTERS_MAX: usize = 10;
/// The longest PIN entry that the field takes: one more than a PIN, as the vendor's field has nine places.
const PIN_FIELD_CHARACTERS_MAX: usize = 9;

impl Menu {
    const fn title(self) -> &'static str {
        match self {
            Self::Main => "Main",
            Self::Configuration => "Configuration",
            Self::OperatingMode => "Operating Mode",
            Self::SmartCard => "Smart Card",
            Self::PowerOff => "Power Off",
        }
    }

    /// Where the way back leads; the main menu has none.
    const fn parent(self) -> Option<Self> {
        match self {
            Self::Main => None,
            Self::Configuration | Self::PowerOff => Some(Self::Main),
            Self::OperatingMode | Self::SmartCard => Some(Self::Configuration),
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
            Self::Configuration => &[
                Entry::Back,
                Entry::SmartCardManager,
                Entry::OperatingMode,
                Entry::UnblockMaster,
                Entry::LoadRemoteManagement,
                Entry::DatabaseReset,
            ],
            Self::OperatingMode => &[
                Entry::Back,
                Entry::Mode(OperatingMode::Nrm),
                Entry::Mode(OperatingMode::Rm1),
                Entry::Mode(OperatingMode::Rm2),
            ],
            // The vendor's labels in the vendor's order (S3).
            Self::SmartCard => &[
                Entry::Back,
                Entry::Card("Inspect"),
                Entry::Card("Change PIN"),
                Entry::Card("Create Server Master Key"),
                Entry::Card("Erase"),
                Entry::Card("Create Partition Auth Set"),
                Entry::Card("Get Label"),
                Entry::Card("Copy Set"),
                Entry::Card("Copy Card"),
            ],
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
            Self::SmartCardManager => "Smart Card Manager",
            Self::OperatingMode => "Operating Mode",
            Self::UnblockMaster => "Unblock Master",
            Self::LoadRemoteManagement => "Load Remote Management",
            Self::DatabaseReset => "Database Reset",
            Self::Mode(OperatingMode::Nrm) => "NRM",
            Self::Mode(OperatingMode::Rm1) => "RM1",
            Self::Mode(OperatingMode::Rm2) => "RM2",
            Self::Card(label) => label,
            Self::Restart => "Restart",
        }
    }

    const fn opens_a_menu(self) -> bool {
        matches!(
            self,
            Self::Monitor
                | Self::Configuration
                | Self::Partition
                | Self::PowerMenu
                | Self::SmartCardManager
                | Self::OperatingMode
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

    /// The first screen of a device that is bound to no key.
    //= LF-01
    pub(crate) fn first_boot() -> Self {
        Self::asking(Question::FirstBoot)
    }

    /// A whole set of another key was shown.
    //= LF-05
    pub(crate) fn reset_for_other_set() -> Self {
        Self::asking(Question::ResetForOtherSet)
    }

    fn asking(question: Question) -> Self {
        Self {
            view: View::Question {
                question,
                yes_selected: false,
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
    pub(crate) fn handle_key(&mut self, key: Key, state: LifeCycle) -> Option<Wish> {
        if self.message.is_some() {
            if matches!(key, Key::Enter | Key::Esc) {
                self.message = None;
            }
            return None;
        }
        let service = state.service();
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
                //= LF-01
                Key::Esc if state == LifeCycle::FirstBoot => {
                    *self = Self::first_boot();
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
                    Key::Esc | Key::Left if menu != Menu::Main => self.go_back(menu, state),
                    Key::Enter if entry == Entry::Back => self.go_back(menu, state),
                    Key::Right if entry.opens_a_menu() => return self.open(entry, service),
                    Key::Enter => return self.open(entry, service),
                    Key::Esc | Key::Left | Key::Right | Key::Backspace | Key::Function(_) | Key::Char(_) => {}
                }
                None
            }
            View::Question {
                question,
                yes_selected,
            } => match key {
                Key::Left | Key::Right | Key::Tab => {
                    *yes_selected = !*yes_selected;
                    None
                }
                Key::Enter => {
                    let (question, yes) = (*question, *yes_selected);
                    self.on_answered(question, yes)
                }
                //= LF-05
                Key::Esc if *question == Question::ResetForOtherSet => {
                    self.on_answered(Question::ResetForOtherSet, false)
                }
                Key::Esc | Key::Up | Key::Down | Key::Backspace | Key::Function(_) | Key::Char(_) => None,
            },
            View::Confirmation { what, typed } => match key {
                Key::Char(character) if typed.chars().count() < SERIAL_FIELD_CHARACTERS_MAX => {
                    typed.push(character);
                    None
                }
                Key::Backspace => {
                    typed.pop();
                    None
                }
                Key::Enter => {
                    let (what, confirm) = (*what, core::mem::take(typed));
                    *self = Self::main_menu();
                    Some(Wish::Operate(match what {
                        Destruction::DatabaseReset => Order::FactoryReset { confirm },
                        Destruction::OperatingMode(mode) => Order::SetMode { mode, confirm },
                    }))
                }
                Key::Esc => {
                    *self = Self::main_menu();
                    None
                }
                Key::Char(_) | Key::Up | Key::Down | Key::Left | Key::Right | Key::Tab | Key::Function(_) => {
                    None
                }
            },
        }
    }

    fn on_answered(&mut self, question: Question, yes: bool) -> Option<Wish> {
        match (question, yes) {
            //= LF-01
            (Question::FirstBoot, true) => self.show(Menu::SmartCard),
            // Whoever has a set already goes on to authenticate with it.
            (Question::FirstBoot | Question::ResetForOtherSet, false) => {
                *self = Self::start_pin();
                None
            }
            (Question::ResetForOtherSet, true) => Some(Wish::ResetForOtherSet),
        }
    }

    fn go_back(&mut self, menu: Menu, state: LifeCycle) {
        match menu.parent() {
            Some(_) if state == LifeCycle::FirstBoot => *self = Self::first_boot(),
            Some(Menu::Main) | None => *self = Self::main_menu(),
            Some(parent @ (Menu::Configuration | Menu::OperatingMode | Menu::SmartCard | Menu::PowerOff)) => {
                self.show(parent);
            }
        }
    }

    fn open(&mut self, entry: Entry, service: ServiceState) -> Option<Wish> {
        match entry {
            Entry::Back => unreachable!("the caller has gone back"),
            Entry::Configuration => self.show(Menu::Configuration),
            Entry::PowerMenu => self.show(Menu::PowerOff),
            Entry::OperatingMode => self.show(Menu::OperatingMode),
            Entry::SmartCardManager => self.show(Menu::SmartCard),
            Entry::Service => Some(Wish::Operate(match service {
                ServiceState::Running => Order::StopService,
                ServiceState::Stopped => Order::StartService,
            })),
            //= RM-16
            Entry::RemoteManagement | Entry::LoadRemoteManagement => Some(Wish::EnableRemoteManagement),
            Entry::Restart => Some(Wish::Operate(Order::Restart)),
            Entry::PowerOff => Some(Wish::Operate(Order::PowerOff)),
            //= LC-05
            Entry::LockConsole => Some(Wish::Lock),
            //= OP-04
            Entry::UnblockMaster => Some(Wish::Operate(Order::UnlockMaster)),
            //= OP-06
            Entry::DatabaseReset => self.confirm(Destruction::DatabaseReset),
            //= OP-07
            Entry::Mode(mode) => self.confirm(Destruction::OperatingMode(mode)),
            Entry::About | Entry::Monitor | Entry::Partition | Entry::SelfTest | Entry::Card(_) => {
                self.tell(format!("{} is not emulated yet.", entry.label(service)));
                None
            }
        }
    }

    fn show(&mut self, menu: Menu) -> Option<Wish> {
        self.view = View::Menu { menu, selected: 0 };
        None
    }

    //= OP-09
    fn confirm(&mut self, what: Destruction) -> Option<Wish> {
        self.view = View::Confirmation {
            what,
            typed: String::new(),
        };
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
            View::Question {
                question,
                yes_selected,
            } => screen.question(question.lines(), *yes_selected),
            View::Confirmation { what, typed } => {
                let title = match what {
                    Destruction::DatabaseReset => "Database Reset",
                    Destruction::OperatingMode(_) => "Operating Mode",
                };
                screen.confirmation(title, typed);
            }
        }
        if let Some(message) = &self.message {
            screen.message(message);
        }
    }
}
