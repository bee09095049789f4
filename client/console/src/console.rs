//! The station's screens as a machine: what each key does in each state. What follows from what the session says stands
//! in `console/told.rs`. Paints nothing itself; see `paint.rs`.

mod told;

use std::collections::VecDeque;

use hsm_client::{Fingerprint, Pin, StationInput, StationOutput, WebAddress};
use machine::{Cx, Instant, Machine};
use protocol::{Header, Info, ManagerRequest, NetworkSettings};

use crate::{
    countdown::Countdown,
    entry::Entry,
    network_form::NetworkForm,
    operation::Operation,
    password_form::{PasswordForm, Purpose},
};

/// What a console is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The device as its user wrote it.
    pub device: String,
    /// Where cards are put in.
    pub reader: Reader,
    /// Makes everything visible that a terminal would obey or hide. All that is painted goes through it.
    pub escape: fn(&str) -> String,
}

/// Where cards are put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Cards are images in files, named when they are inserted. The names given here are proposed in their order.
    Images(Vec<String>),
    /// A reader with a slot, by its name.
    Named(String),
}

/// A key, as far as a console knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Does what is marked.
    Enter,
    /// Gives up, or closes what was told.
    Escape,
    /// The next choice.
    Tab,
    /// The choice before.
    BackTab,
    /// The choice above.
    Up,
    /// The choice below.
    Down,
    /// The choice to the left.
    Left,
    /// The choice to the right.
    Right,
    /// Takes the last character back.
    Backspace,
}

/// Something on this side that did not work, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What was being done, what was expected, what came.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a console is told.
#[derive(Clone, Debug)]
pub enum ConsoleInput {
    /// The terminal has this size now. Until it is told, a console takes it for 80 × 24.
    Resized {
        /// Cells in a row.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// A key was pressed.
    Key(Key),
    /// The left button of the mouse was pressed.
    Click {
        /// From the left, from 0.
        column: u16,
        /// From the top, from 0.
        row: u16,
    },
    /// The program is to end: Ctrl-C, a signal, or the terminal is gone.
    Leave,
    /// The device was met for the first time, and is remembered.
    FirstUse(Fingerprint),
    /// There is no connection, or it could not be kept, for a reason of this side.
    NotConnected(Trouble),
    /// The session says or asks something.
    Station(StationOutput),
    /// The card asked for with [`ConsoleOutput::InsertCard`] could not be put in.
    CardNotInserted(Trouble),
    /// The browser asked for with [`ConsoleOutput::OpenBrowser`] was started, or why not.
    Browser(Result<(), Trouble>),
}

/// What a console hands out.
#[derive(Clone, Debug, PartialEq)]
pub enum ConsoleOutput {
    /// Connect to the device. [`ConsoleInput::NotConnected`] says that it failed; else [`hsm_client::Notice::Ended`] always comes.
    Connect,
    /// Stop connecting, without a word. [`hsm_client::Notice::Ended`] or [`ConsoleInput::NotConnected`] is awaited.
    Abandon,
    /// Tell the session.
    Station(Told),
    /// Put this card image into the reader, in the place of the one in it.
    InsertCard(String),
    /// Show this page.
    OpenBrowser(WebAddress),
    /// The program is over.
    Exit,
}

/// What a console tells a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The user acts.
    Ask(ManagerRequest),
    /// The user leaves without a word.
    HangUp,
    /// The custodian's PIN.
    PinEntered(Pin),
    /// The custodian gave up.
    PinCancelled,
}

impl From<Told> for StationInput {
    fn from(told: Told) -> Self {
        match told {
            Told::Ask(request) => Self::Ask(request),
            Told::HangUp => Self::HangUp,
            Told::PinEntered(pin) => Self::PinEntered(pin),
            Told::PinCancelled => Self::PinCancelled,
        }
    }
}

/// The terminal program of a custodian's station.
#[derive(Clone, Debug)]
pub struct Console {
    pub(crate) settings: Settings,
    pub(crate) view: View,
    pub(crate) dialog: Option<Dialog>,
    /// Which of [`Console::items`] is marked.
    pub(crate) cursor: usize,
    /// The custodian process, also after this station has left it.
    pub(crate) countdown: Option<Countdown>,
    /// The custodian has said that the next card is at this station.
    pub(crate) is_next_here: bool,
    pub(crate) size: (u16, u16),
    /// Image files that were not proposed yet.
    proposals: VecDeque<String>,
    outputs: VecDeque<ConsoleOutput>,
}

