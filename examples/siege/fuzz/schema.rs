//! The parts of the schema from which requests are made.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

/// All types by their names.
pub struct Schema {
    types: BTreeMap<String, Kind>,
}

/// The kind of a type. Types that are not listed are scalars.
pub enum Kind {
    /// Fields; of an interface too.
    Fields(Vec<Field>),
    /// Fields of an input.
    Input(Vec<Input>),
    /// Values of an enum.
    Words(Vec<String>),
}

/// A field with its arguments.
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Input>,
    /// Its type.
    pub ty: Type,
}

/// An argument, or a field of an input.
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it must be there.
    pub is_required: bool,
}

impl Schema {
    /// Reads a schema.
    pub fn read(sdl: &str) -> Result<Self, String> {
        let document = parse_schema(sdl).map_err(|error| error.to_string())?;
        let mut types = BTreeMap::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let kind = match definition.node.kind {
                TypeKind::Object(object) => Kind::Fields(fields(object.fields)),
                TypeKind::Interface(interface) => Kind::Fields(fields(interface.fields)),
                TypeKind::InputObject(input) => Kind::Input(inputs(input.fields)),
                TypeKind::Enum(words) => Kind::Words(
                    words.values.into_iter().map(|word| word.node.value.node.to_string()).collect(),
                ),
                TypeKind::Scalar | TypeKind::Union(_) => continue,
            };
            types.insert(definition.node.name.node.to_string(), kind);
        }
        Ok(Self { types })
    }

    /// The type of this name; none for a scalar.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.types.get(name)
    }

    /// The fields of a type that has some.
    pub fn fields(&self, name: &str) -> &[Field] {
        match self.kind(name) {
            Some(Kind::Fields(fields)) => fields,
            _ => &[],
        }
    }

    /// The names of the types that have fields.
    pub fn composites(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|(_, kind)| matches!(kind, Kind::Fields(_))).map(|(name, _)| name.as_str())
    }
}

/// The name of a type without lists and marks.
pub fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

fn fields(definitions: impl IntoIterator<Item = async_graphql::Positioned<FieldDefinition>>) -> Vec<Field> {
    let field = |field: FieldDefinition| Field {
        name: field.name.node.to_string(),
        arguments: inputs(field.arguments),
        ty: field.ty.node,
    };
    definitions.into_iter().map(|definition| field(definition.node)).collect()
}

fn inputs(
    definitions: impl IntoIterator<Item = async_graphql::Positioned<InputValueDefinition>>,
) -> Vec<Input> {
    let input = |input: InputValueDefinition| Input {
        name: input.name.node.to_string(),
        is_required: !input.ty.node.nullable && input.default_value.is_none(),
        ty: input.ty.node,
    };
    definitions.into_iter().map(|definition| input(definition.node)).collect()
}
