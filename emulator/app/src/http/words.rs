//! What a page says: a sentence for each refusal, a name for each permission. Knows no HTML.

use hsm_core::{Permissions, UserRefusal};
use hyper::StatusCode;

/// What a refusal is, for a person: the vendor's code, and a sentence that says what to do.
pub(crate) fn sentence(refusal: UserRefusal) -> String {
    let sentence = match refusal {
        UserRefusal::LoginFailed => "The user name or the password is wrong.",
        UserRefusal::Blocked => {
            "The user is blocked after too many wrong passwords. An operator can unblock it."
        }
        UserRefusal::ServiceStopped => "The HSM service is stopped. Start it and log in again.",
        UserRefusal::WrongState => {
            "The session is over, or another request of it is not finished. Log in again."
        }
        UserRefusal::NotPermitted => "You do not have the permission for this.",
        UserRefusal::LimitReached => "The device has reached a limit. Try again later.",
        UserRefusal::UserNotFound => "There is no user with this name.",
        UserRefusal::UserExists => "There is already a user with this name.",
        UserRefusal::InvalidName => "This is not a user name: use 1 to 16 letters and digits.",
        UserRefusal::InvalidPassword => "The new password is too short or too long.",
        UserRefusal::CannotRemoveMaster => "The user master cannot be removed.",
        UserRefusal::ObjectNotFound => "There is no object with this name in this partition.",
        UserRefusal::ObjectExists => "There is already an object with this name.",
        UserRefusal::ObjectBusy => {
            "Another request about this object or its partition is under way. Try again."
        }
        UserRefusal::ObjectBlocked => "The object is blocked. Release it first.",
        UserRefusal::ObjectDamaged => "The object does not open: what is kept of it was changed.",
        UserRefusal::PartitionAuthorized => {
            "The cards of the partition have authorized it. No key comes or goes until that is revoked."
        }
        UserRefusal::InvalidValue => "Attributes, permissions or a policy like these cannot be.",
        UserRefusal::CannotNow => "The device cannot do this now. Try again later.",
    };
    let (name, code) = refusal.name_and_vendor_code();
    match code {
        Some(code) => format!("Error {code} ({name}): {sentence}"),
        None => format!("Error ({name}): {sentence}"),
    }
}

/// The status of a page that tells a refusal.
pub(crate) const fn status(refusal: UserRefusal) -> StatusCode {
    match refusal {
        UserRefusal::LoginFailed
        | UserRefusal::Blocked
        | UserRefusal::NotPermitted
        | UserRefusal::CannotRemoveMaster => StatusCode::FORBIDDEN,
        UserRefusal::ServiceStopped | UserRefusal::LimitReached | UserRefusal::CannotNow => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        UserRefusal::WrongState
        | UserRefusal::UserExists
        | UserRefusal::ObjectExists
        | UserRefusal::ObjectBusy
        | UserRefusal::ObjectBlocked
        | UserRefusal::PartitionAuthorized => StatusCode::CONFLICT,
        UserRefusal::UserNotFound | UserRefusal::ObjectNotFound => StatusCode::NOT_FOUND,
        UserRefusal::InvalidName | UserRefusal::InvalidPassword | UserRefusal::InvalidValue => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        UserRefusal::ObjectDamaged => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A permission of the system: what it is, the name of its field in a form, and how a person calls it.
pub(crate) const PERMISSIONS: [(Permissions, &str, &str); 6] = [
    (Permissions::USER_CREATE, "user_create", "Create and remove users"),
    (
        Permissions::USER_REMOTE_LOG,
        "remote_log",
        "Read and clear the event log",
    ),
    (Permissions::USER_LIST, "user_list", "List users"),
    (Permissions::SYS_OPERATOR, "operator", "Operator: everything"),
    (Permissions::SYS_BACKUP, "backup", "Backup and restore"),
    (Permissions::SYS_UPDATE_HSM, "update", "Firmware update"),
];

/// The permissions of a user, for a person.
pub(crate) fn permission_names(permissions: Permissions) -> String {
    let names: Vec<_> = PERMISSIONS
        .iter()
        .filter(|(permission, ..)| permissions.0 & permission.0 != 0)
        .map(|(.., name)| *name)
        .collect();
    if names.is_empty() {
        "The own partition".into()
    } else {
        names.join(", ")
    }
}
