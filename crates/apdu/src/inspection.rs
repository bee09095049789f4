//! What Inspect shows of a card, row by row, in the order of the vendor's screen. Reads no card and draws no box; needs
//! no PIN, for a card tells all of it to anybody.

use crate::{Atr, CardStatus, Csn, LifeCycle};

/// What a card has told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Its answer to reset.
    pub atr: Atr,
    /// Its serial number.
    pub csn: Csn,
    /// Its status.
    pub status: CardStatus,
}

/// The family byte of the cards that the vendor used. Source: `OpenSC`, `card-gpk.c`, `80 65 A2`.
const GEMPLUS: u8 = 0xA2;
/// The card name byte of the card on the vendor's screen.
const GEMXPRESSO_PRO_R3: u8 = 0x01;

impl Inspection {
    /// What the family byte stands for.
    pub fn family(&self) -> String {
        match self.status.product[0] {
            GEMPLUS => "Gemplus Generic Product".into(),
            other => format!("unknown ({other:02X})"),
        }
    }

    /// What the card name byte stands for.
    pub fn card_name(&self) -> String {
        match self.status.product[1] {
            GEMXPRESSO_PRO_R3 => "GemXpresso Pro R3.x".into(),
            other => format!("unknown ({other:02X})"),
        }
    }

    /// What the operating system byte stands for.
    pub fn card_os(&self) -> String {
        format!("OSv{:02X}", self.status.product[2])
    }

    /// The four characters, with a dot for each byte that is no letter, digit or sign.
    pub fn card_type(&self) -> String {
        let shown = |byte: u8| {
            if byte.is_ascii_graphic() {
                char::from(byte)
            } else {
                '.'
            }
        };
        self.status.card_type.map(shown).iter().collect()
    }

    /// Whether the PIN can never be changed again.
    pub fn is_pin_locked(&self) -> bool {
        self.status.life_cycle == LifeCycle::Sealed
    }

    /// Whether the card has been formatted.
    pub fn is_formatted(&self) -> bool {
        self.status.life_cycle != LifeCycle::Virgin
    }

    /// Presentations that are left, 0..=15.
    pub fn tries_left(&self) -> u8 {
        self.status
            .presentations_max
            .saturating_sub(self.status.try_counter)
    }

    /// Name and value of each row: the twelve of the vendor's screen, then ours.
    //= SC-01
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let status = &self.status;
        let [.., program, chip] = status.product;
        vec![
            ("ATR", self.atr.to_string()),
            ("CSN", self.csn.to_string()),
            ("Family", self.family()),
            ("Card Name", self.card_name()),
            ("Card OS", self.card_os()),
            ("Prog Ver", format!("{program:02X}")),
            ("Chip Ver", format!("{chip:02X}")),
            ("LOCK1 byte", format!("{:02X}", status.lock1)),
            ("LOCK2 byte", format!("{:02X}", status.lock2)),
            ("Card Type", self.card_type()),
            ("PIN Locked", self.pin_locked().into()),
            ("PIN SCR", status.try_counter.to_string()),
            ("PIN MMPN", status.presentations_max.to_string()),
            ("Formatted", yes_or_no(self.is_formatted()).into()),
            ("Tries Left", self.tries_left().to_string()),
            ("Shadow", format!("{} bytes", status.shadow_len)),
        ]
    }

    fn pin_locked(&self) -> &'static str {
        match (self.status.life_cycle, self.status.pin_changes_left) {
            (LifeCycle::Sealed, _) => "yes",
            (LifeCycle::PostFormat, 1..) => "no (one more PIN change allowed)",
            (LifeCycle::PostFormat, 0) | (LifeCycle::Virgin, _) => "no",
        }
    }
}

const fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn inspection() -> Inspection {
        let atr = hex::decode("3B7A9400008065A20101013D72D643").expect("the test writes hex");
        Inspection {
            atr: Atr::try_from(&atr[..]).expect("the one of the screen"),
            csn: Csn([
                0x15, 0xC0, 0, 0, 0xE3, 0xA8, 0x17, 0x10, 0, 0x6F, 0, 0, 0xFF, 0, 0, 0x10,
            ]),
            status: CardStatus {
                life_cycle: LifeCycle::PostFormat,
                is_blocked: false,
                lock1: 0x02,
                lock2: 0x02,
                try_counter: 0,
                presentations_max: 7,
                pin_changes_left: 1,
                product: [0xA2, 0x01, 0x09, 0x01, 0x38],
                card_type: *b"SmOe",
                label_len: 0,
                shadow_len: 56,
                share: [0; 3],
                is_verified: false,
            },
        }
    }

    fn row(inspection: &Inspection, name: &str) -> String {
        let rows = inspection.rows();
        let found = rows.iter().find(|(row, _)| *row == name);
        found.expect("there is such a row").1.clone()
    }

    //= SC-01
    #[test]
    fn the_first_twelve_rows_are_those_of_the_vendors_screen() {
        let expected = [
            ("ATR", "3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43"),
            ("CSN", "15C000E3A8171006F00FF0010"),
            ("Family", "Gemplus Generic Product"),
            ("Card Name", "GemXpresso Pro R3.x"),
            ("Card OS", "OSv09"),
            ("Prog Ver", "01"),
            ("Chip Ver", "38"),
            ("LOCK1 byte", "02"),
            ("LOCK2 byte", "02"),
            ("Card Type", "SmOe"),
            ("PIN Locked", "no (one more PIN change allowed)"),
            ("PIN SCR", "0"),
            ("PIN MMPN", "7"),
            ("Formatted", "yes"),
            ("Tries Left", "7"),
            ("Shadow", "56 bytes"),
        ];
        assert_eq!(
            inspection().rows(),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    //= SC-02
    #[test]
    fn a_sealed_pin_is_locked_and_a_virgin_card_is_not_formatted() {
        let mut inspection = inspection();
        inspection.status.life_cycle = LifeCycle::Sealed;
        inspection.status.pin_changes_left = 0;
        assert_eq!(row(&inspection, "PIN Locked"), "yes");
        inspection.status.life_cycle = LifeCycle::Virgin;
        assert_eq!(row(&inspection, "PIN Locked"), "no");
        assert_eq!(row(&inspection, "Formatted"), "no");
    }

    #[test]
    fn another_product_is_named_by_its_bytes() {
        let mut inspection = inspection();
        inspection.status.product = [0xA3, 0x02, 0x0A, 0xFF, 0x00];
        inspection.status.card_type = *b"a\x1b \xff";
        for (name, value) in [
            ("Family", "unknown (A3)"),
            ("Card Name", "unknown (02)"),
            ("Card OS", "OSv0A"),
            ("Prog Ver", "FF"),
            ("Chip Ver", "00"),
            ("Card Type", "a..."),
        ] {
            assert_eq!(row(&inspection, name), value);
        }
    }
}
