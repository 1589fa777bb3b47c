"""Does the same work as the merge stage, written as a data team would write it with pandas.

Decrypts, reads and joins the workbooks of a folder by customer, drops data without consent, and writes one JSON line for
each customer.

Usage: pandas_intake.py ENGINE DATA OUT, where ENGINE is the reader that pandas uses: openpyxl or calamine.
"""

import io
import json
import os
import sys

import msoffcrypto
import pandas

ENGINE, DATA, OUT = sys.argv[1:]
YES = {"yes", "y", "true", "1"}


def read(name):
    """Returns the decrypted workbook as a table."""
    with open(f"{DATA}/{name}", "rb") as file:
        office = msoffcrypto.OfficeFile(file)
        office.load_key(password=os.environ["EXCEL_PASSWORD"])
        package = io.BytesIO()
        office.decrypt(package)
    return pandas.read_excel(package, engine=ENGINE, dtype={"customer_id": str})


def consenting(transactions, column):
    """Returns the ids of customers who answered yes in every row."""
    answers = transactions[column].astype(str).str.strip().str.lower().isin(YES)
    return set(transactions["customer_id"][answers.groupby(transactions["customer_id"]).transform("all")])


profiles = read("customer_profile.xlsx").drop_duplicates("customer_id")
transactions = read("customer_transactions.xlsx")
tweets = read("twitter_data.xlsx")
general, social = consenting(transactions, "consent"), consenting(transactions, "consent_social_media")
transactions = transactions[transactions["customer_id"].isin(general)]
tweets = tweets[tweets["customer_id"].isin(general & social)]
transactions = transactions.assign(date=pandas.to_datetime(transactions["date"]).dt.strftime("%Y-%m-%d"))
tweets = tweets.assign(created_at=tweets["created_at"].astype(str))
payments = {id: rows.to_dict("records") for id, rows in
        transactions[["customer_id", "date", "category", "merchant", "transaction_amount"]].groupby("customer_id")}
posts = {id: rows.to_dict("records") for id, rows in tweets[["customer_id", "created_at", "tweet"]].groupby("customer_id")}
columns = ["customer_id", "first_name", "income", "account_balance", "products_held", "investment_advisor"]
with open(OUT, "w") as out:
    for customer in profiles[columns].to_dict("records"):
        id = customer["customer_id"]
        customer = {"customer_id": id} if id not in general else customer | {
            "transactions": payments.get(id, []), "tweets": posts.get(id, [])}
        out.write(json.dumps(customer, default=str) + "\n")
