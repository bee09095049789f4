//! The serial number of a card and its printed form. Never makes one.

use core::fmt;

/// 16 bytes. Prints each as hexadecimal digits without padding, which is how the vendor's Inspect screen shows it;
/// two different numbers can therefore print alike, and who makes cards must see that they do not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Csn(pub [u8; 16]);

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
}
