//! Users of the database: login, what they ask, how they are put out. Serves no page and knows no cookie; a session is
//! a number that whoever serves the users gives.

use core::net::IpAddr;
use std::collections::BTreeMap;

use machine::{Cx, Instant, WallClock};
use protocol::ServiceState;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Device, Errand as AnyErrand, Output, Promise};
use crate::{
    Change, Derivation, Event, FOLLOWERS_MAX, LIST_PAGE_MAX, Need, ObjectId, Password, PasswordPolicy,
    Permissions, SessionDetails, TRUSTED_MAX, USER_ERRANDS_MAX, USER_IDLE_MAX, USER_SESSIONS_MAX, USERS_MAX,
    User, UserAnswer, UserFacts, UserName, UserRefusal, UserRequest, UserSession,
    derivation::{DerivedKey, Salt, Verifier},
};

/// Characters of a name that is none, as the log tells them.
const LOGGED_NAME_CHARACTERS_MAX: usize = 64;

/// Who is logged in. Ends with the service (OP-01).
#[derive(Clone, Debug, Default)]
pub(super) struct Users {
    sessions: BTreeMap<UserSession, Session>,
    /// Every user of the database, while the device has its key.
    pub(super) known: BTreeMap<UserName, User>,
}

#[derive(Clone, Debug)]
enum Session {
    /// A password is on its way: the login's own, or a new one.
    Busy(Option<LoggedIn>),
    Free(LoggedIn),
}

#[derive(Clone, Debug)]
struct LoggedIn {
    name: UserName,
    follows: bool,
    peer: IpAddr,
    since: WallClock,
    /// When the session is over if nothing more is asked.
    idle_deadline: Instant,
}

/// What waits for a durable write.
#[derive(Clone, Debug)]
pub(super) enum Promised {
    /// The try is counted: compare.
    Counted(Login),
    /// The password was right, and the count is cleared.
    Right {
        session: UserSession,
        name: UserName,
        peer: IpAddr,
    },
    /// What a user asked for is done.
    Done { session: UserSession, event: Event },
    /// The same with an object that nobody else could ask for meanwhile.
    ObjectDone {
        session: UserSession,
        event: Event,
        id: ObjectId,
    },
}

/// What waits for a derivation.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Login(Login),
    /// The old password, to be compared before the new one is set.
    OldPassword {
        session: UserSession,
        name: UserName,
        new: Password,
        old: Compared,
    },
    /// A new password is to be kept.
    Keep {
        session: UserSession,
        name: UserName,
        salt: Salt,
        /// What a new user may do; nothing for one that is there.
        created: Option<Permissions>,
        event: Event,
    },
}

/// A login on its way.
#[derive(Clone, Debug)]
pub(super) struct Login {
    session: UserSession,
    peer: IpAddr,
    /// As typed.
    typed: String,
    password: Password,
    known: Option<UserName>,
    was_blocked: bool,
}

/// Whether a password was right, as far as that is known before the derivation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compared {
    /// It was compared with the factory's password, which is no secret.
    Already(bool),
    /// It is right if it derives to what is kept.
    ByDerivation,
}

impl Users {
    /// Who is told every line of the log: as long as the user may have it.
    pub(super) fn followers(&self) -> Vec<UserSession> {
        let may = |name: &UserName| {
            let user = self.known.get(name);
            user.is_some_and(|user| user.permissions.include(Permissions::USER_REMOTE_LOG))
        };
        let follows = |session: &Session| match session {
            Session::Free(user) | Session::Busy(Some(user)) => user.follows && may(&user.name),
            Session::Busy(None) => false,
        };
        let sessions = self.sessions.iter().filter(|(_, session)| follows(session));
        sessions.map(|(number, _)| *number).collect()
    }

    /// The log is told there no more.
    pub(super) fn follow_no_more(&mut self, session: UserSession) {
        if let Some(Session::Free(user) | Session::Busy(Some(user))) = self.sessions.get_mut(&session) {
            user.follows = false;
        }
    }

