//! What a console looks like: 24 rows of 80 columns, in the middle of a larger terminal. Changes nothing.

use machine::Instant;
use protocol::{Header, Info, NetworkSettings, ServiceState};
use ratatui_core::{buffer::Buffer, layout::Rect};

use crate::{
    COLUMNS, ROWS,
    canvas::{Canvas, Look},
    console::{Console, Dialog, Item, Managing, Press, Reader, Tab, View},
    countdown::Countdown,
    entry::Entry,
    network_form::NetworkForm,
};

/// Where the header begins. An address of 15 columns and a serial number have room to its right.
const HEADER_COLUMN: u16 = 42;
/// Where the labels of what is read begin.
const LABEL_COLUMN: u16 = 3;
/// The line above the body.
const UPPER_RULE: u16 = 7;
/// The first row of the body.
const BODY_ROW: u16 = 8;
/// The line below the body.
const LOWER_RULE: u16 = 20;
/// The line about what came of the last act.
const MESSAGE_ROW: u16 = 21;
/// The line about the keys.
const KEYS_ROW: u16 = 22;
/// Columns of a dialog.
const DIALOG_COLUMNS: u16 = 72;
/// Lines of the start screen about what happened last.
const TOLD_ROWS: usize = 7;
/// Lines of the network settings that are seen at once while they are changed.
const FIELDS_SHOWN: usize = 9;
/// Where they are typed.
const FIELD_COLUMN: u16 = 26;
/// Characters of what a line is called.
const LABEL_CHARACTERS_MAX: usize = 20;
/// Columns of an entry.
const ENTRY_COLUMNS: u16 = 44;

impl Console {
    /// Paints the whole terminal as it is at `now`.
    pub fn paint(&self, now: Instant, buffer: &mut Buffer) {
        buffer.reset();
        self.paint_on(now, buffer);
    }

