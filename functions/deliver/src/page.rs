//! The HTML pages behind customers' links. They have no scripts, and work in any browser, at any width, and with screen
//! readers.

use std::fmt::Write as _;

use contracts::brand::Brand;
use contracts::html::escaped;

/// The stylesheet, which every page embeds so that a page needs only one request. The content security policy contains
/// its digest.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The pages' icon. Without it, browsers would request `/favicon.ico`, which does not exist.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Ccircle cx='8' cy='8' r='8' fill='%230b4f5c'/%3E%3Cpath d='M6 4.5v7l6-3.5z' fill='%23fff'/%3E%3C/svg%3E";

/// Returns the page for a result. It shows the published text: the transcript, rates and terms, disclosures, and how
/// the result was made.
pub(crate) fn recommendation(token: &str, text: &str, video: bool, brand: &Brand) -> String {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let (title, rest) = blocks.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
    let title = title.lines().next().unwrap_or_default();
    let mut body = format!("<h1>{}</h1>\n", escaped(title));
    if video {
        // The video image already shows captions. The track adds captions that the viewer can switch on.
        let _infallible = write!(
            body,
            "<video controls preload=\"metadata\" poster=\"{token}/poster\" aria-label=\"{}\">\n\
             <source src=\"{token}/video\" type=\"video/mp4\">\n\
             <track kind=\"captions\" src=\"{token}/captions\" srclang=\"en\" label=\"English\">\n\
             Your browser cannot play this video. The transcript below has every word.\n</video>\n\
             <p>{}. The transcript below has every word.</p>\n<h2>Transcript</h2>\n",
            escaped(title),
            escaped(&brand.voice_notice),
        );
    }
    for block in rest {
        body += &block_html(block);
    }
    let _infallible = write!(
        body,
        "<h2>No more messages</h2>\n<p>{}</p>\n<form method=\"post\" action=\"{token}/opt-out\">\n\
         <button type=\"submit\">Do not contact me again</button>\n</form>\n",
        escaped("Press the button to stop all recommendations. This page will then show nothing."),
    );
    whole(title, &body, brand)
}

/// Returns the page that confirms an opt-out.
pub(crate) fn opted_out(brand: &Brand) -> String {
    let title = "You will not hear from us again";
    let body = format!(
        "<h1>{title}</h1>\n<p>{} makes no more recommendations for you. You need not do anything else.</p>\n",
        escaped(&brand.name)
    );
    whole(title, &body, brand)
}

/// Returns the page for a dead link.
pub(crate) fn dead(brand: &Brand) -> String {
    let title = "There is nothing to see here";
    let body = format!(
        "<h1>{title}</h1>\n<p>This link has ended or was withdrawn. If you expected something, ask {}: {}</p>\n",
        escaped(&brand.name),
        escaped(&brand.web)
    );
    whole(title, &body, brand)
}

/// Returns a block of the text as HTML: a heading if it is underlined in the text, otherwise a paragraph.
fn block_html(block: &str) -> String {
    let lines: Vec<&str> = block.trim_end().lines().collect();
    match lines.split_last() {
        Some((line, heading)) if !heading.is_empty() && is_underline(line) => {
            format!("<h2>{}</h2>\n", escaped(&heading.join(" ")))
        }
        Some(_) => {
            // The lines of prose are long. Short lines form a list.
            let is_prose = lines.first().is_some_and(|line| line.len() > 50);
            let lines: Vec<String> = lines.into_iter().map(escaped).collect();
            format!("<p>{}</p>\n", lines.join(if is_prose { " " } else { "<br>\n" }))
        }
        None => String::new(),
    }
}

fn is_underline(line: &str) -> bool {
    line.len() > 2 && (line.bytes().all(|b| b == b'-') || line.bytes().all(|b| b == b'='))
}

fn whole(title: &str, body: &str, brand: &Brand) -> String {
    let (title, bank) = (escaped(title), escaped(&brand.name));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"{ICON}\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><p>{bank}</p></header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}
