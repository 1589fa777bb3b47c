//! Tests that scenes are made once, that shared scenes contain no personal data, and that joins are seamless.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use contracts::catalogue::{Catalogue, Product};
use contracts::key::{Area, Artefact, Prefix};
use contracts::media::{RenderRecord, SceneUse, Shape};
use contracts::narration::Sharing;
use contracts::settings::VideoSettings;
use contracts::{CustomerId, Digest, ObjectKey};
use render::preview::{Preview, SampleCustomer, sample_narration, sample_script};
use storage::store::ObjectStore as _;

use crate::common::{assets, brand};
use crate::render::{Bench, ffmpeg_with_fault};

fn catalogue() -> Catalogue {
    Catalogue::from_json(&std::fs::read(assets().join("../data/catalogue.json")).unwrap()).unwrap()
}

fn customer(first_name: &str) -> SampleCustomer {
    SampleCustomer { first_name: first_name.to_owned(), ..SampleCustomer::default() }
}

/// Gives the customer a script in the catalog's words.
async fn give_script(bench: &Bench, ids: &[&str], customer: &SampleCustomer) {
    let catalogue = catalogue();
    let products: Vec<&Product> =
        ids.iter().map(|id| catalogue.products().iter().find(|product| product.id.as_str() == *id).unwrap()).collect();
    let script = sample_script(&brand(), catalogue.bank(), &products, customer);
    bench.replace_script(script.clone(), sample_narration(&script)).await;
}

impl Bench {
    fn scenes(&self) -> Vec<SceneUse> {
        let record: RenderRecord = serde_json::from_slice(&self.object(Artefact::RenderRecord)).unwrap();
        record.media.scenes
    }

    fn shared(&self) -> BTreeSet<Digest> {
        let shared = self.scenes().into_iter().filter_map(|scene| match scene {
            SceneUse::Shared(digest) => Some(digest),
            SceneUse::Personal => None,
        });
        shared.collect()
    }

    async fn stored(&self) -> BTreeSet<String> {
        let listed = self.store.list(&Prefix::Area(Area::Scenes)).await.unwrap();
        listed.into_iter().map(|object| object.key).collect()
    }

    async fn forget_results(&self) {
        let results =
            [Artefact::RenderRecord, Artefact::Video, Artefact::Poster, Artefact::Preview, Artefact::Captions];
        for artefact in results {
            self.store.delete(&self.key(artefact)).await.unwrap();
        }
    }

    fn for_customer(mut self, id: &str) -> Self {
        self.task.reference = self.vault.keys().reference(&CustomerId::parse(id).unwrap());
        self
    }
}

