//! Tests of the vault: which keys open which objects.

use std::collections::BTreeMap;

use super::*;
use crate::store::MemoryStore;
use contracts::RunId;
use contracts::key::Artefact;

fn vault(store: &Arc<MemoryStore>, data: u8) -> Vault {
    Vault::new(store.clone(), Keys::new([data; 32], [9; 32]))
}

fn facts_key(reference: &CustomerRef) -> ObjectKey {
    ObjectKey::Customer(reference.clone(), RunId::parse("r1").unwrap(), Artefact::Facts)
}

fn customer(vault: &Vault) -> CustomerRef {
    vault.keys().reference(&CustomerId::parse("0001").unwrap())
}

#[tokio::test]
async fn sealed_object_opens_and_is_unreadable_at_rest() {
    let store = Arc::new(MemoryStore::default());
    let vault = vault(&store, 1);
    let customer = customer(&vault);
    let key = facts_key(&customer);
    let inputs = Digest::of(b"inputs");
    vault.write_json(Owner::Customer(&customer), &key, &inputs, "José".to_owned()).await.unwrap();
    let (value, _): (String, _) = vault.read_json(Owner::Customer(&customer), &key).await.unwrap();
    assert_eq!(value, "José");
    for bytes in store.objects().values() {
        assert!(!bytes.windows(3).any(|window| window == b"Jos"));
    }
}

#[tokio::test]
async fn second_writer_gets_first_result() {
    let store = Arc::new(MemoryStore::default());
    let vault = vault(&store, 1);
    let customer = customer(&vault);
    let key = facts_key(&customer);
    let inputs = Digest::of(b"inputs");
    vault.write_json(Owner::Customer(&customer), &key, &inputs, 1).await.unwrap();
    assert_eq!(vault.write_json(Owner::Customer(&customer), &key, &inputs, 2).await.unwrap(), 1);
    assert_eq!(vault.find_json::<i32>(Owner::Customer(&customer), &key, &inputs).await.unwrap(), Some(1));
}

#[tokio::test]
async fn result_from_other_inputs_is_a_conflict() {
    let store = Arc::new(MemoryStore::default());
    let vault = vault(&store, 1);
    let customer = customer(&vault);
    let key = facts_key(&customer);
    vault.write_json(Owner::Customer(&customer), &key, &Digest::of(b"a"), 1).await.unwrap();
    let error = vault.write_json(Owner::Customer(&customer), &key, &Digest::of(b"b"), 2).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::StoreConflict);
}

#[tokio::test]
async fn changed_or_moved_object_cannot_be_opened() {
    let store = Arc::new(MemoryStore::default());
    let first = vault(&store, 1);
    let customer = customer(&first);
    let key = facts_key(&customer);
    let inputs = Digest::of(b"inputs");
    first.write_json(Owner::Customer(&customer), &key, &inputs, 1).await.unwrap();

    let sealed = store.objects()[&key.to_string()].to_vec();
    let owner = Owner::Customer(&customer);
    assert!(first.open(owner, "elsewhere", &sealed).await.is_err());
    for at in [4, 40, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(first.open(owner, &key.to_string(), &changed).await.is_err(), "byte {at}");
    }
    let second = vault(&store, 2);
    assert!(second.read(owner, &key).await.is_err());
}

#[test]
fn authenticated_record_cannot_be_changed_moved_or_forged() {
    let store = Arc::new(MemoryStore::default());
    let vault = vault(&store, 1);
    let key = facts_key(&customer(&vault));
    let value = BTreeMap::from([("seconds".to_owned(), 0.1 + 0.2)]);
    let bytes = vault.authenticate(&key, &value);
    let open = |key: &ObjectKey, bytes: &[u8]| vault.open_authenticated::<serde_json::Value>(key, bytes);
    assert_eq!(open(&key, &bytes).unwrap()["seconds"], 0.1 + 0.2);
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        assert_eq!(open(&key, &changed).unwrap_err().name(), ErrorName::SealBroken, "byte {at}");
    }
    let other = vault.keys().reference(&CustomerId::parse("0002").unwrap());
    assert!(open(&facts_key(&other), &bytes).is_err(), "moved");
    assert!(open(&key, b"{\"seconds\":1}").is_err(), "without a code");
    let with_other_keys = Vault::new(store.clone(), Keys::new([1; 32], [8; 32]));
    assert!(with_other_keys.open_authenticated::<serde_json::Value>(&key, &bytes).is_err(), "other keys");
}

#[tokio::test]
async fn destroyed_key_makes_objects_unreadable() {
    let store = Arc::new(MemoryStore::default());
    let customer = customer(&vault(&store, 1));
    let key = facts_key(&customer);
    let inputs = Digest::of(b"inputs");
    vault(&store, 1).write_json(Owner::Customer(&customer), &key, &inputs, 1).await.unwrap();
    store.delete(&ObjectKey::CustomerKey(customer.clone())).await.unwrap();
    let error = vault(&store, 1).read(Owner::Customer(&customer), &key).await.unwrap_err();
    assert!(error.to_string().contains("was erased"), "{error}");
}

