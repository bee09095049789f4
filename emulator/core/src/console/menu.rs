//! The menus with their entries, and how they are drawn (LC-02, LC-07). Decides nothing about what an entry does.

use protocol::{OperatingMode, ServiceState};

use super::screen::{Area, SCREEN_COLUMNS, Screen};
use crate::LifeCycle;

/// A menu with its entries in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Menu {
    Main,
    Monitor,
    Configuration,
    Network,
    OperatingMode,
    Replication,
    SmartCard,
    Partition,
    PowerOff,
}

/// What can be chosen in a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The way back, the first entry of every menu but the main one.
    Back,
    Open(Menu),
    /// Stop or start the service; the label follows the state.
    Service,
    RemoteManagement,
    LoadRemoteManagement,
    LockConsole,
    UnblockMaster,
    DatabaseReset,
    Mode(OperatingMode),
    SmartCard(SmartCardOperation),
    Restart,
    PowerOff,
    Page(Page),
}

/// A dialog with something in it that only the device knows, or that only the device can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    About,
    SelfTest,
    /// Counters of sessions: the manager's, users', and those that were refused.
    Sessions,
    /// What is in the database.
    Database,
    /// The device itself: uptime, activation, durable writes.
    System,
    /// Address, mask and speed of one interface, counted from 0.
    Interface(usize),
    Gateway,
    NameServers,
    TimeServers,
    DateTime,
    NodeList,
    NewNode,
    DeleteNode,
    /// Which partition.
    Partition,
    /// What shall become of it.
    PartitionChange,
    /// One card of the set that authorizes it.
    PartitionPin,
    /// While that card is read.
    PartitionCard,
}

/// What the Smart Card Manager does, in the vendor's order (S3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmartCardOperation {
    Inspect,
    ChangePin,
    CreateServerMasterKey,
    Erase,
    CreatePartitionAuthSet,
    GetLabel,
    CopySet,
    CopyCard,
}

impl SmartCardOperation {
    /// The vendor's label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Inspect => "Inspect",
            Self::ChangePin => "Change PIN",
            Self::CreateServerMasterKey => "Create Server Master Key",
            Self::Erase => "Erase",
            Self::CreatePartitionAuthSet => "Create Partition Auth Set",
            Self::GetLabel => "Get Label",
            Self::CopySet => "Copy Set",
            Self::CopyCard => "Copy Card",
        }
    }
}

