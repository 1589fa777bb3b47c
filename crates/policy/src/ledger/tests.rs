use std::sync::Arc;

use contracts::choice::Choice;
use futures::future::join_all;
use storage::store::MemoryStore;
use storage::vault::Keys;

use super::*;
use crate::control;
use crate::disclosure::{Gate, Withheld};

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    customer: CustomerRef,
}

impl Bank {
    /// Returns a bank whose transparency log has begun.
    async fn new() -> Self {
        let bank = Self::empty();
        begin(&bank.vault).await.unwrap();
        bank.begin_log().await;
        bank
    }

    fn empty() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        Self { store, vault, customer: reference('a') }
    }

    async fn begin_log(&self) {
        self.store.put(&ObjectKey::LogEntry(0), "{}".into()).await.unwrap();
    }

    fn suppression(&self) -> ObjectKey {
        ObjectKey::Suppression(self.customer.clone())
    }

    fn choice(&self) -> ObjectKey {
        ObjectKey::Choice(self.customer.clone(), Choice::parse("source-posts").unwrap())
    }

    /// Records everything that a customer can withdraw.
    async fn withdraw(&self) {
        for key in [self.suppression(), self.choice(), ObjectKey::Forgotten(self.customer.clone())] {
            control::record(&self.vault, &self.customer, &key, "{}".into()).await.unwrap();
        }
    }

    /// Returns the answer of a new process at the gate: the error's name and the object that it names.
    async fn at_gate(&self) -> Result<(), (ErrorName, String)> {
        self.gate_of(&Vault::new(self.store.clone(), Keys::new([1; 32], [2; 32]))).await
    }

    async fn gate_of(&self, vault: &Vault) -> Result<(), (ErrorName, String)> {
        match Gate::new(vault, &self.customer, true).permit().await {
            Ok(_) => Ok(()),
            Err(error @ Withheld::Withdrawn { .. }) => Err((error.name(), String::new())),
            Err(error) => Err((error.name(), error.to_string().split(':').next().unwrap().to_owned())),
        }
    }
}

fn reference(digit: char) -> CustomerRef {
    CustomerRef::parse(digit.to_string().repeat(32)).unwrap()
}

fn incomplete(key: &ObjectKey) -> Result<(), (ErrorName, String)> {
    Err((ErrorName::ControlIncomplete, key.to_string()))
}

#[tokio::test]
async fn deleted_record_closes_the_gate() {
    for key in [Bank::suppression, Bank::choice] {
        let bank = Bank::new().await;
        assert_eq!(bank.at_gate().await, Ok(()));
        let key = key(&bank);
        control::record(&bank.vault, &bank.customer, &key, "{}".into()).await.unwrap();
        bank.store.delete(&key).await.unwrap();
        assert_eq!(bank.at_gate().await, incomplete(&key));
        let other = Bank { customer: reference('b'), store: bank.store.clone(), vault: bank.vault.clone() };
        assert_eq!(other.at_gate().await, Ok(()), "other customers are not affected");
    }
    let bank = Bank::new().await;
    bank.withdraw().await;
    bank.store.delete(&ObjectKey::Forgotten(bank.customer.clone())).await.unwrap();
    bank.store.delete(&bank.suppression()).await.unwrap();
    assert_eq!(bank.at_gate().await.unwrap_err().0, ErrorName::ControlIncomplete);
}

#[tokio::test]
async fn deleted_or_forged_ledger_closes_the_gate() {
    let bank = Bank::new().await;
    bank.withdraw().await;
    let part = ObjectKey::Ledger(LedgerPart::of(&bank.customer));
    let genuine = bank.store.get(&part).await.unwrap();
    for key in [bank.suppression(), bank.choice(), ObjectKey::Forgotten(bank.customer.clone())] {
        bank.store.delete(&key).await.unwrap();
    }
    bank.store.delete(&part).await.unwrap();
    assert_eq!(bank.at_gate().await, incomplete(&part));
    let emptied = serde_json::json!({ "mac": "0".repeat(64), "sequence": 9, "records": [], "lists": {} });
    bank.store.put(&part, emptied.to_string().into()).await.unwrap();
    assert_eq!(bank.at_gate().await, incomplete(&part));
    let other_part = ObjectKey::Ledger(LedgerPart::of(&reference('b')));
    bank.store.put(&part, bank.store.get(&other_part).await.unwrap()).await.unwrap();
    assert_eq!(bank.at_gate().await, incomplete(&part), "another part's state is not this part's");
    bank.store.put(&part, genuine).await.unwrap();
    assert_eq!(bank.at_gate().await.unwrap_err().0, ErrorName::ControlIncomplete);
}

#[tokio::test]
async fn rolled_back_ledger_is_found_by_the_process_and_by_the_signed_head() {
    let bank = Bank::new().await;
    let part = ObjectKey::Ledger(LedgerPart::of(&bank.customer));
    let before = bank.store.get(&part).await.unwrap();
    bank.withdraw().await;
    let signed = marks(&bank.vault).await.unwrap();
    for key in [bank.suppression(), bank.choice(), ObjectKey::Forgotten(bank.customer.clone())] {
        bank.store.delete(&key).await.unwrap();
    }
    bank.store.put(&part, before).await.unwrap();
    assert_eq!(bank.gate_of(&bank.vault).await, incomplete(&part));
    let fresh = Vault::new(bank.store.clone(), Keys::new([1; 32], [2; 32]));
    for with_keys in [true, false] {
        let audit = audit(&fresh, &signed, with_keys).await.unwrap();
        assert_eq!(audit.gaps.iter().map(|gap| &gap.object).collect::<Vec<_>>(), [&part.to_string()]);
    }
}