    /// Users that are logged in.
    pub(super) fn sessions(&self) -> usize {
        let is_user = |session: &&Session| match session {
            Session::Free(_) | Session::Busy(Some(_)) => true,
            Session::Busy(None) => false,
        };
        self.sessions.values().filter(is_user).count()
    }

    /// When the first session is over whose user asks for nothing. A password that is on its way is no idleness.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        let deadline = |session: &Session| match session {
            Session::Free(user) => Some(user.idle_deadline),
            Session::Busy(_) => None,
        };
        self.sessions.values().filter_map(deadline).min()
    }

    fn errands_len(&self) -> usize {
        let busy = |session: &&Session| matches!(session, Session::Busy(_));
        self.sessions.values().filter(busy).count()
    }
}

impl Device {
    pub(super) fn on_user_request(
        &mut self,
        cx: &mut Cx<'_>,
        session: UserSession,
        peer: IpAddr,
        request: UserRequest,
    ) {
        if let UserRequest::Login { name, password } = request {
            return self.begin_login(cx, session, peer, name, password);
        }
        let Some(Session::Free(user)) = self.users.sessions.get_mut(&session) else {
            return self.refuse_user(session, UserRefusal::WrongState);
        };
        user.idle_deadline = cx.now + USER_IDLE_MAX;
        let name = user.name.clone();
        let leaves = matches!(request, UserRequest::Logout);
        if !leaves && !self.users.known.contains_key(&name) {
            // The database was erased a moment ago, and the device stops as soon as that is durable.
            return self.refuse_user(session, UserRefusal::WrongState);
        }
        if !leaves && self.live_sync.is_taking() {
            return self.refuse_user(session, UserRefusal::CannotNow);
        }
        let served = self
            .permit_user(&name, &request)
            .and_then(|()| self.serve_user(cx, session, &name, request));
        if let Err(refusal) = served {
            self.refuse_user(session, refusal);
        }
    }

