//! The lexer turns the text of a document into tokens. Tokens are counted before anything is made of them.

use async_graphql::Pos;

use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// A token and its position.
#[derive(Debug, Clone, Copy)]
pub struct Lexeme<'a> {
    /// The token.
    pub token: Token<'a>,
    /// Where it begins.
    pub pos: Pos,
}

/// A token. Strings stand as they were written, without their quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A punctuator: `{`, `:`, `...` and so on.
    Punctuator(&'a str),
    /// A name or a keyword.
    Name(&'a str),
    /// A number.
    Number(&'a str),
    /// The text between quotes.
    Text(&'a str),
    /// The text between triple quotes.
    Block(&'a str),
    /// The end of the document.
    End,
}

/// The longest name, in bytes. No name of ours is longer.
const LONGEST_NAME: usize = 128;

/// The tokens of a document; the last one is its end.
///
/// # Errors
/// LIMIT for more than `max` tokens, and for names and numbers that are too long; VALIDATION for text that is no token.
pub fn tokens(source: &str, max: usize) -> Result<Vec<Lexeme<'_>>> {
    let mut lexer = Lexer { rest: source, pos: Pos { line: 1, column: 1 } };
    let mut found = Vec::new();
    loop {
        let lexeme = lexer.next()?;
        if found.len() >= max && lexeme.token != Token::End {
            return Err(Error::new(
                ErrorCode::Limit,
                Message::new("document-too-many-tokens").with("max", max),
            ));
        }
        found.push(lexeme);
        if lexeme.token == Token::End {
            return Ok(found);
        }
    }
}

/// The error that refuses a document for what stands at this position.
pub fn refuse(message: Message, pos: Pos) -> Error {
    Error::new(ErrorCode::Validation, message.with("line", pos.line).with("column", pos.column))
}

struct Lexer<'a> {
    rest: &'a str,
    pos: Pos,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Lexeme<'a>> {
        self.skip_ignored();
        let pos = self.pos;
        let rest = self.rest;
        let token = match rest.as_bytes().first() {
            None => Token::End,
            Some(
                b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}',
            ) => Token::Punctuator(self.take(1)),
            Some(b'.') if rest.starts_with("...") => Token::Punctuator(self.take(3)),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                Token::Name(self.take_short(rest.bytes().take_while(is_name).count())?)
            }
            Some(b'-' | b'0'..=b'9') => Token::Number(self.number()?),
            Some(b'"') if rest.starts_with("\"\"\"") => Token::Block(self.block(pos)?),
            Some(b'"') => Token::Text(self.text(pos)?),
            Some(_) => {
                let found: String = rest.chars().take(1).collect();
                return Err(refuse(Message::new("syntax-unexpected").with("found", found), pos));
            }
        };
        Ok(Lexeme { token, pos })
    }

    /// Skips white space, commas, comments and byte-order marks.
    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest;
            let length = match rest.as_bytes().first() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',') => 1,
                Some(b'#') => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                _ if rest.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
                _ => return,
            };
            self.take(length);
        }
    }

    /// Takes the next bytes, which must end between two characters.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        let mut bytes = taken.bytes().chain(rest.bytes().take(1)).peekable();
        let mut line_begins = None;
        for at in 1..=length {
            match (bytes.next(), bytes.peek()) {
                // `\r\n` is one line break.
                (Some(b'\r'), Some(b'\n')) | (None, _) => {}
                (Some(b'\n' | b'\r'), _) => {
                    self.pos.line += 1;
                    line_begins = Some(at);
                }
                _ => {}
            }
        }
        if let Some(at) = line_begins {
            self.pos.column = 1 + taken[at..].chars().count();
        } else {
            self.pos.column += taken.chars().count();
        }
        self.rest = rest;
        taken
    }

    fn take_short(&mut self, length: usize) -> Result<&'a str> {
        if length > LONGEST_NAME {
            let message = Message::new("name-too-long").with("max", LONGEST_NAME);
            return Err(Error::new(ErrorCode::Limit, message));
        }
        Ok(self.take(length))
    }

    fn number(&mut self) -> Result<&'a str> {
        let pos = self.pos;
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let wrong = || refuse(Message::new("syntax-number"), pos);
        let mut at = usize::from(bytes[0] == b'-');
        let whole = digits(at);
        if whole == 0 || (whole > 1 && bytes[at] == b'0') {
            return Err(wrong());
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(wrong());
            }
            at += 1 + fraction;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(at + 1 + sign).map_or(0, |_| digits(at + 1 + sign));
            if exponent == 0 {
                return Err(wrong());
            }
            at += 1 + sign + exponent;
        }
        if bytes.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.')) {
            return Err(wrong());
        }
        self.take_short(at)
    }

    fn text(&mut self, pos: Pos) -> Result<&'a str> {
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                None | Some(b'\n' | b'\r') => return Err(refuse(Message::new("syntax-text-open"), pos)),
                Some(_) => at += 1,
            }
        }
        let written = self.take(at + 1);
        Ok(&written[1..at])
    }

    fn block(&mut self, pos: Pos) -> Result<&'a str> {
        const MARK: &str = "\"\"\"";
        let mut at = MARK.len();
        let end = loop {
            let Some(found) = self.rest[at..].find(MARK) else {
                return Err(refuse(Message::new("syntax-text-open"), pos));
            };
            let end = at + found;
            if !self.rest[at..end].ends_with('\\') {
                break end;
            }
            at = end + MARK.len();
        };
        let written = self.take(end + MARK.len());
        Ok(&written[MARK.len()..end])
    }
}
