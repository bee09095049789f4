//! The 80 × 25 cells of the console, in the look of the vendor's screens (LC-01, LC-04). Knows how a box, a button and
//! a menu are drawn, never what a key does.

use core::{fmt, net::IpAddr};
use std::collections::BTreeMap;

use unicode_width::UnicodeWidthChar as _;

use crate::SyncDirection;

/// Columns of the screen.
pub const SCREEN_COLUMNS: usize = 80;
/// Rows of the screen.
pub const SCREEN_ROWS: usize = 25;

/// What stands on the screen, which of it is highlighted, and where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    rows: Vec<Vec<char>>,
    /// What is written over the character of a cell, by row and column from 0.
    marks: BTreeMap<(usize, usize), Vec<char>>,
    /// What a terminal highlights: the selected entry, the button or the field that has the keys.
    pub focus: Option<Area>,
    /// Where the next character will stand, if one can be typed.
    pub cursor: Option<Place>,
}

/// One cell. Rows and columns count from 1, as the vendor's pages are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 1 to 25.
    pub row: usize,
    /// 1 to 80.
    pub column: usize,
}

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The uppermost row, 1 to 25.
    pub row: usize,
    /// The leftmost column, 1 to 80.
    pub column: usize,
    /// In columns.
    pub width: usize,
    /// In rows.
    pub height: usize,
}

/// Stands in the cell of a wide character's right half. No cell holds it otherwise.
const RIGHT_HALF: char = '\0';
/// What is shown of a character that would move the cursor. Whoever writes to the screen has escaped it before.
const UNPRINTABLE: char = '\u{FFFD}';
/// Marks that one cell shows, of those that are written over its character.
const MARKS_MAX: usize = 4;

/// Columns of text from the left; a wide character counts twice.
pub(crate) fn width_of(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(1)).sum()
}

impl Screen {
    /// A dark screen: the device is off.
    pub(crate) fn dark() -> Self {
        Self {
            rows: vec![vec![' '; SCREEN_COLUMNS]; SCREEN_ROWS],
            marks: BTreeMap::new(),
            focus: None,
            cursor: None,
        }
    }

    /// Title and status line, and nothing between them.
    //= LC-01
    pub(crate) fn framed(service_runs: bool, replication_domain: Option<&str>) -> Self {
        let mut screen = Self::dark();
        screen.put(1, 25, "Dinamo - Local Management Console");
        screen.put(
            25,
            3,
            if service_runs {
                "Service running..."
            } else {
                "Service stopped"
            },
        );
        let domain = format!("Replication Domain: {}", replication_domain.unwrap_or("<none>"));
        screen.put(25, 79_usize.saturating_sub(width_of(&domain)).max(22), &domain);
        screen
    }

    /// One line of text in the middle, for the moments in which nothing can be done.
    pub(crate) fn notice(&mut self, text: &str) {
        self.put_centred(12, text);
    }

    /// How far live sync is, above the status line. Ours: no screen of the vendor's shows it.
    pub(crate) fn live_sync(&mut self, direction: SyncDirection, percent: u8) {
        let text = match direction {
            SyncDirection::Taking => format!("Live sync: taking another node's database, {percent} %"),
            SyncDirection::Sending => format!("Live sync: sending this database, {percent} %"),
        };
        self.put_centred(24, &text);
    }

    /// The box of remote management; `manager` is its address and cipher suite. Source: RM-02, RM-09, LC-04.
    pub(crate) fn remote_management(&mut self, manager: Option<(IpAddr, &str)>) {
        self.draw_box(8, 17, 45, 7, "RM (press ESC to exit)");
        match manager {
            None => self.put(12, 24, "ready to process remote commands"),
            Some((address, cipher_suite)) => {
                self.put(12, 25, "active manager: ");
                match address {
                    IpAddr::V4(address) => self.put(12, 41, &address.to_string()),
                    IpAddr::V6(address) => self.put_centred(13, &address.to_string()),
                }
                self.put_centred(14, cipher_suite);
            }
        }
    }

    fn put_centred(&mut self, row: usize, text: &str) {
        let length = width_of(text).min(SCREEN_COLUMNS);
        self.put(row, (SCREEN_COLUMNS - length) / 2 + 1, text);
    }

    /// Writes from this cell to the right. What does not fit is cut off.
    pub(crate) fn put(&mut self, row: usize, column: usize, text: &str) {
        let (Some(row), Some(start)) = (row.checked_sub(1), column.checked_sub(1)) else {
            return;
        };
        if row >= SCREEN_ROWS {
            return;
        }
        let mut next = start;
        for character in text.chars() {
            let (character, width) = match character.width() {
                Some(width) => (character, width),
                None => (UNPRINTABLE, 1),
            };
            if width == 0 {
                if next > start {
                    let marks = self.marks.entry((row, next - 1)).or_default();
                    if marks.len() < MARKS_MAX {
                        marks.push(character);
                    }
                }
                continue;
            }
            if next + width > SCREEN_COLUMNS {
                return;
            }
            for place in next..next + width {
                self.clear(row, place);
            }
            self.rows[row][next] = character;
            if width == 2 {
                self.rows[row][next + 1] = RIGHT_HALF;
            }
            next += width;
        }
    }

