//! Compares the join with a naive reference join over random rows.

use std::collections::BTreeMap;

use policy::consent::gate;
use policy::customer::CustomerRecord;
use proptest::prelude::*;

use crate::bank::{Bank, profile_header, transactions_header};
use crate::workbook::{Sheet, Value};

/// A customer as merge must join it: payments in cents and posts, each sorted.
#[derive(Debug, Default, PartialEq, Eq)]
struct ExpectedCustomer {
    payments: Vec<(String, i64)>,
    posts: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
struct RandomRows {
    profiles: Vec<u8>,
    payments: Vec<(u8, u8, i64, Value, Value)>,
    posts: Vec<(u8, u8)>,
}

fn answer() -> impl Strategy<Value = Value> {
    let yes = ["yes", "Yes", "Y"].map(Value::from);
    let other = ["no", "", "maybe"].map(Value::from).into_iter().chain([Value::Bool(false), Value::Number(0.0)]);
    prop_oneof![
        20 => prop::sample::select(yes.to_vec()),
        5 => Just(Value::Bool(true)),
        5 => Just(Value::Number(1.0)),
        2 => prop::sample::select(other.collect::<Vec<_>>()),
    ]
}

prop_compose! {
    fn rows()(
        profiles in prop::collection::vec(0..6_u8, 1..8),
        payments in prop::collection::vec((0..8_u8, 0..4_u8, -10_000..10_000_i64, answer(), answer()), 0..40),
        posts in prop::collection::vec((0..8_u8, any::<u8>()), 0..20),
    ) -> RandomRows {
        RandomRows { profiles, payments, posts }
    }
}

/// Returns an id cell. An id is a number in some rows and text in others, but refers to the same customer.
fn id(number: u8, as_text: bool) -> Value {
    if as_text { Value::Text(number.to_string()) } else { Value::Number(f64::from(number)) }
}

#[expect(clippy::cast_precision_loss, reason = "small amounts")]
fn sheets(rows: &RandomRows) -> [Sheet; 3] {
    let mut profiles = vec![profile_header()];
    profiles.extend(rows.profiles.iter().zip(0..).map(|(number, at)| {
        let mut row = row!["", format!("Name{number}").as_str(), "", 1.0, 2.0, "", ""];
        row[0] = id(*number, at % 2 == 0);
        row
    }));
    let mut payments = vec![transactions_header()];
    payments.extend(rows.payments.iter().map(|(number, merchant, cents, general, social)| {
        let amount = Value::Number(*cents as f64 / 100.0);
        let merchant = Value::Text(format!("Shop {merchant}"));
        let day = Value::from("2026-10-01");
        vec![id(*number, *cents % 2 == 0), day, Value::from("Fuel"), merchant, amount, general.clone(), social.clone()]
    }));
    let mut posts = vec![row!["customer_id", "tweet", "created_at"]];
    posts.extend(
        rows.posts
            .iter()
            .map(|(number, text)| vec![id(*number, true), Value::Text(format!("post {text}")), Value::from("")]),
    );
    [Sheet::new(profiles), Sheet::new(payments), Sheet::new(posts)]
}

/// Returns whether a value means yes. A 1 means yes only in a `binary` column, which contains only 0, 1 and blanks.
fn says_yes(value: &Value, binary: bool) -> bool {
    match value {
        Value::Text(text) => ["yes", "y"].contains(&text.to_lowercase().as_str()),
        Value::Bool(answer) => *answer,
        Value::Number(number) => binary && number.total_cmp(&1.0).is_eq(),
        _ => false,
    }
}

fn reference_join(rows: &RandomRows) -> BTreeMap<String, ExpectedCustomer> {
    let mut joined = BTreeMap::new();
    let known = || rows.payments.iter().filter(|(id, ..)| rows.profiles.contains(id));
    let is_binary = |value: &Value| matches!(value, Value::Blank | Value::Number(_));
    let general_is_binary = known().all(|(_, _, _, general, _)| is_binary(general));
    let social_is_binary = known().all(|(.., social)| is_binary(social));
    for number in &rows.profiles {
        let own: Vec<_> = rows.payments.iter().filter(|(id, ..)| id == number).collect();
        if own.is_empty() || !own.iter().all(|(_, _, _, general, _)| says_yes(general, general_is_binary)) {
            continue;
        }
        let mut payments: Vec<_> =
            own.iter().map(|(_, merchant, cents, ..)| (format!("Shop {merchant}"), *cents)).collect();
        payments.sort();
        let social = own.iter().all(|(.., social)| says_yes(social, social_is_binary));
        let posts = social.then(|| {
            let own = rows.posts.iter().filter(|(id, _)| id == number);
            let mut posts: Vec<_> = own.map(|(_, text)| format!("post {text}")).collect();
            posts.sort();
            posts
        });
        joined.insert(number.to_string(), ExpectedCustomer { payments, posts });
    }
    joined
}

async fn merged(rows: &RandomRows) -> (String, BTreeMap<String, ExpectedCustomer>) {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    bank.upload_sheets(&sheets(rows)).await;
    let output = bank.merge().await.unwrap();
    let mut joined = BTreeMap::new();
    for record in bank.records(&output).await {
        let CustomerRecord::Given(customer) = record else { continue };
        let mut payments: Vec<_> =
            customer.transactions.iter().map(|payment| (payment.merchant.clone(), payment.amount.0)).collect();
        payments.sort();
        let posts = gate(&customer.consent.readings).unwrap().social.ok().map(|proof| {
            let mut posts: Vec<_> = customer.tweets(&proof).iter().map(|tweet| tweet.text.clone()).collect();
            posts.sort();
            posts
        });
        joined.insert(customer.id.reveal().to_owned(), ExpectedCustomer { payments, posts });
    }
    (output.dataset.to_string(), joined)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn join_equals_reference_join_in_any_row_order(
        (rows, shuffled) in rows().prop_flat_map(|rows| {
            let shuffled = (Just(rows.profiles.clone()).prop_shuffle(), Just(rows.payments.clone()).prop_shuffle(),
                Just(rows.posts.clone()).prop_shuffle());
            let shuffled = shuffled.prop_map(|(profiles, payments, posts)| RandomRows { profiles, payments, posts });
            (Just(rows), shuffled)
        })
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (dataset, joined) = runtime.block_on(merged(&rows));
        prop_assert_eq!(&joined, &reference_join(&rows));
        let (same, _) = runtime.block_on(merged(&shuffled));
        prop_assert_eq!(dataset, same);
    }
}
