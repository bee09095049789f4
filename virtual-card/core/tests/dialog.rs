//! The HSM's dialog with a custodian's card, run against the card itself.

mod bench;

use apdu::{
    Atr, PinEntry, ResponseApdu, StatusWord,
    procedure::{CardReading, CardRefusal, LearnedOfCard, ReadShadow, ReadShadowInput, ReadShadowOutput},
};
use bench::{Bench, CSN, SHADOW, VERIFY_WRONG, image_with};
use card_core::{CardImage, Input, Output};

struct Dialog {
    result: Result<CardReading, CardRefusal>,
    learned: LearnedOfCard,
    transmitted: Vec<Vec<u8>>,
    prompts: usize,
}

/// Runs the dialog as a station would; `spoil` may change what the card answers to the nth command.
fn run(bench: &mut Bench, pin: &str, mut spoil: impl FnMut(usize, &mut ResponseApdu)) -> Dialog {
    let mut procedure = ReadShadow::new();
    let (mut transmitted, mut prompts) = (Vec::new(), 0);
    loop {
        let input = match procedure
            .poll_output()
            .expect("the procedure goes on until it is finished")
        {
            ReadShadowOutput::PowerOn => {
                let [Output::Atr(atr)] = &bench.input(Input::PowerOn)[..] else {
                    panic!("expected an ATR")
                };
                ReadShadowInput::Atr(atr.clone())
            }
            ReadShadowOutput::Transmit(tpdu) => {
                let mut response = ResponseApdu::try_from(&bench.transmits(&tpdu)[..]).expect("an answer");
                spoil(transmitted.len(), &mut response);
                transmitted.push(tpdu);
                ReadShadowInput::Response(response)
            }
            ReadShadowOutput::VerifyPin => {
                prompts += 1;
                let verify = PinEntry::try_from(pin).expect("the test types a PIN").to_verify();
                let answer = bench.transmits(&verify.to_tpdu());
                ReadShadowInput::PinStatus(StatusWord::from(
                    <[u8; 2]>::try_from(&answer[..]).expect("no data"),
                ))
            }
            ReadShadowOutput::Finished(result) => {
                assert_eq!(procedure.poll_output(), None);
                return Dialog {
                    result,
                    learned: procedure.learned().clone(),
                    transmitted,
                    prompts,
                };
            }
        };
        procedure.handle_input(input);
    }
}

fn check_refused(image: CardImage, pin: &str, refusal: CardRefusal, prompts: usize) {
    let dialog = run(&mut Bench::powered(image), pin, |_, _| {});
    assert_eq!((dialog.result, dialog.prompts), (Err(refusal), prompts));
    //= AU-14
    assert_eq!(
        dialog.learned,
        LearnedOfCard {
            serial_number: Some(CSN),
            label: None
        }
    );
}

fn used(wrong_pins: usize) -> CardImage {
    let mut bench = Bench::fresh();
    for _ in 0..wrong_pins {
        bench.sends(VERIFY_WRONG);
    }
    bench.image
}

#[test]
fn a_right_pin_gives_serial_number_label_and_shadow() {
    let dialog = run(&mut Bench::fresh(), "qrstuvwx", |_, _| {});
    let reading = dialog.result.expect("the PIN is right");
    assert_eq!(
        (reading.serial_number, reading.label),
        (CSN, Some(b"Alice".to_vec()))
    );
    assert_eq!(reading.shadow.expose(), SHADOW);
    assert_eq!(dialog.learned.label, Some(b"Alice".to_vec()));
}

#[test]
fn a_card_without_a_label_is_read_too() {
    let dialog = run(
        &mut Bench::powered(image_with("", &[0x5A; 255])),
        "12345678",
        |_, _| {},
    );
    let reading = dialog.result.expect("a label is not needed");
    assert_eq!((reading.label, reading.shadow.len()), (None, 255));
}

//= AU-10
#[test]
fn an_unfit_card_is_refused_without_asking_a_pin() {
    check_refused(CardImage::virgin(CSN), "12345678", CardRefusal::NotInitialized, 0);
    check_refused(
        image_with("Alice", b""),
        "12345678",
        CardRefusal::NotInitialized,
        0,
    );
    check_refused(used(7), "12345678", CardRefusal::Blocked, 0);
}

