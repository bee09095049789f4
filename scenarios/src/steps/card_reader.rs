//! Steps about a card in a reader of its own, without an HSM: what a program sends to it, what it answers, and what
//! happens to its power. The card behind them may be any that the bed puts there.

use apdu::{
    CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Header, Le, LifeCycle, ResponseApdu, StatusWord,
    hex, mpcos,
};
use card_core::{CardImage, InvalidPersonalisation, Personalisation, profile};

use super::{Handler, Stage, Steps, define, expect, expect_argument, mismatch};
use crate::{
    card_under_test::{CardUnderTest, Silence},
    lane::Mismatch,
    step::BlockKind,
    world::PIN,
};

/// The serial number on the vendor's Inspect screen.
const CSN: Csn = Csn([
    0x15, 0xC0, 0, 0, 0xE3, 0xA8, 0x17, 0x10, 0, 0x6F, 0, 0, 0xFF, 0, 0, 0x10,
]);

/// What a card of these scenarios holds as its shadow.
const SHADOW: &[u8] = b"0123456789 this is not a real shadow";

pub(super) fn register(steps: &mut Steps) {
    for (expression, explanation, handler) in STEPS {
        define(steps, expression, explanation, *handler);
    }
    steps.define(
        "the card answers, line by line",
        "a command, `->` and its whole answer, in hexadecimal; spaces count for nothing",
        BlockKind::DocString,
        |stage, args| {
            args.text().lines().try_for_each(|line| {
                let (command, answer) = line
                    .split_once("->")
                    .ok_or_else(|| mismatch("a command, `->` and an answer", line))?;
                let came = sent(stage, command)?;
                let answer = compact(answer);
                expect(came == answer, &format!("{answer} to {}", command.trim()), || {
                    came
                })
            })
        },
    );
    steps.define(
        "the card has these faults",
        "their text form, as in docs/card.md; commands count from here",
        BlockKind::DocString,
        |stage, args| {
            let given = card(stage)?.set_faults(&format!("{}\n", args.text()));
            given.map_err(|silence| mismatch("a card with these faults", silence.to_string()))
        },
    );
}

/// Whether this sentence breaks a card, or looks into its memory: only what is ours lets one do that.
#[cfg(feature = "pcsc")]
pub(crate) fn breaks_a_card(expression: &str) -> bool {
    [
        "the card has these faults",
        "the power goes after byte {int} of {string}",
        "the last answer took {duration}",
        "its image holds {int} wrong PIN(s) and a seal of {string}",
    ]
    .contains(&expression)
}

