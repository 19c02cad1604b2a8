//! Numbers as texts.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

/// The longest number that is accepted, in digits before and after the point. Every `f64` has fewer.
pub const MAX_DIGITS: usize = 1000;

/// A number as it was written. Numbers are equal if their values are, such as `1.0` and `1.00`. But `1` is an integer, and
/// equals neither.
#[derive(Debug, Clone)]
pub struct Number(String);

impl Number {
    /// The number as it was written. The text must be a number of JSON.
    pub(super) const fn written(text: String) -> Self {
        Self(text)
    }

    /// The number without an exponent, with as many digits after the point as it had; none if that has more than
    /// [`MAX_DIGITS`] digits. PostgreSQL writes numbers in this form.
    pub(super) fn plain(text: &str) -> Option<Self> {
        plain(text).map(|plain| Self(plain.into_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical form of its value: without an exponent, and without zeros at the end of the fraction, except a single
    /// one. Within the usual bounds, `f64` is written in this form too.
    #[must_use]
    pub fn canonical(&self) -> Cow<'_, str> {
        // A number with too many digits is refused before it is stored, so it need only equal itself.
        let plain = plain(&self.0).unwrap_or(Cow::Borrowed(&self.0));
        if !plain.contains('.') || plain.contains(['e', 'E']) {
            return plain;
        }
        let shorter = plain.trim_end_matches('0');
        let zero = if shorter.ends_with('.') { "0" } else { "" };
        Cow::Owned(format!("{shorter}{zero}"))
    }

    /// How their values stand to each other, so that `1` and `1.0` are equal; none if one has too many digits to tell.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        let (own, others) = (Parts::of(&plain(&self.0)?), Parts::of(&plain(&other.0)?));
        Some(match (own.is_negative, others.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => own.size(&others),
            (true, true) => others.size(&own),
        })
    }

    /// Whether it fits in 64 bits, and its text is the usual one of that integer.
    #[must_use]
    pub fn is_short_integer(&self) -> bool {
        self.as_short_integer().is_some()
    }

    pub(super) fn as_short_integer(&self) -> Option<ShortInteger> {
        let text = &self.0;
        let signed = text.parse::<i64>().ok().map(ShortInteger::Signed);
        let found = signed.or_else(|| text.parse::<u64>().ok().map(ShortInteger::Unsigned));
        found.filter(|_| text != "-0")
    }

    /// Whether reading it as `f64` and writing that gives the same number.
    pub(crate) fn is_float(&self) -> bool {
        let value = |number: &Self| {
            let text = number.canonical();
            text.strip_suffix(".0").unwrap_or(&text).to_owned()
        };
        let float = self.0.parse::<f64>().ok().filter(|float| float.is_finite());
        float.is_some_and(|float| value(&Self(format!("{float:?}"))) == value(self))
    }

    pub(crate) fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).map_or_else(|_| Value::String(self.0.clone()), Value::Number)
    }
}

/// A number without an exponent, and without zeros that say nothing.
struct Parts {
    is_negative: bool,
    whole: String,
    fraction: String,
}

impl Parts {
    fn of(plain: &str) -> Self {
        let (is_negative, size) = plain.strip_prefix('-').map_or((false, plain), |size| (true, size));
        let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Self { is_negative: is_negative && !is_zero, whole: whole.to_owned(), fraction: fraction.to_owned() }
    }

    /// How its size stands to another's, whatever the signs.
    fn size(&self, other: &Self) -> Ordering {
        let whole = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(&other.whole));
        whole.then_with(|| self.fraction.cmp(&other.fraction))
    }
}

/// An integer of 64 bits.
pub(super) enum ShortInteger {
    Signed(i64),
    Unsigned(u64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.canonical() == other.canonical()
    }
}

impl Eq for Number {}

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        let text = number.to_string();
        Self::plain(&text).unwrap_or(Self(text))
    }
}

fn plain(text: &str) -> Option<Cow<'_, str>> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let is_zero = !number.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if number.len() == text.len() && !(is_zero && text.starts_with('-')) {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        return (digits <= MAX_DIGITS).then_some(Cow::Borrowed(text));
    }
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let max = i64::try_from(MAX_DIGITS).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if point > max || scale > max {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    // Zeros are added on the side to which the point moves.
    let (before, after) = (usize::try_from(1 - point).unwrap_or(0), usize::try_from(-scale).unwrap_or(0));
    digits = format!("{}{digits}{}", "0".repeat(before), "0".repeat(after));
    let scale = usize::try_from(scale).unwrap_or(0);
    let (whole, fraction) = digits.split_at(digits.len().checked_sub(scale)?);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let sign = if is_zero { "" } else { sign };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Cow::Owned(format!("{sign}{whole}{point}{fraction}")))
}