#[derive(Clone, Debug)]
pub(crate) enum View {
    /// Nobody is connected; what happened last.
    Start { told: Vec<String> },
    /// On the way in.
    Connecting(Leaving),
    /// This station is the manager.
    Session(Box<Managing>),
    /// On the way out.
    Leaving(Leaving),
    /// The program is over.
    Gone,
}

/// What is to be said when the connection is gone, and whether the program ends with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaving {
    told: Vec<String>,
    exits: bool,
}

/// A session as it stands on the screen.
#[derive(Clone, Debug)]
pub(crate) struct Managing {
    pub(crate) header: Header,
    pub(crate) tab: Tab,
    pub(crate) network: Option<NetworkSettings>,
    pub(crate) info: Option<Info>,
    pub(crate) is_administrator: bool,
    /// Readings of the network settings that the device has not answered: what is changed is what was read last.
    network_reads: usize,
    /// Changes of network settings that the device has not answered.
    sent_form: Option<NetworkForm>,
    /// The line at the bottom: what came of the last act.
    pub(crate) message: Option<String>,
    /// What the device said when it ended the session.
    told: Vec<String>,
}

/// The model that has an activation password in the place of cards. Source: PK-01.
const POCKET: &str = "Pocket";

impl Managing {
    pub(crate) fn is_pocket(&self) -> bool {
        self.header.model == POCKET
    }

    fn on_network_answered(&mut self) {
        self.network_reads = self.network_reads.saturating_sub(1);
    }

    //= NW-02
    //= NW-03
    pub(crate) fn can_change_network(&self) -> bool {
        self.is_pocket() && self.is_administrator && self.network.is_some() && self.network_reads == 0
    }
}

/// Source: S1, CL-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Management,
    Network,
    Information,
    Web,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [Self::Management, Self::Network, Self::Information, Self::Web];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Management => "Remote HSM management",
            Self::Network => "Network settings",
            Self::Information => "Information about HSM",
            Self::Web => "Open Console HTTP",
        }
    }

    /// What is read for it.
    const fn request(self) -> Option<ManagerRequest> {
        match self {
            Self::Management | Self::Web => None,
            Self::Network => Some(ManagerRequest::Network),
            Self::Information => Some(ManagerRequest::Info),
        }
    }
}

/// What stands before everything else until it is answered.
#[derive(Clone, Debug)]
pub(crate) enum Dialog {
    /// The session asks for a card; with an entry, for the file of an image.
    InsertCard {
        entry: Option<Entry>,
        trouble: Option<String>,
    },
    /// The session asks for the PIN.
    Pin { entry: Entry, trouble: Option<String> },
    /// An activation password is typed.
    Password(PasswordForm),
    /// Network settings are changed.
    Network(NetworkForm),
    /// Whether to do it; with an entry, for the serial number of the device.
    Confirm {
        operation: Operation,
        entry: Option<Entry>,
        trouble: Option<String>,
    },
    /// Something goes on.
    Working {
        title: &'static str,
        text: String,
        percent: Option<u8>,
        is_card: bool,
    },
    /// Something came of it.
    Told {
        title: &'static str,
        lines: Vec<String>,
        offers_next_card: bool,
    },
}

/// What Enter does where the mark is, and a click wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Connect,
    Abandon,
    StartScreen,
    Exit,
    Authenticate,
    NextHere,
    Operate(Operation),
    Refresh,
    OpenBrowser,
    ChangeNetwork,
    /// A line of the network settings.
    Field(usize),
    SaveNetwork,
    TypePassword(Purpose),
    FinishPassword,
    InsertCard,
    EnterPin,
    GiveUp,
    CancelDialog,
    Confirm(Operation),
    Close,
}

/// What a click presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Press {
    Tab(Tab),
    Item(Item),
}

