//! The parts of a condition, to explain why it is false.
//!
//! The syntax tree says what is joined to what. It has no parentheses, and of its nodes only the place of one token each.
//! So the text is cut at Rhai's own tokens, which strings and comments can't imitate.

use super::engine::Language;
use super::expression::{Expression, byte_offset};
use rhai::{ASTNode, Engine, Expr, Position, Stmt, Token};
use std::num::NonZeroU8;

/// What an expression consists of. Each part is a text of its own, which can be compiled by itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Parts {
    /// `a || b`: false if all parts are.
    Any(Vec<String>),
    /// `a && b`: false if one part is.
    All(Vec<String>),
    /// Anything else.
    One {
        /// All of it, without comments and parentheses around it.
        text: String,
        /// What decides its value: both sides of a comparison, what `!` negates, what a method is called on, the
        /// arguments of a function. Literals are left out.
        operands: Vec<String>,
    },
}

/// Splits an expression into its parts.
pub fn parts(language: &Language, expression: &Expression) -> Parts {
    let text = Tokens::read(language.engine(), expression.source());
    let operands = match expression.ast.statements() {
        [Stmt::FnCall(_, at)] => text.operands(*at),
        [Stmt::Expr(root)] => match root.as_ref() {
            Expr::Or(items, _) => match text.between(items, &Token::Or) {
                parts if parts.len() > 1 => return Parts::Any(parts),
                _ => Vec::new(),
            },
            Expr::And(items, _) => match text.between(items, &Token::And) {
                parts if parts.len() > 1 => return Parts::All(parts),
                _ => Vec::new(),
            },
            Expr::Coalesce(items, _) => text.between(items, &Token::DoubleQuestion),
            Expr::FnCall(_, at) => text.operands(*at),
            Expr::Dot(..) => text.call(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    Parts::One { text: text.text(&text.tokens), operands: without_literals(language, operands) }
}

/// Leaves out what is only a literal; the reader sees its value anyway.
fn without_literals(language: &Language, operands: Vec<String>) -> Vec<String> {
    let is_literal = |text: &String| {
        let compiled = language.engine().compile_expression(text);
        compiled.is_ok_and(|ast| matches!(ast.statements(), [Stmt::Expr(root)] if root.is_constant()))
    };
    operands.into_iter().filter(|text| !is_literal(text)).collect()
}

/// The first position of an expression in its text. A node's own position is that of its operator.
fn start(expression: &Expr) -> Position {
    let mut first = expression.position();
    expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        let at = path.last().map_or(Position::NONE, ASTNode::position);
        if !at.is_none() && at < first {
            first = at;
        }
        true
    });
    first
}

/// A token, the bytes that it takes, and how many brackets are around it.
struct Placed {
    token: Token,
    from: usize,
    to: usize,
    at: Position,
    depth: usize,
}

/// The tokens of an expression, without the parentheses around all of it.
struct Tokens<'s> {
    source: &'s str,
    tokens: Vec<Placed>,
    /// The depth of what isn't in any bracket.
    depth: usize,
}

impl<'s> Tokens<'s> {
    fn read(engine: &Engine, source: &'s str) -> Self {
        let mut tokens: Vec<Placed> = Vec::new();
        let (lexer, control) = engine.lex([&source]);
        // The depths of the braces that belong to `${ }` in a string between backquotes.
        let mut inserted = Vec::new();
        let mut depth = 0usize;
        // At its end the lexer gives `EOF` again and again.
        for (token, at) in lexer.take_while(|(token, _)| *token != Token::EOF) {
            let from = byte_offset(source, at);
            let closes = matches!(token, Token::RightParen | Token::RightBracket | Token::RightBrace);
            let opens = matches!(
                token,
                Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart | Token::QuestionBracket
            );
            if closes {
                depth = depth.saturating_sub(1);
                if token == Token::RightBrace && inserted.last() == Some(&depth) {
                    inserted.pop();
                    // Rhai's parser tells its lexer in this way that the string goes on.
                    control.borrow_mut().is_within_text = true;
                }
            }
            if matches!(token, Token::InterpolatedString(_)) {
                inserted.push(depth);
            }
            tokens.push(Placed { token, from, to: source.len(), at, depth });
            depth += usize::from(opens);
        }
        for index in 0..tokens.len() {
            let next = tokens.get(index + 1).map_or(source.len(), |next| next.from);
            let from = tokens[index].from;
            tokens[index].to = from + end_of(&tokens[index].token, &source[from..next.max(from)]);
        }
        let parentheses = tokens.len() - without_parentheses(&tokens).len();
        let mut tokens = tokens.split_off(parentheses / 2);
        tokens.truncate(tokens.len() - parentheses / 2);
        Tokens { source, tokens, depth: parentheses / 2 }
    }

    /// The text of some of the tokens, without parentheses around it; line breaks and comments become a blank.
    fn text(&self, tokens: &[Placed]) -> String {
        let tokens = without_parentheses(tokens);
        let mut text = String::new();
        for (index, placed) in tokens.iter().enumerate() {
            text.push_str(&self.source[placed.from..placed.to]);
            let Some(next) = tokens.get(index + 1) else { break };
            let gap = &self.source[placed.to..next.from.max(placed.to)];
            let plain = gap.chars().all(|c| c == ' ');
            text.push_str(if plain { gap } else { " " });
        }
        text
    }

