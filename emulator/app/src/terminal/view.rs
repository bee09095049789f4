//! How the local console looks at a terminal: the device's 80 × 25 cells, the line of rig keys beneath, and the list of
//! card images over them. A terminal with less room shows the part that has the focus. No colours: what is highlighted is
//! in reverse video, so that it is readable on every terminal.

use std::path::Path;

use full_screen::Frame;
use hsm_core::{Area, SCREEN_COLUMNS, SCREEN_ROWS};
use program::shown;
use ratatui_core::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
    text::Span,
};

use super::image_list::{Image, ImageList};
use crate::local_console::Seen;

/// What stands on the terminal.
pub(super) struct View<'a> {
    pub(super) seen: &'a Seen,
    pub(super) list: Option<&'a ImageList>,
    /// Said to whoever sits there.
    pub(super) said: Option<&'a str>,
}

const PLAIN: Style = Style::new();
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// What has the focus if nothing has: the middle.
const MIDDLE: Area = Area {
    row: 13,
    column: 40,
    width: 1,
    height: 1,
};

impl View<'_> {
    pub(super) fn paint(&self, frame: &mut Frame<'_>) {
        let all = frame.area();
        if all.height == 0 || all.width == 0 {
            return;
        }
        let screen_rows = u16::try_from(SCREEN_ROWS).unwrap_or(u16::MAX);
        let screen_columns = u16::try_from(SCREEN_COLUMNS).unwrap_or(u16::MAX);
        let window = Rect {
            height: screen_rows.min(all.height - 1),
            width: screen_columns.min(all.width),
            ..all
        };
        let cursor = self.paint_screen(frame.buffer_mut(), window);
        if let Some(list) = self.list {
            paint_list(frame.buffer_mut(), window, list);
        } else if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
        let line = Rect {
            y: window.bottom(),
            height: 1,
            width: window.width,
            ..all
        };
        self.paint_line(frame.buffer_mut(), line);
    }

    /// Paints the part of the screen that fits, and gives the place of the cursor if it is in it.
    fn paint_screen(&self, buffer: &mut Buffer, window: Rect) -> Option<Position> {
        let screen = self.seen.screen.as_ref()?;
        let whole = Rect::new(0, 0, 80, 25);
        let mut cells = Buffer::empty(whole);
        for (row, text) in (0..whole.height).zip(screen.to_string().lines()) {
            cells.set_string(0, row, text, PLAIN);
        }
        let focus = screen.focus;
        if let Some(area) = focus {
            let area = Rect {
                x: cell(area.column - 1),
                y: cell(area.row - 1),
                width: cell(area.width),
                height: cell(area.height),
            };
            cells.set_style(area.intersection(whole), REVERSED);
        }
        let shown = focus.unwrap_or(MIDDLE);
        let left = scrolled(
            whole.width,
            window.width,
            cell(shown.column - 1),
            cell(shown.width),
        );
        let top = scrolled(
            whole.height,
            window.height,
            cell(shown.row - 1),
            cell(shown.height),
        );
        for y in 0..window.height {
            for x in 0..window.width {
                let mut found = cells[(left + x, top + y)].clone();
                if x + 1 == window.width && Span::raw(found.symbol()).width() > 1 {
                    // Half of a wide character has no room.
                    found.set_symbol(" ");
                }
                buffer[(window.x + x, window.y + y)] = found;
            }
        }
        let cursor = screen.cursor?;
        let (x, y) = (
            cell(cursor.column - 1).checked_sub(left)?,
            cell(cursor.row - 1).checked_sub(top)?,
        );
        let is_in_window = x < window.width && y < window.height;
        is_in_window.then_some(Position::new(window.x + x, window.y + y))
    }

    fn paint_line(&self, buffer: &mut Buffer, line: Rect) {
        buffer.set_style(line, REVERSED);
        let mut put = |column: u16, text: &str| {
            let room = usize::from(line.width.saturating_sub(column));
            buffer.set_stringn(line.x + column, line.y, text, room, REVERSED);
        };
        if let Some(said) = self.said {
            return put(0, &format!(" {}", shown(said)));
        }
        let mains = if self.seen.screen.is_some() {
            "cut"
        } else {
            "mains"
        };
        let keys = format!(" F5 card in  F6 out  F7 power  F8 {mains}  F9 quit  ");
        put(0, &keys);
        let card = self.seen.card.as_deref().map(name_of);
        let port = self
            .seen
            .management
            .map(|address| format!("port {}", address.port()));
        // What has no room beside the keys is left out; the ready-file and the log have it.
        let all = card.iter().chain(&port).cloned().collect::<Vec<_>>().join("  ");
        let states = [Some(all), card, port].into_iter().flatten();
        let room = line.width.saturating_sub(cell(keys.chars().count()));
        let mut fitting = states.map(|state| (cell(Span::raw(&state).width()) + 1, state));
        if let Some((width, state)) = fitting.find(|(width, _)| *width <= room) {
            put(line.width - width, &state);
        }
    }
}

