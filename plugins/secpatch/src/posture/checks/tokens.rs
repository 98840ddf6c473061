//! Tokens of service accounts in pods that have no use for them.

use std::collections::{HashMap, HashSet};

use patchkit::snapshot::{Coverage, kinds};

use super::{
    super::outcome::{Found, Gap, Outcome, denied},
    Look,
    rights::is_for_all,
};
use crate::{rights::service_account, specs::Items, words::count};

/// A pod gets a token unless it or its account says no. Where no binding gives the account a right, the token can do
/// nothing but what everybody may, and only serves whoever breaks in.
pub(in super::super) fn automount(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let accounts: HashMap<(&str, &str), Option<bool>> = snapshot
        .service_accounts
        .iter()
        .map(|account| ((&*account.meta.namespace, account.meta.name.as_str()), account.automount_token))
        .collect();
    let mut with_rights: HashSet<(&str, &str)> = HashSet::new();
    // Groups of all accounts of a namespace, or of all namespaces.
    let mut groups: HashSet<&str> = HashSet::new();
    for binding in snapshot.role_bindings.iter().filter(|binding| !is_for_all(binding)) {
        for holder in &binding.subjects {
            if let Some(account) = service_account(binding, holder) {
                with_rights.insert(account);
            } else if holder.name.starts_with("system:serviceaccounts") {
                groups.insert(&holder.name);
            }
        }
    }
    let has_rights = |account: &(&str, &str)| {
        with_rights.contains(account)
            || groups.contains("system:serviceaccounts")
            || groups.contains(format!("system:serviceaccounts:{}", account.0).as_str())
    };
    // What an account says, and what it may do, are unknown where they were refused.
    let unsure = |kind| matches!(snapshot.coverage(kind), Coverage::Denied(_));
    let accounts_unsure = unsure(&kinds::SERVICE_ACCOUNTS);
    let rights_unsure = unsure(&kinds::ROLE_BINDINGS) || unsure(&kinds::CLUSTER_ROLE_BINDINGS);
    let items = Items::of(snapshot);
    let found = items
        .iter()
        .filter_map(|item| {
            let name = item.spec.service_account_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("default");
            let account = (item.namespace(), name);
            let mounts = match (item.spec.automount_service_account_token, accounts.get(&account)) {
                (Some(said), _) => said,
                (None, Some(said)) => said.unwrap_or(true),
                (None, None) => !accounts_unsure,
            };
            (mounts && !rights_unsure && !has_rights(&account)).then(|| {
                let detail = format!("mounts a token of ServiceAccount {name}, to which no binding gives a right");
                Found::about(snapshot, item.kind, item.meta, detail)
            })
        })
        .collect();
    let gaps = [kinds::SERVICE_ACCOUNTS, kinds::ROLE_BINDINGS, kinds::CLUSTER_ROLE_BINDINGS];
    Outcome::counted(found, count(items.len(), "workload"), "mount a token that can do nothing")
        .with_gaps(items.why_unknown(snapshot).map(Gap::new))
        .with_gaps(gaps.iter().filter_map(|kind| denied(snapshot, kind)))
}
