//! What the console of a world showed, screen after screen, for whoever wants to watch it later. Knows no file and no
//! format; see [`report::cast`](crate::report::cast).

use hsm_core::Screen;
use machine::Instant;

use crate::lane::ShownScreen;

/// Screens that are kept. Of later ones only the last is, in the place of the one before.
pub(crate) const SCREENS_MAX: usize = 10_000;

/// Screens of one world, if somebody wants them.
#[derive(Debug, Default)]
pub(crate) struct Recording(Option<Vec<ShownScreen>>);

impl Recording {
    /// From now on screens are kept.
    pub(crate) fn start(&mut self) {
        self.0 = Some(Vec::new());
    }

    /// What is shown now. A screen without power is dark.
    pub(crate) fn look(&mut self, at: Instant, screen: impl FnOnce() -> Option<Screen>) {
        let Some(screens) = &mut self.0 else {
            return;
        };
        let screen = screen();
        let focus = screen.as_ref().and_then(|screen| {
            let area = screen.focus?;
            Some((area, screen.text_in(area)))
        });
        let shown = ShownScreen {
            at: at.since(Instant::POWER_ON),
            rows: screen.as_ref().map(ToString::to_string).unwrap_or_default(),
            focus,
            cursor: screen.and_then(|screen| screen.cursor),
        };
        if screens.last().is_some_and(|last| last.looks_like(&shown)) {
            return;
        }
        if screens.len() == SCREENS_MAX {
            screens.pop();
        }
        screens.push(shown);
    }

    pub(crate) fn into_screens(self) -> Vec<ShownScreen> {
        self.0.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hsm_core::{Device, Profile, Stored};

    use super::*;

    #[test]
    fn a_screen_is_kept_when_it_changes_and_of_too_many_the_last() {
        let profile = Profile::xp();
        let stored = Stored::out_of_the_factory(&profile);
        let device = Device::new(profile, stored);
        let mut recording = Recording::default();
        recording.look(Instant::POWER_ON, || panic!("nobody wants it"));
        recording.start();
        let millis = |number| Instant::POWER_ON + Duration::from_millis(number);
        let mut number = 0;
        // A dark screen with power and one without look alike; a focus tells these apart.
        let mut look = |recording: &mut Recording| {
            number += 1;
            let mut screen = device.screen();
            screen.cursor = (number % 2 == 0).then_some(hsm_core::Place { row: 1, column: 1 });
            recording.look(millis(number), || Some(screen));
        };
        for _ in 0..SCREENS_MAX {
            look(&mut recording);
        }
        recording.look(millis(1_000_000), || {
            let mut screen = device.screen();
            screen.cursor = Some(hsm_core::Place { row: 1, column: 1 });
            Some(screen)
        });
        let kept = |recording: &Recording| recording.0.as_ref().map_or(0, Vec::len);
        assert_eq!(kept(&recording), SCREENS_MAX, "the same screen again is none");
        look(&mut recording);
        let screens = recording.into_screens();
        assert_eq!(screens.len(), SCREENS_MAX);
        let last_two: Vec<_> = screens[SCREENS_MAX - 2..]
            .iter()
            .map(|shown| shown.at.as_millis())
            .collect();
        let most = SCREENS_MAX as u128;
        assert_eq!(last_two, [most - 1, most + 1]);
    }
}
