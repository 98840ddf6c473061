//! Changes of metrics, and the rules and dashboards that name them.

use patchkit::{report::ObjectRef, snapshot::kinds};

use super::evaluate::{Look, Verdict};
use crate::words::{count, named};

/// The names in an expression: metrics, labels and functions.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').filter(|word| !word.is_empty())
}

/// Why the rules are not known. Where there is no such custom resource, there is no rule.
fn why_rules_unknown(look: &Look<'_>) -> Option<String> {
    let why = look.snapshot.why_unknown_of("monitoring.coreos.com", "PrometheusRule")?;
    let is_defined = look
        .snapshot
        .custom_resources
        .iter()
        .any(|resource| resource.group == "monitoring.coreos.com" && resource.kind == "PrometheusRule");
    let knows_definitions = look.snapshot.why_unknown(&kinds::CUSTOM_RESOURCE_DEFINITIONS).is_none();
    (is_defined || !knows_definitions).then_some(why)
}

fn rules(look: &Look<'_>, test: impl Fn(&str) -> bool) -> Vec<ObjectRef> {
    look.snapshot
        .prometheus_rules
        .iter()
        .filter(|rule| rule.expressions.iter().any(|expression| test(expression)))
        .map(|rule| rule.meta.object_ref("PrometheusRule"))
        .collect()
}

/// An expression that takes one of the metrics by one of the labels.
fn uses_old_labels(expression: &str) -> bool {
    const METRICS: [&str; 4] =
        ["apiserver_cache_list_", "etcd_request", "apiserver_watch_events_", "apiserver_storage_"];
    const LABELS: [&str; 3] = ["type", "kind", "resource_prefix"];
    words(expression).any(|word| METRICS.iter().any(|metric| word.starts_with(metric)))
        && words(expression).any(|word| LABELS.contains(&word))
}

pub(super) fn labels(look: &Look<'_>) -> Verdict {
    let objects = rules(look, uses_old_labels);
    let all = count(look.snapshot.prometheus_rules.len(), "PrometheusRule");
    if !objects.is_empty() {
        let evidence = format!("{} of {all} use the old labels: {}", objects.len(), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match why_rules_unknown(look) {
        Some(why) => Verdict::cannot_tell(why),
        None => {
            Verdict::no(format!("none of {all} uses the old labels; rules kept outside of the cluster do not show"))
        }
    }
}

pub(super) fn volume_operation_errors(look: &Look<'_>) -> Verdict {
    const OLD: &str = "volume_operation_total_errors";
    let mut objects = rules(look, |expression| words(expression).any(|word| word == OLD));
    let dashboards: Vec<_> =
        look.snapshot.config_maps.iter().filter(|map| map.meta.labels.contains_key("grafana_dashboard")).collect();
    for map in &dashboards {
        if map.data.values().any(|text| text.contains(OLD)) {
            objects.push(map.meta.object_ref("ConfigMap"));
        }
    }
    let all = format!(
        "{} and {}",
        count(look.snapshot.prometheus_rules.len(), "PrometheusRule"),
        count(dashboards.len(), "dashboard")
    );
    if !objects.is_empty() {
        let evidence = format!("{} of {all} name {OLD}: {}", objects.len(), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match why_rules_unknown(look).or_else(|| look.snapshot.why_unknown(&kinds::CONFIG_MAPS)) {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!("none of {all} names {OLD}; what is kept outside of the cluster does not show")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_and_a_label_make_a_match() {
        assert!(uses_old_labels("sum by (type) (etcd_requests_total)"));
        assert!(uses_old_labels(r#"apiserver_cache_list_total{resource_prefix="/pods"}"#));
        assert!(!uses_old_labels("sum by (resource) (etcd_requests_total)"));
        assert!(!uses_old_labels("sum by (type) (node_cpu_seconds_total)"));
        assert!(!uses_old_labels("rate(etcd_requests_total[5m]) # mytype"));
    }
}
