package cluster

import (
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// user is somebody with a static token. Only admin may do anything before a
// test binds roles to the others.
type user struct {
	name, group string
}

var users = []user{
	{"admin", "system:masters"},
	{"reader", "readers"},
	{"nobody", ""},
}

// certUser is the context of the administrator who has a client certificate
// instead of a token.
const certUser = "admin-cert"

func randomToken() string {
	b := make([]byte, 20)
	rand.Read(b) //nolint:errcheck // never fails, see crypto/rand
	return hex.EncodeToString(b)
}

// ensureTokens writes the file for --token-auth-file (token, user, uid,
// groups) unless it is there, and gives the tokens by user name.
func ensureTokens(file string) (map[string]string, error) {
	tokens := map[string]string{}
	if f, err := os.Open(file); err == nil {
		defer f.Close()
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		for _, row := range rows {
			tokens[row[1]] = row[0]
		}
		return tokens, err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	for _, u := range users {
		tokens[u.name] = randomToken()
		row := []string{tokens[u.name], u.name, "uid-" + u.name}
		if u.group != "" {
			row = append(row, u.group)
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return tokens, w.Error()
}

// writeKubeconfig writes a kubeconfig that stands on its own (certificates
// inside), with a context for each user, named like the user.
func writeKubeconfig(s *State) error {
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(s.CertFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(s.KeyFile)
	if err != nil {
		return err
	}
	const name = "testcluster"
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: s.Server, CertificateAuthorityData: ca}
	for _, u := range users {
		config.AuthInfos[u.name] = &api.AuthInfo{Token: s.Tokens[u.name]}
		config.Contexts[u.name] = &api.Context{Cluster: name, AuthInfo: u.name}
	}
	config.AuthInfos[certUser] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[certUser] = &api.Context{Cluster: name, AuthInfo: certUser}
	config.CurrentContext = "admin"
	return clientcmd.WriteToFile(*config, s.Kubeconfig)
}
