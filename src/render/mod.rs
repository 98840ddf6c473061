//! The forms of a report: table, wide, json, yaml, name, jsonpath, markdown, sarif, junit.
