//! What users do with objects: each request goes to the store and back, and some to the maker of keys. Whether a user may
//! is decided in `device/users.rs`; how an object is sealed is `objects/vault.rs`.

use std::collections::BTreeSet;

use machine::Cx;

use super::{Device, Errand as AnyErrand, Promise, users::Promised};
use crate::{
    Change, Event, Fetched, GeneratedKey, Generation, OBJECTS_MAX, Object, ObjectChange, ObjectFacts,
    ObjectId, ObjectName, ObjectRequest, Query, SealedObject, User, UserAnswer, UserName, UserRefusal,
    UserSession, Vault,
};

/// What is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    /// Objects that somebody is working on: nobody else may meanwhile, so that what was read is still so.
    working: BTreeSet<ObjectId>,
    /// Users that are being removed with their partitions: nothing new comes in there.
    leaving: BTreeSet<UserName>,
}

impl Objects {
    /// The object may be worked on again.
    pub(super) fn let_go(&mut self, id: ObjectId) {
        self.working.remove(&id);
    }
}

/// What waits for the store or for a key.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Something about one object.
    One(One),
    /// The next objects of a partition.
    List { session: UserSession },
    /// How much there is to remove with a user.
    RemoveUser {
        session: UserSession,
        removed: UserName,
        by: UserName,
    },
}

/// A request about one object.
#[derive(Clone, Debug)]
pub(super) struct One {
    session: UserSession,
    by: UserName,
    owner: UserName,
    name: ObjectName,
    id: ObjectId,
    request: ObjectRequest,
}

impl Device {
    fn vault(&self) -> Result<Vault, UserRefusal> {
        self.key
            .as_ref()
            .map(Vault::of)
            .ok_or(UserRefusal::ServiceStopped)
    }

    fn owner(&self, by: &UserName, partition: Option<&str>) -> Result<UserName, UserRefusal> {
        let owner = partition.map_or_else(|| Ok(by.clone()), |typed| self.known_user(typed))?;
        let leaves = self.objects.leaving.contains(&owner);
        (!leaves).then_some(owner).ok_or(UserRefusal::ObjectBusy)
    }

    pub(super) fn begin_object(
        &mut self,
        session: UserSession,
        by: &UserName,
        partition: Option<&str>,
        typed: &str,
        request: ObjectRequest,
    ) -> Result<(), UserRefusal> {
        let owner = self.owner(by, partition)?;
        let name = ObjectName::parse(typed).ok_or(UserRefusal::InvalidName)?;
        match &request {
            ObjectRequest::Create { attributes, .. } | ObjectRequest::SetAttributes(attributes)
                if !attributes.is_valid() =>
            {
                return Err(UserRefusal::InvalidValue);
            }
            ObjectRequest::Create { .. } if self.stored.objects.count >= OBJECTS_MAX => {
                return Err(UserRefusal::LimitReached);
            }
            ObjectRequest::Create { .. }
            | ObjectRequest::Show
            | ObjectRequest::SetAttributes(_)
            | ObjectRequest::Block(_)
            | ObjectRequest::Remove => {}
        }
        // Source: the vendor's page on partition authorization.
        let partition = self
            .users
            .known
            .get(&owner)
            .and_then(|user| user.partition.as_ref());
        let is_authorized = partition.is_some_and(|partition| partition.authorized);
        if is_authorized && matches!(request, ObjectRequest::Create { .. } | ObjectRequest::Remove) {
            return Err(UserRefusal::PartitionAuthorized);
        }
        let id = self.vault()?.id(&owner, &name);
        if self.objects.working.contains(&id) {
            return Err(UserRefusal::ObjectBusy);
        }
        self.set_busy(session)?;
        self.objects.working.insert(id);
        let one = One {
            session,
            by: by.clone(),
            owner,
            name,
            id,
            request,
        };
        self.fetch(Query::Object(id), AnyErrand::Object(Errand::One(one)));
        Ok(())
    }

    pub(super) fn begin_list(
        &mut self,
        session: UserSession,
        by: &UserName,
        partition: Option<&str>,
        after: Option<String>,
    ) -> Result<(), UserRefusal> {
        let owner = self.owner(by, partition)?;
        let vault = self.vault()?;
        let after = match after {
            None => None,
            Some(typed) => {
                let name = ObjectName::parse(&typed).ok_or(UserRefusal::InvalidName)?;
                Some(vault.id(&owner, &name))
            }
        };
        self.set_busy(session)?;
        let query = Query::Page {
            partition: vault.partition(&owner),
            after,
        };
        self.fetch(query, AnyErrand::Object(Errand::List { session }));
        Ok(())
    }

