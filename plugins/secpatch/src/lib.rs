//! kubectl-secpatch: what a cluster must update for its security, why, and in which order.
//!
//! [`facts`] holds what is known about Kubernetes itself: releases and their support, vulnerabilities and the versions
//! they touch, the life of APIs and feature gates. It knows no cluster; decisions join it with a snapshot of one.

pub mod facts;