    fn serve_user(
        &mut self,
        cx: &mut Cx<'_>,
        session: UserSession,
        name: &UserName,
        request: UserRequest,
    ) -> Result<(), UserRefusal> {
        match request {
            UserRequest::Login { .. } => unreachable!("the caller has seen to it"),
            UserRequest::Details => {
                if let Some(Session::Free(user)) = self.users.sessions.get(&session) {
                    let details = SessionDetails {
                        name: name.clone(),
                        permissions: self.permissions_of(name),
                        peer: user.peer,
                        since: user.since,
                        idle_deadline: user.idle_deadline,
                    };
                    self.answer_user(session, UserAnswer::Details(details));
                }
            }
            UserRequest::Logout => {
                self.answer_user(session, UserAnswer::Done);
                self.on_user_gone(cx, session);
            }
            UserRequest::ChangePassword { old, new } => {
                self.check_password_length(&new)?;
                self.set_busy(session)?;
                let user = self
                    .users
                    .known
                    .get(name)
                    .ok_or(UserRefusal::UserNotFound)?
                    .clone();
                let (derivation, compared) = self.comparison(cx, Some(&user), &old);
                let errand = Errand::OldPassword {
                    session,
                    name: name.clone(),
                    new,
                    old: compared,
                };
                self.derive(derivation, AnyErrand::User(errand));
            }
            UserRequest::Create {
                name: typed,
                password,
                permissions,
            } => {
                let created = UserName::parse(&typed).ok_or(UserRefusal::InvalidName)?;
                if self.users.known.contains_key(&created) {
                    return Err(UserRefusal::UserExists);
                }
                if self.users.known.len() >= USERS_MAX {
                    return Err(UserRefusal::LimitReached);
                }
                self.check_password_length(&password)?;
                // Nobody gives away what is not theirs.
                if !self.permissions_of(name).include(permissions) {
                    return Err(UserRefusal::NotPermitted);
                }
                self.set_busy(session)?;
                let event = Event::UserCreated {
                    name: created.clone(),
                    by: name.clone(),
                };
                self.keep_password(cx, session, created, Some(permissions), password, event);
            }
            UserRequest::Remove { name: typed } => {
                let removed = self.known_user(&typed)?;
                if removed == UserName::master() {
                    return Err(UserRefusal::CannotRemoveMaster);
                }
                self.set_busy(session)?;
                self.begin_partition_removal(session, name, removed)?;
            }
            UserRequest::Block { name: typed } => {
                let blocked = self.known_user(&typed)?;
                self.set_busy(session)?;
                let user = User {
                    failures: self.password_policy().login_tries,
                    ..self.users.known[&blocked].clone()
                };
                let event = Event::UserBlocked(blocked.clone());
                let promised = Promised::Done { session, event };
                let change = self.put_user(blocked, user);
                self.commit(vec![change], Promise::User(promised));
            }
            UserRequest::SetPermissions {
                name: typed,
                permissions,
            } => {
                let changed = self.known_user(&typed)?;
                // `master` is an operator for ever.
                if changed == UserName::master() {
                    return Err(UserRefusal::CannotRemoveMaster);
                }
                self.set_busy(session)?;
                let user = User {
                    permissions,
                    ..self.users.known[&changed].clone()
                };
                let event = Event::UserPermissionsChanged {
                    name: changed.clone(),
                    by: name.clone(),
                };
                let promised = Promised::Done { session, event };
                let change = self.put_user(changed, user);
                self.commit(vec![change], Promise::User(promised));
            }
            UserRequest::ListUsers { after } => {
                let users = self.users.known.iter();
                let mut users = users.skip_while(|(name, _)| {
                    after
                        .as_ref()
                        .is_some_and(|after| name.as_str() <= after.as_str())
                });
                let page = users.by_ref().take(LIST_PAGE_MAX);
                let page = page.map(|(name, user)| self.facts_of(name, user)).collect();
                let more = users.next().is_some();
                self.answer_user(session, UserAnswer::Users { users: page, more });
            }
            UserRequest::ShowUser { name: typed } => {
                let shown = self.known_user(&typed)?;
                let users = vec![self.facts_of(&shown, &self.users.known[&shown])];
                self.answer_user(session, UserAnswer::Users { users, more: false });
            }
            UserRequest::SetPolicy(policy) => {
                if policy.is_some_and(|policy| !policy.is_valid()) {
                    return Err(UserRefusal::InvalidValue);
                }
                self.set_busy(session)?;
                let event = Event::PasswordPolicyChanged { by: name.clone() };
                let promised = Promised::Done { session, event };
                self.commit(vec![Change::PasswordPolicy(policy)], Promise::User(promised));
            }
            UserRequest::Trust {
                name: typed,
                permissions,
            } => {
                let trusted = self.known_user(&typed)?;
                if trusted == *name || permissions.0 & !Permissions::EVERY_OBJ.0 != 0 {
                    return Err(UserRefusal::InvalidValue);
                }
                let mut user = self.users.known[name].clone();
                if permissions == Permissions::NONE {
                    user.trusted.remove(&trusted);
                } else {
                    user.trusted.insert(trusted.clone(), permissions);
                }
                if user.trusted.len() > TRUSTED_MAX {
                    return Err(UserRefusal::LimitReached);
                }
                self.set_busy(session)?;
                let event = Event::UserTrusted {
                    name: trusted,
                    by: name.clone(),
                };
                let promised = Promised::Done { session, event };
                let change = self.put_user(name.clone(), user);
                self.commit(vec![change], Promise::User(promised));
            }
            UserRequest::ListTrusted => {
                let trusted = self.users.known[name].trusted.clone();
                self.answer_user(session, UserAnswer::Trusted(trusted.into_iter().collect()));
            }
            UserRequest::Object {
                partition,
                name: typed,
                request,
            } => self.begin_object(session, name, partition.as_deref(), &typed, request)?,
            UserRequest::ListObjects { partition, after } => {
                self.begin_list(session, name, partition.as_deref(), after)?;
            }
            UserRequest::Unblock { name: typed } => {
                let unblocked = self.known_user(&typed)?;
                self.set_busy(session)?;
                let user = User {
                    failures: 0,
                    ..self.users.known[&unblocked].clone()
                };
                let event = Event::UserUnblocked(unblocked.clone());
                let promised = Promised::Done { session, event };
                let change = self.put_user(unblocked, user);
                self.commit(vec![change], Promise::User(promised));
            }
            //= LG-02
            UserRequest::RetrieveLog => {
                self.outputs.push_back(Output::RetrieveLog { session });
            }
            //= LG-02
            UserRequest::FollowLog => {
                let followers = self.users.followers();
                if !followers.contains(&session) && followers.len() >= FOLLOWERS_MAX {
                    return Err(UserRefusal::LimitReached);
                }
                if let Some(Session::Free(user)) = self.users.sessions.get_mut(&session) {
                    user.follows = true;
                }
                self.answer_user(session, UserAnswer::Done);
            }
            //= LG-02
            UserRequest::ClearLog => {
                self.outputs.push_back(Output::ClearLog);
                self.tell(cx, Event::LogCleared { by: name.clone() });
                self.answer_user(session, UserAnswer::Done);
            }
        }
        Ok(())
    }

