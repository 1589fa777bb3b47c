//! What is shown while a run goes on: bars at a terminal, a line a customer elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use contracts::stage::Stage;
use contracts::{CustomerId, CustomerRef};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::runner::Event;

/// Customer ids by reference, for the person at this machine only: a customer who refused has no id in any file.
pub type Labels = HashMap<CustomerRef, CustomerId>;

/// How a customer is called at the terminal.
#[must_use]
pub fn label<'a>(labels: &'a Labels, reference: &'a CustomerRef) -> &'a str {
    labels.get(reference).map_or(reference.short(), CustomerId::reveal)
}

/// Shows events until the run drops its end of the channel.
pub async fn show(mut events: UnboundedReceiver<Event>, labels: Labels) {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let at_terminal = !bars.is_hidden();
    let whole =
        bars.add(ProgressBar::new(0).with_style(style("{spinner} {pos}/{len} customers  {elapsed}  {wide_msg}")));
    whole.enable_steady_tick(Duration::from_millis(200));
    let mut open: HashMap<CustomerRef, ProgressBar> = HashMap::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Customers(customers) => whole.set_length(customers as u64),
            // So short, and for every customer before the first goes on, that a bar would only flicker.
            Event::Started(_, Stage::Assess) | Event::Started(None, _) | Event::Done(..) | Event::Failed(..) => {}
            Event::Started(Some(reference), stage) => {
                let bar = open.entry(reference.clone()).or_insert_with(|| {
                    let bar =
                        ProgressBar::new(100).with_style(style("  {prefix:<12} {msg:<10} {bar:24} {percent:>3} %"));
                    bars.add(bar.with_prefix(label(&labels, &reference).to_owned()))
                });
                bar.set_position(0);
                bar.set_message(stage.as_str());
            }
            Event::Rendering(reference, share) => {
                if let Some(bar) = open.get(&reference) {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
                    bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
                }
            }
            Event::Retrying(reference, stage, name) => {
                let who = reference.as_ref().map_or("", |reference| label(&labels, reference));
                let line = format!("  {who} {stage}: {name}, trying again");
                if at_terminal { whole.set_message(line) } else { anstream::eprintln!("{line}") }
            }
            Event::Ended(reference, outcome) => {
                if let Some(bar) = open.remove(&reference) {
                    bar.finish_and_clear();
                }
                whole.inc(1);
                if !at_terminal {
                    anstream::eprintln!("  {:<12} {}", label(&labels, &reference), outcome.word());
                }
            }
        }
    }
    whole.finish_and_clear();
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is sound").progress_chars("━╸─")
}
