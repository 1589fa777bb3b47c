//! Randomly generates any number of customers.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::handwritten::{HOMEMAKER, OWNER, SAVER, SHOPPER, STUDENT, TRAVELER};
use super::template::{CustomerTemplate, SpendingHabit};

const FIRST: &[&str] = &[
    "Amara", "Benjamin", "Chloe", "Diego", "Elif", "Farah", "Gustav", "Hana", "Imani", "Jonas", "Keiko", "Liam",
    "Mónica", "Niamh", "Omar", "Paweł", "Quinn", "Renée", "Søren", "Teresa", "Uma", "Victor", "Wanjiru", "Ximena",
    "Yusuf", "Zoë",
];
const LAST: &[&str] = &[
    "Abbott", "Björk", "Castillo", "Dvořák", "Eriksen", "Fontaine", "García", "Hughes", "Ivanova", "Jensen", "Khan",
    "Larsson", "Moreau", "Novak", "O'Connor", "Petrov", "Quintero", "Rossi", "Schäfer", "Tanaka", "Usman", "Vargas",
    "Walker", "Xu", "Young", "Zhang",
];
const HOMES: &[(&str, &str)] =
    &[("Tucson", "85701"), ("Tampa", "33602"), ("Boise", "83702"), ("Albany", "12207"), ("Fresno", "93721")];
const PRODUCTS: &[&[&str]] = &[
    &["everyday-checking"],
    &["everyday-checking", "high-yield-savings"],
    &["everyday-checking", "cash-back-card"],
    &["everyday-checking", "auto-loan"],
    &[],
];

/// A kind of customer: occupation, habits, range of income, range of balance, and possible posts.
type Kind = (&'static str, &'static [SpendingHabit], (u32, u32), (u32, u32), &'static [&'static [(i64, &'static str)]]);

const KINDS: &[Kind] = &[
    (
        "Consultant",
        TRAVELER,
        (70_000, 150_000),
        (5_000, 40_000),
        &[
            &[(6, "What a wonderful trip, great hotel and a smooth flight!")],
            &[(19, "Stuck at the airport again. Awful day.")],
        ],
    ),
    ("Electrician", HOMEMAKER, (50_000, 95_000), (3_000, 30_000), &[&[(9, "So happy with our new home!")], &[]]),
    (
        "Analyst",
        SHOPPER,
        (45_000, 90_000),
        (1_000, 12_000),
        &[&[(4, "Love the cash back on my card this month.")], &[]],
    ),
    ("Manager", SAVER, (90_000, 220_000), (60_000, 400_000), &[&[(22, "Good year for my index funds.")], &[]]),
    ("Shop owner", OWNER, (60_000, 180_000), (10_000, 120_000), &[&[(3, "Great week for our small business!")], &[]]),
    ("Student", STUDENT, (12_000, 35_000), (200, 5_000), &[&[(2, "Passed the exam, what a relief!")], &[]]),
];

/// The possible consent answers, each with the percentile below which it is chosen.
const ANSWERS: &[(u32, &[&str])] =
    &[(78, &["Yes"]), (86, &["Y"]), (93, &["No"]), (96, &[""]), (98, &["Yes", "No"]), (100, &["maybe"])];

/// Randomly generates a customer.
pub fn draw(random: &mut StdRng) -> CustomerTemplate {
    let (occupation, habits, income, balance, posts) = one_of(KINDS, random);
    CustomerTemplate {
        first_name: one_of(FIRST, random),
        last_name: one_of(LAST, random),
        age: random.random_range(19..80),
        gender: one_of(&["female", "male", "nonbinary"], random),
        marital_status: one_of(&["single", "married", "divorced", "widowed"], random),
        home: one_of(HOMES, random),
        occupation,
        income: random.random_range(income.0..=income.1),
        balance: random.random_range(balance.0..=balance.1),
        products: one_of(PRODUCTS, random),
        adviser: one_of(&["", "", "Helen Marsh", "Samuel Ortiz"], random),
        language: "",
        consent: answers(random),
        social: answers(random),
        habits,
        tweets: one_of(posts, random),
    }
}

fn one_of<T: Copy>(list: &[T], random: &mut StdRng) -> T {
    *list.choose(random).expect("the lists are not empty")
}

fn answers(random: &mut StdRng) -> &'static [&'static str] {
    let percent = random.random_range(0..100);
    ANSWERS.iter().find(|(below, _)| percent < *below).expect("the last percentile is 100").1
}
