//! What can be done with values.

use super::TemplateError;
use super::evaluate::{Outcome, fail};
use super::printf::printf;
use crate::render::column::{Ids, short_id};
use crate::render::size::{self, Digits};
use crate::render::{escape, json, value};
use crate::suggest::Unknown;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The most spaces that `pad` adds on a side.
const WIDEST: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Json,
    Len,
    Index,
    Join,
    Lower,
    Upper,
    Size,
    Short,
    Print,
    Printf,
    Println,
    Truncate,
    Pad,
    Split,
    Title,
    Slice,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Not,
    And,
    Or,
}

impl Function {
    const ALL: [(&'static str, Self); 25] = [
        ("json", Self::Json),
        ("len", Self::Len),
        ("index", Self::Index),
        ("join", Self::Join),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("size", Self::Size),
        ("short", Self::Short),
        ("print", Self::Print),
        ("printf", Self::Printf),
        ("println", Self::Println),
        ("truncate", Self::Truncate),
        ("pad", Self::Pad),
        ("split", Self::Split),
        ("title", Self::Title),
        ("slice", Self::Slice),
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("lt", Self::Lt),
        ("le", Self::Le),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("not", Self::Not),
        ("and", Self::And),
        ("or", Self::Or),
    ];

    pub(super) fn find(name: &str) -> Result<Self, Unknown> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function);
        found.ok_or_else(|| Unknown::new("function", name, Self::ALL.map(|(known, _)| known)))
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

pub(super) fn call<'a>(function: Function, arguments: &[Outcome<'a>]) -> Result<Outcome<'a>, TemplateError> {
    match (function, arguments) {
        (Function::Json, [value]) => Ok(Outcome::Text(json::compact(&value.to_value()))),
        (Function::Len, [value]) => length(value),
        (Function::Index, [list, indices @ ..]) => indices.iter().try_fold(list.clone(), |list, index| element(&list, index)),
        (Function::Join, [list, separator]) => join(list, separator),
        (Function::Lower, [text]) => Ok(text.map_text(str::to_lowercase)),
        (Function::Upper, [text]) => Ok(text.map_text(str::to_uppercase)),
        (Function::Title, [text]) => Ok(text.map_text(title)),
        (Function::Short, [id]) => Ok(id.map_text(|id| short_id(id, Ids::Short))),
        (Function::Size, [bytes]) => match bytes.to_value().as_u64() {
            Some(bytes) => Ok(Outcome::Text(size::human(bytes, Digits::Four))),
            None => fail("size needs a number of bytes"),
        },
        (Function::Print, values) => Ok(Outcome::Text(print(values))),
        (Function::Println, values) => Ok(Outcome::Text(values.iter().map(Outcome::printed).collect::<Vec<_>>().join(" ") + "\n")),
        (Function::Printf, [format, values @ ..]) => match format.to_value().as_str() {
            Some(format) => printf(format, values).map(Outcome::Text),
            None => fail("printf needs a format"),
        },
        (Function::Truncate, [text, length]) => {
            let length = whole(length)?;
            Ok(text.map_text(|text| text.chars().take(length).collect()))
        }
        (Function::Pad, [text, before, after]) => {
            let (before, after) = (whole(before)?.min(WIDEST), whole(after)?.min(WIDEST));
            Ok(text.map_text(|text| if text.is_empty() { String::new() } else { " ".repeat(before) + text + &" ".repeat(after) }))
        }
        (Function::Split, [text, separator]) => split(text, separator),
        (Function::Slice, [list, from]) => slice(list, whole(from)?, None),
        (Function::Slice, [list, from, to]) => slice(list, whole(from)?, Some(whole(to)?)),
        (Function::Eq, [first, others @ ..]) if !others.is_empty() => Ok(flag(others.iter().any(|other| first.equals(other)))),
        (Function::Ne, [first, second]) => Ok(flag(!first.equals(second))),
        (Function::Lt, [first, second]) => Ok(flag(compare(first, second)?.is_lt())),
        (Function::Le, [first, second]) => Ok(flag(compare(first, second)?.is_le())),
        (Function::Gt, [first, second]) => Ok(flag(compare(first, second)?.is_gt())),
        (Function::Ge, [first, second]) => Ok(flag(compare(first, second)?.is_ge())),
        (Function::Not, [value]) => Ok(flag(!value.holds())),
        (Function::And | Function::Or, [.., last]) => {
            let decided = arguments.iter().find(|value| value.holds() == (function == Function::Or));
            Ok(decided.unwrap_or(last).clone())
        }
        (function, _) => fail(format!("{} does not take {} values", function.name(), arguments.len())),
    }
}

