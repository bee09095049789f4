//! The Smart Card Manager as a part of the device: hands it keys, cards and durable writes, and does what it asks for.
//! Decides nothing about cards. It is reached through the menu alone, so never while remote management is enabled.

use machine::Cx;

use super::{Device, Output, Promise};
use crate::{
    Change,
    console::SmartCardOperation,
    smart_card_manager::{Ask, SmartCardManager, Told},
};

impl Device {
    pub(super) fn begin_smart_cards(&mut self, cx: &mut Cx<'_>, operation: SmartCardOperation) {
        self.smart_cards = Some(SmartCardManager::begin(operation));
        self.drive_smart_cards(cx);
    }

    /// What was not finished when the device went down is on the screen before anything else can be done at it.
    //= SC-10
    pub(super) fn declare_unfinished_cards(&mut self, cx: &Cx<'_>) {
        if let Some(unfinished) = self.stored.unfinished_cards.clone() {
            self.smart_cards = Some(SmartCardManager::declare(unfinished));
            self.drive_smart_cards(cx);
        }
    }

    /// Nobody is told if no operation is under way.
    pub(super) fn tell_smart_cards(&mut self, cx: &mut Cx<'_>, told: Told) {
        if let Some(manager) = &mut self.smart_cards {
            manager.handle(told, cx.rng);
            self.drive_smart_cards(cx);
        }
    }

    /// The device goes down in the middle of it.
    //= SC-10
    pub(super) fn abandon_smart_cards(&mut self, cx: &Cx<'_>) {
        if let Some(manager) = &mut self.smart_cards {
            manager.abandon();
            self.drive_smart_cards(cx);
        }
        self.smart_cards = None;
    }

    fn drive_smart_cards(&mut self, cx: &Cx<'_>) {
        while let Some(ask) = self.smart_cards.as_mut().and_then(SmartCardManager::poll) {
            match ask {
                Ask::Show(dialog) => self.console.show_dialog(dialog),
                Ask::Reader(command) => self.outputs.push_back(Output::LocalReader(command)),
                Ask::Tell(event) => self.tell(cx, event),
                Ask::Keep(unfinished) => {
                    self.commit(vec![Change::UnfinishedCards(unfinished)], Promise::SmartCards);
                }
                Ask::Done => {
                    self.console.close_dialog();
                    self.smart_cards = None;
                }
            }
        }
    }
}
