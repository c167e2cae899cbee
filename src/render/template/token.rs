//! What stands between `{{` and `}}`, in pieces.

use super::TemplateError;
use crate::render::escape::brief;
use serde_json::{Number, Value};

/// A piece of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `.`, or `.Field.Sub` as its names.
    Field(Vec<String>),
    /// A keyword or a function.
    Word(String),
    /// A string, a number, `true`, `false` or `nil`.
    Literal(Value),
    /// `$`, `$name`, or `$name.Field.Sub` as the name and the fields' names.
    Variable(String, Vec<String>),
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Comma,
    Pipe,
    Open,
    Close,
}

/// Takes an action apart; `at` is where it begins, for errors.
pub(super) fn tokens(action: &str, at: usize) -> Result<Vec<Token>, TemplateError> {
    let mut rest = action.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        // Counted only when it is needed: an action may be as long as the template.
        let fail = |cause: String| TemplateError::Syntax { at: at + action.chars().count() - rest.chars().count(), cause };
        let (token, after) = match first {
            '|' => (Token::Pipe, tail(rest)),
            '(' => (Token::Open, tail(rest)),
            ')' => (Token::Close, tail(rest)),
            '.' => field(rest).map_err(fail)?,
            '"' | '`' => string(rest).map_err(fail)?,
            '-' | '+' | '0'..='9' => number(rest).map_err(fail)?,
            c if is_name(c) => word(rest),
            '$' => variable(tail(rest)).map_err(fail)?,
            ':' if tail(rest).starts_with('=') => (Token::Declare, tail(tail(rest))),
            '=' => (Token::Assign, tail(rest)),
            ',' => (Token::Comma, tail(rest)),
            c => return Err(fail(format!("unexpected {}", brief(&c.to_string())))),
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn tail(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()))
}

fn field(text: &str) -> Result<(Token, &str), String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let (found, after) = name(after);
        if found.is_empty() && (!names.is_empty() || after.starts_with('.')) {
            return Err("a field's name is missing after the dot".to_owned());
        }
        names.extend((!found.is_empty()).then(|| found.to_owned()));
        rest = after;
    }
    Ok((Token::Field(names), rest))
}

fn variable(text: &str) -> Result<(Token, &str), String> {
    let (name, rest) = name(text);
    if !rest.starts_with('.') {
        return Ok((Token::Variable(name.to_owned(), Vec::new()), rest));
    }
    match field(rest)? {
        (Token::Field(fields), rest) if !fields.is_empty() => Ok((Token::Variable(name.to_owned(), fields), rest)),
        _ => Err("a field's name is missing after the dot".to_owned()),
    }
}

fn word(text: &str) -> (Token, &str) {
    let (word, rest) = name(text);
    let token = match word {
        "true" => Token::Literal(Value::Bool(true)),
        "false" => Token::Literal(Value::Bool(false)),
        "nil" => Token::Literal(Value::Null),
        _ => Token::Word(word.to_owned()),
    };
    (token, rest)
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ')' | '|' | ',')).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let whole = digits.parse::<i64>().map(Number::from).ok();
    let number = whole.or_else(|| Number::from_f64(digits.parse().ok()?));
    number.map(|number| (Token::Literal(Value::Number(number)), rest)).ok_or_else(|| format!("{} is not a number", brief(digits)))
}

/// Reads a string in quotes, with escapes, or in backquotes, without.
fn string(text: &str) -> Result<(Token, &str), String> {
    const OPEN: &str = "the string does not end";
    if let Some(raw) = text.strip_prefix('`') {
        let (raw, rest) = raw.split_once('`').ok_or(OPEN)?;
        return Ok((Token::Literal(Value::String(raw.to_owned())), rest));
    }
    let mut chars = tail(text).chars();
    let mut string = String::new();
    loop {
        match chars.next().ok_or(OPEN)? {
            '"' => return Ok((Token::Literal(Value::String(string)), chars.as_str())),
            '\\' => string.push(match chars.next().ok_or(OPEN)? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                c @ ('\\' | '"' | '\'') => c,
                c => return Err(format!("unknown escape \\{}", brief(&c.to_string()))),
            }),
            c => string.push(c),
        }
    }
}
