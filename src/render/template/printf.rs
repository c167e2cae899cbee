//! `printf`, as far as people use it in templates.

use super::TemplateError;
use super::evaluate::{Outcome, fail};
use serde_json::Value;

/// The widest that a value may be made.
const WIDEST: usize = 1000;

/// How one value is to be printed.
#[derive(Debug, Default)]
struct Verb {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
}

/// Fills a format in with values.
pub(super) fn printf(format: &str, arguments: &[Outcome<'_>]) -> Result<String, TemplateError> {
    let mut text = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '0' | ' ' | '+' | '#')) {
            verb.left |= flag == '-';
            verb.zeros |= flag == '0';
        }
        verb.width = number(&mut chars)?.unwrap_or_default();
        if chars.next_if_eq(&'.').is_some() {
            verb.precision = Some(number(&mut chars)?.unwrap_or_default());
        }
        match chars.next() {
            Some('%') => text.push('%'),
            Some(letter) => {
                let Some(argument) = arguments.next() else { return fail(format!("printf has no value for %{letter}")) };
                text.push_str(&verb.padded(&verb.shown(letter, argument)?));
            }
            None => return fail("printf has a % without a letter"),
        }
    }
    if arguments.next().is_some() { fail("printf has more values than %") } else { Ok(text) }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<usize>, TemplateError> {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(number) if number <= WIDEST => Ok(Some(number)),
        _ => fail(format!("printf makes nothing wider than {WIDEST}")),
    }
}

impl Verb {
    fn shown(&self, letter: char, argument: &Outcome<'_>) -> Result<String, TemplateError> {
        let value = argument.to_value();
        let mismatch = || fail(format!("printf cannot print this value with %{letter}"));
        match letter {
            's' | 'v' => {
                let text = argument.printed();
                Ok(self.precision.map_or_else(|| text.clone(), |most| text.chars().take(most).collect()))
            }
            'q' => Ok(format!("\"{}\"", argument.printed().replace('\\', "\\\\").replace('"', "\\\""))),
            'd' => {
                if value.is_i64() || value.is_u64() {
                    Ok(value.to_string())
                } else {
                    mismatch()
                }
            }
            't' => value.as_bool().map_or_else(mismatch, |flag| Ok(flag.to_string())),
            'x' => match value.as_ref() {
                Value::String(text) => Ok(text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()),
                value => value.as_u64().map_or_else(mismatch, |number| Ok(format!("{number:x}"))),
            },
            'f' => value.as_f64().map_or_else(mismatch, |number| Ok(format!("{number:.*}", self.precision.unwrap_or(6)))),
            _ => fail(format!(
                "printf knows %s, %v, %q, %d, %x, %f, %t and %%, but not %{}",
                crate::render::escape::brief(&letter.to_string())
            )),
        }
    }

    fn padded(&self, text: &str) -> String {
        let width = self.width;
        match (self.left, self.zeros) {
            (true, _) => format!("{text:<width$}"),
            (false, true) => match text.strip_prefix('-') {
                Some(digits) => format!("-{digits:0>width$}", width = width.saturating_sub(1)),
                None => format!("{text:0>width$}"),
            },
            (false, false) => format!("{text:>width$}"),
        }
    }
}
