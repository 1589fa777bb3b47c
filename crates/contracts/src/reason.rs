//! The facts behind the reasons that rank products.

use serde::{Deserialize, Serialize};

use crate::ProductId;
use crate::vocabulary::{Need, Share, Sign, SpendingCategory, Topic, Trend};

/// The fact behind a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ReasonFact {
    /// Spending in one of the product's categories.
    Spending {
        /// The category.
        category: SpendingCategory,
        /// The category's share of spending.
        share: Share,
        /// The direction.
        trend: Trend,
    },
    /// Recurring payments in one of the product's categories.
    Recurring {
        /// The category.
        category: SpendingCategory,
    },
    /// A sign of the product's main need.
    Sign {
        /// The sign.
        sign: Sign,
    },
    /// The product goes with one that the customer holds.
    GoesWith {
        /// The product that the customer holds.
        product: ProductId,
    },
    /// No product that the customer holds serves the main need.
    OpenNeed {
        /// The need.
        need: Need,
    },
    /// A product that the customer holds already serves the main need.
    ServedNeed {
        /// The need.
        need: Need,
        /// The product that the customer holds.
        product: ProductId,
    },
    /// Posts about one of the product's topics.
    Posts {
        /// The topic.
        topic: Topic,
        /// Whether the posts are positive.
        liked: bool,
    },
}

impl ReasonFact {
    /// Returns the product that the fact mentions, if there is one.
    #[must_use]
    pub const fn product(&self) -> Option<&ProductId> {
        match self {
            Self::GoesWith { product } | Self::ServedNeed { product, .. } => Some(product),
            Self::Spending { .. }
            | Self::Recurring { .. }
            | Self::Sign { .. }
            | Self::OpenNeed { .. }
            | Self::Posts { .. } => None,
        }
    }

    /// Returns whether the fact counts against the product.
    #[must_use]
    pub const fn is_against(&self) -> bool {
        matches!(self, Self::ServedNeed { .. } | Self::Posts { liked: false, .. })
    }
}
