//! The gate for every call that sends a customer's data out of the process: to a model, a voice service or the bank's
//! own system.
//!
//! A client for such a call requires a [`Permit`], and only [`Gate::permit`] creates one. The gate reads `control/` for
//! each permit, so a withdrawal takes effect with the next call, whether that call is a first attempt, a repair or a
//! retry. A call that has already passed the gate cannot be stopped.

use async_trait::async_trait;
use contracts::facts::Skip;
use contracts::speech::{SpeechError, SpeechMark};
use contracts::{CustomerRef, ErrorName, NamedError, ObjectKey};
use jiff::Timestamp;
use storage::vault::Vault;
use thiserror::Error;

use crate::control::{self, ControlError};

/// The permission for one outgoing call. It cannot be copied, and the call consumes it.
#[derive(Debug)]
#[must_use = "a permit is for one call"]
pub struct Permit(());

/// The reason why a call is not permitted.
#[derive(Debug, Error)]
pub enum Withheld {
    /// A suppression, an erasure, or the customer's newest answers or choices forbid it.
    #[error("customer {reference}: no more data may be sent: {}", skip.because())]
    Withdrawn {
        /// The customer.
        reference: CustomerRef,
        /// The reason.
        skip: Skip,
    },
    /// The control data could not be read, so it is unknown whether the call is permitted.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl NamedError for Withheld {
    fn name(&self) -> ErrorName {
        match self {
            Self::Withdrawn { .. } => ErrorName::ConsentWithdrawn,
            Self::Control(error) => error.name(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Withdrawn { .. } => None,
            Self::Control(error) => error.help(),
        }
    }
}

/// The gate for one customer's data.
#[derive(Clone)]
pub struct Gate {
    /// `None` if the data does not concern a customer.
    subject: Option<Subject>,
}

#[derive(Clone)]
struct Subject {
    vault: Vault,
    reference: CustomerRef,
    from_posts: bool,
}

impl Gate {
    /// Creates the gate for data about a customer. `from_posts` says whether posts contributed to the data.
    #[must_use]
    pub fn new(vault: &Vault, reference: &CustomerRef, from_posts: bool) -> Self {
        Self { subject: Some(Subject { vault: vault.clone(), reference: reference.clone(), from_posts }) }
    }

    /// Creates the gate for data that does not concern a customer, such as text that an operator wants to hear.
    #[must_use]
    pub const fn without_customer() -> Self {
        Self { subject: None }
    }

    /// Reads the control data and permits one call, unless the customer has withdrawn consent or has been erased.
    pub async fn permit(&self) -> Result<Permit, Withheld> {
        let Some(Subject { vault, reference, from_posts }) = &self.subject else { return Ok(Permit(())) };
        let store = vault.store();
        let withdrawn = |skip| Withheld::Withdrawn { reference: reference.clone(), skip };
        let forgotten = store.find(&ObjectKey::Forgotten(reference.clone())).await.map_err(ControlError::from)?;
        if forgotten.is_some() {
            return Err(withdrawn(Skip::Suppressed));
        }
        match control::read(vault, reference, Timestamp::now()).await?.forbids(*from_posts) {
            Some(skip) => Err(withdrawn(skip)),
            None => Ok(Permit(())),
        }
    }
}

/// The interface to a service that speaks SSML documents (W3C Speech Synthesis Markup Language 1.1). On AWS, its
/// adapter calls Amazon Polly. Each method call makes one request to the service, without retries.
#[async_trait]
pub trait SpeechService: Send + Sync {
    /// Returns the service's name and address, for the evidence.
    fn service(&self) -> String;

    /// Returns the audio for a document: mono, 16 bit, little-endian, [`contracts::speech::SAMPLE_RATE`].
    async fn sound(&self, permit: Permit, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError>;

    /// Returns the time of each word and each `mark` element in a document, in order.
    async fn marks(&self, permit: Permit, ssml: &str, voice: &str) -> Result<Vec<SpeechMark>, SpeechError>;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::CustomerId;
    use contracts::consent::Refusal;
    use storage::store::{MemoryStore, ObjectStore as _};
    use storage::vault::Keys;

    use super::*;

    struct Customer {
        store: Arc<MemoryStore>,
        vault: Vault,
        reference: CustomerRef,
    }

    impl Customer {
        fn new() -> Self {
            let store = Arc::new(MemoryStore::default());
            let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
            let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
            Self { store, vault, reference }
        }

        async fn write(&self, key: ObjectKey, content: String) {
            self.store.put(&key, content.into()).await.unwrap();
        }

        /// Returns the reason why a call is withheld, or `None` if it is permitted.
        async fn withheld(&self, from_posts: bool) -> Option<Skip> {
            match Gate::new(&self.vault, &self.reference, from_posts).permit().await {
                Ok(_) => None,
                Err(Withheld::Withdrawn { skip, .. }) => Some(skip),
                Err(Withheld::Control(error)) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn every_kind_of_withdrawal_closes_the_gate() {
        let customer = Customer::new();
        assert_eq!(customer.withheld(true).await, None);
        let columns = "reference,consent,consent_social_media,as_of";
        customer.write(ObjectKey::Consents, format!("{columns}\n{},yes,no,2026-11-01", customer.reference)).await;
        assert_eq!(customer.withheld(false).await, None, "the refusal concerns posts only");
        assert_eq!(customer.withheld(true).await, Some(Skip::PostsWithdrawn(Refusal::SaidNo)));
        customer.write(ObjectKey::Consents, format!("{columns}\n{},no,no,2026-11-01", customer.reference)).await;
        assert_eq!(customer.withheld(false).await, Some(Skip::NoConsent(Refusal::SaidNo)));

        for key in [ObjectKey::Suppression, ObjectKey::Forgotten] {
            let customer = Customer::new();
            customer.write(key(customer.reference.clone()), "{}".to_owned()).await;
            assert_eq!(customer.withheld(false).await, Some(Skip::Suppressed));
        }
    }

    #[tokio::test]
    async fn unreadable_list_closes_the_gate() {
        let customer = Customer::new();
        customer.write(ObjectKey::Suppressions, "id\n1\n".to_owned()).await;
        let error = Gate::new(&customer.vault, &customer.reference, false).permit().await.unwrap_err();
        assert_eq!(error.name(), ErrorName::ConfigInvalid);
    }
}
