//! Prints how many phrases in a corpus are read as a person would read them, by class.
//!
//! `cargo run -p narrate --example speech_accuracy -- FILE [--misses]`

#![expect(clippy::print_stdout, reason = "prints measured rates")]

#[path = "../tests/it/scoring.rs"]
mod scoring;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a corpus: a file with the columns written, said and class")?;
    let corpus = std::fs::read_to_string(&file)?;
    let mut sum = scoring::Score::default();
    for (class, score) in scoring::scores(&corpus) {
        println!("{class}\t{}/{}\t{}", score.right, score.all, interval(score));
        sum.right += score.right;
        sum.all += score.all;
    }
    println!("all\t{}/{}\t{}", sum.right, sum.all, interval(sum));
    if arguments.next().as_deref() == Some("--misses") {
        for phrase in scoring::phrases(&corpus).iter().filter(|phrase| !scoring::is_right(phrase)) {
            let said = scoring::said(phrase.written).unwrap_or_else(|error| format!("error: {error}"));
            println!("\n[{}] {}\n  expected {}\n  said     {said}", phrase.class, phrase.written, phrase.expected);
        }
    }
    Ok(())
}

/// Returns the share in percent with its 95 % Wilson interval.
fn interval(score: scoring::Score) -> String {
    let n = f64::from(score.all);
    let p = f64::from(score.right) / n;
    let z = 1.96_f64;
    let denominator = 1.0 + z * z / n;
    let center = (p + z * z / (2.0 * n)) / denominator;
    let half = z / denominator * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    format!("{:.1} %\t[{:.1}, {:.1}]", 100.0 * p, 100.0 * (center - half).max(0.0), 100.0 * (center + half).min(1.0))
}
