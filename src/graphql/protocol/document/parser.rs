//! The parser turns the tokens of a document into its tree, by the specification's grammar.
//!
//! The library's own parser takes two hundred times the document's size in memory, refuses surrogate pairs, and drops the
//! first of two input fields with one name.

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::{ConstValue, Value};

use super::lexer::{Lexeme, Token, refuse, tokens};
use super::text::{dedent, unescape};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// How large a document may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many tokens it may have.
    pub tokens: usize,
    /// How deeply its braces and brackets may be nested.
    pub nesting: usize,
    /// How many fields may be written in it.
    pub fields: usize,
}

/// Reads a document.
///
/// # Errors
/// VALIDATION for a text that is not GraphQL, LIMIT for one that is too large.
pub fn parse(source: &str, bounds: Bounds) -> Result<ExecutableDocument> {
    let tokens = tokens(source, bounds.tokens)?;
    Parser { tokens: &tokens, nesting: 0, fields: 0, bounds }.document()
}

/// The error that refuses a document with more fields than this.
pub fn too_large(max: usize) -> Error {
    Error::new(ErrorCode::Limit, Message::new("document-too-large").with("max", max))
}

type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

struct Parser<'a> {
    /// The tokens that are left. The end of the document is never taken.
    tokens: &'a [Lexeme<'a>],
    nesting: usize,
    fields: usize,
    bounds: Bounds,
}

impl<'a> Parser<'a> {
    fn document(mut self) -> Result<ExecutableDocument> {
        let (mut single, mut named, mut fragments) = (None, HashMap::new(), HashMap::new());
        while single.is_none() || self.token() != Token::End {
            let pos = self.pos();
            if self.token() == Token::Name("fragment") {
                let (name, fragment) = self.fragment_definition()?;
                if fragments.insert(name.clone(), Positioned::new(fragment, pos)).is_some() {
                    return Err(refuse(Message::new("fragment-name-taken").with("name", name.as_str()), pos));
                }
            } else if self.token() == Token::End && !named.is_empty() {
                break;
            } else {
                let (name, operation) = self.operation_definition()?;
                let operation = Positioned::new(operation, pos);
                match name {
                    None if single.is_none() && named.is_empty() => single = Some(operation),
                    Some(name) if single.is_none() => {
                        if named.insert(name.clone(), operation).is_some() {
                            let message = Message::new("operation-name-taken").with("name", name.as_str());
                            return Err(refuse(message, pos));
                        }
                    }
                    _ => return Err(refuse(Message::new("anonymous-operation-not-alone"), pos)),
                }
            }
        }
        let operations = single.map_or(DocumentOperations::Multiple(named), DocumentOperations::Single);
        Ok(ExecutableDocument { operations, fragments })
    }

