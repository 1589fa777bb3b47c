//! The roles of the bank's staff.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// A role of the bank's staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = RoleName)]
pub enum Role {
    /// Starts recommendations for one customer at a time.
    Banker,
    /// Uploads batches and starts campaigns.
    CampaignManager,
    /// Approves and rejects results in review.
    Reviewer,
    /// Recalls results, erases customers, and records opt-outs, consent and legal holds.
    Compliance,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Banker, Self::CampaignManager, Self::Reviewer, Self::Compliance];

    /// Returns the name, such as `campaign-manager`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Banker => "banker",
            Self::CampaignManager => "campaign-manager",
            Self::Reviewer => "reviewer",
            Self::Compliance => "compliance",
        }
    }

    /// Returns the name of the user pool group whose members have the role.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Banker => "bankers",
            Self::CampaignManager => "campaign-managers",
            Self::Reviewer => "reviewers",
            Self::Compliance => "compliance",
        }
    }

    /// Returns the role of a group's members.
    #[must_use]
    pub fn of_group(group: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.group() == group)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signed-in person, as the backend authenticated them.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The subject: an identifier that never changes and belongs to one person.
    pub subject: String,
    /// The name that records show, at most 80 characters long.
    pub name: String,
    /// The roles.
    pub roles: BTreeSet<Role>,
}