impl Console {
    /// A console on its start screen.
    pub fn new(settings: Settings) -> Self {
        let proposals = match &settings.reader {
            Reader::Images(names) => names.clone().into(),
            Reader::Named(_) => VecDeque::new(),
        };
        Self {
            settings,
            view: View::Start { told: Vec::new() },
            dialog: None,
            cursor: 0,
            countdown: None,
            is_next_here: false,
            size: (crate::COLUMNS, crate::ROWS),
            proposals,
            outputs: VecDeque::new(),
        }
    }

    /// Whether what is typed now is a secret.
    pub fn is_typing_secret(&self) -> bool {
        matches!(&self.dialog, Some(Dialog::Pin { .. } | Dialog::Password(_)))
    }

    /// What can be chosen now, in the order of the screen.
    pub(crate) fn items(&self) -> Vec<Item> {
        if let Some(dialog) = &self.dialog {
            return dialog.items();
        }
        match &self.view {
            View::Start { .. } => vec![Item::Connect, Item::Exit],
            View::Connecting(_) => vec![Item::Abandon],
            View::Leaving(_) | View::Gone => Vec::new(),
            View::Session(managing) => match managing.tab {
                Tab::Management if managing.is_administrator => Operation::menu(&managing.header)
                    .into_iter()
                    .map(Item::Operate)
                    .chain(
                        managing
                            .is_pocket()
                            .then_some(Item::TypePassword(Purpose::Change)),
                    )
                    .collect(),
                //= PK-02
                Tab::Management if managing.is_pocket() => vec![
                    Item::TypePassword(Purpose::Activate),
                    Item::TypePassword(Purpose::SetFirst),
                ],
                Tab::Management => vec![Item::Authenticate, Item::NextHere],
                Tab::Network if managing.can_change_network() => vec![Item::Refresh, Item::ChangeNetwork],
                Tab::Network | Tab::Information => vec![Item::Refresh],
                Tab::Web => vec![Item::OpenBrowser],
            },
        }
    }

    fn on_key(&mut self, key: Key) {
        match key {
            Key::Char(character) => {
                if let Some(entry) = self.entry() {
                    entry.push(character);
                } else {
                    self.on_letter(character);
                }
            }
            Key::Backspace => {
                if let Some(entry) = self.entry() {
                    entry.pop();
                }
            }
            Key::Enter => {
                if let Some(item) = self.items().get(self.cursor).copied() {
                    self.on_item(item);
                }
            }
            Key::Escape => {
                if let Some(item) = self
                    .dialog
                    .as_ref()
                    .and_then(|dialog| dialog.items().last().copied())
                {
                    self.on_item(item);
                } else if let View::Connecting(_) = self.view {
                    self.on_item(Item::Abandon);
                }
            }
            Key::Up => self.move_cursor(false),
            Key::Down => self.move_cursor(true),
            Key::Left | Key::BackTab if self.dialog.is_some() => self.move_cursor(false),
            Key::Right | Key::Tab if self.dialog.is_some() => self.move_cursor(true),
            Key::Left | Key::BackTab => self.turn_tab(false),
            Key::Right | Key::Tab => self.turn_tab(true),
        }
    }

    fn on_letter(&mut self, letter: char) {
        if let Some(dialog) = &self.dialog {
            let choice = match (dialog, letter) {
                (Dialog::Confirm { operation, .. }, 'y' | 'Y') => Item::Confirm(*operation),
                (Dialog::Confirm { .. }, 'n' | 'N') => Item::CancelDialog,
                _ => return,
            };
            return self.on_item(choice);
        }
        if let View::Session(_) = self.view {
            match letter {
                '1' => self.open_tab(Tab::Management),
                '2' => self.open_tab(Tab::Network),
                '3' => self.open_tab(Tab::Information),
                '4' => self.open_tab(Tab::Web),
                's' | 'S' => self.on_item(Item::StartScreen),
                'r' | 'R' if self.items().contains(&Item::Refresh) => self.on_item(Item::Refresh),
                'n' | 'N' | ' ' if self.items().contains(&Item::NextHere) => self.on_item(Item::NextHere),
                _ => {}
            }
        }
        if matches!(letter, 'x' | 'X') {
            self.on_item(Item::Exit);
        }
    }

    fn move_cursor(&mut self, is_forward: bool) {
        let count = self.items().len().max(1);
        let step = if is_forward { 1 } else { count - 1 };
        self.cursor = (self.cursor + step) % count;
    }

