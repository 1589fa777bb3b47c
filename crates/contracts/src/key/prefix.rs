//! The prefixes under which objects are listed.

use std::fmt;

use super::{Area, NotificationState, RunKind};
use crate::{CustomerRef, Digest, RunId};

/// A prefix whose objects can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// All uploads.
    Incoming,
    /// All artifacts of all customers.
    Customers,
    /// All artifacts of a customer.
    Customer(CustomerRef),
    /// The contact-cap reservations of a customer.
    ContactReservations(CustomerRef),
    /// The runs that a caller started.
    Started(Digest, RunKind),
    /// The steps in a run, for one customer or for the run as a whole.
    Progress(RunId, Option<CustomerRef>),
    /// The outcomes of a run for the references that begin with one hex digit, given as 0 to 15.
    Ended(RunId, u8),
    /// The results in review, for one run or for all runs.
    Reviews(Option<RunId>),
    /// The customers with a suppression of their own, one object each: opt-outs, objections and erasures.
    Suppressions,
    /// The choices of a customer.
    Choices(CustomerRef),
    /// The choices of all customers.
    AllChoices,
    /// The answers to a run's recommendations, from one customer or from all.
    Answers(RunId, Option<CustomerRef>),
    /// The erasure records.
    Forgotten,
    /// The recalled files of a customer.
    Recalled(CustomerRef),
    /// The reactions of a customer.
    Reactions(CustomerRef),
    /// The notifications in one state, for one run or for all runs.
    Notifications(NotificationState, Option<RunId>),
    /// The schedules.
    Schedules,
    /// The bank's own backgrounds.
    Backgrounds,
    /// The entries of the transparency log.
    Log,
    /// All objects in an area.
    Area(Area),
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incoming => f.write_str("incoming/"),
            Self::Customers => f.write_str("customers/"),
            Self::Customer(reference) => write!(f, "customers/{reference}/"),
            Self::ContactReservations(reference) => write!(f, "contacts/{reference}/"),
            Self::Started(caller, kind) => write!(f, "runs/started/{caller}/{}/", kind.folder()),
            Self::Progress(run, Some(reference)) => write!(f, "customers/{reference}/{run}/progress/"),
            Self::Progress(run, None) => write!(f, "runs/{run}/progress/"),
            Self::Ended(run, digit) => write!(f, "runs/{run}/ended/{digit:x}/"),
            Self::Reviews(None) => f.write_str("control/reviews/"),
            Self::Reviews(Some(run)) => write!(f, "control/reviews/{run}/"),
            Self::Suppressions => f.write_str("control/suppressions/"),
            Self::Choices(reference) => write!(f, "control/choices/{reference}/"),
            Self::AllChoices => f.write_str("control/choices/"),
            Self::Answers(run, None) => write!(f, "control/answers/{run}/"),
            Self::Answers(run, Some(reference)) => write!(f, "control/answers/{run}/{reference}/"),
            Self::Forgotten => f.write_str("control/forgotten/"),
            Self::Recalled(reference) => write!(f, "recalled/{reference}/"),
            Self::Reactions(reference) => write!(f, "{}{reference}/", Area::Effect.as_str()),
            Self::Notifications(state, None) => write!(f, "notices/{}/", state.as_str()),
            Self::Notifications(state, Some(run)) => write!(f, "notices/{}/{run}/", state.as_str()),
            Self::Schedules => f.write_str("schedules/"),
            Self::Backgrounds => f.write_str("config/backgrounds/"),
            Self::Log => f.write_str("log/"),
            Self::Area(area) => f.write_str(area.as_str()),
        }
    }
}