/// Where a window begins so that the focus is in its middle, or its beginning in the window if it is larger.
fn scrolled(whole: u16, window: u16, focus: u16, focus_len: u16) -> u16 {
    let middle = (focus + focus_len / 2).saturating_sub(window / 2);
    middle.min(focus).min(whole - window.min(whole))
}

/// A count of cells of a screen, which are few.
fn cell(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn name_of(card: &Path) -> String {
    shown(&card.file_name().unwrap_or_default().to_string_lossy())
}

/// A box in the middle of the window, as large as the window allows, with the marked image in it.
fn paint_list(buffer: &mut Buffer, window: Rect, list: &ImageList) {
    let title = format!(" Cards in {} ", shown(&list.folder.to_string_lossy()));
    let remark = list.remark.as_deref().map(|text| format!("  {text}"));
    let rows: Vec<_> = list.images.iter().map(row_of).chain(remark).collect();
    let hint = " Enter puts in, Esc closes ";
    let widest = rows.iter().map(|row| Span::raw(row).width() + 2);
    let widest = widest.chain([title.chars().count() + 2, hint.len() + 2]).max();
    let width = cell(widest.unwrap_or_default() + 2).min(window.width);
    let height = cell(rows.len() + 2).min(window.height);
    if width < 4 || height < 3 {
        return;
    }
    let frame = Rect {
        x: window.x + (window.width - width) / 2,
        y: window.y + (window.height - height) / 2,
        width,
        height,
    };
    let inside = usize::from(width - 2);
    let fitted = |text: &str| -> String { text.chars().take(inside).collect() };
    let border = |left: char, text: &str, right: char| {
        let text = fitted(text);
        format!("{left}{text}{}{right}", "─".repeat(inside - text.chars().count()))
    };
    for y in frame.top()..frame.bottom() {
        let blank = format!("│{}│", " ".repeat(inside));
        buffer.set_string(frame.x, y, blank, PLAIN);
    }
    buffer.set_string(frame.x, frame.y, border('┌', &title, '┐'), PLAIN);
    buffer.set_string(frame.x, frame.bottom() - 1, border('└', hint, '┘'), PLAIN);
    let visible = height - 2;
    let top = scrolled(cell(rows.len()), visible, cell(list.marked), 1);
    for (y, (index, row)) in (frame.y + 1..frame.bottom() - 1).zip(rows.iter().enumerate().skip(top.into())) {
        let is_marked = index == list.marked && index < list.images.len();
        let style = if is_marked { REVERSED } else { PLAIN };
        let text = format!(" {row}");
        buffer.set_stringn(frame.x + 1, y, format!("{text:<inside$}"), inside, style);
    }
}

fn row_of(image: &Image) -> String {
    match &image.csn {
        Ok(csn) => format!("{}  {csn}", image.name),
        Err(why) => format!("{}  ! {why}", image.name),
    }
}
