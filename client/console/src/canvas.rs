//! Cells of one size, wherever they stand on a terminal, and what a click on them means. Decides nothing; whatever text
//! comes here is escaped here, so that no device can steer a terminal (LG-03).

use ratatui_core::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
    text::Span,
};

use crate::console::Press;

/// Columns of every screen.
pub const COLUMNS: u16 = 80;
/// Rows of every screen.
pub const ROWS: u16 = 24;

/// Emphasis. There is no colour: every screen is read without it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    /// Where Enter goes.
    Marked,
}

impl From<Look> for Style {
    fn from(look: Look) -> Self {
        Self::new().add_modifier(match look {
            Look::Plain => Modifier::empty(),
            Look::Bold => Modifier::BOLD,
            Look::Marked => Modifier::REVERSED,
        })
    }
}

pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    escape: fn(&str) -> String,
    targets: Vec<(Rect, Press)>,
}

impl<'a> Canvas<'a> {
    /// The middle of the terminal; `None` if it is too small.
    pub(crate) fn new(buffer: &'a mut Buffer, escape: fn(&str) -> String) -> Option<Self> {
        let whole = buffer.area;
        let area = Rect {
            x: whole.x + whole.width.checked_sub(COLUMNS)? / 2,
            y: whole.y + whole.height.checked_sub(ROWS)? / 2,
            width: COLUMNS,
            height: ROWS,
        };
        Some(Self {
            buffer,
            area,
            escape,
            targets: Vec::new(),
        })
    }

    /// Writes a text, shortened to `width` columns; how many it took.
    pub(crate) fn text(&mut self, column: u16, row: u16, width: u16, text: &str, look: Look) -> u16 {
        let text = (self.escape)(text);
        let (x, y) = (self.area.x + column, self.area.y + row);
        let width = width.min(COLUMNS.saturating_sub(column));
        let (end, _) = self
            .buffer
            .set_stringn(x, y, &text, usize::from(width), Style::from(look));
        let columns = Span::raw(text.as_str()).width();
        if columns > usize::from(width) && width > 0 {
            // What does not fit says so.
            self.buffer
                .set_stringn(x + width - 1, y, "…", 1, Style::from(look));
        }
        end - x
    }

    /// Writes a text that a click on it presses.
    pub(crate) fn button(&mut self, column: u16, row: u16, text: &str, look: Look, press: Press) -> u16 {
        let width = self.text(column, row, COLUMNS, text, look);
        let area = Rect {
            x: self.area.x + column,
            y: self.area.y + row,
            width,
            height: 1,
        };
        self.targets.push((area, press));
        width
    }

    /// A frame with a title. `column`, `row`, `width` and `height` are its outer edge; what was inside is blanked.
    pub(crate) fn frame(&mut self, column: u16, row: u16, width: u16, height: u16, title: &str) {
        let inner = usize::from(width - 2);
        let title = if title.is_empty() {
            String::new()
        } else {
            format!("┤ {title} ├")
        };
        let left = (inner.saturating_sub(title.chars().count())) / 2;
        let right = inner.saturating_sub(left + title.chars().count());
        let top = format!("┌{}{title}{}┐", "─".repeat(left), "─".repeat(right));
        self.text(column, row, width, &top, Look::Plain);
        let middle = format!("│{}│", " ".repeat(inner));
        for between in row + 1..row + height - 1 {
            self.text(column, between, width, &middle, Look::Plain);
        }
        let bottom = format!("└{}┘", "─".repeat(inner));
        self.text(column, row + height - 1, width, &bottom, Look::Plain);
    }

    /// A line across the whole screen.
    pub(crate) fn rule(&mut self, row: u16) {
        let line = format!("├{}┤", "─".repeat(usize::from(COLUMNS) - 2));
        self.text(0, row, COLUMNS, &line, Look::Plain);
    }

    /// Takes these rows away, inside the outer frame, and everything that could be pressed anywhere.
    pub(crate) fn clear(&mut self, rows: core::ops::Range<u16>) {
        self.targets.clear();
        let blank = " ".repeat(usize::from(COLUMNS) - 2);
        for row in rows {
            self.text(1, row, COLUMNS - 2, &blank, Look::Plain);
        }
    }

    /// What a click there presses.
    pub(crate) fn pressed(&self, column: u16, row: u16) -> Option<Press> {
        let at = Position { x: column, y: row };
        let mut targets = self.targets.iter().rev();
        targets.find_map(|(area, press)| area.contains(at).then_some(*press))
    }
}