    /// The texts between the operators that join `items`: those outside of brackets, each directly before an item.
    fn between(&self, items: &[Expr], operator: &Token) -> Vec<String> {
        let (mut texts, mut from) = (Vec::new(), 0);
        for item in items.iter().skip(1) {
            let begins = byte_offset(self.source, start(item));
            let before = self.tokens.iter().rposition(|placed| placed.from < begins && placed.token == *operator);
            // Items from inside of brackets belong to the same operator: `a && (b && c)`.
            let Some(at) = before.filter(|at| *at > from && self.tokens[*at].depth == self.depth) else { continue };
            texts.push(self.text(&self.tokens[from..at]));
            from = at + 1;
        }
        texts.push(self.text(&self.tokens[from..]));
        texts
    }

    /// The operands of the operator at a position; of a function that is called there, its arguments.
    fn operands(&self, at: Position) -> Vec<String> {
        let Some(index) = self.tokens.iter().position(|placed| placed.at == at) else { return Vec::new() };
        // What binds less, such as `true &&`, isn't in the tree if Rhai has found it to be constant.
        let binds = self.tokens[index].token.precedence();
        let from = self.tokens[..index].iter().rposition(|placed| self.divides(placed, |other| other < binds));
        let to = self.tokens[index + 1..]
            .iter()
            .position(|placed| self.divides(placed, |other| other <= binds || binds.is_none()));
        let before = &self.tokens[from.map_or(0, |from| from + 1)..index];
        let after = &self.tokens[index + 1..to.map_or(self.tokens.len(), |to| index + 1 + to)];
        match self.tokens[index].token {
            Token::Bang => vec![self.text(after)],
            Token::EqualsTo
            | Token::NotEqualsTo
            | Token::LessThan
            | Token::LessThanEqualsTo
            | Token::GreaterThan
            | Token::GreaterThanEqualsTo
            | Token::In
            | Token::NotIn => vec![self.text(before), self.text(after)],
            Token::Identifier(_) => self.call(),
            _ => Vec::new(),
        }
    }

    /// Whether a token is a binary operator outside of brackets that binds as asked.
    fn divides(&self, placed: &Placed, binds: impl Fn(Option<NonZeroU8>) -> bool) -> bool {
        let precedence = placed.token.precedence();
        placed.depth == self.depth && precedence.is_some() && binds(precedence)
    }

    /// What a method is called on, if there is one, and the arguments of the call that the text ends with.
    fn call(&self) -> Vec<String> {
        let Some((last, _)) = self.tokens.split_last().filter(|(last, _)| last.token == Token::RightParen) else {
            return Vec::new();
        };
        let opens = |placed: &Placed| placed.token == Token::LeftParen && placed.depth == last.depth;
        let Some(open) = self.tokens.iter().rposition(opens).filter(|open| *open > 0) else { return Vec::new() };
        let name = open - 1;
        let method = name > 0 && matches!(self.tokens[name - 1].token, Token::Period | Token::Elvis);
        let from = self.tokens[..name].iter().rposition(|placed| self.divides(placed, |_| true)).map_or(0, |at| at + 1);
        let receiver = method.then(|| self.text(&self.tokens[from..name - 1]));
        let inside = &self.tokens[open + 1..self.tokens.len() - 1];
        let arguments = inside.split(|placed| placed.token == Token::Comma && placed.depth == last.depth + 1);
        receiver.into_iter().chain(arguments.map(|tokens| self.text(tokens))).filter(|text| !text.is_empty()).collect()
    }
}

/// The tokens within the parentheses that enclose all of them, if any do.
fn without_parentheses(tokens: &[Placed]) -> &[Placed] {
    match tokens {
        [first, inner @ .., last]
            if first.token == Token::LeftParen
                && last.token == Token::RightParen
                && !inner.is_empty()
                && inner.iter().all(|placed| placed.depth > first.depth) =>
        {
            without_parentheses(inner)
        }
        _ => tokens,
    }
}

/// How many bytes of `text`, which ends where the next token begins, the token itself takes. The rest is blanks and
/// comments.
fn end_of(token: &Token, text: &str) -> usize {
    match token {
        // Parts of a string between backquotes end where the next token begins.
        Token::InterpolatedString(_) => text.len(),
        Token::StringConstant(_) | Token::CharConstant(_) => end_of_string(text),
        _ => {
            let comment = text.find("//").into_iter().chain(text.find("/*")).min().unwrap_or(text.len());
            text[..comment].trim_end().len()
        }
    }
}

/// The byte after a string literal that `text` begins with. A text that begins with `}` is what follows `${ }` in a string
/// between backquotes.
fn end_of_string(text: &str) -> usize {
    let hashes = text.len() - text.trim_start_matches('#').len();
    if hashes > 0 {
        let end = format!("\"{}", "#".repeat(hashes));
        let found = text.get(hashes + 1..).and_then(|rest| rest.find(&end));
        return found.map_or(text.len(), |at| hashes + 1 + at + end.len());
    }
    let mut chars = text.char_indices().peekable();
    let quote = match chars.next() {
        Some((_, c @ ('"' | '\''))) => c,
        _ => '`',
    };
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    text.len()
}
