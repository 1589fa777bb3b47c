//! Schedules as files on this machine.

use std::io::Read as _;
use std::path::Path;

use contracts::request::RunOptions;
use contracts::schedule::Schedule;
use contracts::{CustomerId, ErrorName, ScheduleName};
use runner::failure::Failure;
use runner::limits::RunLimits;
use runner::project::{Folders, catalogue};

/// A schedule with its name, which is the name of its file.
pub(super) struct NamedSchedule {
    pub name: ScheduleName,
    pub schedule: Schedule,
}

/// Reads and checks a schedule. Its segment may only mention products in the catalog.
pub(super) fn read(file: &Path, folders: &Folders) -> Result<NamedSchedule, Failure> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = ScheduleName::parse(stem).map_err(|error| {
        let message = format!("{}: {error}", file.display());
        Failure::new(ErrorName::ConfigInvalid, message, "rename the file")
    })?;
    let text = std::fs::read_to_string(file).map_err(Failure::file(ErrorName::ConfigInvalid, file))?;
    let schedule = Schedule::from_toml(&name, &text)?;
    let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
    schedule.ensure_known(&name, &|id| catalogue.product(id).is_some())?;
    Ok(NamedSchedule { name, schedule })
}

impl NamedSchedule {
    /// Applies the schedule where the command line gives no value.
    pub(super) fn apply(self, options: &mut RunOptions, limits: &mut RunLimits) {
        limits.customers = limits.customers.or(self.schedule.max_customers.map(|count| count as usize));
        limits.budget_usd = limits.budget_usd.or(self.schedule.budget_usd);
        let given = std::mem::take(options);
        let of_schedule = self.schedule.options(self.name);
        *options = RunOptions {
            categories: if given.categories.is_empty() { of_schedule.categories } else { given.categories },
            prompt: given.prompt,
            writer: given.writer.or(of_schedule.writer),
            words_per_minute: given.words_per_minute.or(of_schedule.words_per_minute),
            voice: given.voice.or(of_schedule.voice),
            shape: given.shape.or(of_schedule.shape),
            videos: given.videos.or(of_schedule.videos),
            ..of_schedule
        };
    }
}

/// Reads the customer ids in a file, one per line.
pub(super) fn customers(file: &Path) -> Result<Vec<CustomerId>, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(Failure::file(ErrorName::InputInvalidRequest, file))?;
    let refused = |line: usize, problem: &str| {
        let message = format!("{}: line {line}: {problem}", file.display());
        Failure::new(ErrorName::InputInvalidRequest, message, "write one customer id per line")
    };
    let mut ids = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        ids.push(CustomerId::parse(line.trim()).map_err(|error| refused(index + 1, &error.to_string()))?);
    }
    if ids.is_empty() { Err(refused(1, "no customer id")) } else { Ok(ids) }
}
