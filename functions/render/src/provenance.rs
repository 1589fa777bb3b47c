//! The machine-readable statement that a video is synthetic: an XMP packet (ISO 16684-1) that contains a term from
//! IPTC's "Digital Source Type" vocabulary. It is stored in a `uuid` box at the end of the MP4, as part 3 of the XMP
//! specification requires. The media data before it is not changed, so the file is bit-identical on every machine.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use contracts::narration::Narration;
use contracts::script::{Script, WrittenBy};

/// The IPTC vocabulary (<https://cv.iptc.org/newscodes/digitalsourcetype/>).
pub const VOCABULARY: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/";

/// The user type of the XMP box, from the XMP specification.
const XMP: [u8; 16] = [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];

/// The maximum size of a packet that is read, in bytes. Our own packets are far smaller.
const MAX_PACKET_BYTES: u64 = 1 << 16;

/// The XML tag that holds the term.
const TAG: &str = "Iptc4xmpExt:DigitalSourceType";

/// The provenance of a video: a vocabulary term, and the same statement in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provenance {
    term: &'static str,
    pub words: String,
}

impl Provenance {
    /// Derives the provenance from the script's writer and the voice engine. A neural voice or a model's text makes the
    /// video a composite with trained algorithmic media. espeak-ng computes speech from rules, which is synthetic too.
    pub(crate) fn of(script: &Script, narration: &Narration) -> Self {
        let (by_model, writer) = match &script.written_by {
            WrittenBy::Model { model, .. } => (true, format!("by the model {model}")),
            WrittenBy::Phrases { .. } => (false, "by a program, from approved phrases".to_owned()),
            WrittenBy::Template { .. } => (false, "by a program, from templates".to_owned()),
        };
        let trained = by_model || !narration.engine.starts_with("espeak");
        let term = if trained { "compositeWithTrainedAlgorithmicMedia" } else { "compositeSynthetic" };
        Self { term, words: format!("The voice is synthetic. The text was written {writer}.") }
    }

    fn packet(&self) -> String {
        // A model service chooses the name of its model, so the words must be escaped.
        let words = self.words.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
             <{TAG}>{VOCABULARY}{}</{TAG}>\
             <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{words}</rdf:li></rdf:Alt></dc:description>\
             </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>",
            self.term
        )
    }

    /// Appends the XMP box to a finished MP4.
    pub(crate) fn append_to(&self, video: &Path) -> Result<()> {
        let packet = self.packet();
        let length = u32::try_from(8 + XMP.len() + packet.len()).map_err(|_| ErrorKind::InvalidData)?;
        let mut file = File::options().append(true).open(video)?;
        file.write_all(&[&length.to_be_bytes(), b"uuid".as_slice(), &XMP, packet.as_bytes()].concat())
    }
}

/// Reads the vocabulary term from an MP4. Returns `None` if the file has no XMP box or is not an MP4.
pub(crate) fn read_term(video: &Path) -> Result<Option<String>> {
    let mut file = File::open(video)?;
    let end = file.metadata()?.len();
    let mut at = 0;
    while at + 8 <= end {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let mut length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let mut header = 8;
        // ISO/IEC 14496-12, 4.2: length 1 means that 64 bits follow; length 0 means up to the end of the file.
        if length == 1 {
            let mut long = [0; 8];
            file.read_exact(&mut long)?;
            length = u64::from_be_bytes(long);
            header = 16;
        } else if length == 0 {
            length = end - at;
        }
        if length < header || length > end - at {
            return Ok(None);
        }
        if &kind == b"uuid" && (16..MAX_PACKET_BYTES).contains(&(length - header)) {
            let mut user_type = [0; 16];
            file.read_exact(&mut user_type)?;
            if user_type == XMP {
                let mut packet = Vec::new();
                file.take(length - header - 16).read_to_end(&mut packet)?;
                let packet = String::from_utf8_lossy(&packet);
                let after = packet.split_once(&format!("<{TAG}>")).map(|(_, after)| after);
                return Ok(after.and_then(|after| after.split_once('<')).map(|(term, _)| term.trim().to_owned()));
            }
        }
        at += length;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        Provenance { term: "compositeSynthetic", words: "Written by the model <a&b>.".to_owned() }
    }

    fn file(boxes: &[&[u8]]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), boxes.concat()).unwrap();
        file
    }

    #[test]
    fn appended_term_is_read_back_and_media_is_unchanged() {
        let media: [&[u8]; 2] = [b"\0\0\0\x0cftypisom", b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x13abc"];
        let file = file(&media);
        assert_eq!(read_term(file.path()).unwrap(), None);
        provenance().append_to(file.path()).unwrap();
        assert_eq!(read_term(file.path()).unwrap().unwrap(), format!("{VOCABULARY}compositeSynthetic"));
        assert!(std::fs::read(file.path()).unwrap().starts_with(&media.concat()));
    }

    #[test]
    fn model_name_is_escaped() {
        assert!(provenance().packet().contains("by the model &lt;a&amp;b>"));
    }

    #[test]
    fn other_files_have_no_term() {
        for bytes in [b"".as_slice(), b"RIFF\xff\xff\xff\xffWAVE", b"\0\0\0\x04uuid", b"\xff\xff\xff\xffuuidxxxx"] {
            assert_eq!(read_term(file(&[bytes]).path()).unwrap(), None, "{bytes:?}");
        }
    }
}
