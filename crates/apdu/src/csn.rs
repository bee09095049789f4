//! The serial number of a card and its printed form. Draws no chance itself.

use core::fmt;

/// 16 bytes. Prints each as hexadecimal digits without padding, which is how the vendor's Inspect screen shows it;
/// two different numbers can therefore print alike, and who makes cards must see that they do not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Csn(pub [u8; 16]);

impl Csn {
    /// A new number out of 16 random bytes. None of its bytes is below `10`, so that each prints as two digits: such
    /// numbers print alike only if they are equal, and a number with a smaller byte has a shorter print. At least 112
    /// of the 128 random bits count.
    //= CD-02
    pub const fn from_random(random: [u8; 16]) -> Self {
        let mut csn = random;
        let mut at = 0;
        while at < csn.len() {
            csn[at] = TWO_DIGITS_MIN + random[at] % (u8::MAX - TWO_DIGITS_MIN + 1);
            at += 1;
        }
        Self(csn)
    }
}

/// The smallest byte that prints as two digits.
const TWO_DIGITS_MIN: u8 = 0x10;

//= CD-02
impl fmt::Display for Csn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:X}"))
    }
}

impl fmt::Debug for Csn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Csn({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= CD-02
    #[test]
    fn prints_as_on_the_inspect_screen() {
        let csn = Csn([
            0x15, 0xC0, 0, 0, 0xE3, 0xA8, 0x17, 0x10, 0, 0x6F, 0, 0, 0xFF, 0, 0, 0x10,
        ]);
        assert_eq!(csn.to_string(), "15C000E3A8171006F00FF0010");
    }

    //= CD-02
    #[test]
    fn a_random_number_prints_as_32_digits_whatever_was_drawn() {
        for random in 0..=u8::MAX {
            let csn = Csn::from_random([random; 16]);
            assert_eq!(csn.to_string().len(), 32, "{random:02X}");
        }
        // Two that would print alike if the bytes were taken as they come.
        let (mut one, mut other) = ([0x55; 16], [0x55; 16]);
        (one[4], one[5]) = (0x01, 0x23);
        (other[4], other[5]) = (0x12, 0x03);
        assert_eq!(Csn(one).to_string(), Csn(other).to_string());
        assert_ne!(
            Csn::from_random(one).to_string(),
            Csn::from_random(other).to_string()
        );
    }
}
