//! The local console at a terminal: the device's screen as it is, and a line of rig keys beneath, which stand for the
//! hands of whoever stands at the device. Decides nothing: every other key goes to the device as it is, and nothing that
//! is typed is written anywhere.

mod image_list;
mod view;

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    task::{Context, Poll, ready},
};

use full_screen::{Event, FullScreen, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, Mouse};
use hsm_core::Key;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{Receiver, channel},
};

use crate::{
    local_console::{Hand, Seen},
    local_reader::Hindrance,
    log_lines::{LogLines, is_stderr_the_terminal},
};
use image_list::ImageList;
use view::View;

/// What is typed and waits for the device; whoever types faster waits.
const EVENTS_MAX: usize = 64;

/// The terminal and what stands on it.
pub(crate) struct TerminalConsole {
    full_screen: FullScreen,
    events: Receiver<Option<Event>>,
    /// Somebody wants this program to stop for a while.
    stop: Signal,
    log_lines: LogLines,
    /// Where the cards are that can be put in.
    cards: PathBuf,
    seen: Seen,
    /// Open while somebody chooses a card.
    list: Option<ImageList>,
    /// Said to whoever sits there, until the next key.
    said: Option<String>,
    /// What a hand has done and the device has not been told.
    hands: VecDeque<Hand>,
}

/// What a key of the terminal stands for.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// A key of the device.
    Device(Key),
    Rig(RigKey),
    /// A key of neither.
    Nothing,
}

/// A key that is not the device's. In itself it is no local activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RigKey {
    PutCardIn,
    TakeCardOut,
    PowerButton,
    Mains,
    Leave,
    /// Stop for a while.
    Suspend,
}

impl TerminalConsole {
    /// Takes the terminal. Must be called inside a runtime.
    pub(crate) fn take(cards: PathBuf, log_lines: LogLines) -> io::Result<Self> {
        let stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let full_screen = FullScreen::take(Mouse::Left)?;
        if is_stderr_the_terminal() {
            log_lines.leave_terminal();
        }
        let (sender, events) = channel(EVENTS_MAX);
        full_screen::watch(move |event| sender.blocking_send(event).is_ok())?;
        Ok(Self {
            full_screen,
            events,
            stop,
            log_lines,
            cards,
            seen: Seen {
                screen: None,
                card: None,
                management: None,
            },
            list: None,
            said: None,
            hands: VecDeque::new(),
        })
    }

    /// The next thing that a hand does. What is between the hand and the rig is done at once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Hand> {
        while self.stop.poll_recv(cx).is_ready() {
            self.suspend();
        }
        loop {
            if let Some(hand) = self.hands.pop_front() {
                return Poll::Ready(hand);
            }
            match ready!(self.events.poll_recv(cx)).flatten() {
                Some(event) => self.on_event(&event),
                // The terminal is gone.
                None => return Poll::Ready(Hand::Leave),
            }
        }
    }

    /// Paints what there is to see, if it is something else than before.
    pub(crate) fn show(&mut self, seen: Seen) {
        let warning = self.log_lines.take_warning();
        if seen == self.seen && warning.is_none() {
            return;
        }
        self.said = warning.or(self.said.take());
        self.seen = seen;
        self.paint();
    }

    /// Says why a hand could not do something. What it was doing it knows.
    pub(crate) fn say(&mut self, hindrance: &Hindrance) {
        self.said = Some(hindrance.to_string());
        self.paint();
    }

    fn paint(&mut self) {
        let view = View {
            seen: &self.seen,
            list: self.list.as_ref(),
            said: self.said.as_deref(),
        };
        // A terminal that is gone says so as an event.
        let _ = self.full_screen.draw(|frame| view.paint(frame));
    }

    fn suspend(&mut self) {
        self.log_lines.return_to_terminal();
        let suspended = self.full_screen.suspend();
        if is_stderr_the_terminal() {
            self.log_lines.leave_terminal();
        }
        if let Err(error) = suspended {
            self.said = Some(format!("take the terminal again: {error}"));
        }
        self.paint();
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.said = None;
                let is_alone = !key.modifiers.contains(KeyModifiers::ALT);
                // A terminal sends Alt as Esc before the key; somebody may have typed these two, and the device has no Alt.
                if !is_alone {
                    self.on_meaning(Meaning::Device(Key::Esc));
                }
                self.on_meaning(meaning_of(key));
                self.paint();
            }
            Event::Resize(..) => self.paint(),
            _ => {}
        }
    }

    fn on_meaning(&mut self, meaning: Meaning) {
        match (meaning, &mut self.list) {
            (Meaning::Rig(RigKey::PutCardIn) | Meaning::Device(Key::Esc), Some(_)) => self.list = None,
            (Meaning::Rig(RigKey::PutCardIn), None) => self.list = Some(ImageList::read(&self.cards)),
            (Meaning::Rig(RigKey::TakeCardOut), _) => self.hands.push_back(Hand::RemoveCard),
            (Meaning::Rig(RigKey::PowerButton), _) => self.hands.push_back(Hand::PowerButton),
            (Meaning::Rig(RigKey::Mains), _) => self.hands.push_back(Hand::Mains),
            (Meaning::Rig(RigKey::Leave), _) => self.hands.push_back(Hand::Leave),
            (Meaning::Rig(RigKey::Suspend), _) => self.suspend(),
            (Meaning::Device(key), None) => self.hands.push_back(Hand::Key(key)),
            (Meaning::Device(Key::Enter), Some(list)) => match list.chosen() {
                Some(Ok(path)) => {
                    self.hands.push_back(Hand::InsertCard(path));
                    self.list = None;
                }
                Some(Err(why)) => self.said = Some(why),
                None => {}
            },
            (Meaning::Device(Key::Up), Some(list)) => list.go_up(),
            (Meaning::Device(Key::Down | Key::Tab), Some(list)) => list.go_down(),
            // Whoever chooses a card has no hand for the device's keyboard.
            (
                Meaning::Device(Key::Left | Key::Right | Key::Backspace | Key::Function(_) | Key::Char(_))
                | Meaning::Nothing,
                _,
            ) => {}
        }
    }
}