#[tokio::test]
async fn process_without_data_key_neither_seals_nor_opens() {
    let store = Arc::new(MemoryStore::default());
    let full = vault(&store, 1);
    let customer = customer(&full);
    let key = facts_key(&customer);
    full.write_json(Owner::Customer(&customer), &key, &Digest::of(b"inputs"), 1).await.unwrap();
    let without = Vault::new(store.clone(), Keys { data: None, ..Keys::new([1; 32], [9; 32]) });
    assert_eq!(without.keys().reference(&CustomerId::parse("0001").unwrap()), customer);
    let opened = without.read(Owner::Customer(&customer), &key).await.unwrap_err();
    let sealed = without.seal(Owner::Run, "a place", &Digest::of(b"inputs"), b"plain").await.unwrap_err();
    assert_eq!((opened.name(), sealed.name()), (ErrorName::SecretMissing, ErrorName::SecretMissing));
}

#[tokio::test]
async fn rotated_data_key_opens_everything_and_the_old_one_nothing() {
    let store = Arc::new(MemoryStore::default());
    let before = vault(&store, 1);
    let customer = customer(&before);
    let facts = facts_key(&customer);
    let request = ObjectKey::Run(RunId::parse("r1").unwrap(), contracts::key::RunPart::Request);
    let inputs = Digest::of(b"inputs");
    before.write_json(Owner::Customer(&customer), &facts, &inputs, 1).await.unwrap();
    before.write_json(Owner::Run, &request, &inputs, 2).await.unwrap();
    let id = before.keys().id();

    let keys = || Keys { previous: Some(Zeroizing::new([1; 32])), ..Keys::new([3; 32], [9; 32]) };
    let during = Vault::new(store.clone(), keys());
    assert_eq!(during.read_json::<i32>(Owner::Customer(&customer), &facts).await.unwrap().0, 1);
    assert_eq!(during.read_json::<i32>(Owner::Run, &request).await.unwrap().0, 2);
    for (key, object) in store.objects() {
        let resealed = keys().reseal(&key, &object);
        assert_eq!(resealed.is_some(), key != facts.to_string(), "{key}: customers' keys seal the rest");
        if let Some(resealed) = resealed {
            store.replace(&key, resealed.into());
        }
    }
    let after = Vault::new(store.clone(), Keys::new([3; 32], [9; 32]));
    assert_eq!(after.keys().id(), id, "no result depends on the data key");
    assert_eq!(after.read_json::<i32>(Owner::Customer(&customer), &facts).await.unwrap().0, 1);
    assert_eq!(after.find_json::<i32>(Owner::Run, &request, &inputs).await.unwrap(), Some(2), "inputs stay");
    assert!(vault(&store, 1).read(Owner::Customer(&customer), &facts).await.is_err());
    assert!(vault(&store, 1).read(Owner::Run, &request).await.is_err());
}

#[tokio::test]
async fn cached_key_of_an_erased_customer_opens_nothing() {
    let store = Arc::new(MemoryStore::default());
    let warm = vault(&store, 1);
    let customer = customer(&warm);
    let key = facts_key(&customer);
    let inputs = Digest::of(b"inputs");
    warm.write_json(Owner::Customer(&customer), &key, &inputs, 1).await.unwrap();
    // Another process erases the customer while this one has the key in memory.
    store.put(&ObjectKey::Forgotten(customer.clone()), "{}".into()).await.unwrap();
    vault(&store, 1).destroy_customer_key(&customer).await.unwrap();
    let opened = warm.read_json::<i32>(Owner::Customer(&customer), &key).await;
    assert!(opened.unwrap_err().to_string().contains("was erased"));
    let sealed = warm.seal(Owner::Customer(&customer), "a place", &inputs, b"plain").await;
    assert!(sealed.unwrap_err().to_string().contains("was erased"));
}

#[tokio::test]
async fn concurrent_erasure_leaves_no_key() {
    let store = Arc::new(MemoryStore::default());
    let vault = vault(&store, 1);
    let customer = customer(&vault);
    let key = ObjectKey::CustomerKey(customer.clone());
    let record = ObjectKey::Forgotten(customer.clone());
    store.put_before(&key, &record, "{}".into());
    let sealed = vault.seal(Owner::Customer(&customer), "a place", &Digest::of(b"inputs"), b"plain").await;
    assert!(sealed.unwrap_err().to_string().contains("was erased"));
    assert_eq!(store.objects().into_keys().collect::<Vec<_>>(), [record.to_string()]);

    store.delete(&record).await.unwrap();
    store.put_before(&key, &record, "{}".into());
    let other = vault.keys().reference(&CustomerId::parse("0002").unwrap());
    let forgotten = vault.make_customer_keys(&[customer.clone(), other.clone()]).await.unwrap();
    assert_eq!(forgotten, BTreeSet::from([customer]));
    let left = [record.to_string(), ObjectKey::CustomerKey(other).to_string()];
    assert_eq!(store.objects().into_keys().collect::<Vec<_>>(), left);
}

#[test]
fn reference_depends_on_key_and_hides_id() {
    let id = CustomerId::parse("0042").unwrap();
    let a = Keys::new([1; 32], [1; 32]).reference(&id);
    let b = Keys::new([1; 32], [2; 32]).reference(&id);
    assert_ne!(a, b);
    assert!(!a.as_str().contains("0042"));
}