impl Menu {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Main => "Main",
            Self::Monitor => "Monitor",
            Self::Configuration => "Configuration",
            Self::Network => "Network",
            Self::OperatingMode => "Operating Mode",
            Self::Replication => "Replication",
            Self::SmartCard => "Smart Card",
            Self::Partition => "Partition",
            Self::PowerOff => "Power Off",
        }
    }

    /// Where the way back leads; the main menu has none.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Main => None,
            Self::Monitor | Self::Configuration | Self::Partition | Self::PowerOff => Some(Self::Main),
            Self::Network | Self::OperatingMode | Self::Replication | Self::SmartCard => {
                Some(Self::Configuration)
            }
        }
    }

    //= LC-02
    //= LC-07
    pub(crate) const fn entries(self) -> &'static [Entry] {
        match self {
            Self::Main => &[
                Entry::Page(Page::About),
                Entry::Service,
                Entry::Open(Self::Monitor),
                Entry::RemoteManagement,
                Entry::Open(Self::Configuration),
                Entry::Open(Self::Partition),
                Entry::Page(Page::SelfTest),
                Entry::LockConsole,
                Entry::Open(Self::PowerOff),
            ],
            Self::Monitor => &[
                Entry::Back,
                Entry::Page(Page::Sessions),
                Entry::Page(Page::Database),
                Entry::Page(Page::System),
            ],
            Self::Configuration => &[
                Entry::Back,
                Entry::Open(Self::SmartCard),
                Entry::Open(Self::Network),
                Entry::Page(Page::DateTime),
                Entry::Open(Self::OperatingMode),
                Entry::Open(Self::Replication),
                Entry::UnblockMaster,
                Entry::LoadRemoteManagement,
                Entry::DatabaseReset,
            ],
            Self::Network => &[
                Entry::Back,
                Entry::Page(Page::Interface(0)),
                Entry::Page(Page::Interface(1)),
                Entry::Page(Page::Gateway),
                Entry::Page(Page::NameServers),
                Entry::Page(Page::TimeServers),
            ],
            Self::Replication => &[
                Entry::Back,
                Entry::Page(Page::NodeList),
                Entry::Page(Page::NewNode),
                Entry::Page(Page::DeleteNode),
            ],
            Self::Partition => &[Entry::Back, Entry::Page(Page::Partition)],
            Self::OperatingMode => &[
                Entry::Back,
                Entry::Mode(OperatingMode::Nrm),
                Entry::Mode(OperatingMode::Rm1),
                Entry::Mode(OperatingMode::Rm2),
            ],
            //= LC-08
            Self::SmartCard => &[
                Entry::Back,
                Entry::SmartCard(SmartCardOperation::Inspect),
                Entry::SmartCard(SmartCardOperation::ChangePin),
                Entry::SmartCard(SmartCardOperation::CreateServerMasterKey),
                Entry::SmartCard(SmartCardOperation::Erase),
                Entry::SmartCard(SmartCardOperation::CreatePartitionAuthSet),
                Entry::SmartCard(SmartCardOperation::GetLabel),
                Entry::SmartCard(SmartCardOperation::CopySet),
                Entry::SmartCard(SmartCardOperation::CopyCard),
            ],
            Self::PowerOff => &[Entry::Back, Entry::Restart, Entry::PowerOff],
        }
    }

    /// The box's columns, borders included: S2's for most, S3's for the cards, D's for replication.
    const fn width(self) -> usize {
        match self {
            Self::Main
            | Self::Monitor
            | Self::Configuration
            | Self::Network
            | Self::OperatingMode
            | Self::Partition
            | Self::PowerOff => 30,
            Self::Replication => 29,
            Self::SmartCard => 35,
        }
    }

    /// Draws the menu from the row in which the vendor's main menu begins.
    pub(crate) fn draw(self, screen: &mut Screen, selected: usize, state: LifeCycle) {
        const ROW: usize = 8;
        let entries = self.entries();
        let inside = self.width() - 2;
        let column = (SCREEN_COLUMNS - self.width()) / 2 + 1;
        screen.draw_box(ROW, column, inside, entries.len(), self.title());
        for (row, entry) in (ROW + 1..).zip(entries) {
            screen.put(row, column + 5, entry.label(state));
            if matches!(entry, Entry::Open(_)) {
                screen.put(row, column + inside - 2, "▸");
            }
        }
        screen.focus = Some(Area {
            row: ROW + 1 + selected,
            column: column + 1,
            width: inside,
            height: 1,
        });
    }
}

impl Entry {
    const fn label(self, state: LifeCycle) -> &'static str {
        match self {
            Self::Back => "◂",
            Self::Open(Menu::SmartCard) => "Smart Card Manager",
            Self::Open(menu) => menu.title(),
            Self::Service => match state.service() {
                ServiceState::Running => "Stop Service",
                ServiceState::Stopped => "Start Service",
            },
            Self::RemoteManagement => "Remote Management",
            Self::LoadRemoteManagement => "Load Remote Management",
            Self::LockConsole => "Lock Console",
            Self::UnblockMaster => "Unblock Master",
            Self::DatabaseReset => "Database Reset",
            Self::Mode(OperatingMode::Nrm) => "NRM",
            Self::Mode(OperatingMode::Rm1) => "RM1",
            Self::Mode(OperatingMode::Rm2) => "RM2",
            Self::SmartCard(operation) => operation.label(),
            Self::Restart => "Restart",
            Self::PowerOff => "Power Off",
            Self::Page(page) => page.label(),
        }
    }
}

impl Page {
    /// What it is called in its menu and in its border.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::About => "About",
            Self::SelfTest => "Self Test",
            Self::Sessions => "Sessions",
            Self::Database => "Database",
            Self::System => "System",
            Self::Interface(0) => "Interface 1",
            // The vendor's devices have two sockets.
            Self::Interface(_) => "Interface 2",
            Self::Gateway => "Default Gateway",
            Self::NameServers => "Name Servers",
            Self::TimeServers => "NTP",
            Self::DateTime => "Date and Time",
            Self::NodeList => "Node List",
            Self::NewNode => "New Node",
            Self::DeleteNode => "Delete Node",
            Self::Partition | Self::PartitionChange | Self::PartitionPin | Self::PartitionCard => {
                "Partition Authorization"
            }
        }
    }
}