    fn turn_tab(&mut self, is_forward: bool) {
        if let View::Session(managing) = &self.view {
            let count = Tab::ALL.len();
            let here = Tab::ALL.iter().position(|tab| *tab == managing.tab).unwrap_or(0);
            let step = if is_forward { 1 } else { count - 1 };
            self.open_tab(Tab::ALL[(here + step) % count]);
        }
    }

    fn on_press(&mut self, press: Press) {
        match press {
            Press::Tab(tab) => self.open_tab(tab),
            Press::Item(item) => {
                if let Some(position) = self.items().iter().position(|there| *there == item) {
                    self.cursor = position;
                }
                // A line is typed into where the mark is; Enter goes on to the next.
                if !matches!(item, Item::Field(_)) {
                    self.on_item(item);
                }
            }
        }
    }

    /// Opens a tab and reads what it shows: the act of a user (CL-05).
    fn open_tab(&mut self, tab: Tab) {
        let View::Session(managing) = &mut self.view else {
            return;
        };
        if self.dialog.is_some() {
            return;
        }
        managing.tab = tab;
        managing.message = None;
        self.cursor = 0;
        if let Some(request) = tab.request() {
            self.ask(request);
        }
    }

    fn on_item(&mut self, item: Item) {
        match item {
            Item::Connect => {
                self.show(View::Connecting(Leaving::default()));
                self.outputs.push_back(ConsoleOutput::Connect);
            }
            Item::Abandon => self.leave_for(Vec::new(), false),
            Item::StartScreen => self.leave_for(vec!["You have left. The session is closed.".into()], false),
            Item::Exit => self.leave_for(Vec::new(), true),
            Item::Authenticate => {
                self.set_dialog(Dialog::card("Waiting for the device."));
                self.ask(ManagerRequest::AuthStart);
            }
            Item::NextHere => self.is_next_here = !self.is_next_here,
            Item::Operate(operation) => match operation.warning() {
                Some(_) => {
                    let is_typed = operation.is_confirmed_by_serial();
                    self.set_dialog(Dialog::Confirm {
                        operation,
                        entry: is_typed.then(|| Entry::plain("")),
                        trouble: None,
                    });
                    // Enter twice in a row switches nothing off.
                    self.cursor = usize::from(!is_typed);
                }
                None => self.operate(operation, String::new()),
            },
            Item::Confirm(operation) => self.confirm(operation),
            Item::Refresh => {
                if let View::Session(managing) = &self.view
                    && let Some(request) = managing.tab.request()
                {
                    self.ask(request);
                }
            }
            Item::ChangeNetwork => {
                if let View::Session(managing) = &self.view
                    && let Some(network) = &managing.network
                {
                    self.set_dialog(Dialog::Network(NetworkForm::new(network)));
                }
            }
            Item::Field(_) => self.move_cursor(true),
            Item::SaveNetwork => self.save_network(),
            Item::TypePassword(purpose) => self.set_dialog(Dialog::Password(PasswordForm::new(purpose))),
            Item::FinishPassword => {
                if let Some(Dialog::Password(form)) = &mut self.dialog
                    && let Some(request) = form.finish_line()
                {
                    self.work(PASSWORD, "The device derives and compares the password.");
                    self.ask(request);
                }
            }
            Item::OpenBrowser => self.ask(ManagerRequest::HttpConsoleUrl),
            Item::InsertCard => self.insert_card(),
            Item::EnterPin => {
                if let Some(Dialog::Pin { entry, .. }) = &self.dialog {
                    let pin = Pin::from(entry.text());
                    self.set_dialog(Dialog::card("The card compares the PIN."));
                    self.tell(Told::PinEntered(pin));
                }
            }
            Item::GiveUp => {
                let is_prompt = matches!(self.dialog, Some(Dialog::InsertCard { .. } | Dialog::Pin { .. }));
                self.set_dialog(Dialog::card("Giving up."));
                if is_prompt {
                    self.tell(Told::PinCancelled);
                } else {
                    self.ask(ManagerRequest::AuthCancel);
                }
            }
            Item::CancelDialog | Item::Close => self.close_dialog(),
        }
    }

