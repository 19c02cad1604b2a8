//! The content type: a kind of thing that tasks are about.

use super::entity::entity;

entity! {
    /// A kind, named as Django names models: `app_label.model`.
    #[derive(Eq)]
    pub struct ContentType ("content_type") in core_contenttype (id) {
        /// Primary key.
        id: i32 => Integer,
        /// The Django app that has the model.
        app_label: String => Text,
        /// The model's name in that app, lower case.
        model: String => Text,
    }
}

impl ContentType {
    /// `app_label.model`
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.app_label, self.model)
    }

    /// Splits `app_label.model`; none if a part is missing.
    #[must_use]
    pub fn parse(name: &str) -> Option<(&str, &str)> {
        let (app_label, model) = name.split_once('.')?;
        (!app_label.is_empty() && !model.is_empty() && !model.contains('.')).then_some((app_label, model))
    }
}