    /// A user is to be removed: with the partition, whose size the store knows.
    pub(super) fn begin_partition_removal(
        &mut self,
        session: UserSession,
        by: &UserName,
        removed: UserName,
    ) -> Result<(), UserRefusal> {
        let partition = self.vault()?.partition(&removed);
        let is_worked_on = self.objects.working.iter().any(|id| id.partition() == partition);
        if is_worked_on || !self.objects.leaving.insert(removed.clone()) {
            self.set_free(session);
            return Err(UserRefusal::ObjectBusy);
        }
        let by = by.clone();
        let errand = Errand::RemoveUser { session, removed, by };
        self.fetch(Query::Size(partition), AnyErrand::Object(errand));
        Ok(())
    }

    pub(super) fn on_object_fetched(&mut self, cx: &Cx<'_>, errand: Errand, fetched: Fetched) {
        let session = match &errand {
            Errand::One(one) => one.session,
            Errand::List { session } | Errand::RemoveUser { session, .. } => *session,
        };
        let id = if let Errand::One(one) = &errand {
            Some(one.id)
        } else {
            None
        };
        // Whoever has left meanwhile has asked for nothing.
        let done = if self.is_busy(session) {
            match (errand, fetched) {
                (Errand::One(one), Fetched::Object(found)) => self.go_on(one, found.as_ref()),
                (Errand::List { .. }, Fetched::Page { objects, more }) => {
                    self.answer_list(session, &objects, more)
                }
                (Errand::RemoveUser { removed, by, .. }, Fetched::Size(size)) => {
                    self.remove_user(cx, session, removed, by, size)
                }
                (Errand::One(_) | Errand::List { .. } | Errand::RemoveUser { .. }, _) => {
                    unreachable!("the store answers what it was asked")
                }
            }
        } else {
            if let Errand::RemoveUser { removed, .. } = errand {
                self.objects.leaving.remove(&removed);
            }
            Ok(Reached::End)
        };
        self.finish_object(session, id, &done);
    }

    /// What an errand came to: its end, which frees the session and the object, or the next thing to wait for.
    fn finish_object(
        &mut self,
        session: UserSession,
        id: Option<ObjectId>,
        done: &Result<Reached, UserRefusal>,
    ) {
        match done {
            Ok(Reached::Wait) => return,
            Ok(Reached::End) => self.set_free(session),
            Err(refusal) => {
                self.set_free(session);
                self.refuse_user(session, *refusal);
            }
        }
        if let Some(id) = id {
            self.objects.let_go(id);
        }
    }

    fn go_on(&mut self, one: One, found: Option<&SealedObject>) -> Result<Reached, UserRefusal> {
        if let ObjectRequest::Create { algorithm, .. } = &one.request {
            if found.is_some() {
                return Err(UserRefusal::ObjectExists);
            }
            let generation = Generation {
                algorithm: *algorithm,
            };
            self.generate(generation, AnyErrand::Object(Errand::One(one)));
            return Ok(Reached::Wait);
        }
        let sealed = found.ok_or(UserRefusal::ObjectNotFound)?;
        if one.request == ObjectRequest::Remove {
            // One that does not open any more can be removed, too.
            let change = Change::RemoveObject {
                id: one.id,
                bytes: sealed.stored_bytes(),
            };
            self.commit_object(&one, change, ObjectChange::Removed);
            return Ok(Reached::Wait);
        }
        let opened = self.vault()?.open(one.id, sealed);
        let (mut object, revision) = opened.map_err(|_| UserRefusal::ObjectDamaged)?;
        let change = match &one.request {
            ObjectRequest::Create { .. } | ObjectRequest::Remove => unreachable!("they were seen to"),
            ObjectRequest::Show => {
                self.answer_user(one.session, UserAnswer::Object(object.facts));
                return Ok(Reached::End);
            }
            ObjectRequest::SetAttributes(_) if object.facts.blocked => {
                return Err(UserRefusal::ObjectBlocked);
            }
            ObjectRequest::SetAttributes(attributes) => {
                // What was promised of a key stays so.
                if attributes.exportable && !object.facts.attributes.exportable {
                    return Err(UserRefusal::InvalidValue);
                }
                object.facts.attributes.clone_from(attributes);
                ObjectChange::Changed
            }
            ObjectRequest::Block(blocked) => {
                object.facts.blocked = *blocked;
                if *blocked {
                    ObjectChange::Blocked
                } else {
                    ObjectChange::Unblocked
                }
            }
        };
        self.put_object(&one, &object, revision + 1, Some(sealed.stored_bytes()), change)?;
        Ok(Reached::Wait)
    }