    fn confirm(&mut self, operation: Operation) {
        let Some(Dialog::Confirm { entry, trouble, .. }) = &mut self.dialog else {
            return;
        };
        let typed = entry.as_ref().map_or("", Entry::text).to_owned();
        if entry.is_some() && typed.is_empty() {
            *trouble = Some("Nothing was typed: type its serial number to confirm.".into());
            return;
        }
        self.operate(operation, typed);
    }

    fn operate(&mut self, operation: Operation, confirm: String) {
        self.work(operation.label(), "The device is at work.");
        self.ask(operation.request(confirm));
    }

    fn save_network(&mut self) {
        let Some(Dialog::Network(form)) = &mut self.dialog else {
            return;
        };
        let changes = form.changes();
        if changes.is_empty() {
            return self.finish("Nothing was typed over, and nothing changed.");
        }
        let sent_form = Some(form.clone());
        self.with_session(|managing| managing.sent_form = sent_form);
        self.work(Tab::Network.label(), "The device checks the settings.");
        self.ask(ManagerRequest::SetNetwork(changes));
    }

    fn work(&mut self, title: &'static str, text: &str) {
        self.set_dialog(Dialog::Working {
            title,
            text: text.into(),
            percent: None,
            is_card: false,
        });
    }

    fn insert_card(&mut self) {
        let Some(Dialog::InsertCard {
            entry: Some(entry),
            trouble,
        }) = &mut self.dialog
        else {
            return;
        };
        if entry.text().is_empty() {
            *trouble = Some("Type the name of the card's file.".into());
            return;
        }
        let name = entry.text().to_owned();
        if self.proposals.front() == Some(&name) {
            self.proposals.pop_front();
        }
        self.set_dialog(Dialog::card("The card is being read."));
        self.outputs.push_back(ConsoleOutput::InsertCard(name));
    }

    /// Ends the session in order; `told` is then on the start screen, unless the program ends.
    //= AU-12
    fn leave_for(&mut self, told: Vec<String>, exits: bool) {
        self.dialog = None;
        let leaving = Leaving { told, exits };
        match core::mem::replace(&mut self.view, View::Gone) {
            View::Start { .. } if exits => self.outputs.push_back(ConsoleOutput::Exit),
            View::Start { told } => self.view = View::Start { told },
            View::Connecting(_) => {
                self.show(View::Leaving(leaving));
                self.outputs.push_back(ConsoleOutput::Abandon);
            }
            View::Session(_) => {
                self.show(View::Leaving(leaving));
                self.ask(ManagerRequest::Close);
            }
            View::Leaving(before) => {
                let exits = exits || before.exits;
                self.view = View::Leaving(Leaving { exits, ..before });
            }
            View::Gone => {}
        }
    }

    /// The program ends, whatever is under way.
    fn on_leave(&mut self) {
        let is_open = matches!(self.view, View::Session(_));
        self.leave_for(Vec::new(), true);
        if is_open {
            // Behind `session.close`, which the device may not answer any more.
            self.tell(Told::HangUp);
        }
    }

    fn on_browser(&mut self, opened: Result<(), Trouble>) {
        match opened {
            Ok(()) => self.say("The browser was asked to open the HTTP console."),
            Err(trouble) => {
                let lines = [Some(trouble.what), trouble.hint].into_iter().flatten().collect();
                if let View::Session(_) = self.view {
                    self.set_dialog(Dialog::Told {
                        title: "The browser was not opened",
                        lines,
                        offers_next_card: false,
                    });
                }
            }
        }
    }

    fn keep_told(&mut self, lines: Vec<String>) {
        match &mut self.view {
            View::Session(managing) => managing.told = lines,
            // What the user did first is what is told.
            View::Connecting(leaving) => leaving.told = lines,
            View::Leaving(_) | View::Start { .. } | View::Gone => {}
        }
    }

    fn with_session(&mut self, change: impl FnOnce(&mut Managing)) {
        if let View::Session(managing) = &mut self.view {
            change(managing);
        }
    }

    fn say(&mut self, message: &str) {
        self.with_session(|managing| managing.message = Some(message.to_owned()));
    }

