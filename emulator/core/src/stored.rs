//! What survives power: what the device starts with, and the changes that it hands out to be made durable. Never holds
//! a key in clear, a shadow, a PIN or a password (LF-04). Objects stay in the store; only their number is known here.

use core::net::IpAddr;
use std::collections::BTreeMap;

use protocol::{NetworkSettings, OperatingMode};
use serde::{Deserialize, Serialize};

use crate::{
    Activation, Binding, ObjectId, PartitionTag, PasswordPolicy, Profile, SealedObject, UnfinishedCards,
    User, UserName,
};

/// The durable state of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Whether remote management is enabled. Source: RM-11 to RM-13.
    pub remote_management: bool,
    /// Whether the device is switched on, so that it comes back by itself after a power cut.
    pub switched_on: bool,
    /// Why it last went down, told to the log by the next start.
    pub last_stop: LastStop,
    /// The key it is bound to; none out of the factory. Source: LF-02.
    pub binding: Option<Binding>,
    /// The key as a Pocket keeps it. Source: LF-04.
    pub activation: Option<Activation>,
    /// Wrong activation passwords in a row. Source: PK-03.
    pub activation_failures: u32,
    /// Operating mode.
    pub mode: OperatingMode,
    /// Network settings that are not those of the profile any more. Source: NW-03.
    pub network: Option<NetworkSettings>,
    /// The users in the database, sealed: a device knows them while it has its key.
    #[serde(default, with = "sealed_records")]
    pub sealed_users: BTreeMap<ObjectId, SealedObject>,
    /// Users that no key has sealed yet: `master` out of the factory, and those of an earlier release. The next
    /// activation seals them.
    pub users: BTreeMap<UserName, User>,
    /// What the database holds besides.
    pub objects: Objects,
    /// What holds for passwords, if that is not what the profile says any more.
    #[serde(default)]
    pub password_policy: Option<PasswordPolicy>,
    /// Whether the boundary was ever violated.
    pub tampered: bool,
    /// The replication domain, if the device is in one.
    pub replication_domain: Option<String>,
    /// Cards that the Smart Card Manager is changing, or did not finish. Source: SC-10.
    pub unfinished_cards: Option<UnfinishedCards>,
    /// The other nodes of replication.
    #[serde(default)]
    pub nodes: Vec<IpAddr>,
    /// How far the device's calendar is ahead of the clock it runs on, in milliseconds.
    #[serde(default)]
    pub calendar_offset_millis: i64,
}

/// How many objects the database holds. They themselves are the store's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Objects {
    /// So many fewer. What the store counted is what was counted here, so that nothing is less than none.
    fn take(&mut self, fewer: Self) {
        self.count = self.count.saturating_sub(fewer.count);
        self.bytes = self.bytes.saturating_sub(fewer.bytes);
    }
}

/// Why a device went down. A cut writes nothing: it is what is left when no other was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastStop {
    /// It never ran, or power was cut.
    PowerCut,
    /// `ops.restart`.
    RemoteRestart,
    /// `ops.power_off`.
    RemotePowerOff,
    /// The menu.
    LocalRestart,
    /// The menu or the power button.
    LocalPowerOff,
    /// The return to factory mode, or the reset that is offered for another set. Source: OP-06, LF-05.
    FactoryReset,
    /// Another operating mode. Source: OP-07.
    ModeChange,
}

impl LastStop {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::PowerCut,
        Self::RemoteRestart,
        Self::RemotePowerOff,
        Self::LocalRestart,
        Self::LocalPowerOff,
        Self::FactoryReset,
        Self::ModeChange,
    ];

    /// Whether the device comes up again by itself.
    pub const fn restarts(self) -> bool {
        match self {
            Self::RemoteRestart | Self::LocalRestart | Self::FactoryReset | Self::ModeChange => true,
            Self::PowerCut | Self::RemotePowerOff | Self::LocalPowerOff => false,
        }
    }
}

