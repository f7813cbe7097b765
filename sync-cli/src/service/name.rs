//! What a service is called.

use std::path::Path;

/// A name for a unit, a user and a folder: what all three can hold.
pub(super) fn name_of(config: &Path) -> String {
    let stem =
        |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut name = stem(config);
    // Everybody's file has that name; the folder it lies in says more.
    if name == "bothways" {
        name = config.parent().map(stem).unwrap_or_default();
    }
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    match plain {
        "" | "bothways" => "bothways".to_owned(),
        // A user's name has 31 characters at most.
        other => format!("bothways-{}", other.chars().take(22).collect::<String>().trim_end_matches('-')),
    }
}

/// Whether a name is fit for a unit, a user and a folder.
pub(super) fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    starts
        && name.len() <= 31
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_configuration_has_a_name_of_its_own() {
        for (config, name) in [
            ("/etc/bothways/office.toml", "bothways-office"),
            ("/home/anna/Täglich & mehr.toml", "bothways-t-glich---mehr"),
            ("/srv/team/bothways.toml", "bothways-team"),
            ("/etc/bothways/bothways.toml", "bothways"),
            ("/bothways.toml", "bothways"),
            ("/etc/a-very-long-name-of-a-pair-indeed.toml", "bothways-a-very-long-name-of-a"),
        ] {
            assert_eq!(name_of(Path::new(config)), name, "{config}");
            assert!(is_name(name), "{name}");
        }
        assert!(!is_name("") && !is_name("Office") && !is_name("a b") && !is_name("9") && !is_name("../x"));
    }
}
