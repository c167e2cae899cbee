//! From a template's text to its parts.

use super::function::Function;
use super::token::{Token, tokens};
use super::{DEEPEST, Expression, Guard, Node, TemplateError};
use crate::render::escape::brief;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Reads a whole template; blocks are kept on a stack of its own, so that no nesting can exhaust the program's.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser { at: 1, blocks: Vec::new(), body: Vec::new(), variables: Vec::new() };
    let mut rest = text;
    let mut trim = false;
    while let Some((before, action)) = rest.split_once("{{") {
        let (action, after) = split_action(action).ok_or_else(|| parser.fault_after(before, "{{ without }}"))?;
        let (inner, trims_before, trims_after) = trimmed(action);
        parser.text(before, trim, trims_before);
        parser.action(inner)?;
        parser.at += action.chars().count() + 4;
        trim = trims_after;
        rest = after;
    }
    parser.text(rest, trim, false);
    match parser.blocks.last() {
        Some(block) => Err(TemplateError::Syntax { at: block.at, cause: format!("{} without end", block.word()) }),
        None => Ok(parser.body),
    }
}

/// Splits at the `}}` that ends an action, which is not one within a string or a comment.
fn split_action(text: &str) -> Option<(&str, &str)> {
    let comment = text.strip_prefix("- ").unwrap_or(text);
    if comment.starts_with("/*") {
        let end = text.find("*/")?;
        let close = end + text.get(end..)?.find("}}")?;
        return Some((text.get(..close)?, text.get(close + 2..)?));
    }
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if text.get(at..)?.starts_with("}}") => return Some((text.get(..at)?, text.get(at + 2..)?)),
            Some(_) | None => {}
        }
    }
    None
}

/// Takes the signs that trim white space off an action.
fn trimmed(action: &str) -> (&str, bool, bool) {
    let (action, before) = action.strip_prefix("- ").map_or((action, false), |rest| (rest, true));
    let (action, after) = action.strip_suffix(" -").map_or((action, false), |rest| (rest, true));
    (action, before, after)
}

struct Parser {
    /// Where the reading is, in characters.
    at: usize,
    blocks: Vec<Block>,
    body: Vec<Node>,
    /// The variables that there are.
    variables: Vec<String>,
}

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    If,
    With,
    Range,
}

/// A block that has not ended.
struct Block {
    at: usize,
    kind: Kind,
    /// What the part that is being read depends on; nothing in the last `else`.
    guard: Option<Guard>,
    parts: Vec<(Guard, Vec<Node>)>,
    /// What was being read when the block began.
    outer: Vec<Node>,
    /// How many variables there were then.
    variables: usize,
}

impl Block {
    const fn word(&self) -> &'static str {
        match self.kind {
            Kind::If => "if",
            Kind::With => "with",
            Kind::Range => "range",
        }
    }
}

