//! What the console asks before there is a main menu: the start PIN, and two questions. Their places are the vendor's
//! where a page of the vendor shows them. Decides nothing.

use super::{Field, dialog::draw_buttons, screen::Screen};

/// A question with the buttons No and Yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Source: LF-01.
    FirstBoot,
    /// Source: LF-05.
    ResetForOtherSet,
}

impl Question {
    const fn lines(self) -> [&'static str; 3] {
        match self {
            Self::FirstBoot => [
                "This is a fresh/first time HSM boot.",
                "A valid Server Master Key must be generated now.",
                "Do you want to load smart card manager?",
            ],
            Self::ResetForOtherSet => [
                "Wrong SVMK: this set belongs to another key.",
                "A reset destroys the database and all keys in it.",
                "Do you want to reset the database now?",
            ],
        }
    }

    /// 56 columns from column 10. Source: D, for the first one.
    pub(super) fn draw(self, screen: &mut Screen, yes_selected: bool) {
        screen.draw_box(7, 10, 54, 9, "");
        for (row, line) in (9..).zip(self.lines()) {
            screen.put(row, 13, line);
        }
        draw_buttons(
            screen,
            13,
            11,
            54,
            &["No", "Yes"],
            Some(usize::from(yes_selected)),
        );
    }
}

/// 35 columns from column 21. Source: D.
pub(super) fn draw_start_pin(screen: &mut Screen, field: &Field, next: bool) {
    let title = if next {
        "Please, enter next start PIN"
    } else {
        "Please, enter start PIN"
    };
    screen.draw_box(6, 21, 33, 10, title);
    screen.put(9, 29, "PIN");
    draw_buttons(screen, 13, 22, 33, &["OK"], None);
    field.draw(screen, 9, 34, true);
}
