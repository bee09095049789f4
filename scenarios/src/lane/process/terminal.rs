//! What a terminal shows: characters in cells, by the sequences that a program paints with. Knows no colour, and no
//! program.

use unicode_width::UnicodeWidthChar as _;
use vte::{Params, Parser, Perform};

/// The size of every terminal here.
pub(super) const COLUMNS: usize = 80;
/// The size of every terminal here.
pub(super) const ROWS: usize = 24;

/// A screen that is written to.
#[derive(Default)]
pub(super) struct Terminal {
    parser: Parser,
    screen: Screen,
}

impl Terminal {
    /// Shows what a program has written.
    pub(super) fn show(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.screen, bytes);
    }

    /// The number of the newest mark: `OSC 7777 ; number BEL`, which no program of ours writes.
    pub(super) fn mark(&self) -> u64 {
        self.screen.mark
    }

    /// The rows, without blanks at their ends.
    pub(super) fn text(&self) -> String {
        let rows = self.screen.cells.iter().map(|row| {
            let row: String = row.iter().filter(|cell| **cell != COVERED).collect();
            row.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// In a cell that a wide character before it covers.
const COVERED: char = '\0';

struct Screen {
    cells: Vec<[char; COLUMNS]>,
    row: usize,
    column: usize,
    mark: u64,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            cells: vec![[' '; COLUMNS]; ROWS],
            row: 0,
            column: 0,
            mark: 0,
        }
    }
}

impl Perform for Screen {
    fn print(&mut self, character: char) {
        let width = character.width().unwrap_or(0);
        if width == 0 || self.column + width > COLUMNS {
            return;
        }
        self.cells[self.row][self.column] = character;
        if width == 2 {
            self.cells[self.row][self.column + 1] = COVERED;
        }
        self.column += width;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\n' => self.row = (self.row + 1).min(ROWS - 1),
            0x08 => self.column = self.column.saturating_sub(1),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        if let [b"7777", number] = params {
            let number = std::str::from_utf8(number).ok();
            self.mark = number.and_then(|number| number.parse().ok()).unwrap_or(self.mark);
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _: bool, action: char) {
        let number = |index: usize| {
            params
                .iter()
                .nth(index)
                .map_or(0, |numbers| usize::from(numbers[0]))
        };
        let many = number(0).max(1);
        match (intermediates, action) {
            ([], 'H' | 'f') => {
                self.row = many.min(ROWS) - 1;
                self.column = number(1).clamp(1, COLUMNS) - 1;
            }
            ([], 'A') => self.row = self.row.saturating_sub(many),
            ([], 'B') => self.row = (self.row + many).min(ROWS - 1),
            ([], 'C') => self.column = (self.column + many).min(COLUMNS - 1),
            ([], 'D') => self.column = self.column.saturating_sub(many),
            ([], 'G') => self.column = many.min(COLUMNS) - 1,
            ([], 'J') if number(0) == 0 => {
                self.cells[self.row][self.column..].fill(' ');
                self.cells[self.row + 1..].fill([' '; COLUMNS]);
            }
            ([], 'J') => self.cells.fill([' '; COLUMNS]),
            ([], 'K') if number(0) == 0 => self.cells[self.row][self.column..].fill(' '),
            // The other screen, empty: whoever comes back finds nothing that was before.
            ([b'?'], 'h' | 'l') if number(0) == 1049 => self.cells.fill([' '; COLUMNS]),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_what_was_painted() {
        let mut terminal = Terminal::default();
        terminal.show(b"gone\x1b[?1049h\x1b[2;3Hab\x1b[1mc\x1b[0m\x1b[3;1H");
        terminal.show("│ä\u{3042}x".as_bytes());
        let text = terminal.text();
        assert_eq!(text.lines().collect::<Vec<_>>()[..3], ["", "  abc", "│äあx"]);
        terminal.show(b"\x1b[2;4H\x1b[K\x1b[3;1H\x1b[J");
        assert_eq!(terminal.text().trim_end(), "\n  a");
        terminal.show(b"\x1b]0;title\x07\x1b]7777;12\x07\x1b[99;99Hz");
        assert_eq!((terminal.mark(), terminal.text().lines().count()), (12, ROWS));
    }
}
