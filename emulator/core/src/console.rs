//! The local console: what a person at the device sees and what a key means. Decides nothing about the device:
//! a key that asks for something becomes a [`Wish`], and the device grants it or not.

mod dialog;
mod menu;
mod screen;
mod start;

pub(crate) use dialog::{Answer, Dialog, Field};
pub(crate) use menu::{Entry, Menu, Page, SmartCardOperation};
pub use screen::{Area, Place, SCREEN_COLUMNS, SCREEN_ROWS, Screen};

use apdu::PinEntry;
use protocol::{OperatingMode, ServiceState};

use crate::{LifeCycle, device::Order};
use start::Question;

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
    /// One of the eight entries of the Smart Card Manager.
    SmartCard(SmartCardOperation),
    /// To see something that only the device can fill in.
    Show(Page),
    /// The answer to the dialog that [`Console::show_dialog`] showed.
    Answered(Answer),
    /// What was answered on a page.
    Entered(Page, Answer),
}

/// What the console shows while remote management is not enabled.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    view: View,
    /// What stands over the view and has the keys.
    dialog: Option<(Asked, Dialog)>,
    /// What stands over everything, until Enter or Esc.
    told: Option<Dialog>,
}

#[derive(Clone, Debug)]
enum View {
    /// The device is not activated, or the console is locked.
    StartPin {
        field: Field,
        next: bool,
    },
    Question {
        question: Question,
        yes_selected: bool,
    },
    Menu {
        menu: Menu,
        selected: usize,
    },
}

/// Who is to be given the answer of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The console itself.
    Destruction(Destruction),
    /// The device, which filled it.
    Page(Page),
    /// Whoever had it shown.
    Other,
}

/// What is confirmed by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destruction {
    DatabaseReset,
    OperatingMode(OperatingMode),
}

/// The longest serial number that the field takes.
const SERIAL_FIELD_CHARACTERS_MAX: usize = 10;

