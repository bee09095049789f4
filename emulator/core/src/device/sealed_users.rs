//! Users of the database as they are kept: sealed, so that the device knows them while it has its key and not a moment
//! longer. What they may do is `device/users.rs`; how one is sealed is `objects/vault.rs`.

use std::collections::BTreeMap;

use machine::Cx;

use super::{Device, Promise};
use crate::{Change, DamagedObject, Event, ObjectId, SealedObject, User, UserName, Vault};

/// The users who were sealed with the key of this vault.
pub(super) fn open_users(
    vault: &Vault,
    sealed: &BTreeMap<ObjectId, SealedObject>,
) -> Result<BTreeMap<UserName, User>, DamagedObject> {
    sealed
        .iter()
        .map(|(id, sealed)| vault.open_user(*id, sealed))
        .collect()
}

impl Device {
    /// The device has its key: it knows its users now, and seals those whom no key has sealed yet.
    pub(super) fn know_users(&mut self, cx: &Cx<'_>) {
        let vault = self.users_vault();
        let mut damaged = Vec::new();
        self.users.known = BTreeMap::new();
        for (id, sealed) in &self.stored.sealed_users {
            match vault.open_user(*id, sealed) {
                Ok((name, user)) => {
                    self.users.known.insert(name, user);
                }
                // Nobody is let in by it, and nobody else gets its place without being told.
                Err(DamagedObject) => damaged.push(*id),
            }
        }
        for id in damaged {
            self.tell(cx, Event::UserDamaged(id));
        }
        self.users.known.extend(self.stored.users.clone());
        if let Some(change) = self.seal_users(&vault) {
            self.commit(vec![change], Promise::Nothing);
        }
    }

    /// What seals the users whom no key has sealed yet, if there are any.
    pub(super) fn seal_users(&self, vault: &Vault) -> Option<Change> {
        let users = self.stored.users.iter();
        let sealed: BTreeMap<_, _> = users.map(|(name, user)| vault.seal_user(name, user)).collect();
        (!sealed.is_empty()).then_some(Change::SealUsers(sealed))
    }

    /// The device has its key no longer, or its database is erased.
    pub(super) fn forget_users(&mut self) {
        self.users.known = BTreeMap::new();
    }

    /// A user is there from now on, or is there with other properties: what makes that durable.
    pub(super) fn put_user(&mut self, name: UserName, user: User) -> Change {
        let (id, sealed) = self.users_vault().seal_user(&name, &user);
        self.users.known.insert(name, user);
        Change::PutUser { id, sealed }
    }

    /// A user is not there from now on: what makes that durable.
    pub(super) fn forget_user(&mut self, name: &UserName) -> Change {
        self.users.known.remove(name);
        Change::RemoveUser(self.users_vault().user_id(name))
    }

    fn users_vault(&self) -> Vault {
        let key = self.key.as_ref();
        Vault::of(key.expect("nobody changes the users of a device that is not activated"))
    }
}