/// One change of what survives power. Those of one [`Output::Persist`](crate::Output::Persist) become durable together
/// or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another value of the field with this name.
    RemoteManagement(bool),
    /// Another value of the field with this name.
    SwitchedOn(bool),
    /// Another value of the field with this name.
    LastStop(LastStop),
    /// Another value of the field with this name.
    Binding(Option<Binding>),
    /// Another value of the field with this name.
    Activation(Option<Activation>),
    /// Another value of the field with this name.
    ActivationFailures(u32),
    /// Another value of the field with this name.
    Mode(OperatingMode),
    /// Another value of the field with this name.
    Network(Option<NetworkSettings>),
    /// Another value of the field with this name.
    Nodes(Vec<IpAddr>),
    /// Another value of the field with this name.
    CalendarOffsetMillis(i64),
    /// A user is there, or is there with other properties.
    PutUser {
        /// Where.
        id: ObjectId,
        /// What.
        sealed: SealedObject,
    },
    /// A user is not there any more.
    RemoveUser(ObjectId),
    /// These are there, sealed, and none that is not.
    SealUsers(BTreeMap<ObjectId, SealedObject>),
    /// These are the users, each to be sealed by the next activation. Of a device that is switched off.
    SeedUsers(BTreeMap<UserName, User>),
    /// Another value of the field with this name.
    UnfinishedCards(Option<UnfinishedCards>),
    /// Another value of the field with this name.
    PasswordPolicy(Option<PasswordPolicy>),
    /// An object is there, or is there with another content.
    PutObject {
        /// Where.
        id: ObjectId,
        /// What.
        sealed: SealedObject,
        /// Bytes of what was there before, id included, if something was.
        replaced_bytes: Option<u64>,
    },
    /// An object is not there any more.
    RemoveObject {
        /// Which.
        id: ObjectId,
        /// Bytes that it had, id included.
        bytes: u64,
    },
    /// No object of a partition is there any more.
    RemovePartition {
        /// Which.
        partition: PartitionTag,
        /// What it had.
        size: Objects,
    },
    /// Another node's database in place of this one's. Its objects are those that were imported before.
    ReplaceDatabase(Box<NewDatabase>),
    /// Users, objects, replication domain and nodes are gone; `master` is there with the factory's password.
    EraseDatabase,
}

/// What another node's database has besides its objects. Source: LS-02.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDatabase {
    /// Its users, sealed.
    pub sealed_users: BTreeMap<ObjectId, SealedObject>,
    /// What its objects amount to.
    pub objects: Objects,
    /// Its replication domain.
    pub replication_domain: Option<String>,
    /// Its list of nodes.
    pub nodes: Vec<IpAddr>,
    /// What it says of passwords.
    pub password_policy: Option<PasswordPolicy>,
}

impl Stored {
    /// A device out of the factory. Source: LF-01, OP-06.
    pub fn out_of_the_factory(profile: &Profile) -> Self {
        Self {
            //= PK-01
            remote_management: !profile.has_console(),
            binding: None,
            ..Self::unarmed()
        }
    }

    /// A device that was initialised with this key and never armed, with the one user that cannot be removed.
    pub fn bound_to(binding: Binding) -> Self {
        Self {
            binding: Some(binding),
            ..Self::unarmed()
        }
    }

    fn unarmed() -> Self {
        Self {
            remote_management: false,
            switched_on: false,
            last_stop: LastStop::PowerCut,
            binding: None,
            activation: None,
            activation_failures: 0,
            mode: OperatingMode::Nrm,
            network: None,
            sealed_users: BTreeMap::new(),
            users: factory_users(),
            objects: Objects::default(),
            password_policy: None,
            tampered: false,
            replication_domain: None,
            unfinished_cards: None,
            nodes: Vec::new(),
            calendar_offset_millis: 0,
        }
    }

