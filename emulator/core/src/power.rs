//! The power of the device as a table. Knows nothing of what is kept or wiped on the way.

machine::transitions! {
    /// Where the device is between the mains and its menus.
    pub enum Power { Off, Starting, On, Stopping }
    /// The power button, or the mains after a cut.
    on_switch_on: Off => Starting;
    /// The start sequence is over.
    on_started: Starting => On;
    /// A restart or a switch-off was accepted, locally or remotely.
    on_stop: On => Stopping;
    /// The stop sequence is over, and the device was switched off.
    on_switched_off: Stopping => Off;
    /// The stop sequence is over, and the device restarts.
    on_restart: Stopping => Starting;
}

#[cfg(test)]
mod tests {
    use super::Power;

    #[test]
    fn the_matrix_and_the_diagram_are_those_of_the_docs() {
        insta::assert_snapshot!("power_matrix", Power::matrix());
        insta::assert_snapshot!("power_diagram", Power::diagram());
        let page = include_str!("../../../ARCHITECTURE.md");
        assert!(
            page.contains(&Power::diagram()),
            "ARCHITECTURE.md shows another diagram"
        );
    }
}
