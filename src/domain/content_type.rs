//! The content type: a kind of thing that tasks are about.

/// A kind, named as Django names models: `app_label.model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// Primary key.
    pub id: i32,
    /// The module it belongs to.
    pub app_label: String,
    /// Its name in that module, lower case.
    pub model: String,
}

impl ContentType {
    /// `app_label.model`
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.app_label, self.model)
    }

    /// Splits `app_label.model`; both parts are needed.
    #[must_use]
    pub fn parse(name: &str) -> Option<(&str, &str)> {
        let (app_label, model) = name.split_once('.')?;
        (!app_label.is_empty() && !model.is_empty() && !model.contains('.')).then_some((app_label, model))
    }
}
