//! Reaching a cluster: kubeconfig, auth, proxy, paging, warnings, error words.