    /// The screen as text: a line a row, without what stands at its right end only to fill it.
    pub fn to_text(&self, now: Instant) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.paint(now, &mut buffer);
        let mut text = String::new();
        for row in 0..buffer.area.height {
            let cells = (0..buffer.area.width).map(|column| buffer[(column, row)].symbol());
            text.push_str(cells.collect::<String>().trim_end());
            text.push('\n');
        }
        text
    }

    /// What a click there presses.
    pub(crate) fn pressed(&self, column: u16, row: u16, now: Instant) -> Option<Press> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.paint_on(now, &mut buffer)?.pressed(column, row)
    }

    fn paint_on<'a>(&self, now: Instant, buffer: &'a mut Buffer) -> Option<Canvas<'a>> {
        let area = buffer.area;
        if area.width < COLUMNS || area.height < ROWS {
            let said = format!(
                "hsm-client needs {COLUMNS} x {ROWS} cells; here are {} x {}",
                area.width, area.height
            );
            buffer.set_stringn(
                area.x,
                area.y,
                said,
                usize::from(area.width),
                ratatui_core::style::Style::new(),
            );
            return None;
        }
        let mut canvas = Canvas::new(buffer, self.settings.escape)?;
        let title = format!("hsm-client {}", self.settings.device);
        canvas.frame(0, 0, COLUMNS, ROWS, &title);
        canvas.rule(UPPER_RULE);
        canvas.rule(LOWER_RULE);
        match &self.view {
            View::Start { told } => self.paint_start(told, now, &mut canvas),
            View::Connecting(_) => {
                canvas.text(3, 2, 40, "Start screen", Look::Bold);
                canvas.text(3, 10, 74, "Connecting...", Look::Plain);
                self.paint_items(12, &mut canvas);
                self.paint_keys("Esc gives up   Ctrl-C ends the program", &mut canvas);
            }
            View::Leaving(_) => {
                canvas.text(3, 10, 74, "Leaving: the session is being closed...", Look::Plain);
            }
            View::Gone => {}
            View::Session(managing) => self.paint_session(managing, now, &mut canvas),
        }
        if let Some(dialog) = &self.dialog {
            canvas.clear(BODY_ROW..LOWER_RULE);
            match dialog {
                Dialog::Network(form) => self.paint_network_form(form, &mut canvas),
                dialog => self.paint_dialog(dialog, now, &mut canvas),
            }
        }
        Some(canvas)
    }

    fn paint_start(&self, told: &[String], now: Instant, canvas: &mut Canvas<'_>) {
        canvas.text(3, 2, 40, "Start screen", Look::Bold);
        canvas.text(
            3,
            4,
            74,
            "Header, network settings and information are for everybody.",
            Look::Plain,
        );
        let reader = match &self.settings.reader {
            Reader::Images(_) => "Cards: images in files".to_owned(),
            Reader::Named(name) => format!("Cards: in the reader {name}"),
        };
        canvas.text(3, 5, 74, &reader, Look::Plain);
        let mut row = BODY_ROW + 1;
        for line in told.iter().flat_map(|line| wrapped(line, 74)).take(TOLD_ROWS) {
            canvas.text(3, row, 74, &line, Look::Plain);
            row += 1;
        }
        if let Some(countdown) = &self.countdown {
            canvas.text(3, row, 74, &left(countdown, now), Look::Bold);
        }
        self.paint_items(17, canvas);
        self.paint_keys("Up/Down choose   Enter does it   X exits", canvas);
    }

    fn paint_session(&self, managing: &Managing, now: Instant, canvas: &mut Canvas<'_>) {
        for (row, tab) in (1..).zip(Tab::ALL) {
            let is_open = tab == managing.tab;
            let mark = if is_open { '▸' } else { ' ' };
            let text = format!("{mark} {row} {}", tab.label());
            let look = if is_open { Look::Bold } else { Look::Plain };
            canvas.button(2, row, &text, look, Press::Tab(tab));
        }
        canvas.button(
            4,
            6,
            "S Start screen",
            Look::Plain,
            Press::Item(Item::StartScreen),
        );
        canvas.button(21, 6, "X Exit", Look::Plain, Press::Item(Item::Exit));
        paint_header(&managing.header, canvas);
        match managing.tab {
            Tab::Management => self.paint_management(managing, now, canvas),
            Tab::Network => match &managing.network {
                Some(network) => {
                    // A second choice takes the row of an interface.
                    let second = managing.can_change_network();
                    paint_network(network, INTERFACES_SHOWN - usize::from(second), canvas);
                    self.paint_items(LOWER_RULE - 1 - u16::from(second), canvas);
                }
                None => waiting(canvas),
            },
            Tab::Information => match &managing.info {
                Some(info) => {
                    paint_info(info, canvas);
                    self.paint_items(LOWER_RULE - 1, canvas);
                }
                None => waiting(canvas),
            },
            Tab::Web => {
                let said =
                    "The HTTP console of the HSM opens in the browser of this station, at its login page.";
                for (row, line) in (BODY_ROW + 2..).zip(wrapped(said, 74)) {
                    canvas.text(3, row, 74, &line, Look::Plain);
                }
                self.paint_items(BODY_ROW + 5, canvas);
            }
        }
        if let Some(message) = &managing.message {
            canvas.text(2, MESSAGE_ROW, 76, message, Look::Bold);
        }
        self.paint_keys(
            "1-4 tabs   Up/Down choose   Enter does it   S start screen   X exits",
            canvas,
        );
    }

    fn paint_management(&self, managing: &Managing, now: Instant, canvas: &mut Canvas<'_>) {
        if managing.is_administrator {
            canvas.text(
                3,
                BODY_ROW + 1,
                74,
                "You have administrative access to the HSM.",
                Look::Plain,
            );
            self.paint_items(BODY_ROW + 3, canvas);
            return;
        }
        if managing.is_pocket() {
            let said = "An activation password takes the place of the custodians' cards.";
            canvas.text(3, BODY_ROW + 1, 74, said, Look::Plain);
            self.paint_items(BODY_ROW + 3, canvas);
            return;
        }
        let said = "Each custodian inserts a card and types its PIN. The cards of a set may be at different stations.";
        for (row, line) in (BODY_ROW + 1..).zip(wrapped(said, 74)) {
            canvas.text(3, row, 74, &line, Look::Plain);
        }
        if let Some(countdown) = &self.countdown {
            canvas.text(3, BODY_ROW + 4, 74, &left(countdown, now), Look::Bold);
        }
        self.paint_items(BODY_ROW + 6, canvas);
    }

    /// What can be chosen, a row each. A dialog has its own choices.
    fn paint_items(&self, row: u16, canvas: &mut Canvas<'_>) {
        if self.dialog.is_some() {
            return;
        }
        for (index, item) in self.items().into_iter().enumerate() {
            let is_marked = index == self.cursor;
            let row = row + u16::try_from(index).expect("a menu is short");
            let mark = if is_marked { "▸" } else { " " };
            canvas.text(3, row, 2, mark, Look::Plain);
            let look = if is_marked { Look::Marked } else { Look::Plain };
            canvas.button(5, row, &self.label(item), look, Press::Item(item));
        }
    }

    fn paint_keys(&self, keys: &str, canvas: &mut Canvas<'_>) {
        let keys = match &self.dialog {
            None => keys,
            Some(Dialog::Network(_)) => "Up/Down choose   Enter goes on to the next   Esc gives up",
            Some(dialog) if dialog.has_entry() => "Enter sends what was typed   Esc gives up",
            Some(_) => "Left/Right choose   Enter does it   Esc is the last choice",
        };
        canvas.text(2, KEYS_ROW, 76, keys, Look::Plain);
    }

    fn label(&self, item: Item) -> String {
        let label = match item {
            Item::Connect => "Connect",
            Item::Abandon | Item::GiveUp => "Give up",
            Item::StartScreen => "Start screen",
            Item::Exit => "Exit",
            Item::Authenticate => match self.dialog {
                Some(_) => "Next card",
                None => "Start remote authentication",
            },
            Item::NextHere => {
                let cross = if self.is_next_here { 'x' } else { ' ' };
                return format!("[{cross}] N the next card is at this station");
            }
            Item::Operate(operation) => operation.label(),
            Item::Refresh => "Read again",
            Item::OpenBrowser => "Open HTTP console",
            Item::ChangeNetwork | Item::SaveNetwork => "Change",
            Item::TypePassword(purpose) => purpose.label(),
            // Painted with what is typed.
            Item::Field(_) => "",
            Item::InsertCard => "Insert",
            Item::EnterPin | Item::FinishPassword | Item::Close => "OK",
            Item::Confirm(_) => "Yes",
            Item::CancelDialog => match self.dialog {
                Some(Dialog::Confirm { .. }) => "No",
                _ => "Give up",
            },
        };
        format!("[ {label} ]")
    }

    fn paint_dialog(&self, dialog: &Dialog, now: Instant, canvas: &mut Canvas<'_>) {
        let serial = match &self.view {
            View::Session(managing) => managing.header.serial.as_str(),
            View::Start { .. } | View::Connecting(_) | View::Leaving(_) | View::Gone => "",
        };
        let lines = dialog.lines(serial, self.countdown.as_ref(), now);
        let lines: Vec<String> = lines
            .iter()
            .flat_map(|line| wrapped(line, usize::from(DIALOG_COLUMNS) - 6))
            .collect();
        let lines = &lines[..lines.len().min(9)];
        let lines_len = u16::try_from(lines.len()).expect("it was cut above");
        let entry_rows = if dialog.has_entry() { 2 } else { 0 };
        let height = lines_len + entry_rows + 5;
        let (column, row) = ((COLUMNS - DIALOG_COLUMNS) / 2, (ROWS - height).div_ceil(2) + 1);
        canvas.frame(column, row, DIALOG_COLUMNS, height, dialog.title());
        let inner = column + 3;
        for (line, row) in lines.iter().zip(row + 2..) {
            canvas.text(inner, row, DIALOG_COLUMNS - 6, line, Look::Plain);
        }
        if let Some((label, entry)) = dialog.entry() {
            let row = row + 2 + lines_len + u16::from(lines_len > 0);
            let width = canvas.text(inner, row, 20, label, Look::Plain);
            paint_entry(entry, true, inner + width + 1, row, canvas);
        }
        self.paint_buttons(0, inner, row + height - 2, canvas);
    }

    /// The choices from `first` on, side by side.
    fn paint_buttons(&self, first: usize, column: u16, row: u16, canvas: &mut Canvas<'_>) {
        let mut at = column;
        for (index, item) in self.items().into_iter().enumerate().skip(first) {
            let is_marked = index == self.cursor;
            let look = if is_marked { Look::Marked } else { Look::Plain };
            canvas.text(at, row, 1, if is_marked { "▸" } else { " " }, Look::Plain);
            let label = self.label(item);
            at += 2 + canvas.button(at + 1, row, &label, look, Press::Item(item));
        }
    }

    /// The lines around the marked one; below them, what is wrong with that one.
    //= NW-03
    fn paint_network_form(&self, form: &NetworkForm, canvas: &mut Canvas<'_>) {
        let from = (self.cursor + 1).saturating_sub(FIELDS_SHOWN);
        let from = from.min(form.fields.len().saturating_sub(FIELDS_SHOWN));
        let shown = form.fields.iter().enumerate().skip(from).take(FIELDS_SHOWN);
        for (row, (index, field)) in (BODY_ROW..).zip(shown) {
            let is_marked = index == self.cursor;
            canvas.text(3, row, 1, if is_marked { "▸" } else { " " }, Look::Plain);
            let press = Press::Item(Item::Field(index));
            let look = if is_marked { Look::Marked } else { Look::Plain };
            let label: String = field.label.chars().take(LABEL_CHARACTERS_MAX).collect();
            canvas.button(5, row, &label, look, press);
            paint_entry(&field.entry, is_marked, FIELD_COLUMN, row, canvas);
            if field.error.is_some() {
                canvas.text(FIELD_COLUMN + ENTRY_COLUMNS + 1, row, 7, "! wrong", Look::Bold);
            }
        }
        let marked = form
            .fields
            .get(self.cursor)
            .and_then(|field| field.error.as_ref());
        let errors = marked.into_iter().chain(&form.others);
        for (row, line) in (LOWER_RULE - 3..LOWER_RULE - 1).zip(errors.flat_map(|error| wrapped(error, 74))) {
            canvas.text(3, row, 74, &line, Look::Bold);
        }
        self.paint_buttons(form.fields.len(), 3, LOWER_RULE - 1, canvas);
    }
}

