//! The user of this process, as the operating system knows them.

use contracts::ErrorName;

use crate::failure::Failure;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsUser {
    /// The name, such as `alice`.
    pub name: String,
}

impl OsUser {
    /// Returns the user who runs this process. On Unix, reads the system's list of users, because anyone can set the
    /// `USER` variable.
    pub fn current() -> Result<Self, Failure> {
        let unknown = |reason: String| {
            let message = format!("cannot determine the user of this process: {reason}");
            Failure::new(ErrorName::InputInvalidRequest, message, "run the command as a user with an account")
        };
        let name = name().map_err(unknown)?;
        Ok(Self { name })
    }

    /// Returns the subject that represents this user in keyed digests.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("os-user:{}", self.name)
    }

    /// Returns the name for the record: this user, and the person on whose behalf they act.
    #[must_use]
    pub fn on_behalf_of(&self, person: Option<&str>) -> String {
        match person.filter(|person| *person != self.name) {
            Some(person) => format!("{} on behalf of {person}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Returns the effective user id of this process.
#[cfg(unix)]
#[must_use]
pub fn id() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[cfg(unix)]
fn name() -> Result<String, String> {
    let id = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(id) {
        Ok(Some(user)) => Ok(user.name),
        Ok(None) => Ok(format!("uid {id}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads the variable that Windows sets at sign-in. A user can change it, so names are not authenticated there.
#[cfg(not(unix))]
fn name() -> Result<String, String> {
    std::env::var("USERNAME").map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_names_user_and_principal() {
        let alice = OsUser { name: "alice".to_owned() };
        assert_eq!(alice.on_behalf_of(None), "alice");
        assert_eq!(alice.on_behalf_of(Some("alice")), "alice");
        assert_eq!(alice.on_behalf_of(Some("Head of Compliance")), "alice on behalf of Head of Compliance");
    }
}
