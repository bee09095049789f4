//! Users of the database: who they are, what they may do, and what is kept of them. Decides nothing about a login; see
//! `device/users.rs`.

use core::{fmt, net::IpAddr, time::Duration};
use std::collections::BTreeMap;

use machine::{Instant, WallClock};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use zeroize::Zeroizing;

use crate::{Attributes, Binding, KeyAlgorithm, ObjectFacts, UserPolicy, derivation::Verifier};

/// Characters of a user's name, at most. Source: D.
pub const USER_NAME_CHARACTERS_MAX: usize = 16;
/// Characters of a user's password that any profile may permit.
pub const PASSWORD_CHARACTERS_MAX: usize = 128;
/// Users of one device, at most.
pub const USERS_MAX: usize = 1024;
/// Users that are logged in at once, at most.
pub const USER_SESSIONS_MAX: usize = 64;
/// Users that follow the log at once, at most. Source: LG-02.
pub const FOLLOWERS_MAX: usize = 3;
/// How long a user may ask for nothing before the session ends, on the device's own time. Source: HC-02.
pub const USER_IDLE_MAX: Duration = Duration::from_secs(300);
/// Logins and other passwords that are on their way at once, at most.
pub const USER_ERRANDS_MAX: usize = 16;
/// Users that one partition trusts, at most.
pub const TRUSTED_MAX: usize = 64;
/// Wrong passwords in a row that a policy may permit, at most.
pub const LOGIN_TRIES_MAX: u32 = 100;

/// The name of a user: 1 to [`USER_NAME_CHARACTERS_MAX`] letters and digits, capital ones being others. Source: D.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UserName(String);

impl UserName {
    /// The name, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (1..=USER_NAME_CHARACTERS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| Self(text.to_owned()))
    }

    /// The one user that cannot be removed.
    pub fn master() -> Self {
        Self("master".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a name of 1 to {USER_NAME_CHARACTERS_MAX} letters and digits"
            ))
        })
    }
}

/// What a user may do to the system, in the vendor's bits (`dinamo.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions(pub u32);

impl Permissions {
    /// Nothing but the own partition.
    pub const NONE: Self = Self(0);
    /// Remove objects of a partition.
    pub const OBJ_DEL: Self = Self(0x1);
    /// Read and list objects of a partition.
    pub const OBJ_READ: Self = Self(0x2);
    /// Create objects in a partition.
    pub const OBJ_CREATE: Self = Self(0x4);
    /// Change objects of a partition.
    pub const OBJ_UPDATE: Self = Self(0x8);
    /// Everything that a partition can permit to somebody else.
    pub const EVERY_OBJ: Self = Self(0xF);
    /// Create and remove users.
    pub const USER_CREATE: Self = Self(0x10);
    /// Read and clear the log.
    pub const USER_REMOTE_LOG: Self = Self(0x20);
    /// List users.
    pub const USER_LIST: Self = Self(0x40);
    /// Everything, also what later firmware adds.
    pub const SYS_OPERATOR: Self = Self(0x80);
    /// Make and restore backups.
    pub const SYS_BACKUP: Self = Self(0x100);
    /// Update the firmware.
    pub const SYS_UPDATE_HSM: Self = Self(0x200);

    /// Whether these include another one.
    pub const fn include(self, permission: Self) -> bool {
        self.0 & Self::SYS_OPERATOR.0 != 0 || self.0 & permission.0 == permission.0
    }
}

/// What is kept of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What the user may do.
    pub permissions: Permissions,
    /// How the password is recognised; without it the factory's password is the user's.
    pub verifier: Option<Verifier>,
    /// Wrong passwords in a row. As many as the policy permits block the user. Source: HC-02.
    pub failures: u32,
    /// Who else may do what with the objects of the user's partition: nothing but [`Permissions::EVERY_OBJ`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trusted: BTreeMap<UserName, Permissions>,
    /// The set that authorizes the user's partition, once it is associated with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
}

/// What holds for passwords instead of what the profile says. Kept in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Wrong passwords in a row that block a user, 1 to [`LOGIN_TRIES_MAX`].
    pub login_tries: u32,
    /// Characters of a password, at least 1.
    pub characters_min: usize,
    /// Characters of a password, at most [`PASSWORD_CHARACTERS_MAX`].
    pub characters_max: usize,
}

impl PasswordPolicy {
    /// What a profile says.
    pub const fn of(profile: &UserPolicy) -> Self {
        Self {
            login_tries: profile.login_tries,
            characters_min: profile.password_characters_min,
            characters_max: profile.password_characters_max,
        }
    }

