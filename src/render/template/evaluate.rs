//! Filling a template in.

use super::{Expression, Function, Node, TemplateError, is_known};
use crate::render::column::{Ids, short_id};
use crate::render::size::{self, Digits};
use crate::render::{escape, json, value};
use crate::suggest::Unknown;
use serde_json::Value;
use std::borrow::Cow;

/// One item that a template is filled in with.
pub(super) struct Evaluation<'a> {
    pub(super) item: &'a Value,
    pub(super) known: &'a [&'a str],
}

/// What an expression gives.
#[derive(Clone)]
enum Outcome<'a> {
    /// A value of the item: hostile.
    Value(Cow<'a, Value>),
    /// A text that has been made here or stands in the template: printed as it is.
    Text(String),
}

impl<'a> Evaluation<'a> {
    /// Writes the nodes with `dot` for the dot; recursion is bounded by the parser.
    pub(super) fn write(&self, nodes: &'a [Node], dot: &'a Value, text: &mut String) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(literal) => text.push_str(literal),
                Node::Print(expression) => text.push_str(&self.evaluate(expression, dot)?.printed()),
                Node::If(parts, otherwise) => self.write(self.choose(parts, otherwise, dot)?, dot, text)?,
                Node::Range(over, body, otherwise) => {
                    let elements = self.elements(over, dot)?;
                    elements.iter().try_for_each(|element| self.write(body, element, text))?;
                    if elements.is_empty() {
                        self.write(otherwise, dot, text)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn choose(&self, parts: &'a [(Expression, Vec<Node>)], otherwise: &'a [Node], dot: &'a Value) -> Result<&'a [Node], TemplateError> {
        for (condition, body) in parts {
            if self.evaluate(condition, dot)?.holds() {
                return Ok(body);
            }
        }
        Ok(otherwise)
    }

    /// What is ranged over: a list's elements, an object's values, nothing of nothing.
    fn elements(&self, over: &'a Expression, dot: &'a Value) -> Result<Vec<&'a Value>, TemplateError> {
        match self.evaluate(over, dot)? {
            Outcome::Value(Cow::Borrowed(Value::Array(elements))) => Ok(elements.iter().collect()),
            Outcome::Value(Cow::Borrowed(Value::Object(object))) => Ok(object.values().collect()),
            Outcome::Value(value) if value.is_null() => Ok(Vec::new()),
            Outcome::Value(_) | Outcome::Text(_) => fail("range needs a list"),
        }
    }

    fn evaluate(&self, expression: &'a Expression, dot: &'a Value) -> Result<Outcome<'a>, TemplateError> {
        match expression {
            Expression::Field(names) => self.field(names, dot),
            Expression::Literal(Value::String(text)) => Ok(Outcome::Text(text.clone())),
            Expression::Literal(value) => Ok(Outcome::Value(Cow::Borrowed(value))),
            Expression::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| self.evaluate(argument, dot)).collect::<Result<Vec<_>, _>>()?;
                call(*function, &arguments)
            }
        }
    }

    fn field(&self, names: &[String], dot: &'a Value) -> Result<Outcome<'a>, TemplateError> {
        let mut value = dot;
        for name in names {
            value = match value {
                Value::Object(object) => match value::find(object, name) {
                    Some(found) => found,
                    None if std::ptr::eq(value, self.item) && is_known(self.known, name) => &Value::Null,
                    None => return Err(self.unknown(name, value)),
                },
                Value::Null => &Value::Null,
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return fail(format!("there is no .{} in a value that has no fields", escape::brief(name)));
                }
            };
        }
        Ok(Outcome::Value(Cow::Borrowed(value)))
    }

    fn unknown(&self, name: &str, value: &Value) -> TemplateError {
        let keys = value.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str));
        let more = if std::ptr::eq(value, self.item) { self.known } else { &[] };
        let mut all: Vec<&str> = keys.chain(more.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        TemplateError::Field(Unknown::new("field", name, all))
    }
}

fn call<'a>(function: Function, arguments: &[Outcome<'a>]) -> Result<Outcome<'a>, TemplateError> {
    match (function, arguments) {
        (Function::Json, [value]) => Ok(Outcome::Text(json::compact(&value.to_value()))),
        (Function::Len, [value]) => length(value),
        (Function::Index, [list, indices @ ..]) => indices.iter().try_fold(list.clone(), |list, index| element(&list, index)),
        (Function::Join, [list, separator]) => join(list, separator),
        (Function::Lower, [text]) => Ok(text.map_text(str::to_lowercase)),
        (Function::Upper, [text]) => Ok(text.map_text(str::to_uppercase)),
        (Function::Short, [id]) => Ok(id.map_text(|id| short_id(id, Ids::Short))),
        (Function::Size, [bytes]) => match bytes.to_value().as_u64() {
            Some(bytes) => Ok(Outcome::Text(size::human(bytes, Digits::Four))),
            None => fail("size needs a number of bytes"),
        },
        (Function::Eq, [first, others @ ..]) if !others.is_empty() => Ok(flag(others.iter().any(|other| first.equals(other)))),
        (Function::Ne, [first, second]) => Ok(flag(!first.equals(second))),
        (Function::Not, [value]) => Ok(flag(!value.holds())),
        (Function::And | Function::Or, [.., last]) => {
            let decided = arguments.iter().find(|value| value.holds() == (function == Function::Or));
            Ok(decided.unwrap_or(last).clone())
        }
        (function, _) => fail(format!("{} does not take {} values", function.name(), arguments.len())),
    }
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
            let texts: Vec<String> = elements.iter().map(harmless).collect();
            Ok(Outcome::Text(texts.join(&separator.printed())))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => fail("join needs a list"),
    }
}

fn flag<'a>(flag: bool) -> Outcome<'a> {
    Outcome::Value(Cow::Owned(Value::Bool(flag)))
}

fn fail<T>(cause: impl Into<String>) -> Result<T, TemplateError> {
    Err(TemplateError::Value(cause.into()))
}

fn harmless(value: &Value) -> String {
    escape::line(&value::scalar(value)).into_owned()
}

impl Outcome<'_> {
    fn printed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(value) => match value.as_array() {
                Some(elements) => format!("[{}]", elements.iter().map(harmless).collect::<Vec<_>>().join(" ")),
                None => harmless(value),
            },
        }
    }

    fn to_value(&self) -> Cow<'_, Value> {
        match self {
            Self::Value(value) => Cow::Borrowed(value),
            Self::Text(text) => Cow::Owned(Value::String(text.clone())),
        }
    }

    /// Applies a function to a text; what it gives is as hostile as the text was.
    fn map_text(&self, function: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(function(text)),
            Self::Value(value) => Self::Value(Cow::Owned(Value::String(function(&value::plain(value))))),
        }
    }

    fn holds(&self) -> bool {
        match self.to_value().as_ref() {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(object) => !object.is_empty(),
        }
    }

    fn equals(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}