    /// Makes the change here.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::RemoteManagement(enabled) => self.remote_management = *enabled,
            Change::SwitchedOn(on) => self.switched_on = *on,
            Change::LastStop(stop) => self.last_stop = *stop,
            Change::Binding(binding) => self.binding.clone_from(binding),
            Change::Activation(activation) => self.activation.clone_from(activation),
            Change::ActivationFailures(failures) => self.activation_failures = *failures,
            Change::Mode(mode) => self.mode = *mode,
            Change::Network(network) => self.network.clone_from(network),
            Change::Nodes(nodes) => self.nodes.clone_from(nodes),
            Change::CalendarOffsetMillis(offset) => self.calendar_offset_millis = *offset,
            Change::PutUser { id, sealed } => {
                self.sealed_users.insert(*id, sealed.clone());
            }
            Change::RemoveUser(id) => {
                self.sealed_users.remove(id);
            }
            Change::SealUsers(users) => {
                self.sealed_users
                    .extend(users.iter().map(|(id, sealed)| (*id, sealed.clone())));
                self.users = BTreeMap::new();
            }
            Change::SeedUsers(users) => {
                self.sealed_users = BTreeMap::new();
                self.users.clone_from(users);
            }
            Change::UnfinishedCards(unfinished) => self.unfinished_cards.clone_from(unfinished),
            Change::PasswordPolicy(policy) => self.password_policy = *policy,
            Change::PutObject {
                sealed,
                replaced_bytes,
                ..
            } => {
                self.objects.count += u64::from(replaced_bytes.is_none());
                self.objects.bytes += sealed.stored_bytes();
                self.objects.bytes -= replaced_bytes.unwrap_or(0).min(self.objects.bytes);
            }
            Change::RemoveObject { bytes, .. } => self.objects.take(Objects {
                count: 1,
                bytes: *bytes,
            }),
            Change::RemovePartition { size, .. } => self.objects.take(*size),
            //= LS-02
            Change::ReplaceDatabase(new) => {
                self.sealed_users.clone_from(&new.sealed_users);
                self.users = BTreeMap::new();
                self.objects = new.objects;
                self.replication_domain.clone_from(&new.replication_domain);
                self.nodes.clone_from(&new.nodes);
                self.password_policy = new.password_policy;
            }
            Change::EraseDatabase => {
                self.sealed_users = BTreeMap::new();
                self.users = factory_users();
                self.objects = Objects::default();
                self.password_policy = None;
                self.replication_domain = None;
                self.nodes = Vec::new();
            }
        }
    }

    /// Bytes the database takes where it is kept.
    pub(crate) fn database_bytes(&self) -> u64 {
        let users = serde_json::to_vec(&self.users)
            .expect("our own types have string keys and no failing serializer");
        let sealed = self.sealed_users.values().map(SealedObject::stored_bytes);
        let users = u64::try_from(users.len()).expect("a length fits into 64 bits");
        self.objects.bytes + users + sealed.sum::<u64>()
    }

    /// Users in the database, sealed and not.
    pub fn users_len(&self) -> usize {
        self.users.len() + self.sealed_users.len()
    }
}

/// Sealed records as JSON: hexadecimal digits of the id, and of the bytes.
mod sealed_records {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::{ObjectId, SEALED_BYTES_MAX, SealedObject};

    pub(super) fn serialize<S: Serializer>(
        records: &BTreeMap<ObjectId, SealedObject>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let hex = apdu::hex::encode;
        to.collect_map(
            records
                .iter()
                .map(|(id, sealed)| (hex(id.as_bytes()), hex(sealed.as_bytes()))),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<ObjectId, SealedObject>, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(from)?;
        let bytes = |text: &str| {
            apdu::hex::decode(text)
                .map_err(|why| D::Error::custom(format!("expected hexadecimal digits: {why}")))
        };
        let record = |(id, sealed): (String, String)| {
            let id = <[u8; ObjectId::BYTES]>::try_from(bytes(&id)?)
                .map_err(|id| D::Error::custom(format!("expected an id of 32 bytes, got {}", id.len())))?;
            let sealed = SealedObject::new(bytes(&sealed)?).ok_or_else(|| {
                D::Error::custom(format!("expected a record of at most {SEALED_BYTES_MAX} bytes"))
            })?;
            Ok((ObjectId::new(id), sealed))
        };
        texts.into_iter().map(record).collect()
    }
}

fn factory_users() -> BTreeMap<UserName, User> {
    BTreeMap::from([(UserName::master(), User::factory_master())])
}

#[cfg(test)]
mod tests {
    use super::*;

    //= OP-06
    #[test]
    fn an_erased_database_holds_master_and_nothing_else() {
        let mut stored = Stored::out_of_the_factory(&Profile::xp());
        let fresh = stored.clone();
        stored.objects = Objects { count: 3, bytes: 99 };
        stored.replication_domain = Some("domain".into());
        stored.nodes.push(IpAddr::from([192, 0, 2, 20]));
        let user = Change::PutUser {
            id: ObjectId::new([1; ObjectId::BYTES]),
            sealed: SealedObject::new(vec![1]).expect("it is short"),
        };
        stored.apply(&user);
        assert_ne!(stored, fresh);
        stored.apply(&Change::EraseDatabase);
        assert_eq!(stored, fresh);
    }

    //= PK-01
    #[test]
    fn a_pocket_is_armed_out_of_the_factory_and_nothing_else_is() {
        for model in crate::Model::ALL {
            let stored = Stored::out_of_the_factory(&Profile::of(model));
            assert_eq!(stored.remote_management, model == crate::Model::Pocket);
        }
    }

    //= SC-10
    #[test]
    fn what_was_kept_before_there_were_unfinished_cards_can_be_read() {
        let stored = Stored::out_of_the_factory(&Profile::xp());
        let mut kept = serde_json::to_value(&stored).expect("JSON");
        let fields = kept.as_object_mut().expect("a struct is an object");
        assert!(fields.remove("unfinished_cards").is_some());
        assert_eq!(
            serde_json::from_value::<Stored>(kept).expect("it is whole"),
            stored
        );
    }
}