    fn operation_definition(&mut self) -> Result<(Option<Name>, OperationDefinition)> {
        let mut operation = OperationDefinition {
            ty: OperationType::Query,
            variable_definitions: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        let mut name = None;
        if self.token() != Token::Punctuator("{") {
            operation.ty = match self.token() {
                Token::Name("query") => OperationType::Query,
                Token::Name("mutation") => OperationType::Mutation,
                Token::Name("subscription") => OperationType::Subscription,
                _ => return Err(self.unexpected()),
            };
            self.skip();
            if let Token::Name(text) = self.token() {
                self.skip();
                name = Some(Name::new(text));
            }
            if self.eat("(") {
                operation.variable_definitions = self.until(")", Self::variable_definition)?;
            }
            operation.directives = self.directives()?;
        }
        operation.selection_set = self.selection_set()?;
        Ok((name, operation))
    }

    fn variable_definition(&mut self) -> Result<Positioned<VariableDefinition>> {
        let pos = self.pos();
        self.need("$")?;
        let name = self.name()?;
        self.need(":")?;
        let type_pos = self.pos();
        let var_type = Positioned::new(self.type_reference()?, type_pos);
        let mut default_value = None;
        if self.eat("=") {
            let pos = self.pos();
            default_value = Some(Positioned::new(self.constant()?, pos));
        }
        let directives = self.directives()?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, pos))
    }

    fn type_reference(&mut self) -> Result<Type> {
        let base = if self.eat("[") {
            self.nested(|parser| {
                let inner = parser.type_reference()?;
                parser.need("]")?;
                Ok(BaseType::List(Box::new(inner)))
            })?
        } else {
            BaseType::Named(self.name()?.node)
        };
        Ok(Type { base, nullable: !self.eat("!") })
    }

    fn fragment_definition(&mut self) -> Result<(Name, FragmentDefinition)> {
        self.skip();
        if self.token() == Token::Name("on") {
            return Err(self.unexpected());
        }
        let name = self.name()?.node;
        let Some(type_condition) = self.type_condition()? else {
            return Err(self.unexpected());
        };
        let directives = self.directives()?;
        let selection_set = self.selection_set()?;
        Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
    }

    fn type_condition(&mut self) -> Result<Option<Positioned<TypeCondition>>> {
        let pos = self.pos();
        if self.token() != Token::Name("on") {
            return Ok(None);
        }
        self.skip();
        Ok(Some(Positioned::new(TypeCondition { on: self.name()? }, pos)))
    }

    fn selection_set(&mut self) -> Result<Positioned<SelectionSet>> {
        let pos = self.pos();
        self.need("{")?;
        let items = self.nested(|parser| parser.until("}", Self::selection))?;
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> Result<Positioned<Selection>> {
        let pos = self.pos();
        let selection = if self.eat("...") {
            match self.token() {
                Token::Name(name) if name != "on" => {
                    let fragment_name = self.name()?;
                    let directives = self.directives()?;
                    Selection::FragmentSpread(Positioned::new(
                        FragmentSpread { fragment_name, directives },
                        pos,
                    ))
                }
                _ => {
                    let type_condition = self.type_condition()?;
                    let directives = self.directives()?;
                    let selection_set = self.selection_set()?;
                    let inline = InlineFragment { type_condition, directives, selection_set };
                    Selection::InlineFragment(Positioned::new(inline, pos))
                }
            }
        } else {
            Selection::Field(Positioned::new(self.field()?, pos))
        };
        Ok(Positioned::new(selection, pos))
    }

    fn field(&mut self) -> Result<Field> {
        self.fields += 1;
        if self.fields > self.bounds.fields {
            return Err(too_large(self.bounds.fields));
        }
        let mut name = self.name()?;
        let mut alias = None;
        if self.eat(":") {
            alias = Some(name);
            name = self.name()?;
        }
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let selection_set = if self.token() == Token::Punctuator("{") {
            self.selection_set()?
        } else {
            Positioned::new(SelectionSet::default(), name.pos)
        };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn arguments(&mut self) -> Result<Arguments> {
        if !self.eat("(") {
            return Ok(Vec::new());
        }
        self.until(")", |parser| {
            let name = parser.name()?;
            parser.need(":")?;
            let pos = parser.pos();
            Ok((name, Positioned::new(parser.value()?, pos)))
        })
    }

    fn directives(&mut self) -> Result<Vec<Positioned<Directive>>> {
        let mut found = Vec::new();
        loop {
            let pos = self.pos();
            if !self.eat("@") {
                return Ok(found);
            }
            let name = self.name()?;
            let arguments = self.arguments()?;
            found.push(Positioned::new(Directive { name, arguments }, pos));
        }
    }

    fn value(&mut self) -> Result<Value> {
        let pos = self.pos();
        let value = match self.token() {
            Token::Punctuator("$") => {
                self.skip();
                return Ok(Value::Variable(self.name()?.node));
            }
            Token::Punctuator("[") => {
                self.skip();
                return self.nested(|parser| parser.until_or_none("]", Self::value)).map(Value::List);
            }
            Token::Punctuator("{") => {
                self.skip();
                return self.nested(Self::object);
            }
            Token::Number(text) => match text.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(refuse(Message::new("syntax-number"), pos)),
            },
            Token::Text(text) => match unescape(text) {
                Some(text) => Value::String(text),
                None => return Err(refuse(Message::new("syntax-escape"), pos)),
            },
            Token::Block(text) => Value::String(dedent(text)),
            Token::Name("true") => Value::Boolean(true),
            Token::Name("false") => Value::Boolean(false),
            Token::Name("null") => Value::Null,
            Token::Name(name) => Value::Enum(Name::new(name)),
            _ => return Err(self.unexpected()),
        };
        self.skip();
        Ok(value)
    }

    fn object(&mut self) -> Result<Value> {
        let fields = self.until_or_none("}", |parser| {
            let name = parser.name()?;
            parser.need(":")?;
            Ok((name, parser.value()?))
        })?;
        let mut object = async_graphql_value::indexmap::IndexMap::with_capacity(fields.len());
        for (name, value) in fields {
            if object.insert(name.node.clone(), value).is_some() {
                let message = Message::new("input-field-repeated").with("name", name.node.as_str());
                return Err(refuse(message, name.pos));
            }
        }
        Ok(Value::Object(object))
    }

    fn constant(&mut self) -> Result<ConstValue> {
        let pos = self.pos();
        self.value()?.into_const().ok_or_else(|| refuse(Message::new("variable-in-constant"), pos))
    }

    fn name(&mut self) -> Result<Positioned<Name>> {
        let pos = self.pos();
        let Token::Name(text) = self.token() else {
            return Err(self.unexpected());
        };
        self.skip();
        Ok(Positioned::new(Name::new(text), pos))
    }

    /// Reads one or more items, and the token that ends them.
    fn until<T>(&mut self, end: &str, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        if self.token() == Token::Punctuator(end) {
            return Err(self.unexpected());
        }
        self.until_or_none(end, item)
    }

    fn until_or_none<T>(
        &mut self,
        end: &str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(end) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.nesting >= self.bounds.nesting {
            let message = Message::new("document-too-deep").with("max", self.bounds.nesting / 2);
            return Err(Error::new(ErrorCode::Limit, message));
        }
        self.nesting += 1;
        let found = inner(self)?;
        self.nesting -= 1;
        Ok(found)
    }

    fn need(&mut self, punctuator: &str) -> Result<()> {
        if self.eat(punctuator) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn eat(&mut self, punctuator: &str) -> bool {
        let is_there = self.token() == Token::Punctuator(punctuator);
        if is_there {
            self.skip();
        }
        is_there
    }

    fn token(&self) -> Token<'a> {
        self.tokens.first().map_or(Token::End, |lexeme| lexeme.token)
    }

    fn pos(&self) -> Pos {
        self.tokens.first().map_or(Pos::default(), |lexeme| lexeme.pos)
    }

    fn skip(&mut self) {
        if self.tokens.len() > 1 {
            self.tokens = &self.tokens[1..];
        }
    }

    fn unexpected(&self) -> Error {
        let pos = self.pos();
        let message = match self.token() {
            Token::End => Message::new("syntax-end"),
            Token::Punctuator(text)
            | Token::Name(text)
            | Token::Number(text)
            | Token::Text(text)
            | Token::Block(text) => Message::new("syntax-unexpected").with("found", text),
        };
        refuse(message, pos)
    }
}
