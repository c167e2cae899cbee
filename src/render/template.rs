//! Go templates, as far as people use them with `docker … --format`.
//!
//! | written | gives |
//! |---|---|
//! | `{{.Field}}`, `{{.Field.Sub}}`, `{{.}}` | a value of the item, by its JSON key in any spelling (`DockerSize`, `docker_size`) |
//! | `{{json .}}`, `{{json .Field}}` | the value as JSON on one line |
//! | `{{len .F}}`, `{{index .F 0}}`, `{{join .F ","}}` | how many, one of them, all of them |
//! | `{{lower .F}}`, `{{upper .F}}` | the text in small, in capital letters |
//! | `{{size .F}}`, `{{short .F}}` | a number of bytes as Docker prints it, an identifier cut to twelve characters |
//! | `{{if P}}…{{else if P}}…{{else}}…{{end}}` | one of the parts; nothing, `false`, 0 and what is empty count as no |
//! | `{{range .F}}…{{else}}…{{end}}` | the part for each element, which is `.` therein |
//! | `eq`, `ne`, `not`, `and`, `or`, `( … )`, `A \| B` | as in Go |
//!
//! `\t` and `\n` in the text are a tab and a line feed; `{{-` and `-}}` take the white space beside them away; `{{/* … */}}` is a comment.
//! Numbers are printed raw, lists as `[a b]`, nothing as nothing. Values are escaped for people ([`super::escape::line`]), so that each is one
//! line; `json` is the way to get them whole. There are no variables: a template's time is bounded by its length and its item's size.

mod evaluate;
mod parse;
mod token;

use super::value::same;
use crate::suggest::Unknown;
use serde_json::Value;

/// How deep blocks, and how deep parentheses, may be nested.
const DEEPEST: usize = 40;

/// A template that has been read and can be filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
}

/// Why a template cannot be read or filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not a template.
    #[error("cannot read the template at character {at}: {cause}")]
    Syntax {
        /// How many characters stand before the fault, plus one.
        at: usize,
        /// What is wrong.
        cause: String,
    },
    /// It asks for a field that there is not.
    #[error("{0}")]
    Field(Unknown),
    /// It does with a value what cannot be done with it.
    #[error("cannot fill in the template: {0}")]
    Value(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Print(Expression),
    /// The parts with their conditions, and what is there if none holds.
    If(Vec<(Expression, Vec<Node>)>, Vec<Node>),
    Range(Expression, Vec<Node>, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    /// The names after the dots; none for the dot itself.
    Field(Vec<String>),
    Literal(Value),
    Call(Function, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Json,
    Len,
    Index,
    Join,
    Lower,
    Upper,
    Size,
    Short,
    Eq,
    Ne,
    Not,
    And,
    Or,
}

impl Function {
    const ALL: [(&'static str, Self); 13] = [
        ("json", Self::Json),
        ("len", Self::Len),
        ("index", Self::Index),
        ("join", Self::Join),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("size", Self::Size),
        ("short", Self::Short),
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("not", Self::Not),
        ("and", Self::And),
        ("or", Self::Or),
    ];

    fn find(name: &str) -> Result<Self, Unknown> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function);
        found.ok_or_else(|| Unknown::new("function", name, Self::ALL.map(|(known, _)| known)))
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If it is malformed, or uses what is not supported.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text).map(|nodes| Self { nodes })
    }

    /// Fills the template in with an item; `known` are keys that items of this kind may have, so that a missing one is nothing rather than unknown.
    ///
    /// # Errors
    /// If it asks for an unknown field, or does with a value what cannot be done with it.
    pub fn render(&self, item: &Value, known: &[&str]) -> Result<String, TemplateError> {
        let mut text = String::new();
        evaluate::Evaluation { item, known }.write(&self.nodes, item, &mut text)?;
        Ok(text)
    }

    /// Makes sure that an item with the keys `known` has every field that the template asks of it; what it asks of a part of an item shows only
    /// when it is filled in.
    ///
    /// # Errors
    /// If it asks for an unknown field.
    pub fn check(&self, known: &[&str]) -> Result<(), TemplateError> {
        check_nodes(&self.nodes, known)
    }

    /// Fills the template in with the titles of its fields: the line of headers above a table of such rows.
    pub fn header(&self, title: impl Fn(&str) -> Option<String>) -> String {
        let mut text = String::new();
        write_titles(&self.nodes, &title, &mut text);
        text
    }
}

fn check_nodes(nodes: &[Node], known: &[&str]) -> Result<(), TemplateError> {
    nodes.iter().try_for_each(|node| match node {
        Node::Text(_) => Ok(()),
        // In its body the dot is something else.
        Node::Print(expression) | Node::Range(expression, ..) => check_expression(expression, known),
        Node::If(parts, otherwise) => {
            for (condition, nodes) in parts {
                check_expression(condition, known)?;
                check_nodes(nodes, known)?;
            }
            check_nodes(otherwise, known)
        }
    })
}

fn check_expression(expression: &Expression, known: &[&str]) -> Result<(), TemplateError> {
    match expression {
        Expression::Literal(_) => Ok(()),
        Expression::Call(_, arguments) => arguments.iter().try_for_each(|argument| check_expression(argument, known)),
        Expression::Field(names) => match names.first() {
            Some(name) if !is_known(known, name) => Err(TemplateError::Field(Unknown::new("field", name, known.iter().copied()))),
            _ => Ok(()),
        },
    }
}

fn write_titles(nodes: &[Node], title: &dyn Fn(&str) -> Option<String>, text: &mut String) {
    for node in nodes {
        match node {
            Node::Text(literal) => text.push_str(literal),
            Node::Print(expression) | Node::Range(expression, ..) => text.push_str(&title_of(expression, title).unwrap_or_default()),
            Node::If(parts, _) => parts.iter().take(1).for_each(|(_, nodes)| write_titles(nodes, title, text)),
        }
    }
}

/// The title of the first field in an expression.
fn title_of(expression: &Expression, title: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match expression {
        Expression::Literal(_) => None,
        Expression::Call(_, arguments) => arguments.iter().find_map(|argument| title_of(argument, title)),
        Expression::Field(names) => {
            let key = names.join(".");
            (!names.is_empty()).then(|| title(&key).unwrap_or_else(|| spelled_out(&key)))
        }
    }
}

/// Makes a header of a key: `DockerSize` and `docker_size` become `DOCKER SIZE`.
fn spelled_out(key: &str) -> String {
    let mut header = String::new();
    let mut after_small = false;
    for c in key.chars() {
        if c.is_uppercase() && after_small {
            header.push(' ');
        }
        after_small = c.is_lowercase();
        header.extend(if matches!(c, '_' | '.' | '-') { ' ' } else { c }.to_uppercase());
    }
    header
}

fn is_known(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| same(known, name))
}

#[cfg(test)]
mod tests;
