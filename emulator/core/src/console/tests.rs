//! Every screen of the console, cell by cell, as text. Beneath each stand what a terminal highlights and where its
//! cursor is.

mod dialogs;

use core::fmt::Write as _;

use super::{Key, Screen};

/// The screen as it is kept in `snapshots/`: 25 rows between rules of 80 columns, then focus and cursor.
pub(super) fn shown(screen: &Screen) -> String {
    let mut text = format!("{}\n{screen}{}\n", "=".repeat(80), "=".repeat(80));
    if let Some(focus) = screen.focus {
        let cells = screen.text_in(focus);
        let size = format!("{} x {}", focus.width, focus.height);
        writeln!(
            text,
            "focus: row {}, column {}, {size}: {cells:?}",
            focus.row, focus.column
        )
        .expect("a string takes it");
    }
    if let Some(cursor) = screen.cursor {
        writeln!(text, "cursor: row {}, column {}", cursor.row, cursor.column).expect("a string takes it");
    }
    text
}

/// The keys of a word.
pub(super) fn typed(word: &str) -> impl Iterator<Item = Key> {
    word.chars().map(Key::Char)
}
