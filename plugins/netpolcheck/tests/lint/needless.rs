//! What changes nothing, what is never asked, and what nobody knows the order of.

use serde_json::Value;

use super::scene::{cnp, finds, finds_nothing, lint, np, run, short, title, with};

#[test]
fn rules_and_policies_that_others_make_needless() {
    let web_from_api = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 8080}]}]}";
    let found = finds(&[np("a", web_from_api), np("b", web_from_api)], "low policy-redundant b");
    assert_eq!(found["evidence"]["holdsFor"], "any");
    assert!(
        found["evidence"]["because"].as_array().unwrap().iter().any(|it| it["policy"] == "shop/a" && it["rule"] == 0)
    );
    assert!(found["evidence"]["proof"].as_str().unwrap().starts_with("taken out, and every answer for 1 pod compared"));
    // One rule within another of the same policy, and by several others together.
    let within = "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}, {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}, {port: http}]}]}";
    let found = finds(&[np("a", within)], "low rule-redundant a");
    assert_eq!((&found["evidence"]["rule"], &found["evidence"]["because"][0]["rule"]), (&1.into(), &0.into()));
    let together = "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9500}]}, {from: [{podSelector: {}}], ports: [{port: 8999, endPort: 9000}]}, {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8999, endPort: 9001}]}]}";
    let found = finds(&[np("a", together)], "low rule-redundant a");
    assert_eq!(found["evidence"]["because"].as_array().map(Vec::len), Some(2), "{found:#}");
    // Another port, another peer, another type: each is needed.
    let other_port =
        web_from_api.replace("[{port: 8080}]", "[{port: 8080, protocol: TCP}]").replace("app: api}", "app: asleep}");
    finds_nothing(&[np("a", web_from_api), np("b", &other_port)]);
    // A rule that means nobody today may mean somebody tomorrow.
    let idle =
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: tomorrow}}}]}]}";
    finds(&[np("a", idle), np("b", "{podSelector: {}}")], "low peer-matches-nothing a");
    // A default of nothing is there for pods that come tomorrow.
    finds_nothing(&[np("a", "{podSelector: {}}"), np("b", "{podSelector: {}, policyTypes: [Egress]}")]);
    let closed = finds(&[np("a", "{podSelector: {}}"), np("b", "{podSelector: {}}")], "low policy-redundant b");
    assert_eq!(closed["evidence"]["because"][0]["policy"], "shop/a");
    finds_nothing(&[
        np("a", "{podSelector: {matchLabels: {tier: front}}}"),
        np("b", "{podSelector: {}}").replace("{podSelector: {}}", "{podSelector: {matchLabels: {app: api}}}"),
    ]);
    // The same peers today, and not for any pod that may come.
    let today = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}, {from: [{podSelector: {matchLabels: {tier: front}}}]}]}";
    let found = finds(&[np("a", today)], "info rule-redundant a");
    assert_eq!(found["evidence"]["holdsFor"], "current");
}

#[test]
fn what_a_higher_tier_decides_is_never_asked() {
    let deny =
        "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let allow = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}]}, {from: [{podSelector: {}}]}]}";
    let found = finds(&[cnp("guard", "Admin", 5, deny), np("a", allow)], "medium rule-shadowed a");
    let because = &found["evidence"]["because"][0];
    assert_eq!(
        (&because["tier"], &because["policy"], &because["action"]),
        (&"Admin".into(), &"guard".into(), &"deny".into())
    );
    assert!(
        title(&found)
            .starts_with("ingress[0]: it never allows anything: ClusterNetworkPolicy guard ingress[0] decides")
    );
    // Only some of what the rule means is denied above.
    let on_a_port =
        deny.replace("team: data}}}]}", "team: data}}}], protocols: [{tcp: {destinationPort: {number: 8080}}}]}");
    finds_nothing(&[cnp("guard", "Admin", 5, &on_a_port), np("a", allow)]);
    // What is passed on before is not decided above.
    let pass =
        "subject: {namespaces: {}}, ingress: [{action: Pass, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let findings = short(&lint(&[cnp("guard", "Admin", 5, deny), cnp("first", "Admin", 1, pass), np("a", allow)]));
    assert_eq!(findings, ["medium policy-shadowed guard"]);
    // Within a tier the first decides.
    let found = finds(
        &[cnp("guard", "Admin", 5, deny), cnp("late", "Admin", 6, &deny.replace("Deny", "Accept"))],
        "medium policy-shadowed late",
    );
    assert_eq!(found["evidence"]["because"][0]["policy"], "guard");
    // The lowest tier is there for pods without a NetworkPolicy.
    let baseline = deny.replace("team: data", "team: shop");
    let all = np("all", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
    finds_nothing(&[
        cnp(
            "base",
            "Baseline",
            1,
            &baseline.replace("subject: {namespaces: {}}", "subject: {namespaces: {matchLabels: {team: shop}}}"),
        ),
        all,
    ]);
}

#[test]
fn policies_of_equal_priority() {
    let rule = |action: &str, port: u16| {
        format!(
            "subject: {{namespaces: {{matchLabels: {{team: shop}}}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{number: {port}}}}}}}]}}]"
        )
    };
    let found = finds(
        &[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 8080))],
        "high equal-priority-conflict a",
    );
    assert!(title(&found).contains("disagree about") && title(&found).ends_with("on TCP 8080"), "{found:#}");
    finds(
        &[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 9000))],
        "info equal-priority a",
    );
    finds_nothing(&[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Baseline", 5, &rule("Deny", 9000))]);
    // They select other pods.
    let of_data = rule("Accept", 5432).replace("team: shop", "team: data");
    finds_nothing(&[cnp("a", "Admin", 5, &rule("Deny", 8080)), cnp("b", "Admin", 5, &of_data)]);
    let output =
        run(&with(&[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 8080))]), &[]);
    assert_eq!(output.status.code(), Some(1), "high is what --fail-on asks for by itself");
}

#[test]
fn guard_rails_that_agree_with_what_stands_below_are_needed() {
    let deny =
        "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let closed = np("closed", "{podSelector: {}}");
    let others = closed.replace("namespace: shop", "namespace: data");
    let servers = closed.replace("namespace: shop", "namespace: kube-system");
    finds_nothing(&[cnp("guard", "Admin", 5, deny), closed, others, servers]);
    // An exception of the administrator's holds against policies that may come.
    let accept = deny.replace("Deny", "Accept");
    finds_nothing(&[cnp("guard", "Admin", 5, &accept)]);
}

#[test]
fn proofs_hold_for_the_profile_that_was_chosen() {
    // Whether a block lets in the pods whose addresses it holds is left open by the standard.
    let spec = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}, {from: [{podSelector: {matchLabels: {app: api}}}]}]}";
    let ids = |profile: &str| {
        let output = run(&with(&[np("a", spec)]), &["--profile", profile, "-o", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        short(report["findings"].as_array().expect("findings"))
    };
    assert_eq!(ids("strict"), ["low ip-block-hits-pods a", "info rule-redundant a"]);
    assert_eq!(ids("cilium"), ["low ip-block-hits-pods a"]);
}
