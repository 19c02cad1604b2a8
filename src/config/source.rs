//! Where settings are written: files and the environment.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Settings, text_file};

/// The file that is read if it exists.
const DEFAULT_FILE: &str = "config/default.toml";
/// The prefix of variables of the environment, in upper or lower case.
const PREFIX: &str = "tasks__";

impl Settings {
    /// Reads the settings: built-in defaults, `config/default.toml` in the working folder or in the nearest folder above
    /// that has it, `file` if one is named, and the environment (`TASKS__SECTION__KEY`). A later source wins over an earlier
    /// one.
    ///
    /// # Errors
    /// A sentence that names the key that is unknown or has a wrong value, and where it was read.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let read = |table: Table, place: &str| {
            table.try_into().map_err(|error: toml::de::Error| {
                let said = error.to_string().trim_end().replace('\n', " ");
                format!("configuration: {said}{place}; the README's table says what each key takes")
            })
        };
        let mut all = Table::try_from(Self::default()).map_err(|error| format!("configuration: {error}"))?;
        for source in sources(file, &all)? {
            // Each source is read alone first, so that an error can name it.
            let _: Self = read(source.table.clone(), &format!(", set by {}", source.name))?;
            merge(&mut all, source.table);
        }
        let settings: Self = read(all, "")?;
        settings.check()?;
        Ok(settings)
    }
}

/// The settings that stand in one place.
struct Source {
    /// A file, or a variable of the environment.
    name: String,
    /// The settings.
    table: Table,
}

/// All sources; a later one wins over an earlier one. `defaults` shows which settings are texts.
///
/// # Errors
/// A sentence that names what can't be read.
fn sources(file: Option<&Path>, defaults: &Table) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    if let Some(path) = default_file() {
        sources.push(read(&path)?);
    }
    if let Some(path) = file {
        sources.push(read(path)?);
    }
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.sort();
    for (name, text) in variables {
        let name = name.to_string_lossy();
        if let Some(key) = name.to_ascii_lowercase().strip_prefix(PREFIX) {
            let text = text
                .to_str()
                .ok_or_else(|| format!("{name} in the environment is not UTF-8: set it anew"))?;
            sources.push(Source { table: variable(key, text, defaults), name: name.into_owned() });
        }
    }
    Ok(sources)
}

/// Overrides the settings of `below` by those of `above`.
fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// The nearest default file, from the working folder upwards.
fn default_file() -> Option<PathBuf> {
    let folder = std::env::current_dir().ok()?;
    folder.ancestors().map(|folder| folder.join(DEFAULT_FILE)).find(|path| path.is_file())
}

fn read(path: &Path) -> Result<Source, String> {
    let name = path.display().to_string();
    let text = text_file::read(path).map_err(|reason| format!("the configuration file {reason}"))?;
    let table = text.parse().map_err(|error: toml::de::Error| {
        // The library would also quote the line, in which a secret may stand.
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!(
            "the configuration file {name} is not TOML in line {line}: {}; mend that line",
            error.message()
        )
    })?;
    Ok(Source { name, table })
}

/// The settings that a variable sets; `key` is `section__key`.
fn variable(key: &str, text: &str, defaults: &Table) -> Table {
    let path: Vec<&str> = key.split("__").collect();
    let (section, last) = path.split_at(path.len() - 1);
    let inner = section.iter().try_fold(defaults, |table, part| table.get(*part)?.as_table());
    let default = inner.and_then(|table| table.get(last[0]));
    let value = Table::from_iter([(last[0].to_owned(), value(text.trim(), default))]);
    section.iter().rfold(value, |inner, part| Table::from_iter([((*part).to_owned(), Value::Table(inner))]))
}

/// The value of a variable. Where the setting is a text, an unquoted text stands for itself; everything else is read as
/// TOML.
fn value(text: &str, default: Option<&Value>) -> Value {
    let itself = || Value::String(text.to_owned());
    if default.is_some_and(Value::is_str) && !text.starts_with('"') {
        return itself();
    }
    let line: Option<Table> = format!("value = {text}").parse().ok();
    // A text of several lines would set more than this.
    line.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value")).unwrap_or_else(itself)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_texts_where_texts_are_wanted_and_toml_elsewhere() {
        let defaults: Table =
            "[auth]\nsecret = ''\nsession_s = 1\n[http]\norigins = []".parse().expect("TOML");
        for (key, text, written) in [
            ("auth__secret", " 0123 ", r#"auth.secret = "0123""#),
            ("auth__secret", "[x", r#"auth.secret = "[x""#),
            ("auth__secret", r#""quo\"ted""#, r#"auth.secret = 'quo"ted'"#),
            ("auth__session_s", "900", "auth.session_s = 900"),
            ("auth__session_s", "many", r#"auth.session_s = "many""#),
            ("auth__session_s", "1\nsecret = 'x'", r#"auth.session_s = "1\nsecret = 'x'""#),
            ("http__origins", r#"["https://a"]"#, r#"http.origins = ["https://a"]"#),
            ("http__secure", "true", "http.secure = true"),
            ("top", "1", "top = 1"),
        ] {
            let written: Table = written.parse().expect("TOML");
            assert_eq!(variable(key, text, &defaults), written, "{key}={text}");
        }
    }

    #[test]
    fn what_is_above_wins_key_by_key() {
        let mut all: Table = "[a]\nx = 1\ny = [1, 2]\n[b]\nz = 1".parse().expect("TOML");
        merge(&mut all, "[a]\ny = [3]\nw = 4\n[c]\nv = 5".parse().expect("TOML"));
        let merged: Table = "[a]\nx = 1\ny = [3]\nw = 4\n[b]\nz = 1\n[c]\nv = 5".parse().expect("TOML");
        assert_eq!(all, merged);
    }

    #[test]
    fn a_file_that_is_not_toml_is_named_with_the_line_and_without_its_content() {
        let path = std::env::temp_dir().join(format!("tasks_source_{}.toml", std::process::id()));
        std::fs::write(&path, "[auth]\nsecret = hunter-two\n").expect("a file");
        let said = read(&path).err().expect("no TOML");
        std::fs::remove_file(&path).expect("it goes");
        assert!(
            said.contains("line 2") && said.contains("tasks_source_") && !said.contains("hunter"),
            "{said}"
        );
    }
}
