//! What the security log tells of.

use super::text_enum::text_enum;

text_enum! {
    /// What happened.
    pub enum SecurityEvent {
        /// Somebody logged in.
        Login = "LOGIN",
        /// Somebody was refused to log in.
        LoginRefused = "LOGIN_REFUSED",
        /// A person changed the own password, or set it by a token.
        PasswordSet = "PASSWORD_SET",
        /// Somebody made a token by which a person can set a password.
        PasswordReset = "PASSWORD_RESET",
        /// A user was created.
        UserCreated = "USER_CREATED",
        /// A user was changed, names or addresses.
        UserChanged = "USER_CHANGED",
        /// A user was blocked.
        UserBlocked = "USER_BLOCKED",
        /// A user was let in again.
        UserUnblocked = "USER_UNBLOCKED",
        /// A user was deleted.
        UserDeleted = "USER_DELETED",
        /// A user was given a role.
        RoleGranted = "ROLE_GRANTED",
        /// A role was taken from a user.
        RoleRevoked = "ROLE_REVOKED",
        /// A role was created, changed or deleted.
        RoleChanged = "ROLE_CHANGED",
        /// A token of a program was made.
        TokenCreated = "TOKEN_CREATED",
        /// A token of a program was revoked.
        TokenRevoked = "TOKEN_REVOKED",
    }
}
