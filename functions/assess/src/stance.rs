//! Whether a customer is sold to at all.

use contracts::facts::{Mood, Sentiment, Topic};

/// What troubles the customer, the gravest first; such a customer is served, not sold to.
const TROUBLES: [Topic; 4] = [Topic::Hardship, Topic::Fraud, Topic::Service, Topic::Fees];

/// The trouble to which a service message must answer, if there is one: any post about hardship, or a complaint about
/// fraud, service or fees that later, kinder posts on the same topic do not outweigh (UDAAP: no advantage is taken of a
/// customer in trouble).
#[must_use]
pub fn trouble(mood: Option<&Mood>) -> Option<Topic> {
    let topics = &mood?.topics;
    let negative = |topic: &Topic| topics.iter().any(|t| t.topic == *topic && t.sentiment == Sentiment::Negative);
    TROUBLES.into_iter().find(negative)
}

#[cfg(test)]
mod tests {
    use contracts::facts::TopicTone;

    use super::*;

    fn heard(tones: &[(Topic, Sentiment)]) -> Option<Topic> {
        let topics =
            tones.iter().map(|(topic, sentiment)| TopicTone { topic: *topic, sentiment: *sentiment }).collect();
        trouble(Some(&Mood { sentiment: Sentiment::Neutral, topics, five_word_runs: Vec::new() }))
    }

    #[test]
    fn hardship_comes_before_any_complaint() {
        let tones = [(Topic::Fees, Sentiment::Negative), (Topic::Hardship, Sentiment::Negative)];
        assert_eq!(heard(&tones), Some(Topic::Hardship));
    }

    #[test]
    fn a_complaint_is_about_fraud_service_or_fees() {
        for topic in [Topic::Fraud, Topic::Service, Topic::Fees] {
            assert_eq!(heard(&[(topic, Sentiment::Negative)]), Some(topic));
            assert_eq!(heard(&[(topic, Sentiment::Positive)]), None);
            assert_eq!(heard(&[(topic, Sentiment::Neutral)]), None);
        }
    }

    #[test]
    fn annoyance_about_a_trip_is_no_complaint() {
        assert_eq!(heard(&[(Topic::Travel, Sentiment::Negative)]), None);
        assert_eq!(trouble(None), None);
    }
}
