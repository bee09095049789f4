//! What a dialog shows and which keys it takes: one place draws it, one place takes its keys. Knows nothing of what is
//! asked, nor of what the answer does.

use core::fmt;

use zeroize::Zeroizing;

use super::{
    Key,
    screen::{Area, Place, SCREEN_COLUMNS, SCREEN_ROWS, Screen, width_of},
};

/// Something that waits for somebody at the console.
#[derive(Clone, Debug)]
pub(crate) enum Dialog {
    /// Something to be read, with the button OK.
    Notice { title: String, lines: Vec<String> },
    /// More than fits, with a bar beside it when it scrolls, and the button OK. Source: S3.
    List {
        title: String,
        rows: Vec<String>,
        /// The first row that is shown.
        first: usize,
    },
    /// Some buttons to choose from.
    Question {
        title: String,
        lines: Vec<String>,
        buttons: &'static [&'static str],
        selected: usize,
    },
    /// Some fields to fill in, with the button OK.
    Form {
        title: String,
        lines: Vec<String>,
        fields: Vec<Field>,
        /// The field that has the keys; past the last one, the button.
        focused: usize,
    },
    /// Something is under way; it takes Esc alone.
    Progress { title: String, lines: Vec<String> },
}

/// One line to fill in.
#[derive(Clone)]
pub(crate) struct Field {
    label: String,
    kind: FieldKind,
    characters_max: usize,
    /// It never grows past what was allocated, so that no copy of it is left behind.
    value: Zeroizing<String>,
}

/// What a field takes and shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// Any characters.
    Text,
    /// Digits.
    Number,
    /// Any characters, shown as stars.
    Pin,
}

/// What came of a dialog.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It was read.
    Confirmed,
    /// The button with this place in the list.
    Chosen(usize),
    /// The fields, in their order.
    Entered(Vec<Zeroizing<String>>),
    /// Esc.
    Left,
}

/// Rows of a list that are seen at once, as in the vendor's Inspect (S3).
pub(crate) const LIST_ROWS_SHOWN: usize = 12;
/// Columns of text in a list, between the left border and the bar; longer rows go on in the next one.
pub(crate) const LIST_TEXT_COLUMNS: usize = 57;
/// The width of a list's box, borders included. Source: LC-08.
const LIST_BOX_COLUMNS: usize = 63;
/// Columns of text in the other dialogs; longer lines go on in the next one.
pub(crate) const TEXT_COLUMNS: usize = 60;
/// Columns of a field; the end of a longer value is shown.
const FIELD_COLUMNS: usize = 40;
/// Rows inside of a box that leave title and status line free.
const INSIDE_ROWS_MAX: usize = 19;
/// The narrowest box that has room for its button.
const INSIDE_COLUMNS_MIN: usize = 28;

impl Field {
    pub(crate) fn new(label: impl Into<String>, kind: FieldKind, characters_max: usize) -> Self {
        Self {
            label: label.into(),
            kind,
            characters_max,
            value: Zeroizing::new(String::with_capacity(characters_max * 4)),
        }
    }

    pub(crate) fn text(label: impl Into<String>, characters_max: usize) -> Self {
        Self::new(label, FieldKind::Text, characters_max)
    }

    pub(crate) fn number(label: impl Into<String>, characters_max: usize) -> Self {
        Self::new(label, FieldKind::Number, characters_max)
    }

    /// One place more than a PIN has, as the vendor's field.
    pub(crate) fn pin(label: impl Into<String>) -> Self {
        Self::new(label, FieldKind::Pin, PIN_FIELD_CHARACTERS_MAX)
    }

    /// The field with something in it already, cut at its limit.
    pub(crate) fn filled_with(mut self, value: &str) -> Self {
        self.value.clear();
        self.value.extend(value.chars().take(self.characters_max));
        self
    }

    /// What was typed; the field is empty afterwards.
    pub(crate) fn take(&mut self) -> Zeroizing<String> {
        let empty = Zeroizing::new(String::with_capacity(self.characters_max * 4));
        core::mem::replace(&mut self.value, empty)
    }

