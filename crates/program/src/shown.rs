//! Texts of others on a screen: whatever a terminal would obey or hide is made visible. Shortens and colours nothing.

use std::fmt::Write as _;

/// A text with everything that a terminal would obey or hide as `\u{…}`. One line stays one line.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            write!(shown, "{}", character.escape_unicode()).expect("a String takes everything");
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls, bidirectional controls, and characters without a width of their own that change how others look.
/// Source: UAX #9 and the list of Trojan Source (CVE-2021-42574).
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_the_rest_stays() {
        assert_eq!(
            shown("a\x1b[2J\r\nb\u{202e}c\u{9b}"),
            r"a\u{1b}[2J\u{d}\u{a}b\u{202e}c\u{9b}"
        );
        assert_eq!(shown("Ünïcode – 漢字 `x`"), "Ünïcode – 漢字 `x`");
    }
}
