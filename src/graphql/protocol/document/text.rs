//! The meaning of string literals.

/// The value of a string between quotes; none if an escape in it stands for no character.
pub fn unescape(written: &str) -> Option<String> {
    let mut said = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        said.push_str(&rest[..at]);
        let (character, after) = escape(rest.get(at + 1..)?)?;
        said.push(character);
        rest = after;
    }
    said.push_str(rest);
    Some(said)
}

/// The value of a string between triple quotes: without the indentation that its lines share, and without blank lines around
/// it.
pub fn dedent(written: &str) -> String {
    let written = written.replace("\\\"\"\"", "\"\"\"").replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = written.split('\n').collect();
    let indent = |line: &str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let is_blank = |line: &&str| indent(line) == line.len();
    let shared =
        lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indent(line)).min().unwrap_or(0);
    let first = lines.iter().position(|line| !is_blank(line));
    let last = lines.iter().rposition(|line| !is_blank(line));
    let (Some(first), Some(last)) = (first, last) else { return String::new() };
    let dedented = |(at, line): (usize, &&str)| {
        let cut = if at == 0 { 0 } else { shared.min(line.len()) };
        line[cut..].to_owned()
    };
    lines.iter().enumerate().skip(first).take(last - first + 1).map(dedented).collect::<Vec<_>>().join("\n")
}

/// The character for which an escape stands, and the text after the escape. Surrogates must stand in pairs.
fn escape(after_backslash: &str) -> Option<(char, &str)> {
    let mut characters = after_backslash.chars();
    let character = match characters.next()? {
        same @ ('"' | '\\' | '/') => same,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

fn unicode(after_u: &str) -> Option<(char, &str)> {
    if let Some(braced) = after_u.strip_prefix('{') {
        let (digits, rest) = braced.split_once('}')?;
        return Some((char::from_u32(hexadecimal(digits)?)?, rest));
    }
    let (first, rest) = four(after_u)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let (second, rest) = four(rest.strip_prefix("\\u")?)?;
    let is_pair = (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second);
    is_pair.then_some(())?;
    Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, rest))
}

fn four(text: &str) -> Option<(u32, &str)> {
    Some((hexadecimal(text.get(..4)?)?, &text[4..]))
}

fn hexadecimal(digits: &str) -> Option<u32> {
    // The library's own conversion would accept a sign.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_of_the_specification_is_read_and_others_are_refused() {
        let cases = [
            (r"\ud83d\ude00", "😀"),
            (r"\uD83D\uDE00x", "😀x"),
            (r"\u{1F600}", "😀"),
            (r"\u{00e9}\u00e9", "éé"),
            (r#"a\"\\\/\b\f\n\r\tz"#, "a\"\\/\u{8}\u{c}\n\r\tz"),
            ("", ""),
        ];
        for (written, said) in cases {
            assert_eq!(unescape(written).as_deref(), Some(said), "{written}");
        }
        for wrong in [
            r"\ud83d",
            r"\ude00",
            r"\ud83d\ud83d",
            r"\ude00\ud83d",
            r"\ud83dx",
            r"\u{110000}",
            r"\u{d83d}",
            r"\u{}",
            r"\u12",
            r"\u+123",
            r"\x",
            "\\",
            r"\u{1F600",
            r"\u{d83d}\u{de00}",
        ] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn blocks_lose_the_indentation_that_their_lines_share() {
        assert_eq!(dedent("\n    a\n      b\r\n\n    c\n  "), "a\n  b\n\nc");
        assert_eq!(dedent(" a\n  b"), " a\nb");
        assert_eq!(dedent("\\\"\"\" é"), "\"\"\" é");
        assert_eq!(dedent("\n \t\n"), "");
    }
}
