//! The e-mail kit: one message for each customer, which the bank's own system sends.
//!
//! A message is a draft without `From`, `To`, `Date` and `Message-ID`, which the sender adds. Its image comes from the
//! customer's link and disappears with it. `List-Unsubscribe` and `List-Unsubscribe-Post` let a mail program opt the
//! customer out with one click (RFC 8058); the sender's DKIM signature must cover both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::customer_page::CustomerPage;
use contracts::html::escaped;
use contracts::{CustomerRef, Digest, RunId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use storage::vault::Vault;

use crate::export::ExportRow;
use crate::look::{Look, MailColors};
use crate::page::list;
use crate::page::words::{Words, fill};
use crate::{Error, PublishedContent, published};

/// The maximum length of a base64 line in characters (RFC 2045, section 6.8).
const LINE: usize = 76;

/// A customer's e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The body as HTML.
    pub html: String,
    /// The body as plain text.
    pub text: String,
    /// The whole draft, with headers (RFC 5322).
    pub message: String,
}

/// Returns the e-mail for a row of an export. Returns `None` if the row has no link, if the result may no longer be
/// shown, or if an older version published it without a page.
pub async fn mail(
    run: &RunId,
    row: &ExportRow,
    look: &Look,
    vault: &Vault,
    now: Timestamp,
) -> Result<Option<Mail>, Error> {
    let Ok(reference) = CustomerRef::parse(row.reference.clone()) else { return Ok(None) };
    let Ok(expires) = row.expires.parse::<Timestamp>() else { return Ok(None) };
    let Ok(PublishedContent { video, page: Some(page), .. }) = published(run, &reference, vault, now).await? else {
        return Ok(None);
    };
    Ok(Some(compose(&Draft { link: &row.link, expires, video, page: &page, look })))
}

/// The content of a draft.
struct Draft<'a> {
    link: &'a str,
    expires: Timestamp,
    video: bool,
    page: &'a CustomerPage,
    look: &'a Look,
}

fn compose(draft: &Draft<'_>) -> Mail {
    let words = Words::of(&draft.page.language);
    let Parts { subject, lead, until, legal, hello } = parts(draft, words);
    let html = html(draft, words);
    let stop = format!("{}/unsubscribe", draft.link);
    let bank = &draft.look.brand.name;
    let text = format!(
        "{hello}\n\n{lead}\n\n{}: {}\n\n{until}\n\n{bank}\n{}\n\n--\n{}\n\n{}: {stop}\n",
        words.mail_button,
        draft.link,
        draft.look.brand.web,
        legal.join("\n"),
        words.mail_stop,
    );
    // The boundary must not occur in the parts. Base64 has no hyphen, so it cannot.
    let boundary = format!("part-{}", Digest::of(draft.link.as_bytes()).short());
    let part = |kind: &str, body: &str| {
        format!(
            "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            wrapped(&BASE64.encode(body))
        )
    };
    let message = format!(
        "MIME-Version: 1.0\r\nSubject: {}\r\nContent-Language: {}\r\nList-Unsubscribe: <{stop}>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
         Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n{}{}--{boundary}--\r\n",
        header(&subject),
        words.lang,
        part("plain", &text),
        part("html", &html),
    );
    Mail { html, text, message }
}

/// The sentences of a draft.
struct Parts {
    subject: String,
    hello: String,
    lead: String,
    until: String,
    legal: Vec<String>,
}