const STEPS: &[(&str, &str, Handler)] = &[
    // Which card.
    (
        "a card of {person} in a reader",
        "formatted: PIN 12345678, the name as its label, 36 bytes of shadow, MMPN 7",
        |stage, args| {
            put(
                stage,
                personalised(args.person(0), SHADOW, profile::PRESENTATIONS_MAX),
            )
        },
    ),
    (
        "a card of {person} in a reader, with an MMPN of {int}",
        "else as any other",
        |stage, args| {
            let presentations_max = u8::try_from(args.int(1)).unwrap_or(u8::MAX);
            put(stage, personalised(args.person(0), SHADOW, presentations_max))
        },
    ),
    (
        "a card of {person} in a reader, whose erasure breaks the seal",
        "erase_keeps_seal = false",
        |stage, args| {
            let image = personalised(args.person(0), SHADOW, profile::PRESENTATIONS_MAX);
            put(stage, image.map(|image| image.with_erase_keeps_seal(false)))
        },
    ),
    (
        "a formatted card in a reader",
        "PIN 12345678, no label, no shadow",
        |stage, _| put(stage, personalised("", &[], profile::PRESENTATIONS_MAX)),
    ),
    (
        "a card from the factory in a reader",
        "never formatted",
        |stage, _| put(stage, Ok(CardImage::virgin(CSN))),
    ),
    // Its power.
    ("the card is switched off and on", "a cold reset", |stage, _| {
        reset(stage, Reset::Cold).map(drop)
    }),
    (
        "the card is reset without loss of power",
        "a warm reset",
        |stage, _| reset(stage, Reset::Warm).map(drop),
    ),
    (
        "the card is taken out of its reader and put back",
        "and powered",
        |stage, _| {
            let card = card(stage)?;
            said(card.remove())?;
            said(card.insert())?;
            reset(stage, Reset::Cold).map(drop)
        },
    ),
    (
        "what holds the card is started again",
        "it ended without a farewell; the card is in its reader, and powered",
        |stage, _| {
            said(card(stage)?.restart())?;
            reset(stage, Reset::Cold).map(drop)
        },
    ),
    (
        "the answer to a cold and to a warm reset is {string}",
        "all bytes, in hexadecimal",
        |stage, args| {
            for how in [Reset::Cold, Reset::Warm] {
                let atr = reset(stage, how)?;
                expect_argument(0, &compact(args.string(0)), &hex::encode(&atr))?;
            }
            Ok(())
        },
    ),
    // Bytes.
    (
        "the card answers {string} to {string}",
        "the whole answer and the command, in hexadecimal",
        |stage, args| {
            let came = sent(stage, args.string(1))?;
            expect_argument(0, &compact(args.string(0)), &came)
        },
    ),
    (
        "the card answers {string} to {string}, {int} times",
        "and each time the same",
        |stage, args| {
            (0..args.int(2)).try_for_each(|_| {
                let came = sent(stage, args.string(1))?;
                expect_argument(0, &compact(args.string(0)), &came)
            })
        },
    ),
    // The PIN.
    ("the PIN {string} is right", "9000 to VERIFY", |stage, args| {
        expect_status(stage, verify(args.string(0)), StatusWord::OK)
    }),
    (
        "the PIN {string} is wrong, with {int} try/tries left",
        "63Cx to VERIFY; the last one blocks",
        |stage, args| {
            let left = u8::try_from(args.int(1)).unwrap_or(u8::MAX);
            expect_status(stage, verify(args.string(0)), StatusWord::wrong_pin(left))
        },
    ),
    (
        "the PIN {string} meets a blocked card",
        "6983 to VERIFY",
        |stage, args| expect_status(stage, verify(args.string(0)), StatusWord::BLOCKED),
    ),
    (
        "the card says that {int} try/tries is/are left",
        "63Cx to a query, which counts nothing",
        |stage, args| {
            let left = u8::try_from(args.int(0)).unwrap_or(u8::MAX);
            expect_status(stage, Ok(query()), StatusWord::wrong_pin(left))
        },
    ),
    (
        "the card says that its PIN is verified",
        "9000 to a query",
        |stage, _| expect_status(stage, Ok(query()), StatusWord::OK),
    ),
    (
        "the card says that it is blocked",
        "6983 to a query",
        |stage, _| expect_status(stage, Ok(query()), StatusWord::BLOCKED),
    ),
    (
        "the PIN is changed from {string} to {string}",
        "9000 to both as they were typed",
        |stage, args| expect_status(stage, change(args.string(0), args.string(1)), StatusWord::OK),
    ),
    (
        "changing the PIN from {string} to {string} gives {word}",
        "a status word, such as 6985",
        |stage, args| {
            let came = exchange(stage, change(args.string(0), args.string(1)))?.status;
            expect_argument(2, &args.string(2).to_owned(), &format!("{came:?}"))
        },
    ),
    // Label and shadow.
    ("the label {string} is written", "all of it", |stage, args| {
        expect_status(stage, update(1, args.string(0).as_bytes()), StatusWord::OK)
    }),
    (
        "writing a label of {int} bytes gives {word}",
        "a status word; the bytes are letters",
        |stage, args| {
            let bytes = vec![b'x'; usize::try_from(args.int(0)).unwrap_or(0)];
            let came = exchange(stage, update(1, &bytes))?.status;
            expect_argument(1, &args.string(1).to_owned(), &format!("{came:?}"))
        },
    ),
    ("the label is {string}", "read after the PIN", |stage, args| {
        let read = read(stage, 1)?;
        expect_argument(0, &args.string(0), &&*String::from_utf8_lossy(&read))
    }),
    (
        "the card has no label",
        "read after the PIN; no error",
        |stage, _| {
            let read = read(stage, 1)?;
            expect(read.is_empty(), "no label", || format!("{} bytes", read.len()))
        },
    ),
    (
        "a shadow of {int} bytes is written",
        "each byte is its place",
        |stage, args| {
            let bytes = counted(args.int(0));
            expect_status(stage, update(2, &bytes), StatusWord::OK)
        },
    ),
    (
        "the shadow has {int} bytes",
        "as they were written",
        |stage, args| {
            let read = read(stage, 2)?;
            expect_argument(0, &args.int(0), &i64::try_from(read.len()).unwrap_or(i64::MAX))?;
            expect(
                read == counted(args.int(0)),
                "the bytes that were written",
                || "others".into(),
            )
        },
    ),
    ("the card has no shadow", "read after the PIN", |stage, _| {
        let read = read(stage, 2)?;
        expect(read.is_empty(), "no shadow", || format!("{} bytes", read.len()))
    }),
    (
        "label and shadow cannot be read",
        "6982, and the status tells no length of the label",
        |stage, _| {
            for file in [1, 2] {
                select_applet_directory(stage)?;
                expect_status(
                    stage,
                    Ok(read_command(file)),
                    StatusWord::SECURITY_STATUS_NOT_SATISFIED,
                )?;
            }
            let len = status(stage)?.label_len;
            expect(len == 0, "a status without the label's length", || {
                len.to_string()
            })
        },
    ),
    // Erasure and format.
    ("the card is erased", "9000 to ERASE", |stage, _| {
        expect_status(stage, Ok(CommandApdu::bare(mpcos::ERASE_CARD)), StatusWord::OK)
    }),
    ("erasing the card gives {word}", "a status word", |stage, args| {
        let came = exchange(stage, Ok(CommandApdu::bare(mpcos::ERASE_CARD)))?.status;
        expect_argument(0, &args.string(0).to_owned(), &format!("{came:?}"))
    }),
    (
        "formatting the card with an MMPN of {int} and the PIN {string} gives {word}",
        "a status word",
        |stage, args| {
            let came = exchange(stage, format_card(args.int(0), args.string(1)))?.status;
            expect_argument(2, &args.string(2).to_owned(), &format!("{came:?}"))
        },
    ),
    // What Inspect shows.
    (
        "Inspect says that the PIN can be changed once more",
        "LOCK1 02; `PIN Locked : no (one more PIN change allowed)`",
        |stage, _| expect_life(stage, LifeCycle::PostFormat, 0x02, 1),
    ),
    (
        "Inspect says that the PIN is locked",
        "LOCK1 03; `PIN Locked : yes`",
        |stage, _| expect_life(stage, LifeCycle::Sealed, 0x03, 0),
    ),
    (
        "Inspect says that the card was never formatted",
        "LOCK1 00",
        |stage, _| expect_life(stage, LifeCycle::Virgin, 0x00, 0),
    ),
    ("Inspect counts {int} wrong PIN(s)", "PIN SCR", |stage, args| {
        let scr = status(stage)?.try_counter;
        expect_argument(0, &args.int(0), &i64::from(scr))
    }),
    ("Inspect shows an MMPN of {int}", "PIN MMPN", |stage, args| {
        let mmpn = status(stage)?.presentations_max;
        expect_argument(0, &args.int(0), &i64::from(mmpn))
    }),
    (
        "Inspect shows the serial number {string}",
        "as it is printed",
        |stage, args| {
            let bytes = whole(stage, Ok(CommandApdu::expecting(mpcos::SERIAL_NUMBER, Le::ALL)))?;
            let csn = <[u8; 16]>::try_from(&bytes[..])
                .map_err(|_| mismatch("16 bytes of serial number", format!("{} bytes", bytes.len())))?;
            expect_argument(0, &args.string(0).to_owned(), &Csn(csn).to_string())
        },
    ),
    // The inside of a simulated card.
    (
        "the power goes after byte {int} of {string}",
        "of those that the command writes to the memory; then the card is powered again",
        |stage, args| {
            let tpdu = decoded(args.string(1))?;
            let came = card(stage)?.tear_out(args.int(0), &tpdu);
            tell_of_exchange(stage, &tpdu, &came);
            expect(came == Err(Silence::Removed), "a card that is torn out", || {
                format!("{came:?}")
            })?;
            said(card(stage)?.insert())?;
            reset(stage, Reset::Cold).map(drop)
        },
    ),
    (
        "the card does not answer {string}",
        "not before it is reset, nor after",
        |stage, args| {
            let came = transmit(stage, args.string(0))?;
            expect(came == Err(Silence::Mute), "silence", || format!("{came:?}"))
        },
    ),
    (
        "the last answer took {duration}",
        "virtual time",
        |stage, args| {
            let delay = said(card(stage)?.last_delay())?;
            expect_argument(0, args.duration(0), &delay)
        },
    ),
    (
        "its image holds {int} wrong PIN(s) and a seal of {string}",
        "SCR and LOCK1 as they are on the disk",
        |stage, args| {
            let image = said(card(stage)?.image())?;
            expect_argument(0, &args.int(0), &i64::from(image.try_counter()))?;
            expect_argument(1, &args.string(1).to_owned(), &format!("{:02X}", image.lock1()))
        },
    ),
];

