//! A rate with its 95 % confidence interval, for tests that measure accuracy on texts whose authors had not seen the
//! rules.

use std::fmt;

/// Half the width of a 95 % confidence interval, in standard deviations.
const Z: f64 = 1.959_964;

/// A number of hits in a number of trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// The number of hits.
    pub hits: u32,
    /// The number of trials.
    pub of: u32,
}

impl Rate {
    /// Counts one trial.
    pub fn add(&mut self, is_hit: bool) {
        self.hits += u32::from(is_hit);
        self.of += 1;
    }

    /// Returns the share of hits, from 0 to 1. It is 0 if there are no trials.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.hits) / f64::from(self.of.max(1))
    }

    /// Returns the share's 95 % confidence interval, calculated as in Wilson (1927).
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        let of = f64::from(self.of.max(1));
        let center = self.share() + Z * Z / (2.0 * of);
        let half = Z * (self.share() * (1.0 - self.share()) / of + Z * Z / (4.0 * of * of)).sqrt();
        let scale = 1.0 + Z * Z / of;
        (((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        let share = 100.0 * self.share();
        write!(f, "{} of {} = {share:.1} % ({:.1} to {:.1} %)", self.hits, self.of, 100.0 * low, 100.0 * high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_interval_matches_wilson() {
        let rate = Rate { hits: 38, of: 100 };
        assert_eq!(rate.to_string(), "38 of 100 = 38.0 % (29.1 to 47.8 %)");
        assert_eq!(Rate { hits: 0, of: 150 }.to_string(), "0 of 150 = 0.0 % (0.0 to 2.5 %)");
    }
}