    /// Whether there are passwords that it permits, and its numbers are within their limits.
    pub fn is_valid(&self) -> bool {
        (1..=LOGIN_TRIES_MAX).contains(&self.login_tries)
            && (1..=self.characters_max).contains(&self.characters_min)
            && self.characters_max <= PASSWORD_CHARACTERS_MAX
    }
}

/// What is known of a user, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFacts {
    /// Who.
    pub name: UserName,
    /// What the user may do.
    pub permissions: Permissions,
    /// Whether the user is blocked.
    pub blocked: bool,
}

/// A partition that a set of cards authorizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// What is kept of the set's secret: enough to recognise it.
    pub set: Binding,
    /// Whether the set has authorized it.
    pub authorized: bool,
}

/// What M of N cards made of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionChange {
    /// The set is the partition's from now on.
    Associated,
    /// The set has authorized it.
    Authorized,
    /// It is authorized no longer.
    Revoked,
}

impl fmt::Display for PartitionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Associated => "associated with this set",
            Self::Authorized => "authorized",
            Self::Revoked => "authorized no longer",
        })
    }
}

impl User {
    /// `master` as it leaves the factory: an operator with the factory's password.
    pub const fn factory_master() -> Self {
        Self {
            permissions: Permissions::SYS_OPERATOR,
            verifier: None,
            failures: 0,
            trusted: BTreeMap::new(),
            partition: None,
        }
    }
}

/// What was typed as a user's password.
#[derive(Clone)]
pub struct Password(pub(crate) Zeroizing<String>);

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// One user's conversation with the device, numbered by whoever serves it, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserSession(pub u64);

/// What a user asks of the device.
#[derive(Clone, Debug)]
pub enum UserRequest {
    /// To be let in.
    Login {
        /// As typed: perhaps no name at all.
        name: String,
        /// As typed.
        password: Password,
    },
    /// To leave. Its session is over.
    Logout,
    /// What there is to know of one's own session.
    Details,
    /// Another password for oneself.
    ChangePassword {
        /// The present one.
        old: Password,
        /// The next one.
        new: Password,
    },
    /// A user more.
    Create {
        /// As typed.
        name: String,
        /// As typed.
        password: Password,
        /// What the user may do.
        permissions: Permissions,
    },
    /// A user less.
    Remove {
        /// As typed.
        name: String,
    },
    /// To let a blocked user try again.
    Unblock {
        /// As typed.
        name: String,
    },
    /// To let somebody in no more.
    Block {
        /// As typed.
        name: String,
    },
    /// Other permissions for a user.
    SetPermissions {
        /// As typed.
        name: String,
        /// What the user may do from now on.
        permissions: Permissions,
    },
    /// The users, [`LIST_PAGE_MAX`](crate::LIST_PAGE_MAX) at most in an answer.
    ListUsers {
        /// From the first after this name, or from the first of all.
        after: Option<String>,
    },
    /// What is known of one user.
    ShowUser {
        /// As typed.
        name: String,
    },
    /// Another policy for passwords; the profile's if there is none.
    SetPolicy(Option<PasswordPolicy>),
    /// To let somebody do something with the objects of the own partition, or nothing any more.
    Trust {
        /// As typed.
        name: String,
        /// Some of [`Permissions::EVERY_OBJ`].
        permissions: Permissions,
    },
    /// Who is trusted in the own partition.
    ListTrusted,
    /// Something about one object, or a new one. The partition is the own one if it is not named.
    Object {
        /// The user whose partition it is, as typed.
        partition: Option<String>,
        /// The object, as typed.
        name: String,
        /// What.
        request: ObjectRequest,
    },
    /// The objects of a partition, [`LIST_PAGE_MAX`](crate::LIST_PAGE_MAX) at most in an answer.
    ListObjects {
        /// The user whose partition it is, as typed; the own one if it is not named.
        partition: Option<String>,
        /// From the first after the object with this name, or from the first of all. Their order means nothing.
        after: Option<String>,
    },
    /// The whole log: the device asks for it with [`Output::RetrieveLog`](crate::Output::RetrieveLog).
    RetrieveLog,
    /// Every line of the log from now on.
    FollowLog,
    /// To throw away the log.
    ClearLog,
}

/// What a user wants of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectRequest {
    /// A new key.
    Create {
        /// Of what kind.
        algorithm: KeyAlgorithm,
        /// What is said about it.
        attributes: Attributes,
    },
    /// What is known of it.
    Show,
    /// To say something else about it.
    SetAttributes(Attributes),
    /// That it is not to be used, or is again.
    Block(bool),
    /// An object less.
    Remove,
}

