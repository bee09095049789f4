//! The PIN and the locks, held against a model of a few lines over any row of commands, resets and cuts of power.

mod bench;

use apdu::{LifeCycle, hex};
use bench::{Bench, CSN, bytes};
use card_core::{CardImage, Input, Output};
use proptest::prelude::*;

/// PINs of the model, as digits: what a card may hold.
const PINS: [&str; 3] = ["11111111", "22222222", "33333333"];

/// What the requirements say of a card, and nothing of how it is done.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    life: LifeCycle,
    pin: usize,
    format_pin: usize,
    tries: u8,
    presentations_max: u8,
    is_verified: bool,
    has_shadow: bool,
    erase_keeps_seal: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Verify(usize),
    Query,
    /// The old and the new PIN, in the typed form or the packed one.
    Change(usize, usize, bool),
    ChangeToNoDigits(usize),
    WriteShadow,
    ReadShadow,
    Erase,
    /// The PIN and the MMPN.
    Format(usize, u8),
    Unblock,
    ColdReset,
    WarmReset,
    SelectApplet,
    Restart,
    /// The power goes after the first write of a VERIFY.
    VerifyCutOff(usize),
}

impl Model {
    const fn is_blocked(&self) -> bool {
        self.tries >= self.presentations_max
    }

    fn left(&self) -> u16 {
        0x63C0 | u16::from(self.presentations_max - self.tries)
    }

    /// CD-03, CD-04, CD-08: one presentation, if the card takes any.
    fn present(&mut self, pin: usize) -> u16 {
        self.is_verified = pin == self.pin;
        if self.is_verified {
            self.tries = 0;
            0x9000
        } else {
            self.tries += 1;
            self.left()
        }
    }

    fn answer(&mut self, step: Step) -> u16 {
        let is_virgin = self.life == LifeCycle::Virgin;
        match step {
            Step::ColdReset | Step::WarmReset | Step::SelectApplet | Step::Restart => {
                self.is_verified = false;
                0x9000
            }
            Step::Format(pin, presentations_max) if is_virgin => {
                if !(1..=15).contains(&presentations_max) {
                    return 0x6A80;
                }
                (self.life, self.pin, self.format_pin) = (LifeCycle::PostFormat, pin, pin);
                self.presentations_max = presentations_max;
                0x9000
            }
            Step::Format(..) | Step::Unblock => 0x6985,
            Step::WriteShadow | Step::ReadShadow if !self.is_verified => 0x6982,
            Step::WriteShadow => {
                self.has_shadow = true;
                0x9000
            }
            Step::ReadShadow if self.has_shadow => 0x9000,
            Step::ReadShadow => 0x6282,
            _ if is_virgin => 0x6985,
            _ if self.is_blocked() => 0x6983,
            Step::Query if self.is_verified => 0x9000,
            Step::Query => self.left(),
            Step::Verify(pin) => self.present(pin),
            Step::VerifyCutOff(_) => {
                self.tries += 1;
                self.is_verified = false;
                0x9000
            }
            Step::Change(..) | Step::ChangeToNoDigits(_) if self.life == LifeCycle::Sealed => 0x6985,
            Step::ChangeToNoDigits(_) => 0x6A80,
            Step::Change(old, new, _) => {
                let answer = self.present(old);
                if answer == 0x9000 {
                    (self.life, self.pin) = (LifeCycle::Sealed, new);
                }
                answer
            }
            Step::Erase if !self.is_verified => 0x6982,
            Step::Erase => {
                self.has_shadow = false;
                self.is_verified = false;
                if !self.erase_keeps_seal {
                    (self.life, self.pin) = (LifeCycle::PostFormat, self.format_pin);
                }
                0x9000
            }
        }
    }
}

fn typed(pin: usize) -> String {
    hex::encode(PINS[pin].as_bytes())
}