    /// Takes a key that is one for a field.
    pub(crate) fn handle_key(&mut self, key: Key) {
        match key {
            Key::Backspace => {
                self.value.pop();
            }
            Key::Char(character) => {
                let fits = self.value.chars().count() < self.characters_max;
                let taken = match self.kind {
                    FieldKind::Number => character.is_ascii_digit(),
                    FieldKind::Text | FieldKind::Pin => !character.is_control(),
                };
                if fits && taken {
                    self.value.push(character);
                }
            }
            Key::Up
            | Key::Down
            | Key::Left
            | Key::Right
            | Key::Tab
            | Key::Enter
            | Key::Esc
            | Key::Function(_) => {}
        }
    }

    fn columns(&self) -> usize {
        self.characters_max.min(FIELD_COLUMNS)
    }

    /// Draws the places of the field; those that are free are lines.
    pub(crate) fn draw(&self, screen: &mut Screen, row: usize, column: usize, has_keys: bool) {
        let columns = self.columns();
        let mut shown = match self.kind {
            FieldKind::Pin => "*".repeat(self.value.chars().count()),
            FieldKind::Text | FieldKind::Number => crate::escape(&self.value),
        };
        while width_of(&shown) > columns {
            shown.remove(0);
        }
        let typed = width_of(&shown);
        screen.put(row, column, &format!("{shown}{}", "_".repeat(columns - typed)));
        if has_keys {
            screen.focus = Some(Area {
                row,
                column,
                width: columns,
                height: 1,
            });
            screen.cursor = Some(Place {
                row,
                column: column + typed.min(columns.saturating_sub(1)),
            });
        }
    }
}

/// The longest PIN entry that a field takes: one more than a PIN, as the vendor's field has nine places.
pub(crate) const PIN_FIELD_CHARACTERS_MAX: usize = 9;

/// What was typed is nobody's business but the card's.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("label", &self.label)
            .field("kind", &self.kind)
            .field("characters", &self.value.chars().count())
            .finish()
    }
}

impl Dialog {
    /// A notice without a title.
    pub(crate) fn notice(text: impl Into<String>) -> Self {
        Self::Notice {
            title: String::new(),
            lines: vec![text.into()],
        }
    }

    pub(crate) fn list(title: impl Into<String>, rows: Vec<String>) -> Self {
        let rows = rows
            .iter()
            .flat_map(|row| wrapped(row, LIST_TEXT_COLUMNS, "  "))
            .collect();
        Self::List {
            title: title.into(),
            rows,
            first: 0,
        }
    }

    /// Takes the rows of another list, and stays where this one was scrolled to as far as they reach.
    pub(crate) fn refresh(&mut self, other: Self) {
        if let (Self::List { rows, first, .. }, Self::List { rows: others, .. }) = (self, other) {
            *first = (*first).min(others.len().saturating_sub(LIST_ROWS_SHOWN));
            *rows = others;
        }
    }

