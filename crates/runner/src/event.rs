//! The events that a run sends while it is in progress.

use contracts::evidence::Outcome;
use contracts::stage::Stage;
use contracts::{CustomerRef, ErrorName};

/// An event in a run. If the customer is `None`, the stage concerns the run as a whole.
#[derive(Clone, Debug)]
pub enum RunnerEvent {
    /// The dataset is ready and the run has this many customers.
    Customers(usize),
    /// A stage started.
    Started(Option<CustomerRef>, Stage),
    /// A stage succeeded after this many seconds.
    Done(Option<CustomerRef>, Stage, f64),
    /// A stage failed and will not be retried.
    Failed(Option<CustomerRef>, Stage, ErrorName),
    /// The fraction of the video that has been rendered, 0 to 1.
    Rendering(CustomerRef, f64),
    /// A stage failed and will be retried.
    Retrying(Option<CustomerRef>, Stage, ErrorName),
    /// Processing a customer cost this many US dollars.
    Spent(f64),
    /// A customer got this outcome.
    Ended(CustomerRef, Outcome),
}
