//! The office's tables, as its own migrations make them.

diesel::table! {
    staff (id) { id -> Integer, username -> Text, password -> Text, role -> Text, }
}
diesel::table! {
    beneficiary (id) { id -> Text, name -> Text, account -> Text, }
}
diesel::table! {
    office_grant (id) { id -> Text, purpose -> Text, amount -> Integer, }
}
