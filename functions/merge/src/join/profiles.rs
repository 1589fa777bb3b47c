//! Reads profile rows, and keeps the refusals and stops in unusable ones.

use super::{
    BTreeSet, BrokenCell, Cell, CellRule, Cents, ConsentAnswer, CustomerId, HashMap, Join, JoinedCustomer, Language,
    MAX_NAME, MAX_UNKNOWN_ANSWERS, MAX_UNKNOWN_WORDS, MAX_WORD, PROFILE_FACTS, Place, Profile, ProfileRow, Refusal,
    Restrictions, RowProblem, SheetRow, Stop, TimeZone, UnknownAnswer, Workbook, answers, held_products, is_name,
    is_placeholder, is_refusal, names_deceased, near_id, read_stops, unreachable_cells,
};

impl Join<'_> {
    pub(super) fn add_profile(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, first_name, income, balance, products, adviser, since, language, ..] = row.cells else {
            unreachable_cells()
        };
        let place = self.place(row);
        let answers: Vec<ConsentAnswer> = answers(Workbook::Profile, row).collect();
        let stops = self.read_stops(row, first_name);
        let broken = match id.customer_id() {
            Err(rule) => ("customer_id", rule),
            Ok(id) => match first_name.some_text() {
                Ok(name) if name.chars().count() <= MAX_NAME => {
                    let cells = [income, balance, products, adviser, since, language];
                    let profile = self.read_profile(row, name, cells, stops);
                    self.profiles.entry(id).or_default().push((place, profile, answers));
                    return Ok(());
                }
                unusable => {
                    self.unusable_profiles.insert(id, "the customer's profile row was set aside; correct that row");
                    ("first_name", unusable.err().unwrap_or("longer than 100 characters; shorten it"))
                }
            },
        };
        // Another row may make this customer usable. It must not hide the refusals and stops of this row.
        let refusals: Vec<ConsentAnswer> =
            answers.into_iter().filter(|answer| is_refusal(self.intake, answer)).collect();
        if let Some(near) = id.near_id() {
            self.restrictions.push((near, Restrictions { refusals, stops }));
        } else {
            if refusals.iter().any(|answer| !answer.value.is_empty()) {
                self.unassigned.push(place);
            }
            // Ignore unclear cells here: a row of totals has cells that cannot be read as a status or an age.
            if stops.iter().any(|stop| *stop != Stop::Unclear) {
                self.unassigned_stops.push(place);
            }
        }
        Err(broken)
    }

    /// Reads the stops in a profile row, and reports its unclear cells. A name such as "Estate of Ann" is a stop, too.
    fn read_stops(&mut self, row: &SheetRow<'_>, first_name: &Cell<'_>) -> Vec<Stop> {
        let read_on = self.report.read_at.to_zoned(TimeZone::UTC).date();
        let cells = &row.cells[PROFILE_FACTS.len()..];
        let read = read_stops(cells, row.epoch_1904, read_on, &self.intake.stops);
        for (column, rule, word) in read.unclear {
            self.remark(Workbook::Profile, row, column, rule);
            if let Some(word) = word {
                self.add_unknown_word(column, &word);
            }
        }
        let mut stops = read.stops;
        if first_name.text().is_ok_and(|name| names_deceased(&name)) && !stops.contains(&Stop::Deceased) {
            stops.push(Stop::Deceased);
            stops.sort_unstable();
        }
        stops
    }

    /// Reads the cells in a usable profile row. Reports and ignores unusable cells.
    fn read_profile(
        &mut self,
        row: &SheetRow<'_>,
        first_name: String,
        [income, balance, products, adviser, since, language]: [&Cell<'_>; 6],
        stops: Vec<Stop>,
    ) -> Profile {
        let file = Workbook::Profile;
        let mut money = |column, cell: &Cell<'_>| -> Option<Cents> {
            if cell.is_blank() {
                return None;
            }
            let amount = cell.written_amount().map_err(|rule| self.remark(file, row, column, rule)).ok()?;
            self.amounts.add(column, &amount);
            // As a payment, a credit is negative; as a balance, it is positive.
            Some(if amount.is_marked { Cents(-amount.cents.0) } else { amount.cents })
        };
        let income = money("income", income);
        let account_balance = money("account_balance", balance);
        let customer_since = match since.date(row.epoch_1904) {
            Ok(day) => Some(day),
            Err(_) if since.is_blank() => None,
            Err(rule) => {
                self.remark(file, row, "customer_since", rule);
                None
            }
        };
        let products = products.text().unwrap_or_else(|rule| {
            self.remark(file, row, "products_held", rule);
            String::new()
        });
        let held = held_products(self.catalogue, &products);
        if !held.unknown.is_empty() {
            let rule = "names a product that is not in the catalog; correct the name or add the product";
            self.remark(file, row, "products_held", rule);
        }
        for entry in held.unknown {
            self.add_unknown_word("products_held", &entry);
        }
        let adviser = adviser.text().unwrap_or_else(|rule| {
            self.remark(file, row, "investment_advisor", rule);
            String::new()
        });
        let adviser = Some(adviser).filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME);
        let adviser = adviser.filter(|name| {
            let is_placeholder = is_placeholder(name);
            if is_placeholder {
                self.remark(file, row, "investment_advisor", "a placeholder, not a name; leave the cell blank");
            }
            !is_placeholder
        });
        let first_name = if is_name(&first_name) {
            first_name
        } else {
            self.remark(file, row, "first_name", "not a first name, so the greeting omits it; correct it");
            String::new()
        };
        Profile {
            first_name,
            income,
            account_balance,
            products_held: held.named,
            adviser,
            customer_since,
            language: self.read_language(row, language),
            stops,
            probably_held: held.likely,
        }
    }

    /// Reads the preferred language. Reports an unsupported one; the bank's default then applies.
    fn read_language(&mut self, row: &SheetRow<'_>, cell: &Cell<'_>) -> Option<Language> {
        if cell.is_blank() {
            return None;
        }
        let text = cell.text();
        let language = text.as_deref().ok().and_then(Language::from_cell);
        if language.is_none() {
            let rule = "not a supported language, so the bank's default applies; correct it or leave it blank";
            self.remark(Workbook::Profile, row, "language", rule);
            if let Ok(word) = text {
                self.add_unknown_word("language", &word);
            }
        }
        language
    }

    pub(super) fn remark(&mut self, file: Workbook, row: &SheetRow<'_>, column: &'static str, rule: CellRule) {
        let sheet = row.sheet.to_owned();
        self.report.remark(RowProblem { file, sheet, row: row.number, column, rule });
    }

    pub(super) fn add_unknown_word(&mut self, column: &'static str, word: &str) {
        let key = (column, word.chars().take(MAX_WORD).collect());
        if self.unknown_words.len() < MAX_UNKNOWN_WORDS || self.unknown_words.contains_key(&key) {
            *self.unknown_words.entry(key).or_default() += 1;
        }
    }

    /// Returns the most common unknown words in each column.
    pub fn unknown_words(&self) -> Vec<UnknownAnswer> {
        let mut words: Vec<UnknownAnswer> = Vec::new();
        for column in self.unknown_words.keys().map(|(column, _)| *column).collect::<BTreeSet<_>>() {
            let own = self.unknown_words.iter().filter(|((other, _), _)| *other == column);
            let mut own: Vec<UnknownAnswer> = own
                .map(|((_, word), rows)| UnknownAnswer {
                    file: Workbook::Profile,
                    column,
                    answer: word.clone(),
                    rows: *rows,
                })
                .collect();
            own.sort_by_key(|word| std::cmp::Reverse(word.rows));
            words.extend(own.into_iter().take(MAX_UNKNOWN_ANSWERS));
        }
        words
    }

    /// Combines identical rows into one customer, and sets aside contradictory rows about the same customer. Then
    /// applies the refusals and stops in unusable rows.
    pub(super) fn finish_profiles(&mut self) {
        for (id, rows) in std::mem::take(&mut self.profiles) {
            let mut rows = rows.into_iter();
            let Some((first, profile, first_answers)) = rows.next() else { continue };
            let others: Vec<ProfileRow> = rows.collect();
            if others.iter().any(|(_, other, _)| *other != profile) {
                let all = std::iter::once((first, profile, first_answers)).chain(others);
                for (place, profile, answers) in all {
                    let refusals = answers.into_iter().filter(|answer| is_refusal(self.intake, answer)).collect();
                    self.restrictions.push((near_id(id.reveal()), Restrictions { refusals, stops: profile.stops }));
                    let rule = "contradicts another row of the same customer; keep one of them";
                    self.set_aside_at(Workbook::Profile, place, ("customer_id", rule));
                }
                let rule = "the customer's profile rows contradict each other; keep one of them";
                self.unusable_profiles.insert(id, rule);
                continue;
            }
            let mut customer = JoinedCustomer {
                profile,
                answers: Vec::new(),
                transactions: Vec::new(),
                bare_serials: Vec::new(),
                has_payment_rows: false,
                tweets: Vec::new(),
                permission: Err(Refusal::Blank),
            };
            for answer in first_answers {
                customer.add_answer(answer);
            }
            for ((sheet, row), _, answers) in others {
                for answer in answers {
                    customer.add_answer(answer);
                }
                self.report.remark(RowProblem {
                    file: Workbook::Profile,
                    sheet: self.sheets.get(sheet).cloned().unwrap_or_default(),
                    row,
                    column: "customer_id",
                    rule: "repeats an earlier row of the same customer; remove it",
                });
            }
            self.customers.insert(id, customer);
        }
        for (near, restrictions) in std::mem::take(&mut self.restrictions) {
            self.for_each_near(&near, |customer| {
                restrictions.refusals.iter().for_each(|answer| customer.add_answer(answer.clone()));
                customer.add_stops(&restrictions.stops);
            });
        }
    }

    pub(super) fn add_unassigned(&mut self, place: Place) {
        if self.unassigned.last() != Some(&place) {
            self.unassigned.push(place);
        }
    }

    /// Applies `change` to every customer whose id differs only in details that are easily lost, such as leading zeros,
    /// spaces or case.
    pub(super) fn for_each_near(&mut self, near: &str, mut change: impl FnMut(&mut JoinedCustomer)) {
        let customers = &mut self.customers;
        let index = self.near_ids.get_or_insert_with(|| {
            let mut index: HashMap<String, Vec<CustomerId>> = HashMap::new();
            for id in customers.keys() {
                index.entry(near_id(id.reveal())).or_default().push(id.clone());
            }
            index
        });
        for id in index.get(near).into_iter().flatten() {
            if let Some(customer) = customers.get_mut(id) {
                change(customer);
            }
        }
    }
}
