//! The five kinds of dialogs: what they show, and which keys they take.

use super::{shown, typed};
use crate::console::{
    Answer, Dialog, Field, Key, Screen,
    dialog::{LIST_ROWS_SHOWN, PIN_FIELD_CHARACTERS_MAX},
};

fn drawn(dialog: &Dialog) -> Screen {
    let mut screen = Screen::framed(true, None);
    dialog.draw(&mut screen);
    screen
}

fn press(dialog: &mut Dialog, keys: impl IntoIterator<Item = Key>) {
    for key in keys {
        assert!(dialog.handle_key(key).is_none(), "{key:?} is no answer");
    }
}

fn numbered(rows: usize) -> Vec<String> {
    (1..=rows)
        .map(|row| format!("Row {row:<6} : value {row}"))
        .collect()
}

/// S3's sample card; a row of ours follows, so that the bar is there.
fn inspect() -> Dialog {
    let rows = [
        "ATR        : 3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43",
        "CSN        : 15C000E3A8171006F00FF0010",
        "Family     : Gemplus Generic Product",
        "Card Name  : GemXpresso Pro R3.x",
        "Card OS    : OSv09",
        "Prog Ver   : 01",
        "Chip Ver   : 38",
        "LOCK1 byte : 02",
        "LOCK2 byte : 02",
        "Card Type  : SmOe",
        "PIN Locked : no (one more PIN change allowed)",
        "PIN SCR    : 0",
        "PIN MMPN   : 7",
        "Formatted  : yes",
    ];
    Dialog::list("", rows.map(str::to_owned).to_vec())
}

#[test]
fn a_notice_shows_its_text_and_ok() {
    let dialog = Dialog::Notice {
        title: "Unblock Master".into(),
        lines: vec![
            "The user master is unlocked.".into(),
            "Its password is as it was.".into(),
        ],
    };
    insta::assert_snapshot!("dialog_notice", shown(&drawn(&dialog)));
    insta::assert_snapshot!(
        "dialog_notice_long",
        shown(&drawn(&Dialog::notice("a word and another ".repeat(6))))
    );
}

#[test]
fn a_notice_takes_enter_and_esc_alone() {
    let mut dialog = Dialog::notice("So it is.");
    press(
        &mut dialog,
        [
            Key::Tab,
            Key::Down,
            Key::Char('x'),
            Key::Backspace,
            Key::Function(1),
        ],
    );
    assert!(matches!(
        dialog.clone().handle_key(Key::Enter),
        Some(Answer::Confirmed)
    ));
    assert!(matches!(dialog.handle_key(Key::Esc), Some(Answer::Left)));
}

//= LC-08
#[test]
fn a_list_scrolls_as_the_vendors_inspect() {
    let mut dialog = inspect();
    insta::assert_snapshot!("dialog_list_top", shown(&drawn(&dialog)));
    press(&mut dialog, [Key::Up, Key::Down]);
    insta::assert_snapshot!("dialog_list_middle", shown(&drawn(&dialog)));
    press(&mut dialog, [Key::Down; 5]);
    insta::assert_snapshot!("dialog_list_end", shown(&drawn(&dialog)));
    assert!(matches!(dialog.handle_key(Key::Enter), Some(Answer::Confirmed)));
}

/// Typed from the vendor's page; its columns are lost, so that blanks do not count. Source: S3.
//= LC-08
#[test]
fn a_list_has_the_characters_and_the_width_of_the_vendors_inspect() {
    let page = include_str!("../screens/inspect.txt");
    let screen = drawn(&inspect()).to_string();
    let words = |text: &str| -> Vec<String> {
        let rows = text
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
        rows.filter(|row| !row.is_empty()).collect()
    };
    assert_eq!(words(&screen), words(page));
    let border = screen
        .lines()
        .find(|row| row.contains('└') && row.trim().chars().count() > 20);
    assert_eq!(border.unwrap().trim().chars().count(), 63);
}

