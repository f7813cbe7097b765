//! A small judge of documents: just what our schemas use, and stricter than they ask, for a field that the schema
//! does not name is an error.

use std::path::Path;

use serde_json::Value;

/// What is wrong with `document` by the schema `name`; nothing when it fits.
pub(crate) fn faults(name: &str, document: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(format!("{name}.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut faults = Vec::new();
    judge(&schema, &schema, document, name, &mut faults);
    faults
}

fn judge(all: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = schema.as_object().unwrap_or_else(|| panic!("{at}: a schema is an object"));
    if let Some(target) = schema.get("$ref") {
        let name = target.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
        judge(all, &all["$defs"][name], value, at, faults);
    }
    for (keyword, wanted) in schema {
        match keyword.as_str() {
            "$schema" | "$defs" | "$ref" | "title" | "description" | "format" | "properties" | "maximum" => {}
            "type" => {
                let is = |word: &Value| match word.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("{at}: type {other}"),
                };
                if !wanted.as_array().map_or_else(|| is(wanted), |words| words.iter().any(is)) {
                    faults.push(format!("{at}: {value} is no {wanted}"));
                }
            }
            "minimum" => {
                if value.as_f64().is_some_and(|number| number < wanted.as_f64().unwrap()) {
                    faults.push(format!("{at}: {value} is less than {wanted}"));
                }
            }
            "required" => {
                for key in wanted.as_array().unwrap() {
                    if value.get(key.as_str().unwrap()).is_none() {
                        faults.push(format!("{at}: {key} is missing"));
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(all, wanted, item, &format!("{at}[{index}]"), faults);
                }
            }
            "additionalProperties" => {
                for (key, item) in value.as_object().into_iter().flatten() {
                    judge(all, wanted, item, &format!("{at}.{key}"), faults);
                }
            }
            "anyOf" => {
                let fits = |one: &Value| {
                    let mut inner = Vec::new();
                    judge(all, one, value, at, &mut inner);
                    inner
                };
                let tried: Vec<_> = wanted.as_array().unwrap().iter().map(fits).collect();
                if !tried.iter().any(Vec::is_empty) {
                    faults.extend(tried.into_iter().flatten());
                }
            }
            other => panic!("{at}: the judge does not know `{other}`: teach it"),
        }
    }
    if let Some(known) = schema.get("properties") {
        for (key, item) in value.as_object().into_iter().flatten() {
            match known.get(key) {
                Some(schema) => judge(all, schema, item, &format!("{at}.{key}"), faults),
                None => faults.push(format!("{at}: the schema has no `{key}`")),
            }
        }
    }
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let good = serde_json::json!({ "format": 1, "config": "x" });
    assert_eq!(faults("init", &good), Vec::<String>::new());
    for bad in [
        serde_json::json!({ "format": 1 }),
        serde_json::json!({ "format": "1", "config": "x" }),
        serde_json::json!({ "format": -1, "config": "x" }),
        serde_json::json!({ "format": 1, "config": "x", "more": 1 }),
        serde_json::json!([]),
    ] {
        assert!(!faults("init", &bad).is_empty(), "{bad}");
    }
}