fn personalised(
    label: &str,
    shadow: &[u8],
    presentations_max: u8,
) -> Result<CardImage, InvalidPersonalisation> {
    CardImage::personalised(&Personalisation {
        csn: CSN,
        pin: PIN,
        label,
        shadow,
        card_type: profile::CARD_TYPE,
        presentations_max,
    })
}

/// A card of this image comes into a reader of its own, and is powered.
fn put(stage: &mut Stage, image: Result<CardImage, InvalidPersonalisation>) -> Result<(), Mismatch> {
    let image = image.map_err(|invalid| mismatch("a card that can be made", invalid.to_string()))?;
    stage.put_card(image)?;
    reset(stage, Reset::Cold).map(drop)
}

fn card(stage: &mut Stage) -> Result<&mut (dyn CardUnderTest + 'static), Mismatch> {
    match &mut stage.card {
        Some(card) => Ok(&mut **card),
        None => Err(mismatch(
            "a card, as in `Given a card of Ana in a reader`",
            "no card yet",
        )),
    }
}

/// What a reader did, or why it did not.
fn said<T>(answer: Result<T, Silence>) -> Result<T, Mismatch> {
    answer.map_err(|silence| mismatch("an answer of the card", silence.to_string()))
}

#[derive(Clone, Copy)]
enum Reset {
    Cold,
    Warm,
}