fn parts(draft: &Draft<'_>, words: &Words) -> Parts {
    let Draft { expires, page, look, .. } = draft;
    let names: Vec<&str> = page.offers.iter().map(|offer| offer.name.as_str()).collect();
    let lead = if names.is_empty() {
        words.mail_service_text.to_owned()
    } else {
        fill(words.mail_text, &[("offers", &list(&names, words))])
    };
    let day = expires.to_zoned(TimeZone::UTC).date().to_string();
    let mut legal: Vec<String> = Vec::new();
    let of_offers = page.offers.iter().flat_map(|offer| &offer.disclosures);
    let brand = look.brand_in(&page.language);
    for line in of_offers.chain(&page.disclosures).chain([&brand.voice_notice, &brand.opt_out]) {
        if !legal.contains(line) {
            legal.push(line.clone());
        }
    }
    Parts {
        subject: fill(words.mail_subject, &[("bank", &look.brand.name)]),
        hello: fill(words.mail_hello, &[("name", &page.first_name)]),
        lead,
        until: fill(words.mail_expires, &[("date", &day)]),
        legal,
    }
}

/// Returns the body as HTML: tables and inline styles, because mail programs support little else.
fn html(draft: &Draft<'_>, words: &Words) -> String {
    let Parts { subject, hello, lead, until, legal } = parts(draft, words);
    let MailColors { paper, ink, muted, rule, accent, on_accent, surface, band, band_ink } = draft.look.colors();
    let brand = &draft.look.brand;
    let link = escaped(draft.link);
    let font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
    let row = |style: &str, content: &str| format!("<tr><td style=\"{style}\">{content}</td></tr>\n");
    let mut rows = row(
        &format!("background:{band};color:{band_ink};padding:20px 24px;font:600 20px/1.3 Georgia,serif"),
        &escaped(&brand.name),
    );
    if draft.video {
        rows += &row(
            "padding:0;line-height:0",
            &format!(
                "<a href=\"{link}\"><img src=\"{link}/preview\" width=\"600\" alt=\"{}\" \
                 style=\"display:block;width:100%;max-width:600px;height:auto;border:0\"></a>",
                escaped(words.mail_picture)
            ),
        );
    }
    let paragraph = format!("padding:24px 24px 0;{font};font-size:17px;line-height:1.5;color:{ink}");
    rows +=
        &row(&paragraph, &format!("<h1 style=\"margin:0;font-size:20px;font-weight:600\">{}</h1>", escaped(&hello)));
    rows += &row(&paragraph.replace("24px 24px 0", "12px 24px 0"), &escaped(&lead));
    rows += &row(
        "padding:24px",
        &format!(
            "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>\
             <td style=\"background:{accent};border-radius:6px\"><a href=\"{link}\" style=\"display:inline-block;\
             padding:14px 26px;{font};font-size:17px;font-weight:600;color:{on_accent};text-decoration:none\">{}</a>\
             </td></tr></table>",
            escaped(words.mail_button)
        ),
    );
    let small = format!("padding:0 24px 16px;{font};font-size:14px;line-height:1.5;color:{muted}");
    rows += &row(&small, &escaped(&until));
    let legal: Vec<String> = legal.iter().map(|line| escaped(line)).collect();
    rows += &row(&format!("{small};border-top:1px solid {rule};padding-top:16px"), &legal.join("<br>\n"));
    rows += &row(
        &small,
        &format!("<a href=\"{link}/unsubscribe\" style=\"color:{muted}\">{}</a>", escaped(words.mail_stop)),
    );
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n</head>\n\
         <body style=\"margin:0;padding:0;background:{paper}\">\n\
         <div style=\"display:none;max-height:0;overflow:hidden\">{}</div>\n\
         <div role=\"main\">\n<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">\
         <tr><td align=\"center\" style=\"padding:0\">\n\
         <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
         style=\"max-width:600px;background:{surface};text-align:start\">\n{rows}</table>\n</td></tr></table>\n</div>\n\
         </body>\n</html>\n",
        words.lang,
        escaped(&subject),
        escaped(words.mail_preheader),
    )
}

/// Breaks base64 into lines of at most [`LINE`] characters.
fn wrapped(encoded: &str) -> String {
    let lines = encoded.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join("\r\n")
}