//= AU-09
#[test]
fn a_wrong_pin_is_presented_once_and_tells_the_tries_left() {
    check_refused(used(0), "12345679", CardRefusal::PinWrong { tries_left: 6 }, 1);
    check_refused(used(5), "12345679", CardRefusal::PinWrong { tries_left: 1 }, 1);
    check_refused(used(6), "12345679", CardRefusal::Blocked, 1);
}

//= AU-22
#[test]
fn nothing_but_four_instructions_is_transmitted() {
    let dialog = run(&mut Bench::fresh(), "12345678", |_, _| {});
    for tpdu in &dialog.transmitted {
        assert!([0xA4, 0xB0, 0xC0].contains(&tpdu[1]), "{:02X}", tpdu[1]);
    }
    assert_eq!(dialog.prompts, 1);
}

/// The nth answer becomes another; how the dialog ends then.
fn check_spoilt(nth: usize, data: &[u8], status: u16, refusal: CardRefusal) {
    let dialog = run(&mut Bench::fresh(), "12345678", |at, response| {
        if at == nth {
            *response = ResponseApdu {
                data: data.to_vec(),
                status: StatusWord(status),
            };
        }
    });
    assert_eq!(dialog.result, Err(refusal), "answer {nth} became {status:04X}");
}

#[test]
fn another_card_is_told_from_a_broken_one() {
    // Answers 0 and 1 belong to SELECT, 2 is the status, 3 the serial number.
    check_spoilt(0, &[], 0x6A82, CardRefusal::Incompatible);
    check_spoilt(0, &[], 0x6D00, CardRefusal::Incompatible);
    check_spoilt(0, &[], 0x6F00, CardRefusal::CardError(StatusWord(0x6F00)));
    check_spoilt(2, &[], 0x6B00, CardRefusal::Incompatible);
    check_spoilt(2, &[9; 24], 0x9000, CardRefusal::Incompatible);
    check_spoilt(3, &[9; 15], 0x9000, CardRefusal::Incompatible);
    // 4 and 5 select the label, 6 and 7 read it; 8 and 9 select the shadow, 10 reads it.
    check_spoilt(4, &[], 0x6A82, CardRefusal::CardError(StatusWord::FILE_NOT_FOUND));
    check_spoilt(
        6,
        &[],
        0x6982,
        CardRefusal::CardError(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
    );
    check_spoilt(7, &[b'x'; 65], 0x9000, CardRefusal::Damaged);
    check_spoilt(10, &SHADOW[1..], 0x9000, CardRefusal::Damaged);
    check_spoilt(10, &SHADOW[1..], 0x6282, CardRefusal::Damaged);
}

//= AU-14
#[test]
fn an_unknown_status_is_refused_with_the_serial_number() {
    let dialog = run(&mut Bench::fresh(), "12345678", |at, response| {
        if at == 2 {
            response.data[0] = 2;
        }
    });
    assert_eq!(dialog.result, Err(CardRefusal::Incompatible));
    assert_eq!(dialog.learned.serial_number, Some(CSN));
    assert_eq!(dialog.prompts, 0);
}

//= AU-14
#[test]
fn a_card_that_fails_after_its_label_is_known_by_it() {
    let dialog = run(&mut Bench::fresh(), "12345678", |at, response| {
        if at == 10 {
            response.data.clear();
            response.status = StatusWord(0x6F00);
        }
    });
    assert_eq!(dialog.result, Err(CardRefusal::CardError(StatusWord(0x6F00))));
    assert_eq!(dialog.learned.label, Some(b"Alice".to_vec()));
}

#[test]
fn a_card_that_does_not_offer_t0_is_another() {
    let mut procedure = ReadShadow::new();
    let t1_only = b"\x3B\xFA\x94\x00\x00\x81\x31\x20\x43\x80\x65\xA2\x01\x01\x01\x3D\x72\xD6\x43\x21";
    procedure.poll_output();
    procedure.handle_input(ReadShadowInput::Atr(
        Atr::try_from(&t1_only[..]).expect("a public card's"),
    ));
    assert_eq!(
        procedure.poll_output(),
        Some(ReadShadowOutput::Finished(Err(CardRefusal::Incompatible)))
    );
}