    pub(super) fn on_object_generated(&mut self, cx: &Cx<'_>, errand: Errand, key: Option<GeneratedKey>) {
        let Errand::One(one) = errand else {
            unreachable!("nothing else waits for a key")
        };
        let (session, id) = (one.session, one.id);
        let done = if self.is_busy(session) {
            self.keep_generated(cx, &one, key)
        } else {
            Ok(Reached::End)
        };
        self.finish_object(session, Some(id), &done);
    }

    fn keep_generated(
        &mut self,
        cx: &Cx<'_>,
        one: &One,
        key: Option<GeneratedKey>,
    ) -> Result<Reached, UserRefusal> {
        let key = key.ok_or(UserRefusal::CannotNow)?;
        let ObjectRequest::Create {
            algorithm,
            attributes,
        } = &one.request
        else {
            unreachable!("nothing else waits for a key")
        };
        // Others may have created some meanwhile.
        if self.stored.objects.count >= OBJECTS_MAX {
            return Err(UserRefusal::LimitReached);
        }
        let facts = ObjectFacts {
            owner: one.owner.clone(),
            name: one.name.clone(),
            algorithm: *algorithm,
            attributes: attributes.clone(),
            blocked: false,
            created_unix_millis: cx.wall_clock.as_unix_millis(),
            public: Vec::new(),
        };
        self.put_object(one, &Object::new(facts, &key), 1, None, ObjectChange::Created)?;
        Ok(Reached::Wait)
    }

    fn put_object(
        &mut self,
        one: &One,
        object: &Object,
        revision: u64,
        replaced_bytes: Option<u64>,
        change: ObjectChange,
    ) -> Result<(), UserRefusal> {
        let (id, sealed) = self.vault()?.seal(revision, object);
        let more = sealed.stored_bytes().saturating_sub(replaced_bytes.unwrap_or(0));
        if self.stored.database_bytes() + more > self.profile.database_bytes_max {
            return Err(UserRefusal::LimitReached);
        }
        let put = Change::PutObject {
            id,
            sealed,
            replaced_bytes,
        };
        self.commit_object(one, put, change);
        Ok(())
    }

    fn commit_object(&mut self, one: &One, change: Change, what: ObjectChange) {
        let event = Event::ObjectChanged {
            object: one.id,
            change: what,
            by: one.by.clone(),
        };
        let promised = Promised::ObjectDone {
            session: one.session,
            event,
            id: one.id,
        };
        self.commit(vec![change], Promise::User(promised));
    }

    fn answer_list(
        &mut self,
        session: UserSession,
        objects: &[(ObjectId, SealedObject)],
        more: bool,
    ) -> Result<Reached, UserRefusal> {
        let vault = self.vault()?;
        let opened = objects
            .iter()
            .map(|(id, sealed)| vault.open(*id, sealed).map(|(object, _)| object.facts));
        let objects = opened
            .collect::<Result<_, _>>()
            .map_err(|_| UserRefusal::ObjectDamaged)?;
        self.answer_user(session, UserAnswer::Objects { objects, more });
        Ok(Reached::End)
    }

    fn remove_user(
        &mut self,
        cx: &Cx<'_>,
        session: UserSession,
        removed: UserName,
        by: UserName,
        size: crate::Objects,
    ) -> Result<Reached, UserRefusal> {
        self.objects.leaving.remove(&removed);
        if !self.users.known.contains_key(&removed) {
            return Err(UserRefusal::UserNotFound);
        }
        let partition = self.vault()?.partition(&removed);
        self.put_out(cx, &removed);
        let mut changes = vec![Change::RemovePartition { partition, size }];
        // Whoever gets the name next is trusted by nobody.
        let trusts = |(_, user): &(&UserName, &User)| user.trusted.contains_key(&removed);
        let trusting = self.users.known.iter().filter(trusts);
        let trusting: Vec<_> = trusting
            .map(|(name, user)| (name.clone(), user.clone()))
            .collect();
        for (name, mut user) in trusting {
            user.trusted.remove(&removed);
            changes.push(self.put_user(name, user));
        }
        changes.push(self.forget_user(&removed));
        let event = Event::UserRemoved { name: removed, by };
        self.commit(changes, Promise::User(Promised::Done { session, event }));
        Ok(Reached::Wait)
    }
}

/// How far an errand came.
enum Reached {
    /// It waits for something else.
    Wait,
    /// It is over.
    End,
}
