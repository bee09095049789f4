//! Every screen of the console, cell by cell, as text. Beneath each stand what a terminal highlights and where its
//! cursor is.

mod dialogs;

use super::{Key, Screen};

/// The screen as it is kept in `snapshots/`: 25 rows between rules of 80 columns, then focus and cursor.
pub(super) fn shown(screen: &Screen) -> String {
    let mut text = format!("{}\n{screen}{}\n", "=".repeat(80), "=".repeat(80));
    if let Some(focus) = screen.focus {
        text.push_str(&format!(
            "focus: row {}, column {}, {} x {}: {:?}\n",
            focus.row,
            focus.column,
            focus.width,
            focus.height,
            screen.text_in(focus)
        ));
    }
    if let Some(cursor) = screen.cursor {
        text.push_str(&format!("cursor: row {}, column {}\n", cursor.row, cursor.column));
    }
    text
}

/// The keys of a word.
pub(super) fn typed(word: &str) -> impl Iterator<Item = Key> {
    word.chars().map(Key::Char)
}
