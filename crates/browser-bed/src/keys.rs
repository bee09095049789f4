//! The keyboard: what the browser must be told so that it sees a key go down and up. Knows no page.

use serde_json::{Value, json};

/// Name and number of each key that is no character, as the DOM and the browser call it.
const NAMED: [(&str, u32); 23] = [
    ("Backspace", 8),
    ("Tab", 9),
    ("Enter", 13),
    ("Escape", 27),
    ("End", 35),
    ("Home", 36),
    ("ArrowLeft", 37),
    ("ArrowUp", 38),
    ("ArrowRight", 39),
    ("ArrowDown", 40),
    ("Delete", 46),
    ("F1", 112),
    ("F2", 113),
    ("F3", 114),
    ("F4", 115),
    ("F5", 116),
    ("F6", 117),
    ("F7", 118),
    ("F8", 119),
    ("F9", 120),
    ("F10", 121),
    ("F11", 122),
    ("F12", 123),
];
const ALT: u32 = 1;
const CTRL: u32 = 2;
const SHIFT: u32 = 8;

/// Down and up.
pub(crate) fn stroke(key: &str) -> [Value; 2] {
    let mut modifiers = 0;
    let mut name = key;
    for (prefix, modifier) in [("Ctrl+", CTRL), ("Alt+", ALT), ("Shift+", SHIFT)] {
        if let Some(rest) = name.strip_prefix(prefix) {
            modifiers |= modifier;
            name = rest;
        }
    }
    let mut characters = name.chars();
    let character = characters.next().filter(|_| characters.next().is_none());
    let known = NAMED.iter().find(|(known, _)| *known == name);
    let (code, number, text) = match (character, known) {
        (Some(character), _) => {
            let upper = character.to_ascii_uppercase();
            let code = match upper {
                'A'..='Z' => format!("Key{upper}"),
                '0'..='9' => format!("Digit{upper}"),
                ' ' => "Space".to_owned(),
                _ => String::new(),
            };
            // The numbers of other characters' keys differ from one keyboard to the next, and 46 is not a dot but Delete.
            let number = if code.is_empty() { 0 } else { u32::from(upper) };
            (code, number, name)
        }
        (None, Some((known, number))) => {
            let text = if *known == "Enter" { "\r" } else { "" };
            ((*known).to_owned(), *number, text)
        }
        (None, None) => panic!("press `{key}`: the keyboard has no such key"),
    };
    // With Ctrl or Alt a key is a command and no text.
    let text = if modifiers & (CTRL | ALT) == 0 { text } else { "" };
    let event = |kind: &str, text: &str| {
        json!({
            "type": kind, "key": name, "code": code, "modifiers": modifiers,
            "windowsVirtualKeyCode": number, "text": text,
        })
    };
    let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
    [event(down, text), event("keyUp", "")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_types_itself_and_a_command_types_nothing() {
        let [down, up] = stroke("a");
        assert_eq!(
            (&down["type"], &down["text"], &down["code"]),
            (&json!("keyDown"), &json!("a"), &json!("KeyA"))
        );
        assert_eq!((&up["type"], &up["text"]), (&json!("keyUp"), &json!("")));
        let [down, _] = stroke("Ctrl+i");
        assert_eq!(
            (&down["type"], &down["text"], &down["modifiers"]),
            (&json!("rawKeyDown"), &json!(""), &json!(2))
        );
        let [down, _] = stroke("Shift+Tab");
        assert_eq!(
            (&down["key"], &down["modifiers"], &down["windowsVirtualKeyCode"]),
            (&json!("Tab"), &json!(8), &json!(9))
        );
        let [down, _] = stroke(".");
        assert_eq!(
            (&down["text"], &down["windowsVirtualKeyCode"]),
            (&json!("."), &json!(0))
        );
    }

    #[test]
    #[should_panic(expected = "the keyboard has no such key")]
    fn a_key_that_no_keyboard_has_is_not_pressed() {
        stroke("Esc");
    }
}
