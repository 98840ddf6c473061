// Package cluster runs a Kubernetes control plane on this machine: etcd, the
// API server, the controller-manager, the scheduler, and kwok in the place of
// the kubelets. Each is a process of its own under one supervisor, and all of
// them end when the supervisor ends, however it ends.
//
// A cluster lives in a directory:
//
//	cluster.json   what runs where: see [State]
//	kubeconfig     contexts admin, admin-cert, reader, nobody
//	pki/           a certificate authority of its own, and what it signed
//	tokens.csv     the static tokens of the users
//	etcd/          the data; a cluster that is stopped can be started again
//	stages/        what the simulated kubelets do
//	logs/          one file a process
package cluster