#[test]
fn a_list_that_fits_has_no_bar() {
    insta::assert_snapshot!(
        "dialog_list_short",
        shown(&drawn(&Dialog::list("Short", numbered(3))))
    );
    let bar = |rows| drawn(&Dialog::list("", numbered(rows))).to_string().contains('▒');
    assert!(!bar(LIST_ROWS_SHOWN));
    assert!(bar(LIST_ROWS_SHOWN + 1));
    let long = vec!["Name       : ".to_owned() + &"x".repeat(100), String::new()];
    insta::assert_snapshot!("dialog_list_wrapped", shown(&drawn(&Dialog::list("Long", long))));
}

#[test]
fn a_question_moves_between_its_buttons() {
    let mut dialog = Dialog::question("", vec!["Do you want it?".into()], &["No", "Yes"]);
    insta::assert_snapshot!("dialog_question_first", shown(&drawn(&dialog)));
    press(&mut dialog, [Key::Tab]);
    insta::assert_snapshot!("dialog_question_second", shown(&drawn(&dialog)));
    assert!(matches!(
        dialog.clone().handle_key(Key::Enter),
        Some(Answer::Chosen(1))
    ));
    press(&mut dialog, [Key::Right]);
    assert!(matches!(
        dialog.clone().handle_key(Key::Enter),
        Some(Answer::Chosen(0))
    ));
    press(&mut dialog, [Key::Left]);
    assert!(matches!(
        dialog.clone().handle_key(Key::Enter),
        Some(Answer::Chosen(1))
    ));
    assert!(matches!(dialog.handle_key(Key::Esc), Some(Answer::Left)));
}

#[test]
fn a_form_takes_text_digits_and_a_pin_that_nobody_sees() {
    let fields = vec![
        Field::number("N", 2),
        Field::text("Label", 64).filled_with("Ana"),
        Field::pin("PIN"),
    ];
    let lines = vec!["Put the card into the reader.".to_owned()];
    let mut dialog = Dialog::form("M of N scheme", lines, fields);
    insta::assert_snapshot!("dialog_form_empty", shown(&drawn(&dialog)));
    press(&mut dialog, typed("x5a55"));
    press(&mut dialog, [Key::Enter]);
    press(&mut dialog, typed(" B"));
    press(&mut dialog, [Key::Backspace, Key::Tab]);
    press(&mut dialog, typed("1234567890"));
    insta::assert_snapshot!("dialog_form_filled", shown(&drawn(&dialog)));
    assert!(
        !format!("{dialog:?}").contains("1234"),
        "what was typed is not printed"
    );
    press(&mut dialog, [Key::Tab]);
    press(&mut dialog, typed("9"));
    insta::assert_snapshot!("dialog_form_button", shown(&drawn(&dialog)));
    let Some(Answer::Entered(entered)) = dialog.handle_key(Key::Enter) else {
        panic!("the button is Enter's");
    };
    let entered: Vec<_> = entered.iter().map(|value| value.as_str()).collect();
    assert_eq!(entered, ["55", "Ana ", "123456789"]);
}

#[test]
fn a_form_with_one_field_needs_no_button() {
    let mut dialog = Dialog::form("", Vec::new(), vec![Field::pin("PIN")]);
    press(&mut dialog, typed("1234567812345678"));
    insta::assert_snapshot!("dialog_form_one_field", shown(&drawn(&dialog)));
    let Some(Answer::Entered(entered)) = dialog.handle_key(Key::Enter) else {
        panic!("Enter in the last field is the button's");
    };
    assert_eq!(entered[0].chars().count(), PIN_FIELD_CHARACTERS_MAX);
}

#[test]
fn a_long_value_shows_its_end() {
    let value = "0123456789".repeat(5);
    let dialog = Dialog::form("", Vec::new(), vec![Field::text("Name", 64).filled_with(&value)]);
    let screen = drawn(&dialog);
    assert_eq!(screen.text_in(screen.focus.unwrap()), value[10..]);
}

#[test]
fn progress_takes_esc_alone() {
    let mut dialog = Dialog::progress("Copy Set", vec!["Reading card 1 of 2.".into()]);
    insta::assert_snapshot!("dialog_progress", shown(&drawn(&dialog)));
    press(&mut dialog, [Key::Enter, Key::Tab, Key::Char(' ')]);
    assert!(matches!(dialog.handle_key(Key::Esc), Some(Answer::Left)));
}