    /// The first button is selected.
    pub(crate) fn question(
        title: impl Into<String>,
        lines: Vec<String>,
        buttons: &'static [&'static str],
    ) -> Self {
        Self::Question {
            title: title.into(),
            lines,
            buttons,
            selected: 0,
        }
    }

    pub(crate) fn form(title: impl Into<String>, lines: Vec<String>, fields: Vec<Field>) -> Self {
        Self::Form {
            title: title.into(),
            lines,
            fields,
            focused: 0,
        }
    }

    pub(crate) fn progress(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self::Progress {
            title: title.into(),
            lines,
        }
    }

    /// One key; the answer, once there is one.
    //= LC-03
    pub(crate) fn handle_key(&mut self, key: Key) -> Option<Answer> {
        if key == Key::Esc {
            return Some(Answer::Left);
        }
        match self {
            Self::Notice { .. } => (key == Key::Enter).then_some(Answer::Confirmed),
            Self::List { rows, first, .. } => {
                let last_first = rows.len().saturating_sub(LIST_ROWS_SHOWN);
                match key {
                    Key::Up => *first = first.saturating_sub(1),
                    Key::Down => *first = (*first + 1).min(last_first),
                    Key::Enter => return Some(Answer::Confirmed),
                    Key::Left
                    | Key::Right
                    | Key::Tab
                    | Key::Esc
                    | Key::Backspace
                    | Key::Function(_)
                    | Key::Char(_) => {}
                }
                None
            }
            Self::Question {
                buttons, selected, ..
            } => {
                let count = buttons.len().max(1);
                match key {
                    Key::Right | Key::Down | Key::Tab => *selected = (*selected + 1) % count,
                    Key::Left | Key::Up => *selected = (*selected + count - 1) % count,
                    Key::Enter => return Some(Answer::Chosen(*selected)),
                    Key::Esc | Key::Backspace | Key::Function(_) | Key::Char(_) => {}
                }
                None
            }
            Self::Form { fields, focused, .. } => {
                let places = fields.len() + 1;
                match key {
                    Key::Down | Key::Tab | Key::Right => *focused = (*focused + 1) % places,
                    Key::Up | Key::Left => *focused = (*focused + places - 1) % places,
                    // The last field's Enter is the button's, so that a form with one field needs one key.
                    Key::Enter if *focused + 1 < fields.len() => *focused += 1,
                    Key::Enter => {
                        let entered = fields.iter_mut().map(Field::take).collect();
                        return Some(Answer::Entered(entered));
                    }
                    Key::Backspace | Key::Char(_) => {
                        if let Some(field) = fields.get_mut(*focused) {
                            field.handle_key(key);
                        }
                    }
                    Key::Esc | Key::Function(_) => {}
                }
                None
            }
            Self::Progress { .. } => None,
        }
    }

    /// Draws the dialog over what is on the screen.
    pub(crate) fn draw(&self, screen: &mut Screen) {
        screen.focus = None;
        screen.cursor = None;
        match self {
            Self::Notice { title, lines } => {
                let inside = Inside::over(screen, title, lines, 0, 3);
                inside.draw_buttons(screen, &["OK"], Some(0));
            }
            Self::List { title, rows, first } => draw_list(screen, title, rows, *first),
            Self::Question {
                title,
                lines,
                buttons,
                selected,
            } => {
                let least = buttons.iter().map(|button| width_of(button) + 8).sum();
                let inside = Inside::over(screen, title, lines, least, 3);
                inside.draw_buttons(screen, buttons, Some(*selected));
            }
            Self::Form {
                title,
                lines,
                fields,
                focused,
            } => draw_form(screen, title, lines, fields, *focused),
            Self::Progress { title, lines } => {
                Inside::over(screen, title, lines, 0, 0);
            }
        }
    }
}

/// The inside of a box that has been drawn in the middle, with its text.
struct Inside {
    column: usize,
    width: usize,
    /// The first row below the text.
    row: usize,
}

impl Inside {
    /// Draws a box around these lines and `rest` rows more, at least `width` columns wide. Lines that do not fit are cut:
    /// what is longer is a list.
    fn over(screen: &mut Screen, title: &str, lines: &[String], width: usize, rest: usize) -> Self {
        let rest = if rest == 0 { 0 } else { rest + 1 };
        let mut lines: Vec<_> = lines
            .iter()
            .flat_map(|line| wrapped(line, TEXT_COLUMNS, ""))
            .collect();
        lines.truncate((INSIDE_ROWS_MAX - 2).saturating_sub(rest));
        let text = lines.iter().map(|line| width_of(line)).max().unwrap_or(0);
        let inside = (text + 4)
            .max(width_of(title) + 8)
            .max(width)
            .clamp(INSIDE_COLUMNS_MIN, SCREEN_COLUMNS - 4);
        // A row of nothing above everything, and one below each of the two parts that are there.
        let text_rows = if lines.is_empty() { 0 } else { lines.len() + 1 };
        let height = (1 + text_rows + rest).min(INSIDE_ROWS_MAX);
        let row = (SCREEN_ROWS - height - 2) / 2;
        let column = (SCREEN_COLUMNS - inside - 2) / 2 + 1;
        screen.draw_box(row, column, inside, height, title);
        for (place, line) in lines.iter().enumerate() {
            screen.put(row + 2 + place, column + 3, line);
        }
        Self {
            column: column + 1,
            width: inside,
            row: row + 2 + text_rows,
        }
    }

