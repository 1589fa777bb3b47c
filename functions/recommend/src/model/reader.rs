//! Reads the body of an answer as it arrives: one JSON document, or server-sent events. Ignores the content type, which
//! may be wrong.

use super::service::{Completion, PartialCompletion, ServiceError};

/// The form of a body. Its first character determines it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyForm {
    Document,
    Events,
}

/// A body that is still arriving.
#[derive(Default)]
pub(super) struct AnswerReader {
    form: Option<BodyForm>,
    /// The document so far, or the event line so far.
    buffer: Vec<u8>,
    answer: PartialCompletion,
    is_done: bool,
}

impl AnswerReader {
    /// Adds a chunk. After an error, [`Self::is_whole`] returns whether the answer had already arrived.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        self.buffer.extend_from_slice(chunk);
        if self.form.is_none() {
            let start = without_mark(&self.buffer).trim_ascii_start();
            self.form = match start.first() {
                None => return Ok(()),
                Some(b'<') => return Err(ServiceError::WebPage),
                Some(b'{' | b'[') => Some(BodyForm::Document),
                Some(_) => Some(BodyForm::Events),
            };
            self.buffer = start.to_vec();
        }
        if self.form == Some(BodyForm::Events) {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                self.add_line(&line)?;
            }
        }
        Ok(())
    }

    /// Adds a line of an event. Comments, event names and empty lines contain no data.
    fn add_line(&mut self, line: &[u8]) -> Result<(), ServiceError> {
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else { return Ok(()) };
        match data {
            b"[DONE]" => self.is_done = true,
            // Some services put comments into the data.
            [] | [b':', ..] => {}
            json => self.answer.add(json)?,
        }
        Ok(())
    }

    /// Returns whether the service has marked the end of the answer.
    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Returns whether words of the answer, or the start of a JSON document, have arrived. More should then follow
    /// soon.
    pub(super) fn has_begun(&self) -> bool {
        self.form == Some(BodyForm::Document) || self.answer.has_words()
    }

    /// Returns whether the whole answer has arrived, so that a later error does not matter.
    pub(super) fn is_whole(&self) -> bool {
        self.answer.is_whole()
    }

    /// Returns the completion. `requested_model` is the name to use if the service reports none.
    pub(super) fn finish(mut self, requested_model: &str) -> Result<Completion, ServiceError> {
        let rest = std::mem::take(&mut self.buffer);
        match self.form {
            Some(BodyForm::Document) => {
                for value in serde_json::Deserializer::from_slice(&rest).into_iter::<serde_json::Value>() {
                    match value.map_err(|_| ServiceError::Malformed).and_then(|value| self.answer.add_value(&value)) {
                        Err(_) if self.answer.is_whole() => break,
                        added => added?,
                    }
                }
            }
            Some(BodyForm::Events) if !self.answer.is_whole() => self.add_line(&rest)?,
            Some(BodyForm::Events) | None => {}
        }
        self.answer.finish(requested_model)
    }
}

/// Returns the bytes without a byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}