impl Drop for TerminalConsole {
    fn drop(&mut self) {
        self.log_lines.return_to_terminal();
    }
}

fn meaning_of(key: &KeyEvent) -> Meaning {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'C') if is_control => Meaning::Rig(RigKey::Leave),
        KeyCode::Char('z' | 'Z') if is_control => Meaning::Rig(RigKey::Suspend),
        KeyCode::Char(_) if is_control => Meaning::Nothing,
        KeyCode::F(5) => Meaning::Rig(RigKey::PutCardIn),
        KeyCode::F(6) => Meaning::Rig(RigKey::TakeCardOut),
        KeyCode::F(7) => Meaning::Rig(RigKey::PowerButton),
        KeyCode::F(8) => Meaning::Rig(RigKey::Mains),
        KeyCode::F(9) => Meaning::Rig(RigKey::Leave),
        KeyCode::F(number @ 1..=12) => Meaning::Device(Key::Function(number)),
        KeyCode::Char(character) => Meaning::Device(Key::Char(character)),
        KeyCode::Enter => Meaning::Device(Key::Enter),
        KeyCode::Esc => Meaning::Device(Key::Esc),
        KeyCode::Tab => Meaning::Device(Key::Tab),
        KeyCode::Up => Meaning::Device(Key::Up),
        KeyCode::Down => Meaning::Device(Key::Down),
        KeyCode::Left => Meaning::Device(Key::Left),
        KeyCode::Right => Meaning::Device(Key::Right),
        KeyCode::Backspace => Meaning::Device(Key::Backspace),
        _ => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_meaning(code: KeyCode, modifiers: KeyModifiers, expected: &Meaning) {
        assert_eq!(meaning_of(&KeyEvent::new(code, modifiers)), *expected, "{code:?}");
    }

    #[test]
    fn five_keys_are_the_rigs_and_the_others_the_devices() {
        let rig = [
            RigKey::PutCardIn,
            RigKey::TakeCardOut,
            RigKey::PowerButton,
            RigKey::Mains,
            RigKey::Leave,
        ];
        for number in 1..=12_u8 {
            let of_rig = number
                .checked_sub(5)
                .and_then(|index| rig.get(usize::from(index)));
            let of_device = Meaning::Device(Key::Function(number));
            let expected = of_rig.map_or(of_device, |key| Meaning::Rig(*key));
            check_meaning(KeyCode::F(number), KeyModifiers::NONE, &expected);
        }
        check_meaning(
            KeyCode::Char('C'),
            KeyModifiers::SHIFT,
            &Meaning::Device(Key::Char('C')),
        );
        check_meaning(
            KeyCode::Char('c'),
            KeyModifiers::CONTROL,
            &Meaning::Rig(RigKey::Leave),
        );
        check_meaning(
            KeyCode::Char('z'),
            KeyModifiers::CONTROL,
            &Meaning::Rig(RigKey::Suspend),
        );
        check_meaning(KeyCode::Char('x'), KeyModifiers::CONTROL, &Meaning::Nothing);
        check_meaning(KeyCode::Home, KeyModifiers::NONE, &Meaning::Nothing);
    }
}