fn reset(stage: &mut Stage, how: Reset) -> Result<Vec<u8>, Mismatch> {
    let card = card(stage)?;
    let atr = said(match how {
        Reset::Cold => card.power_on(),
        Reset::Warm => card.warm_reset(),
    })?;
    stage.tell_of_card(format!("reset: {}", hex::encode(&atr)));
    Ok(atr)
}

/// Hexadecimal without spaces.
fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

fn decoded(command: &str) -> Result<Vec<u8>, Mismatch> {
    let tpdu = hex::decode(&compact(command));
    tpdu.map_err(|invalid| mismatch("a command in hexadecimal", format!("{command}: {invalid}")))
}

fn transmit(stage: &mut Stage, command: &str) -> Result<Result<Vec<u8>, Silence>, Mismatch> {
    transmit_bytes(stage, &decoded(command)?)
}

fn transmit_bytes(stage: &mut Stage, tpdu: &[u8]) -> Result<Result<Vec<u8>, Silence>, Mismatch> {
    let came = card(stage)?.transmit(tpdu);
    tell_of_exchange(stage, tpdu, &came);
    Ok(came)
}

/// A trace holds no PIN and nothing that is behind it: the header, the status, and how many bytes there were.
fn tell_of_exchange(stage: &mut Stage, tpdu: &[u8], came: &Result<Vec<u8>, Silence>) {
    let header = hex::encode(&tpdu[..tpdu.len().min(4)]);
    let answer = match came {
        Ok(bytes) => match ResponseApdu::try_from(&bytes[..]) {
            Ok(response) => format!("{} bytes, {}", response.data.len(), response.status),
            Err(_) => format!("{} bytes, no answer", bytes.len()),
        },
        Err(silence) => silence.to_string(),
    };
    stage.tell_of_card(format!("{header}, {} bytes: {answer}", tpdu.len()));
}

fn sent(stage: &mut Stage, command: &str) -> Result<String, Mismatch> {
    Ok(hex::encode(&said(transmit(stage, command)?)?))
}

type Command = Result<CommandApdu, Mismatch>;