/// What a request needs. One table for all of them: [`UserRequest::need`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A login, or not even that.
    Nothing,
    /// A permission of the system.
    System(Permissions),
    /// The own partition, or this permission of another's owner. No operator has it without (8.1 of the vendor's users).
    Partition(Permissions),
}

impl UserRequest {
    /// What the request needs.
    pub const fn need(&self) -> Need {
        match self {
            Self::Login { .. }
            | Self::Logout
            | Self::Details
            | Self::ChangePassword { .. }
            | Self::Trust { .. }
            | Self::ListTrusted => Need::Nothing,
            Self::Create { .. } | Self::Remove { .. } => Need::System(Permissions::USER_CREATE),
            Self::Block { .. } | Self::Unblock { .. } | Self::SetPermissions { .. } | Self::SetPolicy(_) => {
                Need::System(Permissions::SYS_OPERATOR)
            }
            Self::ListUsers { .. } | Self::ShowUser { .. } => Need::System(Permissions::USER_LIST),
            Self::RetrieveLog | Self::FollowLog | Self::ClearLog => {
                Need::System(Permissions::USER_REMOTE_LOG)
            }
            Self::ListObjects { .. } => Need::Partition(Permissions::OBJ_READ),
            Self::Object { request, .. } => Need::Partition(match request {
                ObjectRequest::Create { .. } => Permissions::OBJ_CREATE,
                ObjectRequest::Show => Permissions::OBJ_READ,
                ObjectRequest::SetAttributes(_) | ObjectRequest::Block(_) => Permissions::OBJ_UPDATE,
                ObjectRequest::Remove => Permissions::OBJ_DEL,
            }),
        }
    }

    /// The user whose partition the request names, as typed.
    pub fn partition(&self) -> Option<&str> {
        match self {
            Self::Object { partition, .. } | Self::ListObjects { partition, .. } => partition.as_deref(),
            Self::Login { .. }
            | Self::Logout
            | Self::Details
            | Self::ChangePassword { .. }
            | Self::Trust { .. }
            | Self::ListTrusted
            | Self::Create { .. }
            | Self::Remove { .. }
            | Self::Block { .. }
            | Self::Unblock { .. }
            | Self::SetPermissions { .. }
            | Self::SetPolicy(_)
            | Self::ListUsers { .. }
            | Self::ShowUser { .. }
            | Self::RetrieveLog
            | Self::FollowLog
            | Self::ClearLog => None,
        }
    }
}

/// What the device answers to a user, and what it tells unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAnswer {
    /// The user is in.
    LoggedIn {
        /// What the user may do.
        permissions: Permissions,
    },
    /// What there is to know of the own session.
    Details(SessionDetails),
    /// It is done.
    Done,
    /// It is not.
    Refused(UserRefusal),
    /// What is known of an object.
    Object(ObjectFacts),
    /// Objects of a partition.
    Objects {
        /// They.
        objects: Vec<ObjectFacts>,
        /// Whether there are more after the last.
        more: bool,
    },
    /// Users, in the order of their names; the one that was asked for.
    Users {
        /// They.
        users: Vec<UserFacts>,
        /// Whether there are more after the last.
        more: bool,
    },
    /// Who is trusted in the own partition, and with what.
    Trusted(Vec<(UserName, Permissions)>),
    /// A line of the log, to a follower.
    LogLine(String),
    /// The session is over: the service has stopped.
    LoggedOut,
}

/// What a user may know of the own session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDetails {
    /// Who.
    pub name: UserName,
    /// What the user may do at this moment.
    pub permissions: Permissions,
    /// From where the login came.
    pub peer: IpAddr,
    /// When, by the device's calendar.
    pub since: WallClock,
    /// When the session ends if nothing more is asked, on the device's own time.
    pub idle_deadline: Instant,
}