impl Dialog {
    fn title(&self) -> &'static str {
        match self {
            Self::InsertCard { .. } => "Insert card",
            Self::Pin { .. } => "PIN",
            Self::Password(form) => form.purpose.label(),
            // A form has no frame.
            Self::Network(_) => "",
            Self::Confirm { operation, .. } => operation.label(),
            Self::Working { title, .. } | Self::Told { title, .. } => title,
        }
    }

    fn has_entry(&self) -> bool {
        self.entry().is_some()
    }

    fn entry(&self) -> Option<(&'static str, &Entry)> {
        match self {
            Self::InsertCard { entry, .. } => entry.as_ref().map(|entry| ("Card image:", entry)),
            Self::Pin { entry, .. } => Some(("PIN:", entry)),
            Self::Password(form) => Some((form.label(), form.entry())),
            Self::Confirm { entry, .. } => entry.as_ref().map(|entry| ("Serial number:", entry)),
            Self::Network(_) | Self::Working { .. } | Self::Told { .. } => None,
        }
    }

    fn lines(&self, serial: &str, countdown: Option<&Countdown>, now: Instant) -> Vec<String> {
        match self {
            Self::InsertCard { entry, trouble } => {
                let said = match entry {
                    Some(_) => "Insert the card of a custodian: type the name of its file.",
                    None => "Insert the card of a custodian into the reader.",
                };
                trouble.iter().cloned().chain([said.into()]).collect()
            }
            Self::Password(form) => form.lines(),
            Self::Network(_) => Vec::new(),
            Self::Pin { trouble, .. } => {
                let said = "Type the PIN of the card. It is not shown, and goes to the card alone.";
                trouble.iter().cloned().chain([said.into()]).collect()
            }
            Self::Confirm {
                operation,
                entry,
                trouble,
            } => {
                let question = format!("{} of the HSM {serial}: are you sure?", operation.noun());
                let warning = operation.warning().unwrap_or_default();
                let how = trouble.as_deref().unwrap_or("Type its serial number to confirm.");
                let how = entry.as_ref().map(|_| how.to_owned());
                [question, warning.into()].into_iter().chain(how).collect()
            }
            Self::Working { text, percent, .. } => {
                let bar = percent.map(|percent| {
                    let done = usize::from(percent) * 40 / 100;
                    format!("[{}{}] {percent} %", "#".repeat(done), "-".repeat(40 - done))
                });
                [text.clone()].into_iter().chain(bar).collect()
            }
            Self::Told {
                lines,
                offers_next_card,
                ..
            } => {
                let left = countdown
                    .filter(|_| *offers_next_card)
                    .map(|countdown| left(countdown, now));
                lines.iter().cloned().chain(left).collect()
            }
        }
    }
}

