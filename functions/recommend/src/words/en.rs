//! English phrases. The template writer picks among variants by the customer's reference. Neighbors therefore get
//! different letters, and a retry gives the same customer the same letter.
//!
//! A reason is a lowercase clause without a main clause and without an amount. It mentions a possible wish and never an
//! observation: "if travel is part of your plans", not "you travel more".

use contracts::facts::{Need, SpendingCategory, Topic};

/// The placeholder for the customer's first name.
pub const FIRST_NAME: &str = "{{first_name}}";
/// The placeholder for the product's name.
pub const PRODUCT: &str = "{{product}}";
/// The placeholder for "an idea", "two ideas" or "three ideas".
pub const IDEAS: &str = "{{ideas}}";
/// The placeholder for the bank's name.
pub const BANK: &str = "{{bank}}";
/// The placeholder for the adviser's name.
pub const ADVISER: &str = "{{adviser}}";

/// The word that replaces a name that cannot be spoken.
pub const NO_NAME: &str = "there";
/// The word that replaces such a name on the title card.
pub const NO_NAME_ON_CARD: &str = "you";

/// Returns the phrase that counts the offers.
#[must_use]
pub const fn ideas(offers: usize) -> &'static str {
    match offers {
        0 | 1 => "an idea",
        2 => "two ideas",
        _ => "three ideas",
    }
}

/// Openings for a customer with a positive mood.
pub const OPENINGS_BRIGHT: &[&str] = &[
    "Hello {{first_name}}. I hope all is going well with you. It seemed a good moment to share {{ideas}} from {{bank}} that could be useful for what comes next.",
    "Hi {{first_name}}, and thank you for banking with us. With a new season ahead, we put together {{ideas}} from {{bank}}, to look at whenever it suits you.",
    "Hello {{first_name}}. Thank you for being part of {{bank}}. This is a short and friendly note with {{ideas}} that might make the months ahead a little easier.",
    "Hi {{first_name}}. We hope the season is treating you kindly. Here, from all of us at {{bank}}, you will find {{ideas}} with your plans in mind.",
];

/// Openings for all other customers, without cheer that may be out of place.
pub const OPENINGS_CALM: &[&str] = &[
    "Hello {{first_name}}, and thank you for banking with us. This is a short note with {{ideas}} from {{bank}}, to look at in your own time.",
    "Hello {{first_name}}. We would like to be useful and brief, so here is a message with {{ideas}} from {{bank}} that may be worth a moment of your time.",
    "Hi {{first_name}}. Thank you for being a customer of {{bank}}. In the next minute or so you will hear {{ideas}}, each with the reason why we mention it.",
    "Hello {{first_name}}. From time to time we like to point out what {{bank}} can do for you. Today that means {{ideas}}, explained in plain words.",
];

/// Transitions to the second offer.
pub const LINKS_NEXT: &[&str] = &["also, ", "in addition, ", "alongside that, ", "next, "];
/// Transitions to the last of three offers.
pub const LINKS_LAST: &[&str] = &["finally, ", "and lastly, ", "one more thought: ", "and one more: "];

/// Main clauses that name the product.
pub const NAMING_CLAUSES: &[&str] = &[
    "our {{product}} may be worth a look",
    "you might like to know about our {{product}}",
    "one to consider is our {{product}}",
    "it could be worth asking about our {{product}}",
    "you may want to read up on our {{product}}",
    "we would point you to our {{product}}",
];

/// Main clauses before a summary that names the product itself.
pub const POINTING_CLAUSES: &[&str] = &[
    "here is something that may help",
    "this may be worth a look",
    "you might like to know about this",
    "there is one thing we would point you to",
    "this could be one to consider",
    "we have something to suggest",
];

/// The sentence that names a product if neither the reason nor the summary does.
pub const NAMING_SENTENCE: &str = "One to consider is our {{product}}.";

/// Closings after offers.
pub const CLOSINGS: &[&str] = &[
    "There is no obligation, and no rush. If you would like to talk any of this through, simply get in touch. With warm regards, {{adviser}}.",
    "Whether any of this is for you is entirely your decision. If a question comes to mind, we will gladly answer it. Kind regards, {{adviser}}.",
    "Take whatever is useful and leave the rest. A conversation is always welcome. With kind regards, {{adviser}}.",
    "If one of these makes sense for you, we would be happy to go over the details. Thank you for your time. Warm regards, {{adviser}}.",
];

/// Closings after a single offer.
pub const CLOSINGS_SINGLE: &[&str] = &[
    "There is no obligation, and no rush. If you would like to talk it through, simply get in touch. With warm regards, {{adviser}}.",
    "Whether this is for you is entirely your decision. If a question comes to mind, we will gladly answer it. Kind regards, {{adviser}}.",
    "The details are there to read in your own time, and a conversation is always welcome. With kind regards, {{adviser}}.",
    "If this makes sense for you, we would be happy to go over the details. Thank you for your time. Warm regards, {{adviser}}.",
];