    /// A box whose inside has `width` columns and `height` rows, its title in the upper border.
    pub(crate) fn draw_box(&mut self, row: usize, column: usize, width: usize, height: usize, title: &str) {
        let title = if title.is_empty() {
            "┤  ├".to_owned()
        } else {
            format!("┤ {title} ├")
        };
        let line = width.saturating_sub(width_of(&title));
        let (left, right) = (line / 2, line - line / 2);
        self.put(
            row,
            column,
            &format!("┌{}{title}{}┐", "─".repeat(left), "─".repeat(right)),
        );
        for inner in 1..=height {
            self.put(row + inner, column, &format!("│{}│", " ".repeat(width)));
        }
        self.put(row + height + 1, column, &format!("└{}┘", "─".repeat(width)));
    }

    /// A button of three rows; its caption stands in the middle of `width` columns.
    pub(crate) fn draw_button(
        &mut self,
        row: usize,
        column: usize,
        width: usize,
        caption: &str,
        has_keys: bool,
    ) {
        let inside = width.saturating_sub(2);
        let free = inside.saturating_sub(width_of(caption));
        let (left, right) = (" ".repeat(free / 2), " ".repeat(free - free / 2));
        self.put(row, column, &format!("┌{}┐", "─".repeat(inside)));
        self.put(row + 1, column, &format!("│{left}{caption}{right}│"));
        self.put(row + 2, column, &format!("└{}┘", "─".repeat(inside)));
        if has_keys {
            self.focus = Some(Area {
                row,
                column,
                width,
                height: 3,
            });
        }
    }

    /// What stands in the cells of an area, a row a line, blanks at the ends left out.
    pub fn text_in(&self, area: Area) -> String {
        let left = area.column.saturating_sub(1);
        let lines: Vec<_> = (area.row.saturating_sub(1)..)
            .take(area.height)
            .map(|row| self.text_of(row, left, area.width).trim_end().to_owned())
            .collect();
        lines.join("\n")
    }

    /// Makes a cell blank. Half of a wide character is no character: the other half goes too.
    fn clear(&mut self, row: usize, place: usize) {
        let cells = &mut self.rows[row];
        if cells[place] == RIGHT_HALF && place > 0 {
            cells[place - 1] = ' ';
        }
        if cells.get(place + 1) == Some(&RIGHT_HALF) {
            cells[place + 1] = ' ';
        }
        cells[place] = ' ';
        self.marks.remove(&(row, place));
    }

    fn text_of(&self, row: usize, left: usize, columns: usize) -> String {
        let cells = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        let mut text = String::with_capacity(columns);
        for (place, character) in cells.iter().enumerate().skip(left).take(columns) {
            if *character != RIGHT_HALF {
                text.push(*character);
            }
            text.extend(self.marks.get(&(row, place)).into_iter().flatten());
        }
        text
    }
}

/// The 25 rows, each ended by a line feed, trailing blanks left out.
impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in 0..SCREEN_ROWS {
            writeln!(f, "{}", self.text_of(row, 0, SCREEN_COLUMNS).trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three screens are typed from the vendor's page on remote management, not from our own output.
    fn check_screen(screen: &Screen, page: &str) {
        let rows: Vec<_> = page.lines().collect();
        assert_eq!(rows.len(), SCREEN_ROWS);
        for (number, (drawn, expected)) in (1..).zip(screen.to_string().lines().zip(rows)) {
            assert_eq!(drawn, expected, "row {number}");
        }
    }

    #[test]
    fn the_box_of_remote_management_is_the_vendors() {
        let mut screen = Screen::framed(true, None);
        screen.remote_management(None);
        check_screen(&screen, include_str!("screens/ready.txt"));
    }

    #[test]
    fn the_box_with_a_manager_is_the_vendors_but_for_the_cipher_suite() {
        let mut screen = Screen::framed(true, None);
        screen.remote_management(Some((IpAddr::from([172, 17, 0, 1]), "")));
        check_screen(&screen, include_str!("screens/active.txt"));
        screen.remote_management(Some((IpAddr::from([172, 17, 0, 1]), "TLS13_AES_256_GCM_SHA384")));
        let row = screen.to_string().lines().nth(13).unwrap().to_owned();
        assert_eq!(
            row,
            "                │           TLS13_AES_256_GCM_SHA384          │".to_owned()
        );
    }

    #[test]
    fn an_ipv6_manager_has_a_row_of_its_own() {
        let mut screen = Screen::framed(true, None);
        let address: IpAddr = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        screen.remote_management(Some((address, "")));
        assert!(
            screen
                .to_string()
                .lines()
                .nth(12)
                .unwrap()
                .contains(&address.to_string())
        );
    }

    #[test]
    fn a_wide_character_takes_two_cells_and_goes_as_a_whole() {
        let mut screen = Screen::dark();
        screen.put(1, 1, "a鍵b");
        assert_eq!(width_of("a鍵b"), 4);
        assert!(screen.to_string().starts_with("a鍵b\n"));
        screen.put(1, 3, "x");
        assert!(screen.to_string().starts_with("a xb\n"));
        screen.put(1, 80, "鍵");
        assert!(
            screen.to_string().starts_with("a xb\n"),
            "half of it does not fit"
        );
    }

    #[test]
    fn a_mark_shares_the_cell_of_its_character() {
        let mut screen = Screen::dark();
        screen.put(2, 80, "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}");
        let row = screen.to_string().lines().nth(1).unwrap().to_owned();
        assert_eq!(row.trim_start(), "e\u{301}\u{302}\u{303}\u{304}");
        screen.put(3, 1, "\u{301}\u{7}");
        assert_eq!(screen.to_string().lines().nth(2), Some("\u{FFFD}"));
    }
}