/// How far the custodians have come.
fn left(countdown: &Countdown, now: Instant) -> String {
    format!(
        "{} of {} cards are accepted; {} s left for the next custodian.",
        countdown.presented,
        countdown.required,
        countdown.seconds_left(now)
    )
}

fn waiting(canvas: &mut Canvas<'_>) {
    canvas.text(3, BODY_ROW + 2, 74, "Reading...", Look::Plain);
}

/// What is typed, its end first if it is long; of a secret, nothing.
fn paint_entry(entry: &Entry, is_marked: bool, column: u16, row: u16, canvas: &mut Canvas<'_>) {
    let width = usize::from(ENTRY_COLUMNS);
    let typed: Vec<char> = if entry.is_secret() {
        Vec::new()
    } else {
        entry.text().chars().collect()
    };
    let from = typed.len().saturating_sub(width - 1);
    let mut text: String = typed[from..].iter().collect();
    if is_marked {
        text.push('_');
    }
    canvas.text(column, row, ENTRY_COLUMNS, &text, Look::Bold);
}

const fn service(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
    }
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

//= CL-01
//= HD-01
fn paint_header(header: &Header, canvas: &mut Canvas<'_>) {
    let rows = [
        ("Service", service(header.service).to_owned()),
        ("Model", header.model.clone()),
        ("Serial", header.serial.clone()),
        ("Firmware", header.firmware.clone()),
        ("Address", header.ip.to_string()),
        ("Mode", header.mode.to_string()),
    ];
    for (row, (label, value)) in (1..).zip(rows) {
        canvas.text(HEADER_COLUMN, row, 9, label, Look::Plain);
        canvas.text(HEADER_COLUMN + 9, row, 28, &value, Look::Bold);
    }
}

