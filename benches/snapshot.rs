//! How fast a snapshot is read, on one core: files as kubectl writes them, and pages as an API server sends them.
//!
//! `cargo bench --bench snapshot`; throughput is in bytes of the text. The goal for JSON is 200 MB/s.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use patchkit::snapshot::{Kind, SnapshotBuilder, files::from_files, kinds};
use patchkit_workload::{
    files,
    objects::{self, Wanted},
    shape::Shape,
    text::Form,
};

/// A list as `kubectl get -o json` or `-o yaml` prints it.
fn file(kind: &Kind, form: Form) -> Vec<u8> {
    let shape = Shape::new(100, 2000, 1);
    let mut text = Vec::new();
    if let Err(error) = files::list(&shape, kind, 0..objects::count(&shape, kind), form, &mut text) {
        panic!("a list cannot be written: {error}");
    }
    text
}

/// A page as an API server sends it.
fn page(kind: &Kind) -> Vec<u8> {
    let shape = Shape::new(100, 2000, 1);
    let mut text = format!("{{\"kind\":\"{}List\",\"metadata\":{{}},\"items\":[", kind.kind);
    let mut first = true;
    objects::write_range(&shape, kind, 0..500, Wanted { form: Form::Wire, metadata_only: false }, |object| {
        if !first {
            text.push(',');
        }
        first = false;
        text.push_str(object);
    });
    text.push_str("]}");
    text.into_bytes()
}

fn snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    group.sample_size(20);
    for (name, kind, form) in [
        ("pods.json", kinds::PODS, Form::Json),
        ("replicasets.json", kinds::REPLICA_SETS, Form::Json),
        ("nodes.json", kinds::NODES, Form::Json),
        ("pods.yaml", kinds::PODS, Form::Yaml),
    ] {
        let text = file(&kind, form);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(from_files(&["-".to_owned()], false, text.as_slice(), |_| {})));
        });
    }
    let text = page(&kinds::PODS);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("page of pods", |bencher| {
        bencher.iter(|| {
            let mut builder = SnapshotBuilder::default();
            black_box(builder.add_page(&kinds::PODS, &text)).ok();
            builder.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
