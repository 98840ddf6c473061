//! The same objects say the same in JSON, in YAML and as a page of a live API.

use patchkit::snapshot::{SnapshotBuilder, kinds};
use patchkit_workload::{files, objects, shape::Shape, text::Form};

use crate::{facts, read_well};

#[test]
fn json_and_yaml_of_the_same_objects_are_equal() {
    let shape = Shape::new(12, 300, 5);
    for kind in kinds::ALL {
        let count = objects::count(&shape, kind);
        let texts = [Form::Json, Form::Yaml].map(|form| {
            let mut text = Vec::new();
            files::list(&shape, kind, 0..count, form, &mut text).unwrap();
            text
        });
        let [json, yaml] = texts.map(read_well);
        assert_eq!(facts(&json), facts(&yaml), "{}", kind.plural);
    }
}

#[test]
fn a_page_of_a_live_api_says_the_same_as_a_file() {
    let shape = Shape::new(12, 300, 5);
    for kind in kinds::ALL {
        let count = objects::count(&shape, kind);
        let mut items = Vec::new();
        let wanted = objects::Wanted { form: Form::Wire, metadata_only: false };
        objects::write_range(&shape, kind, 0..count, wanted, |text| items.push(text.to_owned()));
        let page = format!(r#"{{"kind":"{}List","metadata":{{}},"items":[{}]}}"#, kind.kind, items.join(","));
        let mut builder = SnapshotBuilder::default();
        assert_eq!(builder.add_page(kind, page.as_bytes()).unwrap() as u64, count);
        let live = builder.finish();
        let file =
            read_well(page.replacen("{\"kind\"", &format!("{{\"apiVersion\":\"{}\",\"kind\"", kind.api_version()), 1));
        macro_rules! equal {
            ($($list:ident)+) => {$(
                let strip = |text: String| -> Vec<String> {
                    text.split("origin: ").map(|part| part.split_once(['}', ',']).map_or(part, |(_, rest)| rest).to_owned()).collect()
                };
                let lists = [&live.$list, &file.$list].map(|list| list.iter().map(|object| strip(format!("{object:?}"))).collect::<Vec<_>>());
                assert_eq!(lists[0].len(), lists[1].len(), "{}", kind.plural);
            )+};
        }
        equal!(nodes pods workloads services network_policies budgets claims volumes roles config_maps webhooks);
        assert_eq!(pod_facts(&live), pod_facts(&file));
    }
}

/// The pods without the places where they were read.
fn pod_facts(snapshot: &patchkit::snapshot::Snapshot) -> Vec<String> {
    snapshot
        .pods
        .iter()
        .map(|pod| {
            let mut pod = pod.clone();
            pod.meta.origin = None;
            format!("{pod:?}")
        })
        .collect()
}
