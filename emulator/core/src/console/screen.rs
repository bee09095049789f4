//! The 25 × 80 characters of the console, in the look of the vendor's three screens (LC-01, LC-04). Knows how a box
//! is drawn, never what a key does.

use core::{fmt, net::IpAddr};

use crate::SyncDirection;

/// Columns of the screen.
pub const SCREEN_COLUMNS: usize = 80;
/// Rows of the screen.
pub const SCREEN_ROWS: usize = 25;

/// What stands on the screen, and which row is highlighted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    rows: Vec<Vec<char>>,
    /// The row of the selected menu entry, 1 to 25.
    pub selected_row: Option<usize>,
}

impl Screen {
    /// A dark screen: the device is off.
    pub(crate) fn dark() -> Self {
        Self {
            rows: vec![vec![' '; SCREEN_COLUMNS]; SCREEN_ROWS],
            selected_row: None,
        }
    }

    /// Title and status line, and nothing between them.
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
        screen.put(25, 79 - domain.chars().count(), &domain);
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

    /// A menu; entries that open another one end in `▸`.
    pub(crate) fn menu(&mut self, title: &str, entries: &[(&str, bool)], selected: usize) {
        self.draw_box(8, 26, 28, entries.len(), title);
        for (row, (label, opens_a_menu)) in (9..).zip(entries) {
            self.put(row, 31, label);
            if *opens_a_menu {
                self.put(row, 52, "▸");
            }
        }
        self.selected_row = Some(9 + selected);
    }

    /// The start PIN, with a star for each character typed.
    pub(crate) fn start_pin(&mut self, typed: usize, next: bool) {
        let title = if next {
            "Please, enter next start PIN"
        } else {
            "Please, enter start PIN"
        };
        self.draw_box(6, 21, 33, 10, title);
        let field: String = (0..9)
            .map(|place| if place < typed { '*' } else { '_' })
            .collect();
        self.put(9, 29, &format!("PIN  {field}"));
        self.put(13, 34, "┌────┐");
        self.put(14, 34, "│ OK │");
        self.put(15, 34, "└────┘");
    }

    /// A question with the buttons No and Yes; 56 columns from column 10, as the vendor's first one. Source: LF-01.
    pub(crate) fn question(&mut self, lines: [&str; 3], yes_selected: bool) {
        self.draw_box(7, 10, 54, 9, "");
        for (row, line) in (9..).zip(lines) {
            self.put(row, 13, line);
        }
        for (column, label, is_selected) in [(22, "No", !yes_selected), (44, "Yes", yes_selected)] {
            let (left, right) = if is_selected { ('>', '<') } else { (' ', ' ') };
            self.put(13, column, "┌───────┐");
            self.put(14, column, &format!("│{left} {label:^3} {right}│"));
            self.put(15, column, "└───────┘");
        }
    }

    /// A field for the serial number. Source: OP-09.
    pub(crate) fn confirmation(&mut self, title: &str, typed: &str) {
        self.draw_box(8, 14, 50, 6, title);
        self.put(10, 17, "All keys and users will be destroyed.");
        self.put(11, 17, "Type the serial number of this HSM to confirm:");
        self.put(13, 17, &format!("{typed:_<10}"));
    }

    /// A message with its button, over everything else.
    pub(crate) fn message(&mut self, text: &str) {
        let width = text.chars().count().clamp(24, 70);
        let column = (SCREEN_COLUMNS - width - 4) / 2 + 1;
        self.draw_box(10, column, width + 2, 5, "");
        self.put(11, column + 2, &text.chars().take(width).collect::<String>());
        let button = column + width / 2 - 1;
        self.put(13, button, "┌────┐");
        self.put(14, button, "│ OK │");
        self.put(15, button, "└────┘");
        self.selected_row = None;
    }

    fn put_centred(&mut self, row: usize, text: &str) {
        let length = text.chars().count().min(SCREEN_COLUMNS);
        self.put(row, (SCREEN_COLUMNS - length) / 2 + 1, text);
    }

    /// Rows and columns count from 1, as the vendor's pages are measured. What does not fit is cut off.
    fn put(&mut self, row: usize, column: usize, text: &str) {
        for (place, character) in self.rows[row - 1].iter_mut().skip(column - 1).zip(text.chars()) {
            *place = character;
        }
    }

    /// A box whose inside has `width` columns and `height` rows, its title in the upper border.
    fn draw_box(&mut self, row: usize, column: usize, width: usize, height: usize, title: &str) {
        let title = if title.is_empty() {
            "┤  ├".to_owned()
        } else {
            format!("┤ {title} ├")
        };
        let line = width.saturating_sub(title.chars().count());
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
}

/// The 25 rows, each ended by a line feed, trailing blanks left out.
impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let row: String = row.iter().collect();
            writeln!(f, "{}", row.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &[(&str, bool)] = &[
        ("About", false),
        ("Stop Service", false),
        ("Monitor", true),
        ("Remote Management", false),
        ("Configuration", true),
        ("Partition", true),
        ("Self Test", false),
        ("Lock Console", false),
        ("Power Off", true),
    ];

    /// The three screens are typed from the vendor's page on remote management, not from our own output.
    fn check_screen(screen: &Screen, page: &str) {
        let rows: Vec<_> = page.lines().collect();
        assert_eq!(rows.len(), SCREEN_ROWS);
        for (number, (drawn, expected)) in (1..).zip(screen.to_string().lines().zip(rows)) {
            assert_eq!(drawn, expected, "row {number}");
        }
    }

    #[test]
    fn the_main_menu_is_the_vendors() {
        let mut screen = Screen::framed(true, None);
        screen.menu("Main", MAIN, 0);
        check_screen(&screen, include_str!("screens/main.txt"));
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
}