    /// The conversation is over at the other end.
    pub(super) fn on_user_gone(&mut self, cx: &Cx<'_>, session: UserSession) {
        match self.users.sessions.remove(&session) {
            Some(Session::Free(user) | Session::Busy(Some(user))) => {
                self.tell(cx, Event::UserLoggedOut(user.name));
            }
            Some(Session::Busy(None)) | None => {}
        }
    }

    /// The service has stopped.
    //= OP-01
    pub(super) fn log_everybody_out(&mut self, cx: &Cx<'_>) {
        let sessions: Vec<_> = self.users.sessions.keys().copied().collect();
        for session in sessions {
            self.answer_user(session, UserAnswer::LoggedOut);
            self.on_user_gone(cx, session);
        }
    }

    /// Whoever has asked for nothing long enough is put out.
    //= HC-02
    pub(super) fn expire_users(&mut self, cx: &Cx<'_>) {
        let is_over =
            |session: &Session| matches!(session, Session::Free(user) if user.idle_deadline <= cx.now);
        let sessions = self.users.sessions.iter();
        let over = sessions.filter(|(_, session)| is_over(session));
        for session in over.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.answer_user(session, UserAnswer::LoggedOut);
            self.on_user_gone(cx, session);
        }
    }

    /// A user that is being removed leaves at once.
    pub(super) fn put_out(&mut self, cx: &Cx<'_>, name: &UserName) {
        let is_theirs = |session: &Session| match session {
            Session::Free(user) | Session::Busy(Some(user)) => user.name == *name,
            Session::Busy(None) => false,
        };
        let theirs = self
            .users
            .sessions
            .iter()
            .filter(|(_, session)| is_theirs(session));
        for session in theirs.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.answer_user(session, UserAnswer::LoggedOut);
            self.on_user_gone(cx, session);
        }
    }

    // Logins.

    //= HC-02
    fn begin_login(
        &mut self,
        cx: &mut Cx<'_>,
        session: UserSession,
        peer: IpAddr,
        typed: String,
        password: Password,
    ) {
        let refusal = if self.service() == ServiceState::Stopped {
            Some(UserRefusal::ServiceStopped)
        } else if self.users.sessions.contains_key(&session) {
            Some(UserRefusal::WrongState)
        } else if self.live_sync.is_taking() {
            Some(UserRefusal::CannotNow)
        } else if self.users.sessions.len() >= USER_SESSIONS_MAX
            || self.users.errands_len() >= USER_ERRANDS_MAX
        {
            Some(UserRefusal::LimitReached)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.tell_refused_login(cx, &typed, peer, refusal);
            return self.refuse_user(session, refusal);
        }
        self.users.sessions.insert(session, Session::Busy(None));
        let known = UserName::parse(&typed).filter(|name| self.users.known.contains_key(name));
        // The try is written down before the password is compared. A name that nobody has costs the same write of
        // nothing and the same derivation, so that an answer's time does not tell who is a user.
        let mut changes = Vec::new();
        let mut was_blocked = false;
        if let Some(name) = &known {
            let mut user = self.users.known[name].clone();
            was_blocked = self.is_blocked(&user);
            if !was_blocked {
                user.failures += 1;
                changes.push(self.put_user(name.clone(), user));
            }
        }
        let login = Login {
            session,
            peer,
            typed,
            password,
            known,
            was_blocked,
        };
        self.commit(changes, Promise::User(Promised::Counted(login)));
    }

    /// The derivation that a comparison costs, and whether it decides.
    fn comparison(
        &self,
        cx: &mut Cx<'_>,
        user: Option<&User>,
        password: &Password,
    ) -> (Derivation, Compared) {
        match user.map(|user| &user.verifier) {
            Some(Some(verifier)) => (verifier.derivation(password.0.clone()), Compared::ByDerivation),
            factory => {
                let is_right = factory.is_some() && self.is_factory_password(password);
                let derivation = Derivation {
                    settings: self.profile.password_hash,
                    salt: Salt::generate(cx.rng),
                    password: password.0.clone(),
                };
                (derivation, Compared::Already(is_right))
            }
        }
    }

    fn is_factory_password(&self, password: &Password) -> bool {
        let factory = self.profile.users.factory_password.as_bytes();
        factory.ct_eq(password.0.as_bytes()).into()
    }

    pub(super) fn on_user_derived(&mut self, cx: &mut Cx<'_>, errand: Errand, derived: &DerivedKey) {
        match errand {
            Errand::Login(login) => self.judge_login(cx, login, derived),
            Errand::OldPassword {
                session,
                name,
                new,
                old,
            } => {
                // Somebody may have removed the user meanwhile.
                let Some(user) = self.users.known.get(&name).cloned() else {
                    return;
                };
                if !is_right(Some(&user), old, derived) {
                    self.set_free(session);
                    return self.refuse_user(session, UserRefusal::LoginFailed);
                }
                let event = Event::UserPasswordChanged(name.clone());
                self.keep_password(cx, session, name, None, new, event);
            }
            Errand::Keep {
                session,
                name,
                salt,
                created,
                event,
            } => {
                let refusal = match (created, self.users.known.contains_key(&name)) {
                    (Some(_), true) => Some(UserRefusal::UserExists),
                    (Some(_), false) if self.users.known.len() >= USERS_MAX => {
                        Some(UserRefusal::LimitReached)
                    }
                    // Somebody has removed the user meanwhile.
                    (None, false) => Some(UserRefusal::UserNotFound),
                    (Some(_), false) | (None, true) => None,
                };
                if let Some(refusal) = refusal {
                    self.set_free(session);
                    return self.refuse_user(session, refusal);
                }
                let before = self.users.known.get(&name);
                let user = User {
                    permissions: created.unwrap_or_else(|| self.permissions_of(&name)),
                    verifier: Some(Verifier::new(self.profile.password_hash, salt, derived)),
                    failures: 0,
                    trusted: before.map_or_else(BTreeMap::new, |user| user.trusted.clone()),
                    partition: before.and_then(|user| user.partition.clone()),
                };
                let promised = Promised::Done { session, event };
                let change = self.put_user(name, user);
                self.commit(vec![change], Promise::User(promised));
            }
        }
    }

    fn judge_login(&mut self, cx: &Cx<'_>, login: Login, derived: &DerivedKey) {
        let user = login
            .known
            .as_ref()
            .and_then(|name| self.users.known.get(name))
            .cloned();
        let compared = match &user {
            Some(User {
                verifier: Some(_), ..
            }) => Compared::ByDerivation,
            Some(User { verifier: None, .. }) => Compared::Already(self.is_factory_password(&login.password)),
            None => Compared::Already(false),
        };
        let Login {
            session,
            peer,
            typed,
            known,
            was_blocked,
            ..
        } = login;
        let (Some(name), Some(user)) = (known, user) else {
            return self.refuse_login(cx, session, peer, &typed, UserRefusal::LoginFailed);
        };
        if was_blocked {
            return self.refuse_login(cx, session, peer, &typed, UserRefusal::Blocked);
        }
        if !is_right(Some(&user), compared, derived) {
            self.refuse_login(cx, session, peer, &typed, UserRefusal::LoginFailed);
            if self.is_blocked(&user) {
                self.tell(cx, Event::UserBlocked(name));
            }
            return;
        }
        let cleared = User { failures: 0, ..user };
        let changes = vec![self.put_user(name.clone(), cleared)];
        let promised = Promised::Right { session, name, peer };
        self.commit(changes, Promise::User(promised));
    }

    fn refuse_login(
        &mut self,
        cx: &Cx<'_>,
        session: UserSession,
        peer: IpAddr,
        typed: &str,
        why: UserRefusal,
    ) {
        self.users.sessions.remove(&session);
        self.tell_refused_login(cx, typed, peer, why);
        self.refuse_user(session, why);
    }

    //= LG-03
    fn tell_refused_login(&mut self, cx: &Cx<'_>, typed: &str, peer: IpAddr, why: UserRefusal) {
        let name = typed.chars().take(LOGGED_NAME_CHARACTERS_MAX).collect();
        self.tell(cx, Event::LoginRefused { name, peer, why });
    }

    pub(super) fn on_user_durable(&mut self, cx: &mut Cx<'_>, promised: Promised) {
        match promised {
            Promised::Counted(login) => {
                let user = login
                    .known
                    .as_ref()
                    .and_then(|name| self.users.known.get(name))
                    .cloned();
                let (derivation, _) = self.comparison(cx, user.as_ref(), &login.password);
                self.derive(derivation, AnyErrand::User(Errand::Login(login)));
            }
            Promised::Right { session, name, peer } => {
                // Whoever has left meanwhile, or was put out with the service, is not let in.
                if !self.users.sessions.contains_key(&session) {
                    return;
                }
                let permissions = self.permissions_of(&name);
                let user = LoggedIn {
                    name: name.clone(),
                    follows: false,
                    peer,
                    since: cx.wall_clock,
                    idle_deadline: cx.now + USER_IDLE_MAX,
                };
                self.users.sessions.insert(session, Session::Free(user));
                self.tell(cx, Event::UserLoggedIn { name, peer });
                self.answer_user(session, UserAnswer::LoggedIn { permissions });
            }
            Promised::Done { session, event } => self.on_done(cx, session, event),
            Promised::ObjectDone { session, event, id } => {
                self.objects.let_go(id);
                self.on_done(cx, session, event);
            }
        }
    }

    // What the requests have in common.

    fn on_done(&mut self, cx: &Cx<'_>, session: UserSession, event: Event) {
        self.tell(cx, event);
        self.set_free(session);
        self.answer_user(session, UserAnswer::Done);
    }

    fn keep_password(
        &mut self,
        cx: &mut Cx<'_>,
        session: UserSession,
        name: UserName,
        created: Option<Permissions>,
        password: Password,
        event: Event,
    ) {
        let salt = Salt::generate(cx.rng);
        let derivation = Derivation {
            settings: self.profile.password_hash,
            salt,
            password: Zeroizing::clone(&password.0),
        };
        drop(password);
        let errand = Errand::Keep {
            session,
            name,
            salt,
            created,
            event,
        };
        self.derive(derivation, AnyErrand::User(errand));
    }

    fn permissions_of(&self, name: &UserName) -> Permissions {
        self.users
            .known
            .get(name)
            .map_or(Permissions::NONE, |user| user.permissions)
    }

    /// Whether a user may ask for this. The one place where that is decided.
    fn permit_user(&self, name: &UserName, request: &UserRequest) -> Result<(), UserRefusal> {
        let has = match request.need() {
            Need::Nothing => true,
            Need::System(permission) => self.permissions_of(name).include(permission),
            // An operator has no implicit access to another's partition, so that only the bits count.
            Need::Partition(permission) => match request.partition() {
                None => true,
                Some(typed) if typed == name.as_str() => true,
                Some(typed) => UserName::parse(typed)
                    .and_then(|owner| self.users.known.get(&owner)?.trusted.get(name).copied())
                    .is_some_and(|trust| trust.0 & permission.0 == permission.0),
            },
        };
        has.then_some(()).ok_or(UserRefusal::NotPermitted)
    }

    /// What holds for passwords.
    pub(crate) fn password_policy(&self) -> PasswordPolicy {
        let profile = || PasswordPolicy::of(&self.profile.users);
        self.stored.password_policy.unwrap_or_else(profile)
    }

    fn facts_of(&self, name: &UserName, user: &User) -> UserFacts {
        UserFacts {
            name: name.clone(),
            permissions: user.permissions,
            blocked: self.is_blocked(user),
        }
    }

    pub(super) fn is_blocked(&self, user: &User) -> bool {
        user.failures >= self.password_policy().login_tries
    }

    /// Whether the session still waits for what it asked for.
    pub(super) fn is_busy(&self, session: UserSession) -> bool {
        matches!(self.users.sessions.get(&session), Some(Session::Busy(Some(_))))
    }

    fn check_password_length(&self, password: &Password) -> Result<(), UserRefusal> {
        let policy = self.password_policy();
        let permitted = policy.characters_min..=policy.characters_max;
        let is_permitted = permitted.contains(&password.0.chars().count());
        is_permitted.then_some(()).ok_or(UserRefusal::InvalidPassword)
    }

    pub(super) fn known_user(&self, typed: &str) -> Result<UserName, UserRefusal> {
        let name = UserName::parse(typed).ok_or(UserRefusal::InvalidName)?;
        let is_known = self.users.known.contains_key(&name);
        is_known.then_some(name).ok_or(UserRefusal::UserNotFound)
    }

    pub(super) fn set_busy(&mut self, session: UserSession) -> Result<(), UserRefusal> {
        if self.users.errands_len() >= USER_ERRANDS_MAX {
            return Err(UserRefusal::LimitReached);
        }
        if let Some(Session::Free(user)) = self.users.sessions.remove(&session) {
            self.users.sessions.insert(session, Session::Busy(Some(user)));
        }
        Ok(())
    }

    pub(super) fn set_free(&mut self, session: UserSession) {
        match self.users.sessions.remove(&session) {
            Some(Session::Busy(Some(user)) | Session::Free(user)) => {
                self.users.sessions.insert(session, Session::Free(user));
            }
            Some(Session::Busy(None)) | None => {}
        }
    }

    pub(super) fn refuse_user(&mut self, session: UserSession, refusal: UserRefusal) {
        self.answer_user(session, UserAnswer::Refused(refusal));
    }

    pub(super) fn answer_user(&mut self, session: UserSession, answer: UserAnswer) {
        self.outputs.push_back(Output::User { session, answer });
    }
}

fn is_right(user: Option<&User>, compared: Compared, derived: &DerivedKey) -> bool {
    match compared {
        Compared::Already(is_right) => is_right,
        Compared::ByDerivation => user
            .and_then(|user| user.verifier.as_ref())
            .is_some_and(|verifier| verifier.is_of(derived)),
    }
}
