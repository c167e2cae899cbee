//! Go templates, as far as people use them with `docker … --format`.
//!
//! | written | gives |
//! |---|---|
//! | `{{.Field}}`, `{{.Field.Sub}}`, `{{.}}` | a value of the item, by its JSON key in any spelling (`DockerSize`, `docker_size`) |
//! | `{{json .}}`, `{{json .Field}}` | the value as JSON on one line |
//! | `{{len .F}}`, `{{index .F 0}}`, `{{join .F ","}}` | how many, one of them, all of them |
//! | `{{lower .F}}`, `{{upper .F}}` | the text in small, in capital letters |
//! | `{{size .F}}`, `{{short .F}}` | a number of bytes as Docker prints it, an identifier cut to twelve characters |
//! | `{{print .F}}`, `{{println .F}}`, `{{printf "%-20s" .F}}` | as in Go; the verbs are `%s %v %q %d %x %f %t %%` |
//! | `{{truncate .F 9}}`, `{{pad .F 1 2}}`, `{{split .F ","}}`, `{{title .F}}`, `{{slice .F 0 5}}` | as with Docker |
//! | `{{if P}}…{{else if P}}…{{else}}…{{end}}` | one of the parts; nothing, `false`, 0 and what is empty count as no |
//! | `{{with .F}}…{{else}}…{{end}}` | the part, in which `.` is the value, unless that counts as no |
//! | `{{range .F}}…{{else}}…{{end}}` | the part for each element, which is `.` therein |
//! | `{{$x := .F}}`, `{{$x = .F}}`, `{{$x}}`, `{{range $i, $e := .F}}` | a variable; `$` is the item |
//! | `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `not`, `and`, `or`, `( … )`, `A \| B` | as in Go |
//!
//! `\t` and `\n` in the text are a tab and a line feed; `{{-` and `-}}` take the white space beside them away; `{{/* … */}}` is a comment.
//! Numbers are printed raw, lists as `[a b]`, nothing as nothing. Values are escaped for people ([`super::escape::line`]), so that each is one
//! line; `json` is the way to get them whole. With variables a short template could work without end, so the number of its steps and the
//! length of all that it makes are bounded.
//!
//! Docker's own field names, in Docker's spelling, give what Docker prints, where the list has such fields ([`super::docker`]).

mod evaluate;
mod function;
mod parse;
mod printf;
mod token;

use super::value::same;
use crate::suggest::Unknown;
use function::Function;
use serde_json::{Map, Value};

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
    If(Vec<(Guard, Vec<Node>)>, Vec<Node>),
    /// What is there if the value counts, with the value as the dot, and what if it does not.
    With(Guard, Vec<Node>, Vec<Node>),
    Range(Guard, Vec<Node>, Vec<Node>),
    /// A variable that is made.
    Declare(String, Expression),
    /// A variable that is given another value.
    Assign(String, Expression),
}

/// What a block depends on, with the variables that it makes of it.
#[derive(Debug, Clone, PartialEq)]
struct Guard {
    variables: Vec<String>,
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    /// The names after the dots; none for the dot itself.
    Field(Vec<String>),
    Literal(Value),
    /// A variable, and the names after the dots.
    Variable(String, Vec<String>),
    Call(Function, Vec<Expression>),
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
        self.render_with(item, known, &Map::new())
    }

    /// As [`Template::render`], where an item has fields besides its keys: these are known by their exact names, and win.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_with(&self, item: &Value, known: &[&str], fields: &Map<String, Value>) -> Result<String, TemplateError> {
        evaluate::Evaluation::new(item, known, fields).fill(&self.nodes)
    }

    /// Tells whether the template asks an item for this field, in this spelling.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        names_in(&self.nodes, field)
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
        Node::Print(expression) | Node::Declare(_, expression) | Node::Assign(_, expression) => check_expression(expression, known),
        // In its body the dot is something else.
        Node::Range(guard, _, otherwise) | Node::With(guard, _, otherwise) => {
            check_expression(&guard.expression, known)?;
            check_nodes(otherwise, known)
        }
        Node::If(parts, otherwise) => {
            for (guard, nodes) in parts {
                check_expression(&guard.expression, known)?;
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
        Expression::Variable(variable, _) if !variable.is_empty() => Ok(()),
        Expression::Field(names) | Expression::Variable(_, names) => match names.first() {
            Some(name) if !is_known(known, name) => Err(TemplateError::Field(Unknown::new("field", name, known.iter().copied()))),
            _ => Ok(()),
        },
    }
}

fn names_in(nodes: &[Node], field: &str) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(_) => false,
        Node::Print(expression) | Node::Declare(_, expression) | Node::Assign(_, expression) => names_of(expression, field),
        Node::Range(guard, body, otherwise) | Node::With(guard, body, otherwise) => {
            names_of(&guard.expression, field) || names_in(body, field) || names_in(otherwise, field)
        }
        Node::If(parts, otherwise) => {
            parts.iter().any(|(guard, body)| names_of(&guard.expression, field) || names_in(body, field)) || names_in(otherwise, field)
        }
    })
}

fn names_of(expression: &Expression, field: &str) -> bool {
    match expression {
        Expression::Literal(_) => false,
        Expression::Call(_, arguments) => arguments.iter().any(|argument| names_of(argument, field)),
        Expression::Field(names) | Expression::Variable(_, names) => names.first().is_some_and(|name| name == field),
    }
}

fn write_titles(nodes: &[Node], title: &dyn Fn(&str) -> Option<String>, text: &mut String) {
    for node in nodes {
        match node {
            Node::Text(literal) => text.push_str(literal),
            Node::Print(expression) => text.push_str(&title_of(expression, title).unwrap_or_default()),
            Node::Range(guard, ..) | Node::With(guard, ..) => text.push_str(&title_of(&guard.expression, title).unwrap_or_default()),
            Node::If(parts, _) => parts.iter().take(1).for_each(|(_, nodes)| write_titles(nodes, title, text)),
            Node::Declare(..) | Node::Assign(..) => {}
        }
    }
}

/// The title of the first field in an expression.
fn title_of(expression: &Expression, title: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match expression {
        Expression::Literal(_) => None,
        Expression::Call(_, arguments) => arguments.iter().find_map(|argument| title_of(argument, title)),
        Expression::Field(names) | Expression::Variable(_, names) => {
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