/// Why a user's request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRefusal {
    /// No such user, or another password: nobody is told which.
    LoginFailed,
    /// Too many wrong passwords.
    Blocked,
    /// The HSM service is stopped.
    ServiceStopped,
    /// Nobody has logged in on this session, or somebody has already.
    WrongState,
    /// The user has not the permission.
    NotPermitted,
    /// [`USER_SESSIONS_MAX`], [`USERS_MAX`], [`FOLLOWERS_MAX`] or [`USER_ERRANDS_MAX`] is reached.
    LimitReached,
    /// There is no user with this name.
    UserNotFound,
    /// There is one already.
    UserExists,
    /// It is no name.
    InvalidName,
    /// It is too short or too long for a password.
    InvalidPassword,
    /// `master` cannot be removed.
    CannotRemoveMaster,
    /// There is no object with this name in this partition.
    ObjectNotFound,
    /// There is one already.
    ObjectExists,
    /// Somebody else's request about this object, or about its partition, is under way.
    ObjectBusy,
    /// The object is blocked.
    ObjectBlocked,
    /// The object does not open: what the store holds was changed.
    ObjectDamaged,
    /// Its cards have authorized the partition: no key comes or goes while they do.
    PartitionAuthorized,
    /// Attributes, permissions or a policy that cannot be.
    InvalidValue,
    /// The device is taking another node's database, or its crypto library could not do it.
    CannotNow,
}

impl UserRefusal {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::LoginFailed,
        Self::Blocked,
        Self::ServiceStopped,
        Self::WrongState,
        Self::NotPermitted,
        Self::LimitReached,
        Self::UserNotFound,
        Self::UserExists,
        Self::InvalidName,
        Self::InvalidPassword,
        Self::CannotRemoveMaster,
        Self::ObjectNotFound,
        Self::ObjectExists,
        Self::ObjectBusy,
        Self::ObjectBlocked,
        Self::ObjectDamaged,
        Self::PartitionAuthorized,
        Self::InvalidValue,
        Self::CannotNow,
    ];

    /// The name of the reason, and the vendor's number for the same idea where there is one (`dinamo.h`).
    pub const fn name_and_vendor_code(self) -> (&'static str, Option<u32>) {
        match self {
            Self::LoginFailed => ("login_failed", Some(5002)),
            Self::Blocked => ("user_blocked", Some(5120)),
            Self::ServiceStopped => ("service_not_started", Some(5702)),
            Self::WrongState => ("wrong_state", Some(5008)),
            Self::NotPermitted => ("not_permitted", Some(5002)),
            Self::LimitReached => ("limit_reached", Some(5304)),
            Self::UserNotFound => ("user_not_found", Some(5020)),
            Self::UserExists => ("user_exists", Some(5013)),
            Self::InvalidName => ("invalid_name", Some(5014)),
            Self::InvalidPassword => ("invalid_password", Some(5011)),
            Self::CannotRemoveMaster => ("cannot_remove_master", Some(5018)),
            Self::ObjectNotFound => ("object_not_found", None),
            Self::ObjectExists => ("object_exists", None),
            Self::ObjectBusy => ("object_busy", Some(5304)),
            Self::ObjectBlocked => ("object_blocked", None),
            Self::ObjectDamaged => ("object_damaged", None),
            Self::PartitionAuthorized => ("partition_authorized", Some(5008)),
            Self::InvalidValue => ("invalid_value", Some(5021)),
            Self::CannotNow => ("cannot_now", Some(5304)),
        }
    }
}

impl fmt::Display for UserRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name_and_vendor_code().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_16_letters_and_digits() {
        for name in ["a", "master", "A1", "1234567890123456"] {
            assert!(UserName::parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            "12345678901234567",
            "a_b",
            "a-b",
            "a b",
            "a|b",
            "ã",
            "a\n",
            "\u{202E}a",
        ] {
            assert!(UserName::parse(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_policy_stays_within_its_limits() {
        let policy = |login_tries, characters_min, characters_max| PasswordPolicy {
            login_tries,
            characters_min,
            characters_max,
        };
        assert!(policy(1, 1, 1).is_valid());
        assert!(policy(LOGIN_TRIES_MAX, 8, PASSWORD_CHARACTERS_MAX).is_valid());
        for wrong in [
            policy(0, 8, 16),
            policy(LOGIN_TRIES_MAX + 1, 8, 16),
            policy(7, 0, 16),
            policy(7, 17, 16),
            policy(7, 8, PASSWORD_CHARACTERS_MAX + 1),
        ] {
            assert!(!wrong.is_valid(), "{wrong:?}");
        }
    }

    #[test]
    fn an_operator_may_everything_and_nobody_else_more_than_the_bits_say() {
        let both = Permissions(Permissions::USER_CREATE.0 | Permissions::USER_REMOTE_LOG.0);
        assert!(both.include(Permissions::USER_REMOTE_LOG) && !both.include(Permissions::USER_LIST));
        assert!(Permissions::SYS_OPERATOR.include(both));
        assert!(!Permissions::NONE.include(Permissions::USER_LIST));
    }
}
