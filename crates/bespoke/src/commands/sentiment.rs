//! `bespoke sentiment`: prints the sentiment and the topics that the assess stage detects in posts.

use std::io::{BufWriter, ErrorKind, Read as _, Write};
use std::path::Path;

use assess::mood::{Scores, Tone, ToneAnalyzer};
use contracts::{ErrorName, facts};
use runner::failure::Failure;
use runner::project::lexicon;
use serde::Serialize;

use crate::cli::offers::SentimentArgs;

/// The assessment of one line. It does not repeat the text.
#[derive(Serialize)]
struct Reading {
    line: usize,
    #[serde(flatten)]
    scores: Scores,
    sentiment: facts::Sentiment,
    topics: Vec<facts::Topic>,
}

pub(super) fn execute(args: &SentimentArgs) -> Result<u8, Failure> {
    let lexicon = lexicon(&args.data, args.lexicon.as_ref())?;
    let bytes = read(&args.file).map_err(Failure::file(ErrorName::InputInvalidRequest, &args.file))?;
    // Bytes in another encoding become replacement characters.
    let text = String::from_utf8_lossy(&bytes);
    let analyzer = ToneAnalyzer::new(&lexicon);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (line, text) in (1..).zip(text.lines()) {
        let Tone { scores, sentiment, topics } = analyzer.analyze(text);
        let json = serde_json::to_string(&Reading { line, scores, sentiment, topics }).expect("plain fields");
        match writeln!(out, "{json}") {
            // The program at the other end of the pipe needs no more output.
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
