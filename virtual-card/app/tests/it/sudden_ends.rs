//! `virtual-card vicc` is killed at any moment of VERIFY and CHANGE PIN: never a free try, never a third state, and the
//! image always opens.

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use apdu::{Csn, LifeCycle};
use card_core::{CardImage, Personalisation, profile};
use virtual_card::{CardFile, read_card};

use crate::{
    cards::Vicc,
    stock::{Dialog, Slot},
};

/// Commands during which the program is killed; `RIG_SOAK=1` plays all of them.
const KILLS: u32 = 200;
const KILLS_OF_SOAK: u32 = 2_000;
/// What these cards count to, so that the count can be watched for a while.
const PRESENTATIONS_MAX: u8 = 15;

const RIGHT: &[u8] = b"\x00\x20\x00\x00\x0812345678";
const WRONG: &[u8] = b"\x00\x20\x00\x00\x0800000000";
/// Old PIN, new PIN.
const CHANGE: &[u8] = b"\x00\x24\x00\x00\x101234567887654321";
const CHANGE_WRONG: &[u8] = b"\x00\x24\x00\x00\x100000000087654321";
const CHANGED: &[u8] = b"\x00\x20\x00\x00\x0887654321";

fn image() -> CardImage {
    CardImage::personalised(&Personalisation {
        csn: Csn(*b"a card of tests!"),
        pin: "12345678",
        label: "Ana",
        shadow: &[0x5A; 64],
        card_type: profile::CARD_TYPE,
        presentations_max: PRESENTATIONS_MAX,
    })
    .unwrap()
}

/// Numbers from 0 to 65,535, the same in each run.
fn numbers() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(0x2545_F491_u32), |&x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 17);
        Some(x ^ (x << 5))
    })
    .map(|x| x >> 16)
}

/// Sends the command, kills the program after a while, and gives the answer if it still came.
fn kill_during(vicc: &mut Vicc, card: &mut Dialog, command: &[u8], after: Duration) -> Option<[u8; 2]> {
    let told = Instant::now();
    card.tell(command);
    // No timer is as fine as a fsync is short.
    while told.elapsed() < after {
        std::hint::spin_loop();
    }
    vicc.kill();
    card.hear().ok().map(|answer| answer.try_into().unwrap())
}

/// How long after a command the program is killed: at most this, which follows the speed of the computer at that moment,
/// so that kills fall before, into and behind the work.
struct Window(Duration);

impl Window {
    /// Out of 0 to 65,535.
    fn pick(&self, number: u32) -> Duration {
        self.0 * number / 65_536
    }

    fn follow(&mut self, is_done: bool) {
        self.0 = if is_done { self.0 * 3 / 4 } else { self.0 * 5 / 4 };
    }
}

/// What a PIN that was right or wrong, counted or not, answered or not, may leave.
fn check_tries(before: u8, after: u8, is_right: bool, answer: Option<[u8; 2]>) {
    let possible = match (answer, is_right) {
        (Some([0x90, 0x00]), true) => vec![0],
        (Some([0x63, left]), false) => vec![PRESENTATIONS_MAX - (left & 0x0F)],
        (None, true) => vec![before, before + 1, 0],
        (None, false) => vec![before, before + 1],
        (Some(answer), _) => panic!("{answer:02X?} after {before} tries"),
    };
    assert!(
        possible.contains(&after),
        "{before} tries before, {answer:02X?}, then {after}"
    );
}

/// Presents a PIN to the card in a file, as another reader would.
fn present(path: &Path, command: &[u8]) -> String {
    let mut card = CardFile::open(path).unwrap();
    card.answer(&apdu::ReaderCommand::PowerOn);
    format!(
        "{:?}",
        card.answer(&apdu::ReaderCommand::Transmit(command.to_vec()))
    )
}

//= CD-04
//= CD-06
//= CD-10
#[test]
fn a_kill_during_verify_or_change_pin_gives_no_try_and_leaves_no_third_state() {
    let kills = if env::var_os("RIG_SOAK").is_some() {
        KILLS_OF_SOAK
    } else {
        KILLS
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    drop(CardFile::create(&path, image()).unwrap());
    let slot = Slot::new();
    let [mut verify, mut change] = [1, 4].map(|millis| Window(Duration::from_millis(millis)));
    let (mut seals, mut unseals, mut answers) = (0, 0, 0);
    for (kill, number) in (0..kills).zip(numbers()) {
        let before = read_card(&path).unwrap();
        let is_sealed = before.life_cycle() == LifeCycle::Sealed;
        let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
        let mut card = slot.card();
        let (command, is_right, is_change) = match kill % 4 {
            0 | 1 if before.try_counter() + 2 >= PRESENTATIONS_MAX => {
                (if is_sealed { CHANGED } else { RIGHT }, true, false)
            }
            0 => (WRONG, false, false),
            1 => (CHANGE_WRONG, false, true),
            2 => (if is_sealed { CHANGED } else { RIGHT }, true, false),
            _ => (CHANGE, true, true),
        };
        let window = if is_change && is_right {
            &mut change
        } else {
            &mut verify
        };
        let answer = kill_during(&mut vicc, &mut card, command, window.pick(number));
        window.follow(answer.is_some());
        answers += u32::from(answer.is_some());

        let after = read_card(&path).expect("whenever its program is killed, the card can be opened");
        let now_sealed = after.life_cycle() == LifeCycle::Sealed;
        if is_sealed && is_change {
            // The seal refuses every change, and counts none.
            assert!(matches!(answer, None | Some([0x69, 0x85])), "{answer:02X?}");
            assert_eq!(after, before);
        } else {
            check_tries(before.try_counter(), after.try_counter(), is_right, answer);
        }
        if is_change && is_right && !is_sealed {
            seals += u32::from(now_sealed);
            unseals += u32::from(!now_sealed);
            assert!(
                answer != Some([0x90, 0x00]) || now_sealed,
                "a change that was answered is sealed"
            );
        } else {
            assert_eq!(now_sealed, is_sealed, "kill {kill}");
        }
        // The old PIN and no seal, or the new PIN and the seal.
        let (opens, does_not) = if now_sealed {
            (CHANGED, RIGHT)
        } else {
            (RIGHT, CHANGED)
        };
        assert!(present(&path, does_not).contains("63C"), "kill {kill}");
        assert!(present(&path, opens).contains("9000"), "kill {kill}");
        let unchanged = read_card(&path).unwrap();
        assert_eq!(unchanged.try_counter(), 0);
        if now_sealed {
            // The next change needs a card that is not sealed.
            fs::remove_file(&path).unwrap();
            drop(CardFile::create(&path, image()).unwrap());
        }
    }
    // Kills that came too early or too late every time would prove nothing.
    assert!(
        answers > 0 && answers < kills,
        "{answers} of {kills} were answered"
    );
    assert!(seals > 0 && unseals > 0, "{seals} sealed, {unseals} not");
}