/// Encodes the value of a header as ASCII (RFC 2047).
fn header(value: &str) -> String {
    // A control character could end the header.
    let value: String = value.chars().filter(|character| !character.is_control()).collect();
    if value.is_ascii() {
        return value;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for character in value.chars() {
        // An encoded word may have at most 75 characters. 42 bytes become 56 in base64, plus 12 around them.
        if word.len() + character.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(character);
    }
    words.push(word);
    let encoded = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BRANDS, content, look_of};

    const LINK: &str = "https://bank.example/l/TOKEN";

    fn draft_of(assets: &str, page: &CustomerPage) -> Mail {
        let look = look_of(assets);
        compose(&Draft { link: LINK, expires: Timestamp::UNIX_EPOCH, video: true, page, look: &look })
    }

    /// Splits a message into its headers and the decoded bodies of its parts, with the reader of the `mailparse` crate.
    fn parsed(message: &str) -> mailparse::ParsedMail<'_> {
        mailparse::parse_mail(message.as_bytes()).unwrap()
    }

    #[test]
    fn message_parses_and_unsubscribes_in_one_click() {
        use mailparse::MailHeaderMap as _;
        for assets in BRANDS {
            let mail = draft_of(assets, &content());
            let parsed = parsed(&mail.message);
            let header = |name: &str| parsed.headers.get_first_value(name).unwrap();
            assert_eq!(header("List-Unsubscribe"), format!("<{LINK}/unsubscribe>"));
            assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
            assert!(header("Subject").starts_with("A personal recommendation from "));
            assert_eq!(parsed.ctype.mimetype, "multipart/alternative");
            let kinds: Vec<&str> = parsed.subparts.iter().map(|part| part.ctype.mimetype.as_str()).collect();
            assert_eq!(kinds, ["text/plain", "text/html"]);
            assert_eq!(parsed.subparts[0].get_body().unwrap(), mail.text);
            assert_eq!(parsed.subparts[1].get_body().unwrap(), mail.html);
            assert!(mail.message.lines().all(|line| line.len() <= 200), "no line is too long for a mail server");
            assert!(mail.message.len() < 100_000, "{}", mail.message.len());
        }
    }

    #[test]
    fn images_and_links_lead_to_the_customers_own_link() {
        let mail = draft_of(BRANDS[0], &content());
        let document = scraper::Html::parse_document(&mail.html);
        assert_eq!(document.errors, Vec::<String>::new());
        let select = |selector: &str, name: &str| -> Vec<String> {
            let selector = scraper::Selector::parse(selector).unwrap();
            document.select(&selector).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
        };
        assert_eq!(select("img", "src"), [format!("{LINK}/preview")]);
        assert_eq!(select("a", "href"), [LINK.to_owned(), LINK.to_owned(), format!("{LINK}/unsubscribe")]);
        assert!(mail.html.contains("Hello José &lt;b&gt;,") && !mail.html.contains("<b>"));
        assert!(mail.text.contains("Hello José <b>,") && mail.text.contains("Travel <Card> and Goal Savings"));
        for words in [&mail.html, &mail.text] {
            assert!(words.contains("Member FDIC.") && words.contains("Subject to credit approval."), "{words}");
        }
    }

    #[test]
    fn header_survives_other_scripts_and_line_breaks() {
        use mailparse::MailHeaderMap as _;
        let bank = "Žlutá banka – 銀行の長い名前が続きます。さらに長く、折り返しが必要です";
        let mut look = look_of(BRANDS[0]);
        look.brand.name = format!("{bank}\r\nBcc: x@example.org");
        let page = content();
        let mail =
            compose(&Draft { link: LINK, expires: Timestamp::UNIX_EPOCH, video: false, page: &page, look: &look });
        let parsed = parsed(&mail.message);
        assert!(parsed.headers.get_first_value("Subject").unwrap().contains(bank));
        assert_eq!(parsed.headers.get_first_value("Bcc"), None);
        assert!(!mail.html.contains("<img"));
    }
}