    fn draw_buttons(&self, screen: &mut Screen, buttons: &[&str], selected: Option<usize>) {
        draw_buttons(screen, self.row, self.column, self.width, buttons, selected);
    }
}

/// Draws buttons of one width, spread over the columns.
pub(crate) fn draw_buttons(
    screen: &mut Screen,
    row: usize,
    column: usize,
    width: usize,
    buttons: &[&str],
    selected: Option<usize>,
) {
    let widest = buttons.iter().map(|button| width_of(button)).max().unwrap_or(0) + 4;
    let share = width / buttons.len().max(1);
    for (place, button) in buttons.iter().enumerate() {
        let left = column + place * share + share.saturating_sub(widest) / 2;
        screen.draw_button(row, left, widest, button, selected == Some(place));
    }
}

/// The vendor's Inspect: a row of nothing, twelve rows of text, the bar in one of them, the button. Source: S3, LC-08.
//= LC-08
fn draw_list(screen: &mut Screen, title: &str, rows: &[String], first: usize) {
    let shown = rows.len().clamp(1, LIST_ROWS_SHOWN);
    let (inside, height) = (LIST_BOX_COLUMNS - 2, shown + 7);
    let row = (SCREEN_ROWS - height - 2) / 2;
    let column = (SCREEN_COLUMNS - LIST_BOX_COLUMNS) / 2 + 1;
    screen.draw_box(row, column, inside, height, title);
    for (place, text) in rows.iter().skip(first).take(shown).enumerate() {
        screen.put(row + 2 + place, column + 2, text);
    }
    if rows.len() > shown {
        let bar = column + 3 + LIST_TEXT_COLUMNS;
        for place in 0..shown {
            let hidden_above = place == 1 && first > 0;
            let hidden_below = place + 2 == shown && first + shown < rows.len();
            let mark = match place {
                0 => "↑",
                _ if place + 1 == shown => "↓",
                _ if hidden_above || hidden_below => "░",
                _ => "▒",
            };
            screen.put(row + 2 + place, bar, mark);
        }
    }
    draw_buttons(screen, row + shown + 3, column + 1, inside, &["OK"], Some(0));
}

fn draw_form(screen: &mut Screen, title: &str, lines: &[String], fields: &[Field], focused: usize) {
    let labels = fields
        .iter()
        .map(|field| width_of(&field.label))
        .max()
        .unwrap_or(0);
    let columns = fields.iter().map(Field::columns).max().unwrap_or(0);
    let inside = Inside::over(screen, title, lines, labels + columns + 6, fields.len() + 4);
    for (place, field) in fields.iter().enumerate() {
        screen.put(inside.row + place, inside.column + 2, &field.label);
        field.draw(
            screen,
            inside.row + place,
            inside.column + 4 + labels,
            place == focused,
        );
    }
    let selected = (focused >= fields.len()).then_some(0);
    let row = inside.row + fields.len() + 1;
    draw_buttons(screen, row, inside.column, inside.width, &["OK"], selected);
}

/// The text in lines of at most `columns`, broken at blanks where there are some; each but the first begins with
/// `indent`.
fn wrapped(text: &str, columns: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let lead = if lines.is_empty() { "" } else { indent };
        let room = columns.saturating_sub(width_of(lead)).max(2);
        if width_of(rest) <= room {
            lines.push(format!("{lead}{rest}"));
            return lines;
        }
        let mut fits = 0;
        let mut width = 0;
        for (at, character) in rest.char_indices() {
            width += width_of(character.encode_utf8(&mut [0; 4]));
            if width > room {
                break;
            }
            fits = at + character.len_utf8();
        }
        let cut = match rest[..fits].rfind(' ') {
            // A blank that only separates a label from its value is no place to break.
            Some(blank) if blank * 2 > fits => blank,
            _ => fits,
        };
        lines.push(format!("{lead}{}", rest[..cut].trim_end()));
        rest = rest[cut..].trim_start();
    }
}
