//! What a page holds, decoded as its script does, against the report: every pair of peers and of addresses, on random
//! clusters.

use std::collections::{BTreeMap, BTreeSet};

use kubectl_netpolcheck::address::Address;
use serde_json::Value;

use super::{
    cluster::{Chance, Cluster},
    map, text,
};

const CASES: u64 = 60;

/// Ports that are certain, and those that depend.
type Ports = (BTreeSet<String>, BTreeSet<String>);

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|it| it.as_str().expect("text").to_owned()).collect()
}

fn ranges(ports: &Value) -> BTreeSet<String> {
    let range = |it: &Value| match it.as_array() {
        Some(it) => format!("{} {}-{}", it[0].as_str().expect("a protocol"), it[1], it[2]),
        None => format!("{} {}-{}", it["protocol"].as_str().expect("a protocol"), it["port"], it["endPort"]),
    };
    ports.as_array().expect("ports").iter().map(range).collect()
}

fn places(set: &str) -> impl Iterator<Item = usize> + '_ {
    let digits = set.chars().filter_map(|digit| digit.to_digit(16)).enumerate();
    digits.flat_map(|(at, digit)| (0..4).filter(move |bit| digit & (8 >> bit) != 0).map(move |bit| at * 4 + bit))
}

/// The names of all pairs with their ports.
type Pairs = BTreeMap<(String, String), Ports>;

/// All pairs as the page holds them, and what it calls the addresses outside.
fn of_page(html: &str) -> (Pairs, BTreeSet<String>) {
    let (_, rest) = html.split_once("id=\"data\">").expect("the data");
    let (data, _) = rest.split_once("</script>").expect("their end");
    let data: Value = serde_json::from_str(data).expect("JSON");
    let namespaces = texts(&data["namespaces"]);
    let peers = data["peers"].as_array().expect("peers");
    let units = usize::try_from(data["units"].as_u64().expect("a count")).expect("a count");
    let mut items: Vec<(String, usize)> = peers
        .iter()
        .map(|peer| {
            let namespace = usize::try_from(peer[0].as_u64().expect("a place")).expect("a place");
            let name = format!("{}/{}", namespaces[namespace], peer[2].as_str().expect("a name"));
            (name, usize::try_from(peer[3].as_u64().expect("a unit")).expect("a unit"))
        })
        .collect();
    let outside = data["outside"].as_array().expect("addresses").iter();
    let outside: Vec<String> = outside.map(|it| texts(&it["ranges"]).join(" ")).collect();
    items.extend(outside.iter().enumerate().map(|(place, name)| (name.clone(), units + place)));
    let sets = texts(&data["sets"]);
    let mut said: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("a number");
    for row in data["rows"].as_array().expect("rows") {
        for to in places(&sets[number(&row[2])]) {
            said.insert((number(&row[0]), to), number(&row[1]));
        }
    }
    let mut near = BTreeSet::new();
    for line in data["near"].as_array().expect("a list") {
        near.extend(places(line[1].as_str().expect("a set")).map(|to| (number(&line[0]), to)));
    }
    let all: BTreeSet<String> = ["SCTP", "TCP", "UDP"].map(|protocol| format!("{protocol} 1-65535")).into();
    let mut pairs = BTreeMap::new();
    for (from_place, (from, from_unit)) in items.iter().enumerate() {
        for (to_place, (to, to_unit)) in items.iter().enumerate().filter(|(place, _)| *place != from_place) {
            let mut ports: Ports = Default::default();
            if near.contains(&(from_place, to_place)) {
                ports.0 = all.clone();
            } else if let Some(said) = said.get(&(*from_unit, *to_unit)) {
                for part in data["said"][said].as_array().expect("parts") {
                    ports.0.extend(ranges(&data["ranges"][number(&part[0])]));
                    ports.1.extend(ranges(&data["ranges"][number(&part[1])]));
                }
            }
            if !ports.0.is_empty() || !ports.1.is_empty() {
                pairs.insert((from.clone(), to.clone()), ports);
            }
        }
    }
    (pairs, outside.into_iter().collect())
}

/// The same as the report says it, with addresses outside called as in the page.
fn of_report(report: &Value, outside: &BTreeSet<String>) -> Pairs {
    let name = |peer: &Value| -> Vec<String> {
        if let Some(name) = peer["name"].as_str() {
            return vec![format!("{}/{name}", peer["namespace"].as_str().expect("a namespace"))];
        }
        let own: Vec<(Address, Address)> = texts(&peer["ranges"]).iter().map(|range| ends(range)).collect();
        let holds = |text: &&String| {
            let (first, _) = ends(text.split(' ').next().expect("a range"));
            own.iter().any(|(low, high)| *low <= first && first <= *high)
        };
        outside.iter().filter(holds).cloned().collect()
    };
    let mut pairs = Pairs::new();
    for list in ["connections", "depends"] {
        for line in report[list].as_array().expect("a list") {
            for (from, to) in name(&line["from"])
                .iter()
                .flat_map(|from| name(&line["to"]).into_iter().map(move |to| (from.clone(), to)))
            {
                let ports = pairs.entry((from, to)).or_default();
                if list == "connections" { &mut ports.0 } else { &mut ports.1 }.extend(ranges(&line["ports"]));
            }
        }
    }
    pairs
}

fn ends(range: &str) -> (Address, Address) {
    let (first, last) = range.split_once('-').expect("a range");
    (Address::parse(first).expect("an address"), Address::parse(last).expect("an address"))
}

#[test]
fn a_page_holds_what_the_report_says() {
    let mut compared = 0;
    for case in 0..CASES {
        let mut chance = Chance::new(0x9A6E, case);
        let input = Cluster::random(&mut chance).manifests();
        let view: &[&str] = if case % 2 == 0 { &["--pods"] } else { &[] };
        let profile = chance.one_of(&["strict", "cilium", "analyzer"]);
        let args = [view, &["-f", "-", "--profile", profile]].concat();
        let html = text(&map(&[&args[..], &["-o", "html"]].concat(), &input));
        let report: Value =
            serde_json::from_str(&text(&map(&[&args[..], &["-o", "json"]].concat(), &input))).expect("a report");
        let (page, outside) = of_page(&html);
        assert_eq!(page, of_report(&report, &outside), "case {case}:\n{input}");
        compared += page.len();
    }
    assert!(compared > 500, "{compared}");
}
