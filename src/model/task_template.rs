//! The template: what mails of one name say in one language.

use super::entity::entity;

entity! {
    /// A template as it is stored.
    pub struct TaskTemplate ("task_template") in task_management_tasktemplate (id), versions in task_management_historicaltasktemplate {
        /// Its name, by which dispatchers and the module choose it; one live template for each name and language.
        name: String => Text,
        /// The code of the language.
        language: String => Text,
        /// The source of the subject.
        subject: String => Text,
        /// The source of the text.
        text: String => Text,
        /// The source of the HTML; empty if there is none.
        html: String => Text,
    }
}