impl Parser {
    fn fault<T>(&self, cause: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::Syntax { at: self.at, cause: cause.into() })
    }

    fn fault_after(&self, text: &str, cause: &str) -> TemplateError {
        TemplateError::Syntax { at: self.at + text.chars().count(), cause: cause.to_owned() }
    }

    fn text(&mut self, text: &str, trims_start: bool, trims_end: bool) {
        self.at += text.chars().count();
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        let text = if trims_start { text.trim_start() } else { &text };
        let text = if trims_end { text.trim_end() } else { text };
        if !text.is_empty() {
            self.body.push(Node::Text(text.to_owned()));
        }
    }

    fn action(&mut self, action: &str) -> Result<(), TemplateError> {
        if action.starts_with("/*") {
            return if action.ends_with("*/") { Ok(()) } else { self.fault("the comment does not end with */}}") };
        }
        let mut tokens = tokens(action, self.at + 2)?;
        let word = match tokens.first() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let rest = if tokens.is_empty() { Vec::new() } else { tokens.split_off(1) };
        match word.as_str() {
            "if" => self.begin(Kind::If, rest),
            "with" => self.begin(Kind::With, rest),
            "range" => self.begin(Kind::Range, rest),
            "else" => self.switch(rest),
            "end" if rest.is_empty() => self.end(),
            "end" => self.fault("end takes nothing"),
            "block" | "define" | "template" | "break" | "continue" => self.fault(format!("{word} is not supported")),
            _ => {
                tokens.extend(rest);
                let node = self.statement(tokens)?;
                self.body.push(node);
                Ok(())
            }
        }
    }

    /// Reads a value that is printed, or that a variable gets.
    fn statement(&mut self, mut tokens: Vec<Token>) -> Result<Node, TemplateError> {
        let is_new = match tokens.get(..2) {
            Some([Token::Variable(_, fields), Token::Declare]) if fields.is_empty() => true,
            Some([Token::Variable(_, fields), Token::Assign]) if fields.is_empty() => false,
            _ => return self.expression(tokens).map(Node::Print),
        };
        let expression = self.expression(tokens.split_off(2))?;
        let Some(Token::Variable(name, _)) = tokens.into_iter().next() else { return self.fault("a variable is missing") };
        if is_new {
            self.variables.push(name.clone());
            return Ok(Node::Declare(name, expression));
        }
        self.defined(&name)?;
        Ok(Node::Assign(name, expression))
    }

    /// Reads what a block depends on.
    fn guard(&mut self, kind: Kind, tokens: Vec<Token>) -> Result<Guard, TemplateError> {
        let Some(at) = tokens.iter().position(|token| *token == Token::Declare) else {
            return Ok(Guard { variables: Vec::new(), expression: self.expression(tokens)? });
        };
        let (names, rest) = tokens.split_at(at);
        let variables: Vec<String> = match names {
            [Token::Variable(name, fields)] if fields.is_empty() => vec![name.clone()],
            [Token::Variable(index, none), Token::Comma, Token::Variable(name, fields)]
                if kind == Kind::Range && none.is_empty() && fields.is_empty() =>
            {
                vec![index.clone(), name.clone()]
            }
            _ => return self.fault("before := there is to be a variable, in a range two"),
        };
        let expression = self.expression(rest.iter().skip(1).cloned().collect())?;
        self.variables.extend(variables.iter().cloned());
        Ok(Guard { variables, expression })
    }

    fn defined(&self, variable: &str) -> Result<(), TemplateError> {
        if variable.is_empty() || self.variables.iter().any(|known| known == variable) {
            return Ok(());
        }
        self.fault(format!("there is no variable ${}", brief(variable)))
    }

    fn begin(&mut self, kind: Kind, tokens: Vec<Token>) -> Result<(), TemplateError> {
        if self.blocks.len() >= DEEPEST {
            return self.fault(format!("blocks are nested more than {DEEPEST} deep"));
        }
        let variables = self.variables.len();
        let guard = self.guard(kind, tokens)?;
        let outer = std::mem::take(&mut self.body);
        self.blocks.push(Block { at: self.at, kind, guard: Some(guard), parts: Vec::new(), outer, variables });
        Ok(())
    }

    fn switch(&mut self, mut tokens: Vec<Token>) -> Result<(), TemplateError> {
        let next = match tokens.first() {
            None => None,
            Some(Token::Word(word)) if word == "if" => Some(self.guard(Kind::If, tokens.split_off(1))?),
            Some(_) => return self.fault("else takes nothing or another if"),
        };
        let body = std::mem::take(&mut self.body);
        let Some(block) = self.blocks.last_mut() else { return self.fault("else without if, with or range") };
        let Some(guard) = block.guard.take() else { return self.fault("else after else") };
        if next.is_some() && block.kind != Kind::If {
            let word = block.word();
            return self.fault(format!("else if in a {word}"));
        }
        block.parts.push((guard, body));
        block.guard = next;
        Ok(())
    }

    fn end(&mut self) -> Result<(), TemplateError> {
        let Some(block) = self.blocks.pop() else { return self.fault("end without if, with or range") };
        self.variables.truncate(block.variables);
        let body = std::mem::replace(&mut self.body, block.outer);
        let mut parts = block.parts;
        let otherwise = match block.guard {
            Some(guard) => {
                parts.push((guard, body));
                Vec::new()
            }
            None => body,
        };
        let node = match (block.kind, parts.pop()) {
            (Kind::With, Some((guard, body))) => Node::With(guard, body, otherwise),
            (Kind::Range, Some((guard, body))) => Node::Range(guard, body, otherwise),
            (_, last) => {
                parts.extend(last);
                Node::If(parts, otherwise)
            }
        };
        self.body.push(node);
        Ok(())
    }

    fn expression(&self, tokens: Vec<Token>) -> Result<Expression, TemplateError> {
        let mut tokens = tokens.into_iter().peekable();
        let expression = self.pipeline(&mut tokens, 0)?;
        if tokens.next().is_some() { self.fault(") without (") } else { Ok(expression) }
    }

    /// Reads `A | B | C`: each result is the last argument of what follows.
    fn pipeline(&self, tokens: &mut Peekable<IntoIter<Token>>, depth: usize) -> Result<Expression, TemplateError> {
        if depth > DEEPEST {
            return self.fault(format!("parentheses are nested more than {DEEPEST} deep"));
        }
        let mut result = self.command(tokens, depth, None)?;
        let mut stages = 0;
        while tokens.next_if_eq(&Token::Pipe).is_some() {
            stages += 1;
            if stages > DEEPEST {
                return self.fault(format!("more than {DEEPEST} functions follow one another"));
            }
            result = self.command(tokens, depth, Some(result))?;
        }
        Ok(result)
    }

    fn command(
        &self,
        tokens: &mut Peekable<IntoIter<Token>>,
        depth: usize,
        piped: Option<Expression>,
    ) -> Result<Expression, TemplateError> {
        if let Some(Token::Word(word)) = tokens.next_if(|token| matches!(token, Token::Word(_))) {
            let function = Function::find(&word).map_err(|unknown| TemplateError::Syntax { at: self.at, cause: unknown.to_string() })?;
            let mut arguments = Vec::new();
            while tokens.peek().is_some_and(|token| !matches!(token, Token::Pipe | Token::Close)) {
                arguments.push(self.operand(tokens, depth)?);
            }
            arguments.extend(piped);
            return Ok(Expression::Call(function, arguments));
        }
        if piped.is_some() {
            return self.fault("a function is missing after |");
        }
        let operand = self.operand(tokens, depth)?;
        match tokens.peek() {
            None | Some(Token::Pipe | Token::Close) => Ok(operand),
            Some(_) => self.fault("two values without a function"),
        }
    }

    fn operand(&self, tokens: &mut Peekable<IntoIter<Token>>, depth: usize) -> Result<Expression, TemplateError> {
        match tokens.next() {
            Some(Token::Field(names)) => Ok(Expression::Field(names)),
            Some(Token::Literal(value)) => Ok(Expression::Literal(value)),
            Some(Token::Variable(name, fields)) => {
                self.defined(&name)?;
                Ok(Expression::Variable(name, fields))
            }
            Some(Token::Open) => {
                let inner = self.pipeline(tokens, depth + 1)?;
                if tokens.next() == Some(Token::Close) { Ok(inner) } else { self.fault("( without )") }
            }
            Some(Token::Word(word)) => self.fault(format!("{} needs parentheses around it", brief(&word))),
            Some(Token::Pipe | Token::Close | Token::Declare | Token::Assign | Token::Comma) | None => self.fault("a value is missing"),
        }
    }
}
