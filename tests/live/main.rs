//! The client and the plugins on a real control plane, with the real kubectl.
//!
//! `cargo test --test live` runs them all, and takes the usual filters and flags. They share a cluster; a test that
//! breaks things starts one of its own.

mod clusters;
mod completion;
mod control_plane;
mod cronjob;
mod documents;
mod drainsafe_faults;
mod drainsafe_fit;
mod drainsafe_node;
mod drainsafe_plan;
mod drainsafe_pool;
mod drainsafe_traps;
mod ends;
mod faults;
mod netpolcheck;
mod pod_security;
mod release;
mod roles;
mod roles_operating;
mod roles_reading;
mod secpatch_apis;
mod secpatch_fix;
mod secpatch_plan;
mod secpatch_posture;
#[path = "../client/tools.rs"]
#[expect(dead_code, reason = "shared with the client's own tests, which need more of it")]
mod tools;
mod users;

use std::env;
use std::process::ExitCode;

use patchkit_test_support::{live_tests, run_suite};

fn main() -> ExitCode {
    if env::var_os(ends::HOLD).is_some() {
        return run_suite(live_tests![ends::hold_a_cluster]);
    }
    run_suite(live_tests![
        // First, since it takes the longest.
        control_plane::its_own_tests_pass,
        control_plane::everything_runs,
        control_plane::kubectl_is_the_one_of_the_cluster,
        control_plane::kubectl_finds_the_plugins,
        control_plane::a_namespace_is_made_and_deleted,
        control_plane::a_sample_comes_alive_with_its_statuses,
        control_plane::an_older_version_is_emulated,
        control_plane::a_component_can_be_killed_and_revived,
        clusters::each_is_read_and_none_hides_another,
        clusters::every_form_shows_all_of_them,
        clusters::what_is_for_one_cluster_says_so,
        completion::kubectl_offers_what_lives,
        completion::shells_offer_live_nodes,
        drainsafe_plan::tells_what_a_drain_would_do,
        drainsafe_plan::ends_with_the_exit_codes_of_the_contract,
        ends::a_cluster_ends_with_its_test,
        ends::a_killed_test_run_leaves_no_process,
        drainsafe_fit::says_what_the_scheduler_says,
        drainsafe_node::drains_and_takes_it_back,
        drainsafe_node::leaves_a_foreign_cordon_alone,
        drainsafe_node::changes_nothing_without_consent,
        drainsafe_node::asks_for_consent_on_a_terminal_and_shows_what_it_waits_for,
        drainsafe_node::tells_programs_what_happens,
        drainsafe_node::only_one_run_at_a_time,
        drainsafe_node::goes_on_after_an_interruption_and_after_a_kill,
        drainsafe_node::brings_a_second_replica_up_first,
        drainsafe_node::waits_for_volumes_to_be_detached,
        drainsafe_node::moves_a_set_one_pod_after_the_other,
        drainsafe_pool::a_pool_is_replaced_with_surge_and_no_pod_moves_twice,
        drainsafe_pool::without_surge_only_where_the_pods_have_a_proven_place,
        drainsafe_pool::nodes_that_come_back_under_their_names_are_new_ones,
        drainsafe_pool::a_killed_update_is_gone_on_with_from_another_folder,
        drainsafe_pool::a_command_whose_node_is_gone_is_never_run_again,
        drainsafe_pool::a_pause_and_an_undo,
        drainsafe_pool::nodes_that_never_become_ready_end_it,
        drainsafe_pool::a_window_ends_it_and_the_next_goes_on,
        drainsafe_pool::the_guide_to_the_weekly_update_is_true,
        drainsafe_pool::a_node_that_dies_while_it_is_drained_fails_alone,
        drainsafe_traps::t01_one_replica_that_its_budget_never_lets_go,
        drainsafe_traps::t02_two_budgets_over_a_pod,
        drainsafe_traps::t03_a_budget_that_protects_nobody,
        drainsafe_traps::t04_crash_loops_that_hold_a_budget,
        drainsafe_traps::t05_a_budget_that_the_controller_has_not_seen,
        drainsafe_traps::t06_a_pod_that_only_this_node_can_take,
        drainsafe_traps::t08_a_pod_that_comes_straight_back,
        drainsafe_traps::t09_a_webhook_whose_last_backend_is_here,
        drainsafe_traps::t10_all_of_a_service_on_one_node,
        drainsafe_traps::t11_autoscalers_keep_off_while_it_runs,
        drainsafe_traps::t12_a_grace_period_of_hours,
        drainsafe_traps::t14_bare_pods_and_jobs,
        drainsafe_traps::t15_a_node_that_does_not_answer,
        drainsafe_traps::t16_a_cordoned_node_is_still_a_domain,
        drainsafe_traps::t17_control_plane_nodes,
        drainsafe_traps::t18_a_pod_that_is_bound_after_the_cordon,
        drainsafe_traps::t19_storage_goes_after_what_uses_it,
        drainsafe_faults::a_run_survives_a_server_that_is_not_well,
        drainsafe_faults::a_run_survives_dropped_watches,
        drainsafe_faults::a_run_survives_the_end_of_its_api_server,
        drainsafe_faults::a_refusal_for_good_stops_the_run_and_says_how_to_go_on,
        drainsafe_faults::a_killed_run_comes_to_the_same_end,
        faults::a_busy_server_is_asked_again,
        faults::a_cut_connection_is_asked_again,
        faults::an_expired_page_token_begins_the_list_anew,
        faults::a_slow_server_is_waited_for,
        faults::a_server_that_stays_busy_is_reported,
        faults::a_dropped_watch_can_be_taken_up_again,
        pod_security::admission_says_the_same_of_every_fixture,
        pod_security::admission_says_the_same_of_generated_pods,
        secpatch_apis::finds_every_kind_by_what_was_applied_last,
        secpatch_apis::tells_what_is_sent_from_what_is_called,
        secpatch_apis::looks_into_helm_releases_only_where_asked,
        secpatch_apis::reads_no_secret,
        netpolcheck::says_what_policies_allow_and_sees_a_changed_label,
        netpolcheck::does_not_take_what_it_may_not_read_for_nothing,
        netpolcheck::tells_what_an_apply_changes_before_it_is_made,
        netpolcheck::suggested_policies_are_applied_and_taken_back,
        documents::the_guides_work_as_they_are_written,
        documents::every_command_of_the_readme_works,
        documents::links_lead_somewhere,
        cronjob::its_command_runs_in_the_cluster_with_its_own_role,
        release::archives_and_manifests_are_what_krew_takes,
        roles_reading::they_complete_with_their_roles,
        roles_operating::secpatch_fix_works_with_its_role_and_names_what_is_missing,
        roles_operating::netpolcheck_suggest_works_with_its_role_and_names_what_is_missing,
        roles_operating::drainsafe_works_with_its_role_and_names_what_is_missing,
        secpatch_fix::a_change_is_made_and_can_be_undone,
        secpatch_fix::a_rollout_that_never_becomes_ready_is_taken_back,
        secpatch_fix::a_run_that_is_killed_can_be_undone,
        secpatch_fix::an_interrupted_rollout_is_not_left_without_a_word,
        secpatch_fix::json_patches_are_taken_by_kubectl,
        secpatch_fix::patches_of_files_are_taken_by_kustomize,
        secpatch_posture::reads_the_metadata_of_token_secrets_and_no_more,
        secpatch_posture::tells_who_asks_and_what_is_there,
        secpatch_posture::says_of_nothing_that_it_is_clean_where_nothing_may_be_read,
        secpatch_plan::tells_what_runs_in_a_cluster,
        secpatch_plan::plans_the_sample_among_a_thousand_pods,
        secpatch_plan::names_what_was_denied,
        secpatch_plan::ends_with_the_exit_codes_of_the_contract,
        secpatch_plan::is_content_when_its_reader_leaves,
        secpatch_plan::can_be_interrupted,
        secpatch_plan::survives_a_server_that_is_busy_at_first,
        secpatch_plan::names_what_a_broken_server_kept,
        users::a_user_may_do_what_was_granted_and_no_more,
        users::an_unknown_user_is_told_so,
    ])
}