/// The signature after a closing that a model wrote.
pub const SIGN_OFF: &str = "With warm regards, {{adviser}}.";

/// Returns reasons from spending. The phrases are the same for rising and steady spending, because a text mentions
/// neither.
#[must_use]
pub const fn spending(category: SpendingCategory) -> &'static [&'static str] {
    match category {
        SpendingCategory::Groceries => &[
            "if you would like everyday groceries to work a little harder for you",
            "for the grocery run that comes around every week",
            "since stocking the kitchen is something we all do",
        ],
        SpendingCategory::Dining => &[
            "if a good meal out is one of your pleasures",
            "for those evenings when somebody else does the cooking",
            "if you enjoy trying new places to eat",
        ],
        SpendingCategory::Travel => &[
            "if travel is a bigger part of your plans this season",
            "if there is a trip on the horizon",
            "whether the next journey is near or far",
        ],
        SpendingCategory::Transport => &[
            "if getting around is a regular part of your routine",
            "for the fuel and the fares of an ordinary week",
            "if you are often on the road",
        ],
        SpendingCategory::Home => &[
            "if a project at home is taking shape",
            "if making your home more comfortable is on the list",
            "if there are changes you would like to make at home",
        ],
        SpendingCategory::Utilities => &[
            "if you would like household bills to be simpler to keep up with",
            "for the household bills that come around every month",
            "if you like to have household bills in order",
        ],
        SpendingCategory::Shopping => &[
            "if you would like everyday shopping to give something back",
            "for the things you buy anyway",
            "if a bit of shopping is in your plans",
        ],
        SpendingCategory::Entertainment => &[
            "if evenings out and good shows are your kind of thing",
            "for the fun side of the budget",
            "if films, music or events are part of your plans",
        ],
        SpendingCategory::Education => &[
            "if learning something new is on the cards",
            "when courses and books are part of the plan",
            "if education is a priority for you this season",
        ],
        SpendingCategory::Insurance => &[
            "if you like to know that things are well looked after",
            "if planning for the unexpected is on your list",
            "if peace of mind matters to you",
        ],
        SpendingCategory::Business => &[
            "if running your business takes up more of the day than you would like",
            "for the practical side of running a business",
            "when the business needs its money to move smoothly",
        ],
        SpendingCategory::Investing => &[
            "if you are thinking about the longer term",
            "when putting money to work is on your mind",
            "if investing is part of your plans",
        ],
        SpendingCategory::Fees => &[
            "if you would rather think less about bank fees",
            "if you prefer to know exactly what an account costs",
            "when it matters to you that charges are easy to follow",
        ],
    }
}

/// Returns reasons from the need that the product serves.
#[must_use]
pub const fn need(need: Need) -> &'static [&'static str] {
    match need {
        Need::EverydayBanking => &[
            "for the everyday business of paying and being paid",
            "if you would like daily banking to be simple",
            "when everyday banking should just work",
        ],
        Need::Saving => &[
            "if you would like to put a little aside",
            "when saving for something is on your mind",
            "if building up a reserve is one of your goals",
        ],
        Need::Travel => &[
            "if there is a trip on the horizon",
            "whether the next journey is near or far",
            "if travel is part of your plans this season",
        ],
        Need::Rewards => &[
            "if you like everyday purchases to give something back",
            "for the things you buy anyway",
            "if earning rewards along the way appeals to you",
        ],
        Need::HomePurchase => &[
            "if buying a home is somewhere in your plans",
            "when a home of your own is on your mind",
            "if you are starting to look at homes",
        ],
        Need::HomeImprovement => &[
            "if a project at home is taking shape",
            "when there is something at home you would like to improve",
            "if a renovation is in your plans",
        ],
        Need::Borrowing => &[
            "if you are planning something larger",
            "when a bigger purchase is coming up",
            "if a larger plan is waiting to get started",
        ],
        Need::DebtConsolidation => &[
            "if keeping several balances in one place would make life simpler",
            "when you would rather keep track of one thing than of many",
            "if bringing balances together is something you are considering",
        ],
        Need::Vehicle => &[
            "if a different car is part of your plans",
            "when it is time for another set of wheels",
            "if you are thinking about a vehicle",
        ],
        Need::Investing => &[
            "if you are thinking about the longer term",
            "when putting money to work is on your mind",
            "if investing is part of your plans",
        ],
        Need::Retirement => &[
            "if planning for retirement is on your list",
            "when you would like a clearer view of retirement",
            "if you would like to start on retirement planning, or return to it",
        ],
        Need::WealthPlanning => &[
            "if it would help to see the whole picture in one place",
            "when your plans call for considered advice",
            "if you would value a second pair of eyes on your plans",
        ],
        Need::BusinessOperations => &[
            "if running your business takes up more of the day than you would like",
            "for the practical side of running a business",
            "when the business needs its money to move smoothly",
        ],
        Need::BusinessGrowth => &[
            "if your business is ready for its next step",
            "when there is an opportunity the business would like to take",
            "if growth is on the agenda",
        ],
        Need::Treasury => &[
            "if keeping the company's cash well organized matters to you",
            "when a clear view of company cash would help",
            "if managing the company's cash takes up time",
        ],
        Need::CapitalRaising => &[
            "if your company is considering how to raise capital",
            "when a larger step for the company needs funding",
            "if capital markets are on the company's agenda",
        ],
        Need::InternationalTrade => &[
            "if your company buys or sells abroad",
            "when business crosses borders",
            "if trading with partners abroad is on the agenda",
        ],
    }
}

