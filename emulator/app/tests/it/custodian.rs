//! A custodian at a manager: a card, and the PIN.

use std::{fs, path::Path};

use apdu::hex;
use card_core::{Card, CardImage, Input, Output};
use serde_json::{Value, json};

use crate::manager::Manager;

/// Presents a card of the demo and gives the answer to `auth.start`.
pub(crate) fn present(manager: &mut Manager, card: &Path) -> Value {
    present_with(manager, card, "12345678")
}

/// The same with this PIN. The image keeps nothing of it.
pub(crate) fn present_with(manager: &mut Manager, card: &Path, pin: &str) -> Value {
    let text = fs::read_to_string(card).expect("the demo made it");
    let mut card = Card::from_image(CardImage::from_text(&text).expect("it is a card"));
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "auth.start"});
    manager.send(&request).expect("the session is open");
    loop {
        let message = manager.receive().expect("the session is open");
        let result = match message["method"].as_str() {
            None => return message,
            Some("card.power_on") => json!({"atr": tell(&mut card, Input::PowerOn)}),
            Some("card.transmit") => {
                let command = hex::decode(message["params"]["apdu"].as_str().expect("a text")).expect("hex");
                json!({"response": tell(&mut card, Input::Transmit(&command))})
            }
            Some("card.verify_pin") => {
                let command = [b"\x00\x20\x00\x00\x08", pin.as_bytes()].concat();
                json!({"status_word": tell(&mut card, Input::Transmit(&command))})
            }
            Some("card.power_off") => {
                tell(&mut card, Input::PowerOff);
                json!({})
            }
            Some(_) => continue,
        };
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        manager.send(&answer).expect("the session is open");
    }
}

fn tell(card: &mut Card, input: Input<'_>) -> String {
    card.handle_input(input);
    while let Some(output) = card.poll_output() {
        match output {
            Output::Write(_) => card.handle_input(Input::Written),
            Output::Atr(atr) => return hex::encode(atr.as_bytes()),
            Output::Answer(response) => return hex::encode(&response.to_bytes()),
        }
    }
    String::new()
}