#[tokio::test]
async fn changed_or_deleted_list_closes_the_gate() {
    for list in [ObjectKey::Suppressions, ObjectKey::Consents] {
        let bank = Bank::new().await;
        let columns = if list == ObjectKey::Consents { ",consent,consent_social_media,as_of" } else { "" };
        let row = if list == ObjectKey::Consents { ",no,no,2026-11-01" } else { "" };
        let head = format!("reference{columns}\n");
        let withdrawn = format!("{head}{}{row}\n", bank.customer);
        write_list(&bank.vault, &list, withdrawn.clone().into()).await.unwrap();
        assert_eq!(bank.at_gate().await.unwrap_err().0, ErrorName::ConsentWithdrawn);
        bank.store.put(&list, head.clone().into()).await.unwrap();
        assert_eq!(bank.at_gate().await, incomplete(&list), "a line was deleted");
        bank.store.delete(&list).await.unwrap();
        assert_eq!(bank.at_gate().await, incomplete(&list), "the list was deleted");
        bank.store.put(&list, withdrawn.into()).await.unwrap();
        write_list(&bank.vault, &list, head.into()).await.unwrap();
        assert_eq!(bank.at_gate().await, Ok(()), "Bespoke removed the line");
    }
}

#[tokio::test]
async fn deleted_hold_stops_every_erasure() {
    let bank = Bank::new().await;
    let list = format!("reference,hold\n{},Case 7\n", bank.customer);
    write_list(&bank.vault, &ObjectKey::Holds, list.into()).await.unwrap();
    assert_eq!(control::holds(&bank.vault).await.unwrap().len(), 1);
    bank.store.delete(&ObjectKey::Holds).await.unwrap();
    assert_eq!(control::holds(&bank.vault).await.unwrap_err().name(), ErrorName::ControlIncomplete);
}

#[tokio::test]
async fn removal_through_the_ledger_opens_the_gate() {
    let bank = Bank::new().await;
    control::record(&bank.vault, &bank.customer, &bank.suppression(), "{}".into()).await.unwrap();
    remove(&bank.vault, &bank.customer, &[bank.suppression().to_string()]).await.unwrap();
    assert_eq!(bank.at_gate().await.unwrap_err().0, ErrorName::ConsentWithdrawn, "an unlisted record still restricts");
    bank.store.delete(&bank.suppression()).await.unwrap();
    assert_eq!(bank.at_gate().await, Ok(()));
}

#[tokio::test]
async fn concurrent_writers_lose_no_record() {
    let bank = Bank::new().await;
    let customers: Vec<CustomerRef> =
        (0..40).map(|number| CustomerRef::parse(format!("a{number:031x}")).unwrap()).collect();
    join_all(customers.iter().map(async |customer| {
        let vault = Vault::new(bank.store.clone(), Keys::new([1; 32], [2; 32]));
        let key = ObjectKey::Suppression(customer.clone());
        control::record(&vault, customer, &key, "{}".into()).await.unwrap();
    }))
    .await;
    let audit = audit(&bank.vault, &BTreeMap::new(), true).await.unwrap();
    assert_eq!((audit.covered, audit.gaps, audit.uncovered), (40, Vec::new(), Vec::new()));
}

#[tokio::test]
async fn store_of_an_earlier_version_is_refused_until_it_is_accepted() {
    let bank = Bank::empty();
    bank.store.put(&bank.suppression(), "{}".into()).await.unwrap();
    bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    bank.begin_log().await;
    begin(&bank.vault).await.unwrap();
    let part = ObjectKey::Ledger(LedgerPart::of(&bank.customer));
    assert_eq!(bank.at_gate().await, incomplete(&part), "a log without a ledger is not a new store");
    accept(&bank.vault, "2026-11-24T12:00:00Z".parse().unwrap()).await.unwrap();
    let found = audit(&bank.vault, &BTreeMap::new(), true).await.unwrap();
    assert_eq!((found.covered, found.gaps, found.uncovered), (2, Vec::new(), Vec::new()));
    assert_eq!(bank.at_gate().await.unwrap_err().0, ErrorName::ConsentWithdrawn);
}

#[tokio::test]
async fn accepted_state_follows_every_earlier_one() {
    let bank = Bank::new().await;
    bank.withdraw().await;
    let signed = marks(&bank.vault).await.unwrap();
    bank.store.delete(&ObjectKey::Ledger(LedgerPart::of(&bank.customer))).await.unwrap();
    accept(&bank.vault, "2026-11-24T12:00:00Z".parse().unwrap()).await.unwrap();
    accept(&bank.vault, "2026-11-24T12:00:00Z".parse().unwrap()).await.unwrap();
    check_order(&signed, &marks(&bank.vault).await.unwrap()).unwrap();
}

#[tokio::test]
async fn store_without_a_log_needs_no_ledger() {
    let bank = Bank::empty();
    assert_eq!(bank.at_gate().await, Ok(()));
    bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    assert_eq!(bank.at_gate().await, Ok(()), "a list that the bank maintains itself");
    let audit = audit(&bank.vault, &BTreeMap::new(), true).await.unwrap();
    assert_eq!((audit.gaps, audit.uncovered), (Vec::new(), vec![ObjectKey::Suppressions.to_string()]));
}