/// The last answer of the commands of one step; resets and cuts count as 9000.
fn card_answer(mut bench: Bench, step: Step) -> (Bench, u16) {
    let command = match step {
        Step::Verify(pin) => format!("0020000008{}", typed(pin)),
        Step::Query => "00200000".to_owned(),
        Step::Change(old, new, true) => format!("0024000010{}{}", typed(old), typed(new)),
        Step::Change(old, new, false) => format!("8024000008{}{}", PINS[old], PINS[new]),
        Step::ChangeToNoDigits(old) => format!("8024000008{}1234567F", PINS[old]),
        Step::WriteShadow => "00D6820004AABBCCDD".to_owned(),
        Step::ReadShadow => "00B0820004".to_owned(),
        Step::Erase => "DBDE000000".to_owned(),
        Step::Format(pin, mmpn) => format!("80FA00000A01{mmpn:02X}{}41424344", PINS[pin]),
        Step::Unblock => "802401000811111111 22222222".to_owned(),
        Step::SelectApplet => "00A4040C05A000000018".to_owned(),
        Step::ColdReset => {
            bench.input(Input::PowerOn);
            return (bench, 0x9000);
        }
        Step::WarmReset => {
            bench.input(Input::WarmReset);
            return (bench, 0x9000);
        }
        Step::Restart => return (bench.cut(), 0x9000),
        Step::VerifyCutOff(pin) => {
            let verify = bytes(&format!("0020000008{}", typed(pin)));
            bench.card.handle_input(Input::Transmit(&verify));
            return match bench.card.poll_output() {
                Some(Output::Write(write)) => {
                    bench.image.apply(&write);
                    (bench.cut(), 0x9000)
                }
                // The card took no presentation.
                Some(Output::Answer(response)) => (bench, response.status.0),
                other => panic!("expected a write or an answer, got {other:?}"),
            };
        }
    };
    // Files are found by their short identifier once their directory is current; that forgets no PIN.
    if matches!(step, Step::WriteShadow | Step::ReadShadow) {
        bench.sends("00A4010C020100");
    }
    let answer = bench.transmits(&bytes(&command));
    let status = answer.last_chunk().expect("two bytes end every answer");
    (bench, u16::from_be_bytes(*status))
}

fn any_step() -> impl Strategy<Value = Step> {
    let pin = || 0..PINS.len();
    prop_oneof![
        4 => pin().prop_map(Step::Verify),
        1 => Just(Step::Query),
        2 => (pin(), pin(), any::<bool>()).prop_map(|(old, new, form)| Step::Change(old, new, form)),
        1 => pin().prop_map(Step::ChangeToNoDigits),
        1 => Just(Step::WriteShadow),
        1 => Just(Step::ReadShadow),
        1 => Just(Step::Erase),
        1 => (pin(), prop_oneof![0..3_u8, 6..8_u8, 14..17_u8]).prop_map(|(pin, mmpn)| Step::Format(pin, mmpn)),
        1 => prop_oneof![
            Just(Step::Unblock),
            Just(Step::ColdReset),
            Just(Step::WarmReset),
            Just(Step::SelectApplet),
            Just(Step::Restart),
        ],
        1 => pin().prop_map(Step::VerifyCutOff),
    ]
}

proptest! {
    //= CD-03
    //= CD-05
    //= CD-06
    //= CD-08
    //= CD-11
    //= SC-05
    #[test]
    fn a_card_answers_as_the_model_from_the_factory_to_the_end(
        keeps: bool, steps in prop::collection::vec(any_step(), 0..80)
    ) {
        let mut bench = Bench::powered(CardImage::virgin(CSN).with_erase_keeps_seal(keeps));
        let mut model = Model {
            life: LifeCycle::Virgin,
            pin: usize::MAX,
            format_pin: usize::MAX,
            tries: 0,
            presentations_max: 7,
            is_verified: false,
            has_shadow: false,
            erase_keeps_seal: keeps,
        };
        for (at, step) in steps.iter().enumerate() {
            let answer;
            (bench, answer) = card_answer(bench, *step);
            let expected = model.answer(*step);
            prop_assert_eq!(answer, expected, "step {}: {:?}: {:04X}, not {:04X}", at, step, answer, expected);
            prop_assert_eq!(bench.image.life_cycle(), model.life, "step {}: {:?}", at, step);
            prop_assert_eq!(bench.image.try_counter(), model.tries, "step {}: {:?}", at, step);
            prop_assert_eq!(bench.image.is_blocked(), model.is_blocked());
        }
    }
}
