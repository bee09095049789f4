//! Where the slots of a reader are: one TCP port a slot, in a row. Opens none.

/// The port of the first slot, 0x8C7B. Source: vsmartcard.
pub const PORT: u16 = 35_963;

/// The most slots of one reader. Source: vsmartcard, which takes them from what pcscd can hold.
pub const SLOTS_MAX: u16 = 16;

/// The port of a slot, counted from 0: `None` past the last slot or the last port.
pub const fn port_of_slot(first_port: u16, slot: u16) -> Option<u16> {
    if slot < SLOTS_MAX {
        first_port.checked_add(slot)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_follow_one_another_up_to_the_sixteenth() {
        assert_eq!(PORT, 0x8C7B);
        assert_eq!(port_of_slot(PORT, 0), Some(35_963));
        assert_eq!(port_of_slot(PORT, 15), Some(35_978));
        assert_eq!(port_of_slot(PORT, 16), None);
        assert_eq!(port_of_slot(65_535, 0), Some(65_535));
        assert_eq!(port_of_slot(65_535, 1), None);
    }
}