#[tokio::test]
async fn second_customer_reuses_all_shared_scenes() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    let ids = ["travel-rewards-card", "everyday-checking"];
    give_script(&bench, &ids, &customer("Alexandra")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    let scenes = bench.scenes();
    assert_eq!(scenes[0], SceneUse::Personal, "the opening shows the name");
    let first = bench.shared();
    assert!(first.len() >= 4, "two offers, the closing and the end card: {scenes:?}");
    let keys: BTreeSet<String> = first.iter().map(|digest| ObjectKey::Scene(*digest).to_string()).collect();
    assert_eq!(bench.stored().await, keys, "only shared scenes are stored");
    let alone = bench.object(Artefact::Video);

    let bench = bench.for_customer("0002");
    give_script(&bench, &ids, &customer("Bo")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert_eq!(bench.shared(), first, "another customer gets the same scenes");
    assert_eq!(bench.stored().await, keys);
    assert!(bench.object(Artefact::Video) != alone);

    // A video with only one of the offers makes only its personal scenes.
    let bench = bench.for_customer("0003");
    give_script(&bench, &["everyday-checking"], &customer("Bo")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert!(bench.shared().is_subset(&first) && bench.shared().len() >= 3, "{:?} of {scenes:?}", bench.scenes());
}

#[tokio::test]
async fn scene_with_a_personal_sentence_is_not_stored() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    let catalogue = catalogue();
    let product = &catalogue.products()[0];
    let script = sample_script(&brand(), catalogue.bank(), &[product], &customer("Alexandra"));
    let mut narration = sample_narration(&script);
    for sentence in &mut narration.sentences {
        sentence.sharing = Sharing::Personal;
    }
    bench.replace_script(script, narration).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    // The end card is silent.
    assert_eq!(bench.stored().await.len(), 1, "{:?}", bench.scenes());
}

#[tokio::test]
async fn damaged_scene_is_made_again() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    give_script(&bench, &["everyday-checking"], &customer("Alexandra")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    let video = bench.object(Artefact::Video);
    let digest = *bench.shared().iter().next().unwrap();
    let key = ObjectKey::Scene(digest);
    let whole = bench.store.get(&key).await.unwrap();
    let mut flipped = whole.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    // Try a flipped bit, an incomplete write, and another scene under this name.
    let other = bench.store.get(&ObjectKey::Scene(*bench.shared().iter().last().unwrap())).await.unwrap();
    for damaged in [flipped.into(), whole.slice(..middle), other] {
        bench.forget_results().await;
        bench.store.put(&key, damaged).await.unwrap();
        bench.run(&assets(), None, &|_| {}).await.unwrap();
        assert!(bench.object(Artefact::Video) == video, "the same video");
        assert_ne!(bench.store.get(&key).await.unwrap().len(), middle, "the scene was replaced");
    }
}

#[tokio::test]
async fn first_of_two_concurrent_scenes_is_kept() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    give_script(&bench, &["everyday-checking"], &customer("Alexandra")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    let digest = *bench.shared().iter().next().unwrap();
    let key = ObjectKey::Scene(digest);
    let first = bench.store.get(&key).await.unwrap();
    // Another process writes the same scene while this one makes it.
    bench.forget_results().await;
    bench.store.delete(&key).await.unwrap();
    bench.store.put_before(&key, &key, first.clone());
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert!(bench.store.get(&key).await.unwrap() == first, "the second writer uses the first one's scene");
}

#[tokio::test]
async fn failing_store_does_not_fail_the_render() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    give_script(&bench, &["everyday-checking"], &customer("Alexandra")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    let video = bench.object(Artefact::Video);
    let key = ObjectKey::Scene(*bench.shared().iter().next().unwrap());
    bench.forget_results().await;
    bench.store.delete(&key).await.unwrap();
    bench.store.fail_next(&key, 2);
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert!(bench.object(Artefact::Video) == video);
}

#[tokio::test]
async fn killed_encoder_leaves_no_scene() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    give_script(&bench, &["everyday-checking"], &customer("Alexandra")).await;
    bench.tools = ffmpeg_with_fault(folder.path(), "kill -9 $$");
    let error = bench.fails(None).await;
    assert!(error.to_string().contains("signal: 9"), "{error}");
    assert!(bench.stored().await.is_empty());
}

/// Compares frames by number.
const FILTER: &str = "[0:v]settb=1/24,setpts=N[one];[1:v]settb=1/24,setpts=N[two];[one][two]psnr=stats_file=psnr.log";

/// Returns the PSNR of luma for each frame of two films.
fn psnr(one: &Path, other: &Path, folder: &Path) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin", "-xerror", "-i"])
        .arg(one)
        .arg("-i")
        .arg(other)
        .args(["-lavfi", FILTER, "-f", "null", "-"])
        .current_dir(folder)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.is_empty(), "it must decode without a warning: {log}");
    let text = std::fs::read_to_string(folder.join("psnr.log")).unwrap();
    let value = |line: &str| {
        let value = line.split_once("psnr_y:").unwrap().1.split_whitespace().next().unwrap();
        if value == "inf" { 100.0 } else { value.parse().unwrap() }
    };
    text.lines().map(value).collect()
}

#[tokio::test]
async fn joined_video_looks_like_a_single_encode() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new().await;
    bench.settings.video =
        VideoSettings { resolution: 360, burn_captions: true, shape: Shape::Wide, ..VideoSettings::default() };
    let ids = ["travel-rewards-card", "high-yield-savings"];
    give_script(&bench, &ids, &customer("Alexandra")).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    let joined = folder.path().join("joined.mp4");
    std::fs::write(&joined, bench.object(Artefact::Video)).unwrap();

    let catalogue = catalogue();
    let products: Vec<&Product> =
        ids.iter().map(|id| catalogue.products().iter().find(|product| product.id.as_str() == *id).unwrap()).collect();
    let brand = brand();
    let preview = Preview {
        assets: &assets(),
        brand: &brand,
        catalogue: &catalogue,
        products: &products,
        customer: &customer("Alexandra"),
        shape: Shape::Wide,
        video: &bench.settings.video,
    };
    let whole = preview.film_without_sound(folder.path(), &bench.tools, folder.path()).unwrap();
    let quality = psnr(&joined, &whole, folder.path());
    let starts = preview.scene_starts().unwrap();
    let frame = |seconds: f64| (seconds * 24.0).round() as usize;
    assert_eq!(starts.len(), bench.scenes().len());
    assert!((5..200).contains(&starts.len()));
    for start in starts.iter().skip(1).map(|start| frame(*start)) {
        let lowest = quality[start - 4..start + 4].iter().copied().fold(f64::INFINITY, f64::min);
        assert!(lowest > 38.0, "{lowest} dB at frame {start}: {:?}", &quality[start - 4..start + 4]);
    }
}
