//! Checks the artifacts that earlier stages stored, and writes the text.

use std::collections::BTreeMap;

use contracts::Digest;
use contracts::key::Artefact;
use contracts::media::{MediaFacts, RenderRecord};
use contracts::narration::Narration;
use storage::store::PutOutcome;
use storage::vault::Vault;

use crate::error::Error;
use crate::place::Place;

/// The files that every video needs.
const FILES: [Artefact; 4] = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview];

/// Reads the narration's cues, and checks that they belong to the stored audio. Adds both to `artefacts`.
pub async fn read_narration(
    vault: &Vault,
    place: Place<'_>,
    artefacts: &mut BTreeMap<Artefact, Digest>,
) -> Result<Narration, Error> {
    let (narration, cues): (Narration, _) = vault.read_json(place.owner(), &place.key(Artefact::Cues)).await?;
    let key = place.key(Artefact::NarrationAudio);
    let (sound, audio) = vault.read(place.owner(), &key).await?;
    if Digest::of(&sound) != narration.audio {
        return Err(Error::Changed { key: key.to_string() });
    }
    artefacts.extend([(Artefact::Cues, cues), (Artefact::NarrationAudio, audio)]);
    Ok(narration)
}

/// Checks each of the video's files against the digest that the render stage recorded, and adds it to `artefacts`.
pub async fn check_media(
    vault: &Vault,
    place: Place<'_>,
    artefacts: &mut BTreeMap<Artefact, Digest>,
) -> Result<MediaFacts, Error> {
    let store = vault.store();
    let key = place.key(Artefact::RenderRecord);
    let bytes = store.get(&key).await?;
    let record: RenderRecord = vault.open_authenticated(&key, &bytes)?;
    if let Some(missing) = FILES.into_iter().find(|file| !record.files.contains_key(file)) {
        return Err(Error::Unrecorded { key: key.to_string(), missing });
    }
    artefacts.insert(Artefact::RenderRecord, Digest::of(&bytes));
    for (artefact, recorded) in record.files {
        let key = place.key(artefact);
        if Digest::of(&store.get(&key).await?) != recorded {
            return Err(Error::Changed { key: key.to_string() });
        }
        artefacts.insert(artefact, recorded);
    }
    Ok(record.media)
}

/// Writes the text or the page, unless the same content is already stored. Returns its digest. Fails if different
/// content is stored.
pub async fn write_words(
    vault: &Vault,
    place: Place<'_>,
    artefact: Artefact,
    content: Vec<u8>,
) -> Result<Digest, Error> {
    let key = place.key(artefact);
    let digest = Digest::of(&content);
    match vault.store().put_new(&key, content.into()).await? {
        PutOutcome::Created => Ok(digest),
        PutOutcome::AlreadyExists if Digest::of(&vault.store().get(&key).await?) == digest => Ok(digest),
        PutOutcome::AlreadyExists => Err(Error::OtherText { key: key.to_string() }),
    }
}
