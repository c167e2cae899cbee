//! Filling a template in.

use super::function::call;
use super::{Expression, Guard, Node, TemplateError, is_known};
use crate::render::{escape, json, value};
use crate::suggest::Unknown;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// How many values a template may ask for, per item.
const STEPS: usize = 1_000_000;
/// How many bytes a template may make, per item.
const BYTES: usize = 64 << 20;

/// One item that a template is filled in with.
pub(super) struct Evaluation<'a> {
    item: &'a Value,
    known: &'a [&'a str],
    /// Docker's own fields.
    fields: &'a Map<String, Value>,
    variables: Vec<(&'a str, Outcome<'a>)>,
    steps: usize,
    bytes: usize,
    text: String,
}

/// What an expression gives.
#[derive(Debug, Clone)]
pub(super) enum Outcome<'a> {
    /// A value of the item: hostile.
    Value(Cow<'a, Value>),
    /// A text that has been made here or stands in the template: printed as it is.
    Text(String),
}

impl<'a> Evaluation<'a> {
    pub(super) const fn new(item: &'a Value, known: &'a [&'a str], fields: &'a Map<String, Value>) -> Self {
        Self { item, known, fields, variables: Vec::new(), steps: 0, bytes: 0, text: String::new() }
    }

    /// What the nodes give for the item.
    pub(super) fn fill(mut self, nodes: &'a [Node]) -> Result<String, TemplateError> {
        self.write(nodes, &Outcome::Value(Cow::Borrowed(self.item)))?;
        Ok(self.text)
    }

    /// Writes the nodes with `dot` for the dot; recursion is bounded by the parser.
    fn write(&mut self, nodes: &'a [Node], dot: &Outcome<'a>) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(literal) => self.print(literal)?,
                Node::Print(expression) => {
                    let printed = self.evaluate(expression, dot)?.printed();
                    self.print(&printed)?;
                }
                Node::Declare(name, expression) => {
                    let value = self.evaluate(expression, dot)?;
                    self.variables.push((name, value));
                }
                Node::Assign(name, expression) => {
                    let value = self.evaluate(expression, dot)?;
                    match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                        Some((_, variable)) => *variable = value,
                        None => return fail(format!("there is no variable ${}", escape::brief(name))),
                    }
                }
                Node::If(..) | Node::With(..) | Node::Range(..) => {
                    let variables = self.variables.len();
                    self.block(node, dot)?;
                    self.variables.truncate(variables);
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, node: &'a Node, dot: &Outcome<'a>) -> Result<(), TemplateError> {
        match node {
            Node::If(parts, otherwise) => {
                for (guard, body) in parts {
                    if self.guard(guard, dot)?.holds() {
                        return self.write(body, dot);
                    }
                }
                self.write(otherwise, dot)
            }
            Node::With(guard, body, otherwise) => {
                let value = self.guard(guard, dot)?;
                if value.holds() { self.write(body, &value) } else { self.write(otherwise, dot) }
            }
            Node::Range(guard, body, otherwise) => self.range(guard, (body, otherwise), dot),
            Node::Text(_) | Node::Print(_) | Node::Declare(..) | Node::Assign(..) => Ok(()),
        }
    }

