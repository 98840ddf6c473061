package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"
)

// pki is the cluster's own certificate authority and what it signed: the files
// under pki/. It is made once; a cluster that is started again keeps it.
type pki struct {
	dir  string
	ca   *x509.Certificate
	key  crypto.Signer
	next int64
}

// certificates last for long: a cluster for tests must never die of its age.
const certificateLife = 10 * 365 * 24 * time.Hour

// ensurePKI makes the authority, the serving certificate, the client
// certificate of an administrator and the key that signs service account
// tokens, unless they are there.
func ensurePKI(dir string) error {
	if _, err := os.Stat(path(dir, "complete")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := &pki{dir: dir, next: 1}
	if err := p.authority(); err != nil {
		return err
	}
	if err := p.sign("apiserver", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 96, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return err
	}
	// The API server takes the user from the common name, the groups from the
	// organizations.
	if err := p.sign("admin", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin-cert", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := p.writeKey("service-account", key); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := p.write("service-account.pub", "PUBLIC KEY", public); err != nil {
		return err
	}
	return os.WriteFile(path(dir, "complete"), nil, 0o600)
}

func (p *pki) authority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "patchkit test cluster"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	p.ca, p.key = template, key
	der, err := p.certificate(template, key)
	if err != nil {
		return err
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return p.writeKey("ca", key)
}

// sign writes NAME.crt and NAME.key.
func (p *pki) sign(name string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if _, err := p.certificateNamed(name, template, key); err != nil {
		return err
	}
	return p.writeKey(name, key)
}

func (p *pki) certificate(template *x509.Certificate, key crypto.Signer) ([]byte, error) {
	return p.certificateNamed("ca", template, key)
}

func (p *pki) certificateNamed(name string, template *x509.Certificate, key crypto.Signer) ([]byte, error) {
	template.SerialNumber = big.NewInt(p.next)
	p.next++
	// An hour back, for clocks that are set back a little.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(certificateLife)
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key.Public(), p.key)
	if err != nil {
		return nil, err
	}
	return der, p.write(name+".crt", "CERTIFICATE", der)
}

func (p *pki) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return p.write(name+".key", "EC PRIVATE KEY", der)
}

func (p *pki) write(name, kind string, der []byte) error {
	return os.WriteFile(path(p.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