fn paint_rows(rows: &[(&str, String)], column: u16, width: u16, canvas: &mut Canvas<'_>) {
    for (row, (label, value)) in (BODY_ROW + 1..).zip(rows) {
        canvas.text(column, row, 19, label, Look::Plain);
        canvas.text(column + 20, row, width - 20, value, Look::Bold);
    }
}

/// Rows of the network tab for interfaces; what is beyond them is counted.
const INTERFACES_SHOWN: usize = 6;

fn paint_network(network: &NetworkSettings, interfaces_shown: usize, canvas: &mut Canvas<'_>) {
    let or_dash = |items: Vec<String>| {
        if items.is_empty() {
            "-".to_owned()
        } else {
            items.join(", ")
        }
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    for interface in network.interfaces.iter().take(interfaces_shown) {
        let link = if interface.up { "up" } else { "down" };
        let value = format!(
            "{}/{} {} {} {link}",
            interface.ip, interface.mask, interface.mac, interface.speed
        );
        rows.push((interface.name.as_str(), value));
    }
    let hidden = network.interfaces.len().saturating_sub(interfaces_shown);
    if hidden > 0 {
        rows.push(("", format!("and {hidden} more: `hsm-client network` shows all")));
    }
    let gateway = network.gateway.map_or("-".into(), |gateway| gateway.to_string());
    rows.push(("Gateway", gateway));
    rows.push((
        "DNS",
        or_dash(network.dns.iter().map(ToString::to_string).collect()),
    ));
    rows.push(("NTP", or_dash(network.ntp.clone())));
    paint_rows(&rows, LABEL_COLUMN, 74, canvas);
}

fn paint_info(info: &Info, canvas: &mut Canvas<'_>) {
    let self_test = if info.last_self_test.passed {
        "passed"
    } else {
        "failed"
    };
    let left = [
        ("Model", info.model.clone()),
        ("Serial number", info.serial.clone()),
        ("Firmware", info.firmware.clone()),
        ("Hardware", info.hardware.clone()),
        ("Operating mode", info.mode.to_string()),
        ("Service", service(info.service).into()),
        ("Activated", yes(info.activated).into()),
        ("Tampered", yes(info.tampered).into()),
        ("Date and time (UTC)", info.date_time.clone()),
        (
            "Replication domain",
            info.replication_domain.clone().unwrap_or_else(|| "-".into()),
        ),
    ];
    let right = [
        ("Uptime", format!("{} s", info.uptime_secs)),
        ("Users", info.users.to_string()),
        ("Objects", info.objects.to_string()),
        ("Database, bytes", info.database_bytes.to_string()),
        ("Free, bytes", info.free_bytes.to_string()),
        ("Last self test", self_test.into()),
        ("  done", info.last_self_test.date_time.clone()),
    ];
    paint_rows(&left, LABEL_COLUMN, 39, canvas);
    for (row, (label, value)) in (BODY_ROW + 1..).zip(&right) {
        canvas.text(43, row, 15, label, Look::Plain);
        canvas.text(59, row, 20, value, Look::Bold);
    }
}

/// A text in lines of at most `width` characters, cut between words where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut rest: Vec<char> = word.chars().collect();
        loop {
            let line = lines.last_mut().expect("there is always one");
            let used = line.chars().count();
            let space = usize::from(used > 0);
            if used + space + rest.len() <= width {
                if space > 0 {
                    line.push(' ');
                }
                line.extend(rest);
                break;
            }
            if used == 0 {
                // A word that fits on no line.
                line.extend(rest.drain(..width));
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_are_cut_between_words_where_there_are_any() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
