//! The closed lists of words that facts, the catalog and customers' choices use for money and needs.

use serde::{Deserialize, Serialize};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the value as words for use within a sentence.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

closed_list!(
    /// A spending category. Health, religion, politics and donations are deliberately omitted, because they reveal
    /// protected traits.
    SpendingCategory {
        /// Food for the home.
        Groceries => "groceries",
        /// Restaurants and cafés.
        Dining => "dining out",
        /// Flights, hotels, trips.
        Travel => "travel",
        /// Fuel, fares, parking.
        Transport => "getting around",
        /// Furniture, repairs, improvements.
        Home => "your home",
        /// Power, water, telephone.
        Utilities => "household bills",
        /// Shops.
        Shopping => "shopping",
        /// Films, music, events.
        Entertainment => "entertainment",
        /// Courses, books, tuition.
        Education => "education",
        /// Insurance premiums.
        Insurance => "insurance",
        /// Suppliers, payroll, software for a business.
        Business => "your business",
        /// Payments to funds and brokers.
        Investing => "investing",
        /// Charges by the bank itself.
        Fees => "bank fees",
    }
);

closed_list!(
    /// A need that a product serves.
    Need {
        /// Paying and being paid.
        EverydayBanking => "everyday banking",
        /// Setting money aside.
        Saving => "saving",
        /// Spending abroad and on trips.
        Travel => "travel",
        /// Rewards on daily spending.
        Rewards => "everyday rewards",
        /// Buying a home.
        HomePurchase => "buying a home",
        /// Improving a home.
        HomeImprovement => "home improvement",
        /// Larger purchases over time.
        Borrowing => "borrowing for larger plans",
        /// Combining debts.
        DebtConsolidation => "bringing balances together",
        /// A car.
        Vehicle => "a vehicle",
        /// Long-term investing.
        Investing => "investing",
        /// Retirement income.
        Retirement => "retirement",
        /// Advice on large fortunes.
        WealthPlanning => "wealth planning",
        /// Running a business.
        BusinessOperations => "running a business",
        /// Money for a business to grow.
        BusinessGrowth => "growing a business",
        /// A company's cash.
        Treasury => "managing company cash",
        /// Capital markets.
        CapitalRaising => "raising capital",
        /// Trade across borders.
        InternationalTrade => "trading abroad",
    }
);

closed_list!(
    /// A topic of a post. The lexicon maps words to topics.
    Topic {
        /// Buying or owning a home.
        HomeLoan => "home loans",
        /// Cards.
        Card => "cards",
        /// Saving.
        Savings => "savings",
        /// The bank's charges.
        Fees => "fees",
        /// Theft and fraud.
        Fraud => "fraud",
        /// The bank's service.
        Service => "service",
        /// Trips.
        Travel => "travel",
        /// Markets and funds.
        Investing => "investing",
        /// A business.
        Business => "business",
        /// Financial or personal trouble: job loss, debt, illness, grief.
        Hardship => "hardship",
        /// A hard time that messages do not mention, or posts that Bespoke cannot read. No lexicon lists
        /// words for this topic.
        Care => "care",
    }
);

closed_list!(
    /// A fact that can only stop offers or messages. It neither raises a score nor selects a product.
    Stop {
        /// Posts suggest danger to life.
        NeedsPerson => "a person should contact the customer",
        /// The profile says that the customer has died.
        Deceased => "the customer is deceased",
        /// The profile shows that the customer is under 18.
        Minor => "the customer is a minor",
        /// The profile says that the customer must not be contacted or marketed to.
        DoNotContact => "the customer must not be contacted",
        /// The profile says that the customer is vulnerable.
        Vulnerable => "the customer is vulnerable",
        /// The profile says that the customer's accounts are in collections.
        Collections => "the customer is in collections",
        /// The profile says that a fraud case is open.
        FraudCase => "a fraud case is open",
        /// The profile says that a complaint is open.
        OpenComplaint => "a complaint is open",
        /// The profile says that an application is open.
        OpenApplication => "an application is open",
        /// The profile says that the customer's accounts are closed.
        Closed => "the relationship is closed",
        /// A stop column in the profile cannot be read, or contains an unknown word.
        Unclear => "a profile column that may stop messages is unclear",
        /// Payments to debt collectors.
        DebtCollection => "payments show debt collection",
        /// Payments for a funeral.
        Funeral => "payments show a funeral",
        /// The total balance across all accounts is below zero.
        NegativeBalance => "the balance is negative",
        /// Overdraft charges.
        Overdraft => "payments show an overdraft",
        /// Late-payment fees.
        LateFee => "payments show late fees",
        /// Returned payments.
        ReturnedPayment => "payments were returned",
        /// Payments to payday lenders or pawnshops.
        PaydayLoan => "payments show a payday loan",
    }
);

impl Stop {
    /// Returns which offers the fact rules out.
    #[must_use]
    pub const fn scope(self) -> StopScope {
        match self {
            Self::NegativeBalance | Self::Overdraft | Self::LateFee | Self::ReturnedPayment | Self::PaydayLoan => {
                StopScope::Credit
            }
            Self::NeedsPerson
            | Self::Deceased
            | Self::Minor
            | Self::DoNotContact
            | Self::Vulnerable
            | Self::Collections
            | Self::FraudCase
            | Self::OpenComplaint
            | Self::OpenApplication
            | Self::Closed
            | Self::Unclear
            | Self::DebtCollection
            | Self::Funeral => StopScope::Everything,
        }
    }
}

/// The offers that a [`Stop`] rules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopScope {
    /// Every message.
    Everything,
    /// Offers of credit.
    Credit,
}

closed_list!(
    /// A sign in the customer's payments or products. The `assess` crate defines when a sign counts.
    Sign {
        /// Repeated trips.
        Travel => "travel",
        /// A home that the customer owns or improves.
        Home => "a home",
        /// A business that the customer runs.
        Business => "a business",
    }
);

closed_list!(
    /// A customer's time with the bank, used only where eligibility requires it. The last band starts at five years, so
    /// it does not reveal a customer's age.
    Tenure {
        /// Under a year.
        New => "under a year",
        /// One to five years.
        Settled => "one year to five",
        /// Five years or more.
        Long => "five years and more",
    }
);

/// A broad band of income or balance, used only where eligibility needs it. The `assess` crate defines the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// The lowest.
    Low,
    /// The middle.
    Middle,
    /// The upper middle.
    Upper,
    /// The highest.
    High,
}

impl Band {
    /// Returns the value as a word for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::Upper => "upper",
            Self::High => "high",
        }
    }
}

/// The direction of spending in the last 90 days, compared with the 90 days before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// At least a fifth more.
    Rising,
    /// A change of less than a fifth.
    Steady,
    /// At least a fifth less.
    Falling,
}

impl Trend {
    /// Returns the value as a word for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
        }
    }
}

/// A category's share of all spending. The exact amount is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Less than a tenth.
    Small,
    /// A tenth to a quarter, both inclusive.
    Notable,
    /// More than a quarter.
    Large,
}

impl Share {
    /// Returns the value as a word for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Notable => "notable",
            Self::Large => "large",
        }
    }
}
