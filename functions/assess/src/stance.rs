//! Decides whether a customer gets a service message instead of offers.

use contracts::facts::{Mood, Sentiment, Topic};

/// The topics that a service message can address, most serious first.
const SERVICE_TOPICS: [Topic; 5] = [Topic::Care, Topic::Hardship, Topic::Fraud, Topic::Service, Topic::Fees];

/// Returns the topic that a service message must address, or `None` if the customer may get offers.
///
/// If a recent post stops selling, [`crate::mood`] marks its topic as negative, even if other posts are positive. UDAAP
/// forbids taking advantage of a customer in trouble.
#[must_use]
pub fn service_topic(mood: Option<&Mood>) -> Option<Topic> {
    let topics = &mood?.topics;
    let is_negative = |topic: &Topic| topics.iter().any(|t| t.topic == *topic && t.sentiment == Sentiment::Negative);
    SERVICE_TOPICS.into_iter().find(is_negative)
}

#[cfg(test)]
mod tests {
    use contracts::facts::TopicTone;

    use super::*;

    fn topic_for(tones: &[(Topic, Sentiment)]) -> Option<Topic> {
        let topics =
            tones.iter().map(|(topic, sentiment)| TopicTone { topic: *topic, sentiment: *sentiment }).collect();
        service_topic(Some(&Mood { sentiment: Sentiment::Neutral, topics, five_word_runs: Vec::new() }))
    }

    #[test]
    fn hardship_precedes_complaints() {
        let tones = [(Topic::Fees, Sentiment::Negative), (Topic::Hardship, Sentiment::Negative)];
        assert_eq!(topic_for(&tones), Some(Topic::Hardship));
    }

    #[test]
    fn complaint_requires_negative_tone() {
        for topic in [Topic::Fraud, Topic::Service, Topic::Fees] {
            assert_eq!(topic_for(&[(topic, Sentiment::Negative)]), Some(topic));
            assert_eq!(topic_for(&[(topic, Sentiment::Positive)]), None);
            assert_eq!(topic_for(&[(topic, Sentiment::Neutral)]), None);
        }
    }

    #[test]
    fn negative_post_about_travel_is_not_a_complaint() {
        assert_eq!(topic_for(&[(Topic::Travel, Sentiment::Negative)]), None);
        assert_eq!(service_topic(None), None);
    }
}