/// One command with its 61xx and 6Cxx followed, as a program does.
fn exchange(stage: &mut Stage, command: Command) -> Result<ResponseApdu, Mismatch> {
    let mut exchange = Exchange::new(command?);
    loop {
        match exchange.poll_output() {
            Some(ExchangeOutput::Transmit(tpdu)) => {
                let bytes = said(transmit_bytes(stage, &tpdu)?)?;
                let response = ResponseApdu::try_from(&bytes[..])
                    .map_err(|invalid| mismatch("an answer of the card", invalid.to_string()))?;
                exchange.handle_response(response);
            }
            Some(ExchangeOutput::Finished(result)) => {
                return result.map_err(|error| mismatch("an answer of the card", error.to_string()));
            }
            None => return Err(mismatch("an answer of the card", "none")),
        }
    }
}

fn whole(stage: &mut Stage, command: Command) -> Result<Vec<u8>, Mismatch> {
    let response = exchange(stage, command)?;
    expect(response.status == StatusWord::OK, "9000", || {
        response.status.to_string()
    })?;
    Ok(response.data)
}

fn expect_status(stage: &mut Stage, command: Command, expected: StatusWord) -> Result<(), Mismatch> {
    let came = exchange(stage, command)?.status;
    expect(came == expected, &expected.to_string(), || came.to_string())
}

fn with_data(header: Header, data: &[u8]) -> Command {
    CommandApdu::with_data(header, data).map_err(|invalid| mismatch("a command", invalid.to_string()))
}

fn verify(pin: &str) -> Command {
    with_data(mpcos::VERIFY_PIN, pin.as_bytes())
}

const fn query() -> CommandApdu {
    CommandApdu::bare(mpcos::VERIFY_PIN)
}

fn change(old: &str, new: &str) -> Command {
    with_data(mpcos::CHANGE_TYPED_PIN, [old, new].concat().as_bytes())
}

fn update(file: u8, bytes: &[u8]) -> Command {
    with_data(Header::new(0x00, mpcos::UPDATE_BINARY, 0x80 | file, 0), bytes)
}

fn read_command(file: u8) -> CommandApdu {
    CommandApdu::expecting(Header::new(0x00, mpcos::READ_BINARY, 0x80 | file, 0), Le::ALL)
}

fn format_card(presentations_max: i64, pin: &str) -> Command {
    let presentations_max = u8::try_from(presentations_max).unwrap_or(u8::MAX);
    let digits = hex::decode(pin).map_err(|invalid| mismatch("a PIN of 8 digits", invalid.to_string()))?;
    let data = [&[0x01, presentations_max], &digits[..], &profile::CARD_TYPE].concat();
    with_data(mpcos::FORMAT_CARD, &data)
}

/// By its identifier, which forgets no PIN.
fn select_applet_directory(stage: &mut Stage) -> Result<(), Mismatch> {
    let select = Header::new(0x00, mpcos::SELECT, 0x01, 0x0C);
    expect_status(stage, with_data(select, &mpcos::APPLET_DIRECTORY), StatusWord::OK)
}

fn read(stage: &mut Stage, file: u8) -> Result<Vec<u8>, Mismatch> {
    select_applet_directory(stage)?;
    let response = exchange(stage, Ok(read_command(file)))?;
    let is_read = response.status == StatusWord::OK
        || (response.status == StatusWord::END_OF_FILE && response.data.is_empty());
    expect(is_read, "9000", || response.status.to_string())?;
    Ok(response.data)
}

fn counted(len: i64) -> Vec<u8> {
    (0..=u8::MAX).take(usize::try_from(len).unwrap_or(0)).collect()
}

fn status(stage: &mut Stage) -> Result<CardStatus, Mismatch> {
    let block = whole(stage, Ok(CommandApdu::expecting(mpcos::CARD_STATUS, Le::ALL)))?;
    CardStatus::try_from(&block[..]).map_err(|invalid| mismatch("a card status", invalid.to_string()))
}

fn expect_life(
    stage: &mut Stage,
    life_cycle: LifeCycle,
    lock1: u8,
    pin_changes_left: u8,
) -> Result<(), Mismatch> {
    let status = status(stage)?;
    let expected = (life_cycle, lock1, pin_changes_left);
    let actual = (status.life_cycle, status.lock1, status.pin_changes_left);
    expect(actual == expected, &format!("{expected:?}"), || {
        format!("{actual:?}")
    })
}
