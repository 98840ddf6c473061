//! `kubectl secpatch rbac`.

use patchkit::app::Roles;

/// What the commands need to be allowed to do, by level.
pub const ROLES: Roles = Roles {
    read_only: include_str!("../../../../deploy/rbac/secpatch-read-only.yaml"),
    operate: include_str!("../../../../deploy/rbac/secpatch-operate.yaml"),
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchkit::snapshot::{Kind, kinds};
    use patchkit_test_support::rights::{Right, assert_roles, rights};

    use super::*;
    use crate::{apis, cves, facts::Facts, images, plan, pods, posture};

    fn listed(kinds: impl IntoIterator<Item = Kind>) -> BTreeSet<Right> {
        kinds.into_iter().map(|kind| Right::new("list", kind.group, kind.plural)).collect()
    }

    /// Whatever the facts make a command look for, on whichever version of the API server.
    fn of_facts() -> BTreeSet<Right> {
        let facts = Facts::compiled_in();
        let mut all = BTreeSet::new();
        for life in facts.apis().all().iter().filter(|life| life.deprecated.is_some() || life.removed_in().is_some()) {
            let newest = facts.releases().all().last().expect("a release").minor;
            let next = facts.apis().replacement_at(life, newest).filter(|next| next.kind == life.gvk.kind);
            for group in [Some(&life.gvk), next].into_iter().flatten().map(|gvk| gvk.group.as_str()) {
                let served = patchkit::snapshot::ServedResource {
                    group: group.to_owned(),
                    version: "v1".to_owned(),
                    kind: life.gvk.kind.clone(),
                    plural: patchkit::rules::names::plural(&life.gvk.kind).into(),
                };
                let asked = apis::kinds_to_ask(facts.apis(), [life].into_iter(), newest, &[served]);
                all.extend(asked.iter().map(|wish| Right::new("list", &wish.group, &wish.plural)));
            }
        }
        all
    }

    #[test]
    fn the_roles_hold_what_is_read_and_no_more() {
        assert_roles("secpatch", ROLES.read_only, ROLES.operate);
        let mut needed = of_facts();
        for of_command in [plan::KINDS, cves::report::KINDS, images::report::KINDS, pods::KINDS] {
            needed.extend(listed(of_command.iter().copied()));
        }
        needed.extend(listed(posture::Wanted::default().kinds()));
        needed.insert(Right::new("get", "", "/metrics"));
        assert_eq!(rights(ROLES.read_only), needed);
        assert!(needed.contains(&Right::new("list", "", kinds::PODS.plural)));
    }
}