    /// The value that a block depends on, which its variable gets too.
    fn guard(&mut self, guard: &'a Guard, dot: &Outcome<'a>) -> Result<Outcome<'a>, TemplateError> {
        let value = self.evaluate(&guard.expression, dot)?;
        if let Some(name) = guard.variables.first() {
            self.variables.push((name, value.clone()));
        }
        Ok(value)
    }

    fn range(&mut self, guard: &'a Guard, (body, otherwise): (&'a [Node], &'a [Node]), dot: &Outcome<'a>) -> Result<(), TemplateError> {
        let elements = self.evaluate(&guard.expression, dot)?.elements()?;
        if elements.is_empty() {
            return self.write(otherwise, dot);
        }
        for (key, element) in elements {
            self.step()?;
            let variables = self.variables.len();
            match guard.variables.as_slice() {
                [name] => self.variables.push((name, element.clone())),
                [index, name, ..] => {
                    self.variables.push((index, Outcome::Value(Cow::Owned(key))));
                    self.variables.push((name, element.clone()));
                }
                [] => {}
            }
            self.write(body, &element)?;
            self.variables.truncate(variables);
        }
        Ok(())
    }

    fn evaluate(&mut self, expression: &'a Expression, dot: &Outcome<'a>) -> Result<Outcome<'a>, TemplateError> {
        self.step()?;
        match expression {
            Expression::Field(names) => self.field(names, dot),
            Expression::Variable(name, names) if name.is_empty() => self.field(names, &Outcome::Value(Cow::Borrowed(self.item))),
            Expression::Variable(name, names) => match self.variables.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) => {
                    let value = value.clone();
                    self.made(&value)?;
                    self.field(names, &value)
                }
                None => fail(format!("there is no variable ${}", escape::brief(name))),
            },
            Expression::Literal(Value::String(text)) => Ok(Outcome::Text(text.clone())),
            Expression::Literal(value) => Ok(Outcome::Value(Cow::Borrowed(value))),
            Expression::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| self.evaluate(argument, dot)).collect::<Result<Vec<_>, _>>()?;
                let value = call(*function, &arguments)?;
                self.made(&value)?;
                Ok(value)
            }
        }
    }

    fn field(&self, names: &[String], dot: &Outcome<'a>) -> Result<Outcome<'a>, TemplateError> {
        if names.is_empty() {
            return Ok(dot.clone());
        }
        match dot {
            Outcome::Value(Cow::Borrowed(value)) => self.find(names, value).map(|value| Outcome::Value(Cow::Borrowed(value))),
            Outcome::Value(Cow::Owned(value)) => self.find(names, value).map(|value| Outcome::Value(Cow::Owned(value.clone()))),
            Outcome::Text(_) => no_field(names.first().map_or("", String::as_str)),
        }
    }

    fn find<'b>(&self, names: &[String], dot: &'b Value) -> Result<&'b Value, TemplateError>
    where
        'a: 'b,
    {
        let mut value = dot;
        for name in names {
            let is_item = std::ptr::eq(value, self.item);
            value = match value {
                _ if is_item && self.fields.contains_key(name) => self.fields.get(name).unwrap_or(&Value::Null),
                Value::Object(object) => match value::find(object, name) {
                    Some(found) => found,
                    None if is_item && is_known(self.known, name) => &Value::Null,
                    None => return Err(self.unknown(name, value)),
                },
                Value::Null => &Value::Null,
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return no_field(name),
            };
        }
        Ok(value)
    }

    fn unknown(&self, name: &str, value: &Value) -> TemplateError {
        let keys = value.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str));
        let more = if std::ptr::eq(value, self.item) { self.known } else { &[] };
        let mut all: Vec<&str> = keys.chain(more.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        TemplateError::Field(Unknown::new("field", name, all))
    }

    fn print(&mut self, text: &str) -> Result<(), TemplateError> {
        self.add(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    fn step(&mut self) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > STEPS { fail(format!("it takes more than {STEPS} steps")) } else { Ok(()) }
    }

    /// Counts what an outcome takes that is not part of the item.
    fn made(&mut self, value: &Outcome<'_>) -> Result<(), TemplateError> {
        match value {
            Outcome::Text(text) | Outcome::Value(Cow::Owned(Value::String(text))) => self.add(text.len()),
            Outcome::Value(Cow::Owned(list @ (Value::Array(_) | Value::Object(_)))) => self.add(json::compact(list).len()),
            Outcome::Value(_) => Ok(()),
        }
    }

    fn add(&mut self, bytes: usize) -> Result<(), TemplateError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > BYTES { fail(format!("it makes more than {BYTES} bytes")) } else { Ok(()) }
    }
}

pub(super) fn fail<T>(cause: impl Into<String>) -> Result<T, TemplateError> {
    Err(TemplateError::Value(cause.into()))
}

fn no_field<T>(name: &str) -> Result<T, TemplateError> {
    fail(format!("there is no .{} in a value that has no fields", escape::brief(name)))
}

fn harmless(value: &Value) -> String {
    escape::line(&value::scalar(value)).into_owned()
}

impl Outcome<'_> {
    pub(super) fn printed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(value) => match value.as_array() {
                Some(elements) => format!("[{}]", elements.iter().map(harmless).collect::<Vec<_>>().join(" ")),
                None => harmless(value),
            },
        }
    }

    pub(super) fn to_value(&self) -> Cow<'_, Value> {
        match self {
            Self::Value(value) => Cow::Borrowed(value),
            Self::Text(text) => Cow::Owned(Value::String(text.clone())),
        }
    }

    /// Applies a function to a text; what it gives is as hostile as the text was.
    pub(super) fn map_text(&self, function: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(function(text)),
            Self::Value(value) => Self::Value(Cow::Owned(Value::String(function(&value::plain(value))))),
        }
    }

    /// What is ranged over, each with its place: a list's elements, an object's values, nothing of nothing.
    fn elements(self) -> Result<Vec<(Value, Self)>, TemplateError> {
        let numbered = |index: usize, element| (Value::from(index), Self::Value(element));
        let named = |key: String, element| (Value::String(key), Self::Value(element));
        match self {
            Self::Value(Cow::Borrowed(Value::Array(elements))) => {
                Ok(elements.iter().enumerate().map(|(index, element)| numbered(index, Cow::Borrowed(element))).collect())
            }
            Self::Value(Cow::Owned(Value::Array(elements))) => {
                Ok(elements.into_iter().enumerate().map(|(index, element)| numbered(index, Cow::Owned(element))).collect())
            }
            Self::Value(Cow::Borrowed(Value::Object(object))) => {
                Ok(object.iter().map(|(key, element)| named(key.clone(), Cow::Borrowed(element))).collect())
            }
            Self::Value(Cow::Owned(Value::Object(object))) => {
                Ok(object.into_iter().map(|(key, element)| named(key, Cow::Owned(element))).collect())
            }
            Self::Value(value) if value.is_null() => Ok(Vec::new()),
            Self::Value(_) | Self::Text(_) => fail("range needs a list"),
        }
    }

    pub(super) fn holds(&self) -> bool {
        match self.to_value().as_ref() {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(object) => !object.is_empty(),
        }
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}
