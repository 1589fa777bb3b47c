//! Translates the category vocabularies that banks use into words in the default lexicon. The vocabularies are merchant
//! category codes (ISO 18245) and the category names of data aggregators.

use contracts::facts::plain_words;
use policy::customer::Cents;

/// The category of incoming money. It is not a spending category.
const INCOME: &str = "income";

/// Ranges of merchant category codes, each with a word in the default lexicon. Codes for sensitive or unclear trades,
/// such as doctors, bars, charities and cash, are omitted on purpose.
const CODES: [(u16, u16, &str); 59] = [
    (3000, 3350, "airlines"),
    (3351, 3441, "car rental"),
    (3501, 3999, "hotels"),
    (4111, 4112, "public transport"),
    (4121, 4121, "taxi"),
    (4131, 4131, "public transport"),
    (4411, 4411, "cruise"),
    (4511, 4511, "airlines"),
    (4722, 4722, "travel agency"),
    (4784, 4784, "tolls"),
    (4789, 4789, "transport"),
    (4812, 4815, "phone"),
    (4816, 4816, "internet"),
    (4899, 4899, "cable"),
    (4900, 4900, "utilities"),
    (5045, 5045, "electronics"),
    (5200, 5200, "home improvement"),
    (5211, 5211, "home improvement"),
    (5231, 5231, "home improvement"),
    (5251, 5251, "hardware store"),
    (5261, 5261, "garden"),
    (5300, 5300, "groceries"),
    (5309, 5311, "department store"),
    (5331, 5331, "general merchandise"),
    (5399, 5399, "general merchandise"),
    (5411, 5411, "groceries"),
    (5422, 5422, "groceries"),
    (5441, 5462, "groceries"),
    (5499, 5499, "groceries"),
    (5511, 5533, "automotive"),
    (5541, 5542, "gas station"),
    (5552, 5552, "fuel"),
    (5599, 5599, "automotive"),
    (5611, 5699, "clothing"),
    (5712, 5719, "furniture"),
    (5722, 5722, "appliances"),
    (5732, 5734, "electronics"),
    (5735, 5735, "music"),
    (5811, 5812, "restaurants"),
    (5814, 5814, "fast food"),
    (5815, 5818, "subscriptions"),
    (5940, 5941, "shopping"),
    (5942, 5943, "books"),
    (5944, 5949, "shopping"),
    (5960, 5960, "insurance"),
    (5964, 5969, "online shopping"),
    (5999, 5999, "shopping"),
    (6211, 6211, "investments"),
    (6300, 6300, "insurance"),
    (7011, 7011, "hotels"),
    (7311, 7311, "advertising"),
    (7512, 7519, "car rental"),
    (7523, 7523, "parking"),
    (7531, 7549, "car repair"),
    (7829, 7841, "movies"),
    (7911, 7941, "entertainment"),
    (7991, 7994, "entertainment"),
    (7996, 7999, "recreation"),
    (8211, 8299, "education"),
];

/// Category names that data aggregators use. Each line begins with the word in the default lexicon.
const ALIASES: &str = "
groceries: food and drink groceries, supermarkets and groceries, groceries and supermarkets, grocery shopping
restaurants: food and drink restaurant, food and drink restaurants, restaurants and dining, dining and restaurants, eating out, restaurants dining, food and drink other food and drink
fast food: food and drink fast food
coffee: food and drink coffee
airlines: travel flights, airlines and aviation services
hotels: travel lodging, hotels and motels, hotel and motel, lodging and hotels
car rental: travel rental cars, rental cars
travel: travel other travel, travel and tourism, holidays, travel and holidays
gas station: transportation gas, automotive fuel, gas fuel, petrol, petrol stations, service stations, fuel and petrol
public transport: transportation public transit, public transportation
taxi: transportation taxis and ride shares, taxis, taxis and ride shares
parking: transportation parking
tolls: transportation tolls
transport: transportation other transportation, transportation bikes and scooters
automotive: automotive expenses, car and fuel, general services automotive
furniture: home improvement furniture, furnishings
hardware store: home improvement hardware
home maintenance: home improvement repair and maintenance, household, diy
home improvement: home improvement other home improvement
utilities: rent and utilities gas and electricity, rent and utilities sewage and waste management, rent and utilities other utilities, utilities and bills, gas and electricity
internet: rent and utilities internet and cable
phone: rent and utilities telephone, telecommunication services, telephone services
water: rent and utilities water
general merchandise: general merchandise other general merchandise, general merchandise discount stores, general merchandise superstores, general merchandise convenience stores, shops, warehouses and wholesale stores
clothing: general merchandise clothing and accessories, clothing and accessories, clothing and shoes, clothing shoes
department store: general merchandise department stores
electronics: general merchandise electronics, computers and electronics, electronics and software
online shopping: general merchandise online marketplaces, digital purchase
shopping: general merchandise sporting goods, sporting goods
books: general merchandise bookstores and newsstands, bookstores
movies: entertainment tv and movies
music: entertainment music and audio
entertainment: entertainment other entertainment, entertainment sporting events amusement parks and museums, arts and entertainment, entertainment and recreation
games: entertainment video games
education: general services education, education and training
insurance: general services insurance
business services: business miscellaneous, business and office
investments: transfer out investment and retirement funds, securities trades, investment transfer
bank fees: bank fees other bank fees, bank fees foreign transaction fees, service charges fees, service fees
atm fees: bank fees atm fees
overdraft fees: bank fees overdraft fees
";