/// Reasons from a product that the customer holds. They do not name it, because a text may name only offered products.
pub const HELD_PRODUCT_REASONS: &[&str] = &[
    "to go with what you already have with us",
    "since you already bank with us",
    "to build on what you already have here",
];

/// Returns service messages, which sell nothing and offer help. They must not reveal that a post was read.
#[must_use]
pub const fn service(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Hardship => &[
            "There is nothing to buy in this message. Life does not always go to plan, and money can be part of that. If things ever feel tight, please talk to us early. We can look at your accounts together, explain which options exist, and help you find some breathing space. Nobody here will judge you for asking.",
            "This note is not about any product. It is a reminder that we are here on the harder days as well. If paying for things becomes difficult, a conversation with us is a good first step. We will listen, go through the choices with you, and take it at your pace.",
            "We are not writing to sell you anything. Plans change, sometimes overnight, and it can help to have somebody to call. If money is a worry at any time, get in touch. Together we can work out what is possible, in confidence and without pressure.",
        ],
        Topic::Fees => &[
            "There is nothing to buy in this message. What an account costs should be easy to follow. If you ever wonder about a charge, please ask us. We will go through it with you line by line, explain where it comes from, and look into it if something does not seem right.",
            "This note is not about any product. It is about being clear. If any charge is ever hard to understand, you are welcome to raise it with us. A person will look at it, explain it in plain words, and put it right where we got it wrong.",
            "We are not writing to sell you anything. Charges should never come as a surprise. Should one ever puzzle you, let us know, and we will review it with you and talk about how your account could be set up to suit you better.",
        ],
        Topic::Fraud => &[
            "There is nothing to buy in this message. Keeping your money safe comes first. If something ever looks unfamiliar, please call the number on the back of your card. We can block a card, look into what happened, and help you secure your account. We will never ask you for a password.",
            "This note is not about any product. It is about security. If you do not recognize something on your account, or a message claims to come from us and feels wrong, call the number on your card. We will check it with you and protect your account while we look into it.",
            "We are not writing to sell you anything. Should you ever suspect that somebody is misusing your card or account, call the number on your card first. Our team will secure your account, explain the next steps, and stay with you until it is sorted out.",
        ],
        Topic::Service
        | Topic::HomeLoan
        | Topic::Card
        | Topic::Savings
        | Topic::Travel
        | Topic::Investing
        | Topic::Business
        | Topic::Care => &[
            "There is nothing to buy in this message. Good service means being heard. If anything about your banking is not as it should be, please tell us. A person will take it up, keep you informed, and stay with it until there is an answer.",
            "This note is not about any product. It is to say that we want to get things right for you. If something has gone wrong or taken too long, let us know, and we will look into it, explain what happened, and make sure that it is followed up.",
            "We are not writing to sell you anything. Should something about our service fall short, we would rather hear it from you. Get in touch in whichever way you like, and somebody will own the question until it is settled.",
        ],
    }
}

/// Openings of a service message.
pub const OPENINGS_SERVICE: &[&str] = &[
    "Hello {{first_name}}. Thank you for being a customer of {{bank}}.",
    "Hello {{first_name}}, and thank you for taking a moment for this note from {{bank}}.",
    "Hello {{first_name}}. This is a short and personal note from {{bank}}.",
];

/// Closings of a service message.
pub const CLOSINGS_SERVICE: &[&str] = &[
    "You can reach us in the way you usually do, or simply come by. We are glad to help. With warm regards, {{adviser}}.",
    "Simply get in touch in whichever way is easiest for you. We are here for you. With kind regards, {{adviser}}.",
    "Whenever it suits you, call us, write to us, or come by. You are welcome at any time. Warm regards, {{adviser}}.",
];
