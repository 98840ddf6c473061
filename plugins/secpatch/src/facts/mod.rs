//! What is known about Kubernetes, whatever the cluster: releases, support calendars, vulnerabilities, the life of APIs
//! and feature gates, and the changes that break.
