//! Parsers for the values of options.

use contracts::Language;
use contracts::catalogue::Category;
use contracts::media::Shape;
use contracts::model::WriterMode;

/// Parses a line of business by its name.
pub(super) fn category(name: &str) -> Result<Category, String> {
    Category::from_name(name).ok_or_else(|| {
        let names = Category::ALL.map(|category| format!("\n  {}", category.name())).concat();
        format!("choose one of:{names}")
    })
}

/// Parses the shape of a video.
pub(super) fn shape(text: &str) -> Result<Shape, String> {
    match text {
        "16:9" => Ok(Shape::Wide),
        "9:16" => Ok(Shape::Tall),
        "1:1" => Ok(Shape::Square),
        _ => Err("choose 16:9, 9:16 or 1:1".to_owned()),
    }
}

/// Parses the name of a writer.
pub(super) fn writer(text: &str) -> Result<WriterMode, String> {
    text.parse().map_err(|_| "choose phrases, select or free".to_owned())
}

/// Parses a language by its tag.
pub(super) fn language(tag: &str) -> Result<Language, String> {
    let tags = || Language::ALL.map(Language::tag).join(" or ");
    Language::ALL.into_iter().find(|language| language.tag() == tag).ok_or_else(|| format!("choose {}", tags()))
}

/// Parses an amount of US dollars.
pub(super) fn dollars(text: &str) -> Result<f64, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd >= 0.0 => Ok(usd),
        _ => Err("expected an amount in US dollars, such as 12.50".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_ignores_case_and_unknown_category_lists_the_choices() {
        assert_eq!(category("consumer lending"), Ok(Category::ConsumerLending));
        assert!(category("Lending").unwrap_err().contains("Consumer Lending"));
    }

    #[test]
    fn budget_is_a_finite_amount_of_dollars() {
        assert_eq!((dollars("12.50"), dollars("$3"), dollars("0")), (Ok(12.5), Ok(3.0), Ok(0.0)));
        for wrong in ["-1", "NaN", "inf", "ten", ""] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