    fn entry(&mut self) -> Option<&mut Entry> {
        match &mut self.dialog {
            Some(Dialog::InsertCard { entry, .. } | Dialog::Confirm { entry, .. }) => entry.as_mut(),
            Some(Dialog::Pin { entry, .. }) => Some(entry),
            Some(Dialog::Password(form)) => Some(form.entry_mut()),
            Some(Dialog::Network(form)) => form.fields.get_mut(self.cursor).map(|field| &mut field.entry),
            Some(Dialog::Working { .. } | Dialog::Told { .. }) | None => None,
        }
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.cursor = 0;
    }

    fn set_dialog(&mut self, dialog: Dialog) {
        self.dialog = Some(dialog);
        self.cursor = 0;
    }

    fn close_dialog(&mut self) {
        self.dialog = None;
        self.cursor = 0;
    }

    fn ask(&mut self, request: ManagerRequest) {
        if request == ManagerRequest::Network {
            self.with_session(|managing| managing.network_reads += 1);
        }
        self.tell(Told::Ask(request));
    }

    fn tell(&mut self, told: Told) {
        self.outputs.push_back(ConsoleOutput::Station(told));
    }
}

const PASSWORD: &str = "Activation password";
const FIRST_USE: &str = "First use";

/// A fingerprint is longer than a row.
fn halves(fingerprint: Fingerprint) -> (String, String) {
    let text = fingerprint.to_string();
    let (first, second) = text.split_at(text.len() / 2 + 1);
    (first.to_owned(), second.to_owned())
}

impl Dialog {
    fn card(text: &str) -> Self {
        Self::Working {
            title: "Authentication",
            text: text.into(),
            percent: None,
            is_card: true,
        }
    }

    /// The last one is what Escape does.
    fn items(&self) -> Vec<Item> {
        match self {
            Self::InsertCard { entry: Some(_), .. } => vec![Item::InsertCard, Item::GiveUp],
            Self::InsertCard { entry: None, .. } | Self::Working { is_card: true, .. } => vec![Item::GiveUp],
            Self::Pin { .. } => vec![Item::EnterPin, Item::GiveUp],
            Self::Password(_) => vec![Item::FinishPassword, Item::CancelDialog],
            Self::Network(form) => (0..form.fields.len())
                .map(Item::Field)
                .chain([Item::SaveNetwork, Item::CancelDialog])
                .collect(),
            Self::Confirm { operation, .. } => vec![Item::Confirm(*operation), Item::CancelDialog],
            Self::Working { is_card: false, .. } => vec![Item::StartScreen],
            Self::Told {
                offers_next_card: true,
                ..
            } => vec![Item::Authenticate, Item::StartScreen],
            Self::Told { .. } => vec![Item::Close],
        }
    }
}

impl Machine for Console {
    type Input = ConsoleInput;
    type Output = ConsoleOutput;

    fn handle_input(&mut self, cx: &mut Cx<'_>, input: ConsoleInput) {
        match input {
            ConsoleInput::Resized { columns, rows } => self.size = (columns, rows),
            ConsoleInput::Key(key) => self.on_key(key),
            ConsoleInput::Click { column, row } => {
                if let Some(press) = self.pressed(column, row, cx.now) {
                    self.on_press(press);
                }
            }
            ConsoleInput::Leave => self.on_leave(),
            ConsoleInput::FirstUse(fingerprint) => self.on_first_use(fingerprint),
            ConsoleInput::NotConnected(trouble) => self.on_trouble(trouble),
            ConsoleInput::Station(output) => self.on_station(output, cx.now),
            ConsoleInput::CardNotInserted(trouble) => self.on_card_not_inserted(trouble),
            ConsoleInput::Browser(opened) => self.on_browser(opened),
        }
    }

    /// Moves the number of the countdown, and nothing else.
    //= CL-05
    fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        if let Some(countdown) = &mut self.countdown
            && !countdown.pass(cx.now)
        {
            self.countdown = None;
            let over = "The time for the next custodian is over: all start again.";
            match &mut self.view {
                View::Start { told } => told.push(over.into()),
                View::Session(managing) => managing.message = Some(over.into()),
                View::Connecting(_) | View::Leaving(_) | View::Gone => {}
            }
        }
    }

    fn poll_output(&mut self) -> Option<ConsoleOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.countdown.as_ref().and_then(Countdown::deadline)
    }
}
