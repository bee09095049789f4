//! What is done at the device of a stage, and seen of it: through its bench alone.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hsm_bench::Faults;
use hsm_core::{Key, Profile, Scheme};
use serde_json::json;

use super::{PORT_OF_CALLS, Stage, broken};
use crate::{
    lane::{
        Mismatch,
        process::device::{Device, There},
    },
    steps::mismatch,
    world::{Hand, PIN, World},
};

/// More than any menu has entries.
const MOVES_MAX: usize = 16;

impl Stage<'_> {
    pub(crate) fn device(&mut self) -> Result<&mut Device, Mismatch> {
        let missing = || {
            mismatch(
                "an HSM, as in `Given an HSM ready for remote management`",
                "no HSM yet",
            )
        };
        self.device.as_mut().ok_or_else(missing)
    }

    pub(crate) fn factory(&mut self) -> Result<&mut World, Mismatch> {
        self.factory
            .as_mut()
            .ok_or_else(|| broken("an HSM before its cards"))
    }

    /// A device out of the factory that has started, and a set of cards that it does not know.
    pub(crate) fn make_new(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        self.make(profile, scheme, holders, Duration::ZERO)
    }

    pub(super) fn make(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
        before: Duration,
    ) -> Result<(), Mismatch> {
        if self.device.is_some() {
            return Err(mismatch("one HSM in a scenario", "a second one"));
        }
        // What nobody holds is in the safe, unless it is needed.
        let in_safe = (holders.len()..usize::from(scheme.required())).map(|number| format!("Safe{number}"));
        let all: Vec<String> = holders.iter().cloned().chain(in_safe).collect();
        let factory = World::out_of_the_factory(self.seed, profile.clone(), scheme, &all);
        self.factory = Some(factory);
        self.write_cards(&all)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let model = Some(profile.model);
        let device = Device::start(
            &self.programs.emulator,
            &self.folder,
            listen,
            profile,
            model,
            before,
        );
        let device = device.map_err(broken)?;
        self.device = Some(device);
        self.start()
    }

    /// A device that knows its set of cards: it was shown them, and its cable was pulled and put back.
    pub(crate) fn make_bound(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        if holders.len() > usize::from(scheme.cards()) {
            let expected = format!("at most {} holders", scheme.cards());
            return Err(Mismatch {
                argument: Some(2),
                expected,
                actual: holders.len().to_string(),
            });
        }
        if let Some(there) = &self.programs.there {
            return self.take_over(there, profile, scheme, holders);
        }
        // One start sequence more than in the simulation.
        self.make(
            profile,
            scheme,
            holders,
            profile.limits.stop + profile.limits.start,
        )?;
        self.press(Key::Enter)?;
        self.activate()?;
        self.device()?.power("cut").map_err(broken)?;
        self.device()?.begin_log().map_err(broken)?;
        self.device()?.power("on").map_err(broken)?;
        self.start()
    }

    /// The same with a device that is there already, which is given a new set.
    pub(super) fn take_over(
        &mut self,
        there: &There,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        if self.device.is_some() {
            return Err(mismatch("one HSM in a scenario", "a second one"));
        }
        self.factory = Some(World::new(self.seed, profile.clone(), scheme, holders));
        let (device, cards) = Device::take_over(there, scheme.required(), holders).map_err(broken)?;
        self.device = Some(device);
        for (holder, card) in holders.iter().zip(cards.cards) {
            let path = self.card_path(holder);
            fs::write(&path, card.image)
                .map_err(|why| broken(format!("write `{}`: {why}", path.display())))?;
        }
        self.device()?.begin_log().map_err(broken)?;
        self.device()?.power("on").map_err(broken)?;
        self.start()
    }

    /// Lets time pass until the start sequence is over.
    pub(crate) fn start(&mut self) -> Result<(), Mismatch> {
        let limits = &self.factory()?.profile.limits;
        let span = limits.stop + limits.start;
        self.pass(span)
    }

    /// The first M holders type their PINs at the console.
    pub(crate) fn activate(&mut self) -> Result<(), Mismatch> {
        let factory = self.factory()?;
        let required = usize::from(factory.scheme().required());
        let holders: Vec<_> = factory.holders().take(required).collect();
        for holder in holders {
            self.insert_locally(&holder)?;
            self.type_text(PIN)?;
            self.press(Key::Enter)?;
            self.settle()?;
            self.remove_locally()?;
        }
        if self.device()?.state.activated {
            return Ok(());
        }
        Err(mismatch("an activated HSM", self.screen()?))
    }

    pub(crate) fn press(&mut self, key: Key) -> Result<(), Mismatch> {
        if let Key::Char(character) = key {
            return self.type_text(&character.to_string());
        }
        self.device()?.press(&name_of(key)).map_err(broken)
    }

    pub(crate) fn type_text(&mut self, text: &str) -> Result<(), Mismatch> {
        let characters: Vec<char> = text.chars().collect();
        for some in characters.chunks(hsm_bench::TEXT_CHARACTERS_MAX) {
            let text = json!({"text": some.iter().collect::<String>()});
            self.device()?
                .act("POST", "/v1/console/text", &text)
                .map_err(broken)?;
        }
        Ok(())
    }

    pub(crate) fn insert_locally(&mut self, card: &str) -> Result<(), Mismatch> {
        self.remove_locally()?;
        self.take_from_others(card)?;
        let path = self.card_path(card);
        if !path.exists() {
            let factory = self.factory()?;
            factory.give_virgin_card(card);
            self.write_cards(&[card.to_owned()])?;
        }
        let insert = json!({"card": path});
        self.device()?
            .act("PUT", "/v1/reader/card", &insert)
            .map_err(broken)?;
        self.local_slot = Some(card.to_owned());
        Ok(())
    }

    pub(crate) fn remove_locally(&mut self) -> Result<(), Mismatch> {
        if let Some(card) = self.local_slot.take() {
            let device = self.device()?;
            device.state = device
                .bench
                .act("DELETE", "/v1/reader/card", None)
                .map_err(broken)?;
            self.put_tear_behind(&card)?;
        }
        Ok(())
    }

    pub(crate) fn press_power_button(&mut self) -> Result<(), Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        let action = if device.state.power == hsm_bench::Power::Off {
            "on"
        } else {
            "off"
        };
        device.power(action).map_err(broken)
    }

    pub(crate) fn act(&mut self, hand: Hand) -> Result<(), Mismatch> {
        match hand {
            Hand::Key(key) => self.press(key),
            Hand::InsertsCard => self.insert_locally("Somebody"),
            Hand::RemovesCard => self.remove_locally(),
            Hand::PressesPowerButton => self.press_power_button(),
            Hand::CutsPower => self.device()?.power("cut").map_err(broken),
        }
    }

    pub(crate) fn press_again_and_again(&mut self, key: Key, times: usize) -> Result<(), Mismatch> {
        if let Key::Char(character) = key {
            return self.type_text(&character.to_string().repeat(times));
        }
        let mut left = times;
        while left > 0 {
            let some = left.min(hsm_bench::KEYS_MAX);
            let keys = json!({"keys": vec![name_of(key); some]});
            let device = self.device()?;
            device.act("POST", "/v1/console/keys", &keys).map_err(broken)?;
            left -= some;
        }
        Ok(())
    }

    /// Lets this go wrong from now on, and what went wrong already.
    pub(crate) fn change_faults(&mut self, change: impl FnOnce(&mut Faults)) -> Result<(), Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        let mut faults = device.state.faults;
        change(&mut faults);
        device.act("PUT", "/v1/faults", &json!(faults)).map_err(broken)
    }

    /// Moves the calendar of the device alone.
    pub(crate) fn set_calendar(&mut self, by_ms: i64) -> Result<(), Mismatch> {
        let set = json!({"by_ms": 0, "calendar_by_ms": by_ms});
        let device = self.device()?;
        device.act("POST", "/v1/clock/advance", &set).map_err(broken)
    }

    /// What stands where the keys go.
    pub(crate) fn focused(&mut self) -> Result<Option<String>, Mismatch> {
        self.device()?.look().map_err(broken)?;
        let Some(focus) = self.device()?.state.focus else {
            return Ok(None);
        };
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let screen = self.screen()?;
        let rows = screen
            .lines()
            .skip(place(focus.row).saturating_sub(1))
            .take(place(focus.height));
        let rows = rows.map(|row| {
            let row = row.chars().skip(place(focus.column).saturating_sub(1));
            let row: String = row.take(place(focus.width)).collect();
            row.trim_end().to_owned()
        });
        Ok(Some(rows.collect::<Vec<_>>().join("\n")))
    }

    /// The entry of a menu that is highlighted.
    pub(crate) fn selected(&mut self) -> Result<Option<String>, Mismatch> {
        let focused = self.focused()?;
        Ok(focused.map(|row| row.trim().trim_end_matches([' ', '▸']).to_owned()))
    }

    /// The row in which the next character will stand.
    pub(crate) fn row_of_cursor(&mut self) -> Result<Option<String>, Mismatch> {
        self.device()?.look().map_err(broken)?;
        let cursor = self.device()?.state.cursor;
        let row = cursor.and_then(|cursor| usize::try_from(cursor.row).ok()?.checked_sub(1));
        let screen = self.screen()?;
        Ok(row.and_then(|row| screen.lines().nth(row)).map(str::to_owned))
    }

    /// The screen of the console, with the addresses of the scenario.
    pub(crate) fn screen(&mut self) -> Result<String, Mismatch> {
        let screen = self.device()?.bench.screen().map_err(broken)?;
        Ok(self.in_words_of_scenario(&screen))
    }

    /// Moves to an entry of the menu that is shown, and presses Enter.
    pub(crate) fn choose(&mut self, entry: &str) -> Result<(), Mismatch> {
        for _ in 0..MOVES_MAX {
            if self.selected()?.is_some_and(|selected| selected == entry) {
                self.press(Key::Enter)?;
                return self.settle();
            }
            self.press(Key::Down)?;
        }
        let screen = self.screen()?;
        Err(mismatch(
            format!("a menu with `{entry}`"),
            format!("this screen:\n{}", screen.trim_end()),
        ))
    }

    /// The lines of the device's log, with the addresses of the scenario.
    pub(crate) fn log(&mut self) -> Result<Vec<String>, Mismatch> {
        let device = self.device()?;
        device.read_log().map_err(broken)?;
        let lines = device.log.clone();
        Ok(lines.iter().map(|line| self.in_words_of_scenario(line)).collect())
    }

    /// Real addresses are those of loopback with the last three bytes of the scenario's, so that each is as long.
    pub(super) fn in_words_of_scenario(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let interfaces = self.factory.iter().flat_map(|it| &it.profile.network.interfaces);
        if let (Some(alias), Some(own)) = (&self.alias, interfaces.into_iter().next()) {
            for end in alias.ends() {
                text = text.replace(&end.to_string(), &format!("{}:{PORT_OF_CALLS}", own.ip));
            }
        }
        for (real, called) in &self.ends {
            text = text.replace(&real.to_string(), &called.to_string());
        }
        for (real, called) in &self.ends {
            text = text.replace(&real.ip().to_string(), &called.ip().to_string());
        }
        for name in self.browsers.keys() {
            if let Some(person) = self.people.get(name) {
                let called = self.called(person.address);
                text = text.replace(&person.address.to_string(), &called.to_string());
            }
        }
        text
    }
}

/// What stands on a key that is not a character.
fn name_of(key: Key) -> String {
    match key {
        Key::Function(number) => format!("F{number}"),
        named => format!("{named:?}"),
    }
}
