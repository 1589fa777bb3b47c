//! The `OpenAPI` document.

use super::*;

/// Set `BESPOKE_WRITE=1` to rewrite `docs/openapi.json`.
#[test]
fn committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("BESPOKE_WRITE").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == document,
        "docs/openapi.json is out of date; to rewrite it: BESPOKE_WRITE=1 cargo test -p api"
    );
}

/// The document must make sense to readers who do not have the code.
#[test]
fn every_schema_field_and_parameter_is_described() {
    let document = serde_json::to_value(document()).unwrap();
    let mut missing = Vec::new();
    let mut check = |name: String, value: &Value| {
        let description = value["description"].as_str();
        if !description.is_some_and(|text| text.len() > 10 && text.ends_with(['.', '`', ')'])) {
            missing.push(name);
        }
    };
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        check(name.clone(), schema);
        let parts = schema["allOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        let properties = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
        properties.for_each(|(field, property)| check(format!("{name}.{field}"), property));
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            check(format!("{method} {path}"), operation);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// The roles come from the table that the server checks.
#[test]
fn every_operation_states_its_roles() {
    let document = serde_json::to_value(document()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for operation in operations {
        let description = operation["description"].as_str().unwrap();
        let last = description.lines().last().unwrap();
        assert!(last.starts_with("Roles: ") || operation["operationId"] == "getMedia", "{operation}");
    }
    let decide = &document["paths"]["/v1/reviews/{run}/{customer_ref}"]["post"]["description"];
    assert!(decide.as_str().unwrap().ends_with("\n\nRoles: `reviewer`."), "{decide}");
}

#[test]
fn every_error_name_states_where_it_appears() {
    let document = serde_json::to_value(document()).unwrap();
    let names = document["components"]["schemas"]["ErrorName"]["description"].as_str().unwrap();
    for expected in
        ["a different request. (status 422)\n", "for the workbook. (in a run)\n", "a notification. (operators only)\n"]
    {
        assert!(names.contains(expected), "{expected:?} in {names}");
    }
}

/// Only fields of requests may be null.
#[test]
fn no_response_field_is_null() {
    let document = serde_json::to_value(document()).unwrap();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if !name.ends_with("Request") {
            assert!(!schema.to_string().contains("\"null\""), "{name}: {schema}");
        }
    }
}
