//! The test suite that every store adapter must pass. Each adapter's tests run it against the real service.

use bytes::Bytes;
use futures::future::join_all;

use crate::store::{ObjectStore, PutOutcome, ReplaceOutcome, StoreError};
use crate::vault::Keys;
use contracts::key::{Artefact, Prefix, RunPart};
use contracts::progress::{StepKind, StepName};
use contracts::stage::Stage;
use contracts::{CustomerId, ObjectKey, RunId};

fn key(name: &str) -> ObjectKey {
    ObjectKey::Run(RunId::parse(format!("suite-{name}")).expect("a name"), RunPart::ManifestJson)
}

/// Runs every check on a store that has no objects under `runs/suite-…`.
///
/// # Panics
/// If the store violates the contract of [`ObjectStore`].
pub async fn run(store: &dyn ObjectStore) {
    missing_object_is_not_found(store).await;
    put_creates_and_replaces(store).await;
    content_survives_round_trip(store).await;
    put_new_writes_once(store).await;
    one_of_racing_writers_wins(store).await;
    replacement_requires_the_expected_bytes(store).await;
    bulk_write_fills_unused_keys(store).await;
    range_is_a_slice(store).await;
    delete_can_be_repeated(store).await;
    erase_can_be_repeated(store).await;
    list_returns_keys_with_prefix(store).await;
}

/// A replacement succeeds only while the object holds the expected bytes.
async fn replacement_requires_the_expected_bytes(store: &dyn ObjectStore) {
    let key = key("replaced");
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    let replace = async |old, new| store.replace(&key, old, new).await.expect("replace");
    assert_eq!(replace(&first, second.clone()).await, ReplaceOutcome::Changed, "there is no object");
    store.put(&key, first.clone()).await.expect("put");
    assert_eq!(replace(&second, second.clone()).await, ReplaceOutcome::Changed);
    assert_eq!(store.get(&key).await.expect("get"), first);
    assert_eq!(replace(&first, second.clone()).await, ReplaceOutcome::Replaced);
    assert_eq!(replace(&first, first.clone()).await, ReplaceOutcome::Changed);
    assert_eq!(store.get(&key).await.expect("get"), second);
}

/// A bulk write creates only the objects whose keys are unused.
async fn bulk_write_fills_unused_keys(store: &dyn ObjectStore) {
    let keys: Vec<ObjectKey> = (0..40).map(|number| key(&format!("many-{number}"))).collect();
    store.put(&keys[7], "first".into()).await.expect("put");
    let objects = || keys.iter().map(|key| (key.clone(), Bytes::from_static(b"many"))).collect();
    let mut expected = vec![PutOutcome::Created; keys.len()];
    expected[7] = PutOutcome::AlreadyExists;
    assert_eq!(store.put_all_new(objects()).await.expect("put"), expected);
    assert_eq!(store.get(&keys[7]).await.expect("get"), "first");
    assert_eq!(store.get(&keys[39]).await.expect("get"), "many");
    assert_eq!(store.put_all_new(objects()).await.expect("put"), vec![PutOutcome::AlreadyExists; keys.len()]);
}

/// Reading a missing object fails with [`StoreError::NotFound`], which names its key. `find` returns `None`.
async fn missing_object_is_not_found(store: &dyn ObjectStore) {
    let key = key("missing");
    for result in [store.get(&key).await, store.get_range(&key, 0, 4).await] {
        match result.expect_err("there is no object") {
            StoreError::NotFound { key: named } => assert_eq!(named, key.to_string()),
            error @ StoreError::Unavailable { .. } => panic!("missing was reported as {error}"),
        }
    }
    assert_eq!(store.find(&key).await.expect("find"), None);
}

/// `put` creates and replaces objects.
async fn put_creates_and_replaces(store: &dyn ObjectStore) {
    let key = key("put");
    for content in ["first", "second, longer", ""] {
        store.put(&key, content.into()).await.expect("put");
        assert_eq!(store.get(&key).await.expect("get"), content);
        assert_eq!(store.find(&key).await.expect("find").expect("the object"), content);
    }
}

/// Every byte value, an object of several MB, and the longest keys in use survive a round trip.
async fn content_survives_round_trip(store: &dyn ObjectStore) {
    let every_value: Bytes = (0..=u8::MAX).collect();
    let large: Bytes = every_value.iter().copied().cycle().take(6_000_000).collect();
    let customer = Keys::new([0; 32], [0; 32]).reference(&CustomerId::parse("suite").expect("an id"));
    let run = RunId::parse("r".repeat(80)).expect("a name");
    let deep = ObjectKey::Customer(customer, run, Artefact::Video);
    for (key, content) in [(key("values"), every_value), (key("large"), large.clone()), (deep.clone(), large)] {
        store.put(&key, content.clone()).await.expect("put");
        assert!(store.get(&key).await.expect("get") == content, "{key} came back changed");
    }
    store.delete(&deep).await.expect("delete");
}

