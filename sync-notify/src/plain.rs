//! Text that stays where it is put.
//!
//! Owns the escapes: for a line of text, for HTML, for a shell. Everything that is shown passes through here, so that
//! no name of a file can add a line, a header, markup or a command.

use sync_core::path::harmless;

/// The text with control characters, and those that reorder or hide text, escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}

/// [`plain`], and nothing in it means anything to HTML.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The first `most` characters, with a sign that there are more.
pub(crate) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// A word for the shell of this system that means just `word`; none where no shell takes it as it is shown, because
/// it holds something that is escaped when shown.
pub fn quoted(word: &str) -> Option<String> {
    if word.is_empty() || word.contains('\\') && !cfg!(windows) || !word.chars().all(harmless) {
        return None;
    }
    // A name that begins with a dash would be an option.
    let word = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    let simple = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    if word.chars().all(simple) {
        return Some(word);
    }
    if cfg!(windows) {
        // Between double quotes the command prompt still replaces these, and a quote ends them.
        return (!word.contains(['"', '%', '!', '`', '$'])).then(|| format!("\"{word}\""));
    }
    Some(format!("'{}'", word.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_name_holds_can_begin_a_line_or_markup() {
        let name = "a\r\nBcc: x@y\u{202E}<script>&\"'\u{0}\u{1b}[2J\u{2028}";
        assert_eq!(plain(name), "a\\r\\nBcc: x@y\\u{202e}<script>&\"'\\u{0}\\u{1b}[2J\\u{2028}");
        assert_eq!(
            html(name),
            "a\\r\\nBcc: x@y\\u{202e}&lt;script&gt;&amp;&quot;&#39;\\u{0}\\u{1b}[2J\\u{2028}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_quoted_name_is_one_word_to_a_real_shell() {
        for name in ["a b.txt", "it's", "$(touch x)", "`id`", "a;b|c&d", "-rf", "*", "ä/ö", "\"", "#x", "!!"]
        {
            let line = format!("printf %s {}", quoted(name).unwrap());
            let out = std::process::Command::new("sh").arg("-c").arg(line).output().unwrap();
            let said = String::from_utf8(out.stdout).unwrap();
            assert_eq!(said.strip_prefix("./").unwrap_or(&said), name.strip_prefix("./").unwrap_or(name));
        }
        assert_eq!(quoted("a\nb"), None);
        assert_eq!(quoted("a\\nb"), None);
        assert_eq!(quoted(""), None);
    }
}
