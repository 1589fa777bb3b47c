//! `bespoke sentiment`: what the assess stage reads out of a text, for whoever wants to check it.

use std::io::{BufWriter, ErrorKind, Read as _, Write};
use std::path::Path;

use assess::mood::{Scores, Tone, ToneAnalyzer};
use contracts::ErrorName;
use contracts::facts;
use serde::Serialize;

use crate::cli::Sentiment;
use crate::failure::Failure;
use crate::project::lexicon;

/// One line of what is printed. The text itself is not repeated.
#[derive(Serialize)]
struct Read {
    line: usize,
    #[serde(flatten)]
    scores: Scores,
    sentiment: facts::Sentiment,
    topics: Vec<facts::Topic>,
}

pub(super) fn execute(asked: &Sentiment) -> Result<u8, Failure> {
    let lexicon = lexicon(&asked.data, asked.lexicon.as_ref())?;
    let bytes = read(&asked.file).map_err(Failure::file(ErrorName::InputInvalidRequest, &asked.file))?;
    // A file in another encoding is read as far as it can be.
    let text = String::from_utf8_lossy(&bytes);
    let analyzer = ToneAnalyzer::new(&lexicon);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (line, text) in (1..).zip(text.lines()) {
        let Tone { scores, sentiment, topics } = analyzer.analyze(text);
        let json = serde_json::to_string(&Read { line, scores, sentiment, topics }).expect("plain fields");
        match writeln!(out, "{json}") {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(0),
            written => written.map_err(Failure::file(ErrorName::StoreUnavailable, Path::new("standard output")))?,
        }
    }
    Ok(0)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}