/// `put_new` writes once. The first content remains. A second `put_new` changes nothing, even with the same content.
async fn put_new_writes_once(store: &dyn ObjectStore) {
    let key = key("once");
    assert_eq!(store.put_new(&key, "first".into()).await.expect("put_new"), PutOutcome::Created);
    for content in ["second", "first"] {
        assert_eq!(store.put_new(&key, content.into()).await.expect("put_new"), PutOutcome::AlreadyExists);
    }
    assert_eq!(store.get(&key).await.expect("get"), "first");
}

/// Of sixteen concurrent writers, exactly one creates the object, and its content remains.
async fn one_of_racing_writers_wins(store: &dyn ObjectStore) {
    for round in 0..4 {
        let key = key(&format!("race-{round}"));
        let content = |writer: usize| Bytes::from(format!("writer {writer} ").repeat(2_000));
        let results = join_all((0..16).map(|writer| store.put_new(&key, content(writer)))).await;
        let results: Vec<PutOutcome> = results.into_iter().map(|result| result.expect("put_new")).collect();
        let winners: Vec<usize> = (0..16).filter(|writer| results[*writer] == PutOutcome::Created).collect();
        assert_eq!(winners.len(), 1, "winners of round {round}: {winners:?}");
        assert!(store.get(&key).await.expect("get") == content(winners[0]), "the winner's content stays");
    }
}

/// A range is a slice of the object. Beyond the end, it is empty.
async fn range_is_a_slice(store: &dyn ObjectStore) {
    let key = key("range");
    store.put(&key, "0123456789".into()).await.expect("put");
    for (offset, length, expected) in [(0, 4, "0123"), (3, 4, "3456"), (8, 9, "89"), (4, 0, ""), (10, 1, "")] {
        let cut = store.get_range(&key, offset, length).await.expect("get_range");
        assert_eq!(cut, expected, "{length} bytes from {offset}");
    }
}

/// `delete` can be repeated. Afterwards, `put_new` can write the object again.
async fn delete_can_be_repeated(store: &dyn ObjectStore) {
    let key = key("delete");
    store.put_new(&key, "first".into()).await.expect("put_new");
    for _ in 0..2 {
        store.delete(&key).await.expect("delete");
        assert_eq!(store.find(&key).await.expect("find"), None);
    }
    assert_eq!(store.put_new(&key, "again".into()).await.expect("put_new"), PutOutcome::Created);
}

/// `erase` deletes a listed object, and can be repeated.
async fn erase_can_be_repeated(store: &dyn ObjectStore) {
    let run = RunId::parse("suite-erase").expect("a name");
    let at = jiff::Timestamp::from_second(1).expect("a time");
    let step = StepName { at, stage: Stage::Merge, kind: StepKind::Started };
    let key = ObjectKey::Progress(run.clone(), None, step);
    let prefix = Prefix::Progress(run, None);
    store.put(&key, "{}".into()).await.expect("put");
    let listed = store.list(&prefix).await.expect("list");
    assert_eq!(listed.len(), 1);
    for _ in 0..2 {
        store.erase(&listed[0].key).await.expect("erase");
        assert_eq!(store.find(&key).await.expect("find"), None);
    }
}

/// `list` returns the sorted keys under a prefix, even if there are more than 1,000, the size of an S3 page. It omits
/// keys that merely start with the same text.
async fn list_returns_keys_with_prefix(store: &dyn ObjectStore) {
    let run = |name: &str| RunId::parse(name).expect("a name");
    let step = |run: &RunId, second| {
        let at = jiff::Timestamp::from_second(second).expect("a time");
        ObjectKey::Progress(run.clone(), None, StepName { at, stage: Stage::Merge, kind: StepKind::Started })
    };
    let here = run("suite-list");
    let beside = run("suite-list-2");
    let prefix = Prefix::Progress(here.clone(), None);
    assert_eq!(store.list(&prefix).await.expect("an empty list"), Vec::new());
    store.put(&step(&beside, 1), "{}".into()).await.expect("put");
    let keys: Vec<ObjectKey> = (0..1_005).map(|second| step(&here, second)).collect();
    for some in keys.chunks(64) {
        let puts = join_all(some.iter().rev().map(|key| store.put(key, "{}".into()))).await;
        puts.into_iter().collect::<Result<Vec<_>, _>>().expect("put");
    }
    let listed: Vec<String> = store.list(&prefix).await.expect("list").into_iter().map(|listed| listed.key).collect();
    let expected: Vec<String> = keys.iter().map(ToString::to_string).collect();
    assert!(listed == expected, "{} keys listed, the first {:?}", listed.len(), listed.first());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn memory_store_passes_the_suite() {
        run(&MemoryStore::default()).await;
    }
}