/// Puts values beside each other, with a space between two that are no texts, as Go does.
fn print(values: &[Outcome<'_>]) -> String {
    let mut text = String::new();
    let mut after_text = true;
    for value in values {
        let is_text = value.to_value().is_string();
        if !is_text && !after_text {
            text.push(' ');
        }
        text.push_str(&value.printed());
        after_text = is_text;
    }
    text
}

fn length<'a>(value: &Outcome<'_>) -> Result<Outcome<'a>, TemplateError> {
    let length = match value.to_value().as_ref() {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.len(),
        Value::Object(object) => object.len(),
        Value::Null => 0,
        Value::Bool(_) | Value::Number(_) => return fail("len needs a list or a text"),
    };
    Ok(Outcome::Value(Cow::Owned(Value::from(length))))
}

fn element<'a>(list: &Outcome<'a>, index: &Outcome<'_>) -> Result<Outcome<'a>, TemplateError> {
    let index = index.to_value();
    let Outcome::Value(list) = list else { return fail("index needs a list") };
    let position = || index.as_u64().and_then(|position| usize::try_from(position).ok());
    let find = |list: &Value| match list {
        Value::Array(elements) => position().and_then(|position| elements.get(position)).cloned(),
        Value::Object(object) => index.as_str().and_then(|name| value::find(object, name)).cloned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    match find(list) {
        Some(found) => Ok(Outcome::Value(Cow::Owned(found))),
        None => fail(format!("there is no element {}", escape::brief(&json::compact(&index)))),
    }
}

fn join<'a>(list: &Outcome<'_>, separator: &Outcome<'_>) -> Result<Outcome<'a>, TemplateError> {
    match list.to_value().as_ref() {
        Value::Null => Ok(Outcome::Text(String::new())),
        Value::Array(elements) => {
            let texts: Vec<String> = elements.iter().map(|element| escape::line(&value::scalar(element)).into_owned()).collect();
            Ok(Outcome::Text(texts.join(&separator.printed())))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => fail("join needs a list"),
    }
}

fn split<'a>(text: &Outcome<'_>, separator: &Outcome<'_>) -> Result<Outcome<'a>, TemplateError> {
    let (text, separator) = (text.to_value(), separator.to_value());
    let (Some(text), Some(separator)) = (text.as_str(), separator.as_str()) else { return fail("split needs two texts") };
    let parts: Vec<Value> = if separator.is_empty() {
        text.chars().map(|c| Value::String(c.to_string())).collect()
    } else {
        text.split(separator).map(|part| Value::String(part.to_owned())).collect()
    };
    Ok(Outcome::Value(Cow::Owned(Value::Array(parts))))
}

fn slice<'a>(list: &Outcome<'_>, from: usize, to: Option<usize>) -> Result<Outcome<'a>, TemplateError> {
    let value = list.to_value();
    let found = match value.as_ref() {
        Value::String(text) => text.get(from..to.unwrap_or(text.len())).map(|part| Value::String(part.to_owned())),
        Value::Array(elements) => elements.get(from..to.unwrap_or(elements.len())).map(|part| Value::Array(part.to_vec())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return fail("slice needs a list or a text"),
    };
    found.map_or_else(|| fail("slice goes beyond the end"), |part| Ok(Outcome::Value(Cow::Owned(part))))
}

/// Makes the first letter of each word a capital.
fn title(text: &str) -> String {
    let mut in_word = false;
    text.chars()
        .flat_map(|c| {
            let starts = !in_word;
            in_word = c.is_alphanumeric() || matches!(c, '_' | '\'');
            if starts { c.to_uppercase().collect::<Vec<_>>() } else { vec![c] }
        })
        .collect()
}

fn whole(value: &Outcome<'_>) -> Result<usize, TemplateError> {
    match value.to_value().as_u64().and_then(|number| usize::try_from(number).ok()) {
        Some(number) => Ok(number),
        None => fail("a length must be a whole number"),
    }
}

/// Orders two numbers or two texts.
fn compare(first: &Outcome<'_>, second: &Outcome<'_>) -> Result<Ordering, TemplateError> {
    let (first, second) = (first.to_value(), second.to_value());
    let ordering = match (first.as_ref(), second.as_ref()) {
        (Value::String(first), Value::String(second)) => Some(first.cmp(second)),
        (Value::Number(first), Value::Number(second)) => numbers(first, second),
        _ => None,
    };
    ordering.map_or_else(|| fail("lt, le, gt and ge compare two numbers or two texts"), Ok)
}

fn numbers(first: &Number, second: &Number) -> Option<Ordering> {
    match (first.as_u64().zip(second.as_u64()), first.as_i64().zip(second.as_i64())) {
        (Some((first, second)), _) => Some(first.cmp(&second)),
        (_, Some((first, second))) => Some(first.cmp(&second)),
        _ => first.as_f64()?.partial_cmp(&second.as_f64()?),
    }
}

fn flag<'a>(flag: bool) -> Outcome<'a> {
    Outcome::Value(Cow::Owned(Value::Bool(flag)))
}