/// Category names that mean incoming money.
const INCOME_WORDS: &str = "payroll, salary, salaries, wages, wage, paycheck, paychecks, direct deposit, deposit, deposits, income, pension, \
    retirement income, social security, interest, interest earned, interest income, dividend, dividends, bonus, nomina, \
    salario, sueldo, ingresos, transfer in, payroll and salary, paychecks and salary, credit, tax refund";

/// Category names that the lexicon omits on purpose, because they would reveal sensitive facts or carry no information.
const IGNORED: &str = "health, healthcare, medical, pharmacy, pharmacies, doctor, doctors, dentist, hospital, fitness, gym, gyms, childcare, \
    charity, donation, donations, religion, church, politics, alcohol, bars, bar, liquor, gambling, casino, beauty, personal care, \
    remittance, remittances, cash, atm, atm withdrawal, withdrawal, cash withdrawal, transfer, transfers, transfer out, payment, \
    payments, credit card payment, loan payment, loan payments, mortgage, rent, tax, taxes, government, check, checks, \
    public assistance, child support, alimony, legal, uncategorized, other, misc, miscellaneous, debt collection, funeral";

/// Returns the default lexicon's word for a category in any of these vocabularies.
///
/// Returns `income` for a category that starts with "income", or for another income category of incoming money. Returns
/// an unknown category unchanged, except that only the last step of a path is kept.
pub fn usual_category(category: String, amount: Cents) -> String {
    let words = normalized(&category);
    if words.starts_with("income ") || (amount.0 < 0 && listed(INCOME_WORDS, &words)) {
        return INCOME.to_owned();
    }
    if let Some(word) = of_code(&category) {
        return word.to_owned();
    }
    let alias = |words: &str| {
        ALIASES.lines().filter_map(|line| line.split_once(": ")).find(|(_, aliases)| listed(aliases, words))
    };
    // Some aggregators write a path, such as `Food and Drink > Restaurants`.
    let last = category.rsplit(['>', ':']).next().unwrap_or_default().trim();
    match alias(&words).or_else(|| alias(&normalized(last))) {
        Some((word, _)) => word.to_owned(),
        None if last.len() < category.len() && !last.is_empty() => last.to_owned(),
        None => category,
    }
}

/// Returns whether a lexicon need not list a category, because it is sensitive, uninformative or income.
#[must_use]
pub fn is_ignored_category(category: &str) -> bool {
    let words = normalized(category);
    listed(IGNORED, &words) || listed(INCOME_WORDS, &words) || words == INCOME
}

fn of_code(category: &str) -> Option<&'static str> {
    let code = category.trim();
    let code = code.strip_prefix("MCC").map_or(code, |rest| rest.trim_start_matches([' ', ':', '-']));
    let code: u16 = (code.len() == 4).then(|| code.parse().ok()).flatten()?;
    CODES.iter().find(|(first, last, _)| (*first..=*last).contains(&code)).map(|(.., word)| *word)
}

fn listed(list: &str, words: &str) -> bool {
    list.split(',').any(|entry| entry.trim() == words)
}

fn normalized(category: &str) -> String {
    plain_words(&category.replace('&', " and ")).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(category: &str) -> String {
        usual_category(category.to_owned(), Cents(100))
    }

    #[test]
    fn codes_and_aggregator_categories_are_translated() {
        for (category, word) in [
            ("5411", "groceries"),
            ("MCC 5812", "restaurants"),
            ("3058", "airlines"),
            ("FOOD_AND_DRINK_GROCERIES", "groceries"),
            ("TRANSPORTATION_GAS", "gas station"),
            ("Food and Drink > Restaurants", "restaurants"),
            ("Shops: Supermarkets & Groceries", "groceries"),
            ("Automotive/Fuel", "gas station"),
            ("Groceries", "Groceries"),
            ("INCOME_WAGES", "income"),
            // Codes for a bar and a doctor, and an unknown code, are not translated.
            ("5813", "5813"),
            ("8011", "8011"),
            ("0042", "0042"),
        ] {
            assert_eq!(spent(category), word, "{category}");
        }
    }

    #[test]
    fn incoming_money_is_not_spending() {
        for category in ["Payroll", "Salary", "Direct Deposit", "Nómina".to_lowercase().replace('ó', "o").as_str()] {
            assert_eq!(usual_category(category.to_owned(), Cents(-100)), "income", "{category}");
        }
        assert_eq!(spent("Payroll"), "Payroll", "a business pays its staff");
        assert!(is_ignored_category("Pharmacy") && is_ignored_category("income") && !is_ignored_category("Groceries"));
    }
}