impl Console {
    /// The first screen after a start: the start PIN.
    pub(crate) fn start_pin() -> Self {
        Self::showing(View::start_pin(false))
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

    /// The main menu, with nothing above it.
    pub(crate) fn main_menu() -> Self {
        Self::showing(View::menu(Menu::Main))
    }

    fn asking(question: Question) -> Self {
        Self::showing(View::Question {
            question,
            yes_selected: false,
        })
    }

    fn showing(view: View) -> Self {
        Self {
            view,
            dialog: None,
            told: None,
        }
    }

    /// A card was accepted locally and more are needed.
    pub(crate) fn ask_for_next_pin(&mut self) {
        self.view = View::start_pin(true);
    }

    /// A message over whatever is shown, until Enter or Esc.
    pub(crate) fn tell(&mut self, message: impl Into<String>) {
        self.told = Some(Dialog::notice(message));
    }

    /// More than one line of it.
    pub(crate) fn tell_lines(&mut self, title: &str, lines: Vec<String>) {
        self.told = Some(Dialog::Notice {
            title: title.into(),
            lines,
        });
    }

    /// Shows a dialog in place of the last one; its answer comes back as [`Wish::Answered`], and ends it.
    pub(crate) fn show_dialog(&mut self, dialog: Dialog) {
        self.dialog = Some((Asked::Other, dialog));
    }

    /// Shows a page in place of the last dialog; its answer comes back as [`Wish::Entered`], and ends it.
    pub(crate) fn show_page(&mut self, page: Page, dialog: Dialog) {
        self.dialog = Some((Asked::Page(page), dialog));
    }

    /// The page that is shown.
    pub(crate) fn page(&self) -> Option<Page> {
        match self.dialog {
            Some((Asked::Page(page), _)) => Some(page),
            Some((Asked::Destruction(_) | Asked::Other, _)) | None => None,
        }
    }

    /// Other rows in the list that is shown, which stays where it was scrolled to.
    pub(crate) fn refresh(&mut self, list: Dialog) {
        if let Some((_, shown)) = &mut self.dialog {
            shown.refresh(list);
        }
    }

    /// Takes the dialog away; nobody answers it any more.
    pub(crate) fn close_dialog(&mut self) {
        self.dialog = None;
    }

    /// One key, while remote management is not enabled.
    pub(crate) fn handle_key(&mut self, key: Key, state: LifeCycle) -> Option<Wish> {
        if let Some(told) = &mut self.told {
            if told.handle_key(key).is_some() {
                self.told = None;
            }
            return None;
        }
        if let Some((asked, dialog)) = &mut self.dialog {
            let answer = dialog.handle_key(key)?;
            let asked = *asked;
            self.dialog = None;
            return match asked {
                Asked::Page(page) => Some(Wish::Entered(page, answer)),
                Asked::Other => Some(Wish::Answered(answer)),
                Asked::Destruction(what) => self.on_confirmed(what, answer),
            };
        }
        match &mut self.view {
            View::StartPin { field, .. } => match key {
                Key::Enter => {
                    let entered = field.take();
                    match PinEntry::try_from(entered.as_str()) {
                        Ok(pin) => return Some(Wish::PresentCard(pin)),
                        //= PN-03
                        Err(_) => self.tell("A PIN has 8 characters, digits or letters."),
                    }
                    None
                }
                //= LF-01
                Key::Esc if state == LifeCycle::FirstBoot => {
                    *self = Self::first_boot();
                    None
                }
                Key::Esc => {
                    field.take();
                    None
                }
                Key::Char(_)
                | Key::Backspace
                | Key::Up
                | Key::Down
                | Key::Left
                | Key::Right
                | Key::Tab
                | Key::Function(_) => {
                    field.handle_key(key);
                    None
                }
            },
            View::Menu { menu, selected } => {
                let (menu, entries, entry) = (*menu, menu.entries(), menu.entries()[*selected]);
                match (key, entry) {
                    (Key::Up, _) => *selected = (*selected + entries.len() - 1) % entries.len(),
                    (Key::Down | Key::Tab, _) => *selected = (*selected + 1) % entries.len(),
                    (Key::Esc | Key::Left, _) | (Key::Enter, Entry::Back) => self.go_back(menu, state),
                    (Key::Right, Entry::Open(_)) | (Key::Enter, _) => return self.choose(entry, state),
                    (Key::Right | Key::Backspace | Key::Function(_) | Key::Char(_), _) => {}
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
        }
    }

    fn on_answered(&mut self, question: Question, yes: bool) -> Option<Wish> {
        match (question, yes) {
            //= LF-01
            (Question::FirstBoot, true) => {
                self.view = View::menu(Menu::SmartCard);
                None
            }
            // Whoever has a set already goes on to authenticate with it.
            (Question::FirstBoot | Question::ResetForOtherSet, false) => {
                *self = Self::start_pin();
                None
            }
            (Question::ResetForOtherSet, true) => Some(Wish::ResetForOtherSet),
        }
    }

    /// The way back; the entry through which one came is selected.
    fn go_back(&mut self, menu: Menu, state: LifeCycle) {
        let Some(parent) = menu.parent() else {
            return;
        };
        if state == LifeCycle::FirstBoot {
            *self = Self::first_boot();
            return;
        }
        let selected = parent
            .entries()
            .iter()
            .position(|entry| *entry == Entry::Open(menu));
        self.view = View::Menu {
            menu: parent,
            selected: selected.unwrap_or(0),
        };
    }

    fn choose(&mut self, entry: Entry, state: LifeCycle) -> Option<Wish> {
        match entry {
            Entry::Back => None,
            Entry::Open(menu) => {
                self.view = View::menu(menu);
                None
            }
            Entry::Service => Some(Wish::Operate(match state.service() {
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
            Entry::SmartCard(operation) => Some(Wish::SmartCard(operation)),
            Entry::Page(page) => Some(Wish::Show(page)),
        }
    }

    //= OP-09
    fn confirm(&mut self, what: Destruction) -> Option<Wish> {
        let title = match what {
            Destruction::DatabaseReset => "Database Reset",
            Destruction::OperatingMode(_) => "Operating Mode",
        };
        let lines = vec![
            "All keys and users will be destroyed.".to_owned(),
            "Type the serial number of this HSM to confirm:".to_owned(),
        ];
        let field = Field::text("Serial number", SERIAL_FIELD_CHARACTERS_MAX);
        let dialog = Dialog::form(title, lines, vec![field]);
        self.dialog = Some((Asked::Destruction(what), dialog));
        None
    }

    fn on_confirmed(&mut self, what: Destruction, answer: Answer) -> Option<Wish> {
        let Answer::Entered(mut entered) = answer else {
            return None;
        };
        self.view = View::menu(Menu::Main);
        let confirm = entered.pop().map_or_else(String::new, |typed| typed.to_string());
        Some(Wish::Operate(match what {
            Destruction::DatabaseReset => Order::FactoryReset { confirm },
            Destruction::OperatingMode(mode) => Order::SetMode { mode, confirm },
        }))
    }

    /// Draws what is shown over an empty screen.
    pub(crate) fn draw(&self, screen: &mut Screen, state: LifeCycle) {
        match &self.view {
            View::StartPin { field, next } => start::draw_start_pin(screen, field, *next),
            View::Menu { menu, selected } => menu.draw(screen, *selected, state),
            View::Question {
                question,
                yes_selected,
            } => question.draw(screen, *yes_selected),
        }
        if let Some((_, dialog)) = &self.dialog {
            dialog.draw(screen);
        }
        if let Some(told) = &self.told {
            told.draw(screen);
        }
    }
}

impl View {
    fn start_pin(next: bool) -> Self {
        Self::StartPin {
            field: Field::pin("PIN"),
            next,
        }
    }

    fn menu(menu: Menu) -> Self {
        Self::Menu { menu, selected: 0 }
    }
}

#[cfg(test)]
mod tests;
