package fitcases

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// volumes are the storage of a case.
type volumes struct {
	free   []*v1.PersistentVolume
	bound  []*v1.PersistentVolume
	claims map[string][]string // of placed pods, by namespace: shared with others
	count  int
}

// Drivers and classes: disk is zonal, files is everywhere, cap tracks capacity,
// local has volumes made in advance, now binds at once.
var classes = map[string]struct {
	provisioner string
	immediate   bool
}{
	"disk": {"disk.csi.example.com", false}, "files": {"files.csi.example.com", false},
	"cap": {"cap.csi.example.com", false}, "local": {"kubernetes.io/no-provisioner", false},
	"now": {"disk.csi.example.com", true}, "ebs": {"kubernetes.io/aws-ebs", false},
}

var classNames = []string{"disk", "files", "cap", "local", "now", "ebs"}

func (g *generator) makeVolumes() {
	g.volumes = &volumes{claims: map[string][]string{}}
	if g.family != "volumes" && g.family != "mixed" {
		return
	}
	for _, name := range classNames {
		if g.chance(0.08) {
			continue // an absent class
		}
		mode := storagev1.VolumeBindingWaitForFirstConsumer
		if classes[name].immediate {
			mode = storagev1.VolumeBindingImmediate
		}
		policy := v1.PersistentVolumeReclaimDelete
		sc := &storagev1.StorageClass{ObjectMeta: g.meta(name, ""), Provisioner: classes[name].provisioner, VolumeBindingMode: &mode, ReclaimPolicy: &policy}
		if name == "disk" && g.chance(0.4) {
			sc.AllowedTopologies = []v1.TopologySelectorTerm{{MatchLabelExpressions: []v1.TopologySelectorLabelRequirement{{Key: zoneKey, Values: []string{"z1", "z2"}}}}}
		}
		g.objects = append(g.objects, sc)
	}
	for _, name := range []string{"disk.csi.example.com", "files.csi.example.com", "cap.csi.example.com"} {
		if g.chance(0.3) {
			continue
		}
		tracks, attach := name == "cap.csi.example.com", true
		prevent := g.chance(0.3)
		g.objects = append(g.objects, &storagev1.CSIDriver{ObjectMeta: g.meta(name, ""),
			Spec: storagev1.CSIDriverSpec{AttachRequired: &attach, StorageCapacity: &tracks, PreventPodSchedulingIfMissing: &prevent}})
	}
	for i := range g.IntN(4) {
		c := &storagev1.CSIStorageCapacity{ObjectMeta: g.meta(fmt.Sprintf("cap-%d", i), "default"), StorageClassName: "cap"}
		amount := resource.MustParse(pick(g, "1Gi", "10Gi", "100Gi"))
		c.Capacity = &amount
		if g.chance(0.3) {
			most := resource.MustParse(pick(g, "2Gi", "50Gi"))
			c.MaximumVolumeSize = &most
		}
		switch {
		case g.chance(0.7):
			c.NodeTopology = &metav1.LabelSelector{MatchLabels: map[string]string{zoneKey: pick(g, "z1", "z2", "z3")}}
		case g.chance(0.5):
			c.NodeTopology = &metav1.LabelSelector{}
		}
		g.objects = append(g.objects, c)
	}
	for _, n := range g.nodes {
		if g.chance(0.15) {
			continue
		}
		c := &storagev1.CSINode{ObjectMeta: g.meta(n.Name, "")}
		c.Annotations = map[string]string{v1.MigratedPluginsAnnotationKey: "kubernetes.io/aws-ebs,kubernetes.io/gce-pd"}
		for _, driver := range []string{"disk.csi.example.com", "files.csi.example.com", "cap.csi.example.com", "ebs.csi.aws.com"} {
			if g.chance(0.2) {
				continue
			}
			d := storagev1.CSINodeDriver{Name: driver, NodeID: n.Name, TopologyKeys: []string{zoneKey}}
			if g.chance(0.6) {
				count := pick[int32](g, 0, 1, 2, 5)
				d.Allocatable = &storagev1.VolumeNodeResources{Count: &count}
			}
			c.Spec.Drivers = append(c.Spec.Drivers, d)
		}
		g.objects = append(g.objects, c)
	}
	for range g.IntN(6) {
		g.volumes.free = append(g.volumes.free, g.volume(pick(g, "local", "local", "disk")))
	}
}

func (g *generator) volume(class string) *v1.PersistentVolume {
	v := g.volumes
	v.count++
	mode := v1.PersistentVolumeFilesystem
	pv := &v1.PersistentVolume{ObjectMeta: g.meta(fmt.Sprintf("pv-%03d", v.count), "")}
	pv.Spec = v1.PersistentVolumeSpec{
		Capacity:                      v1.ResourceList{v1.ResourceStorage: resource.MustParse(fmt.Sprintf("%dGi", 1+g.IntN(300)))},
		AccessModes:                   []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
		PersistentVolumeReclaimPolicy: v1.PersistentVolumeReclaimRetain, StorageClassName: class, VolumeMode: &mode,
	}
	pv.Status.Phase = v1.VolumeAvailable
	if g.chance(0.2) {
		pv.Spec.AccessModes = append(pv.Spec.AccessModes, v1.ReadOnlyMany)
	}
	if g.chance(0.3) {
		pv.Labels = map[string]string{"media": pick(g, "ssd", "hdd")}
	}
	in := func(key string, values ...string) {
		pv.Spec.NodeAffinity = &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
			MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: v1.NodeSelectorOpIn, Values: values}}}}}}
	}
	switch class {
	case "local":
		pv.Spec.Local = &v1.LocalVolumeSource{Path: "/mnt/d"}
		in(hostKey, g.nodes[g.IntN(len(g.nodes))].Name)
	case "ebs":
		pv.Spec.AWSElasticBlockStore = &v1.AWSElasticBlockStoreVolumeSource{VolumeID: fmt.Sprintf("vol-%d", v.count)}
	case "files":
		pv.Spec.CSI = &v1.CSIPersistentVolumeSource{Driver: "files.csi.example.com", VolumeHandle: fmt.Sprintf("vol-%d", v.count%5)}
	default:
		pv.Spec.CSI = &v1.CSIPersistentVolumeSource{Driver: classes[class].provisioner, VolumeHandle: fmt.Sprintf("vol-%d", v.count)}
		if g.chance(0.5) {
			in(zoneKey, pick(g, "z1", "z2", "z3"))
		}
	}
	if class != "local" && g.chance(0.35) {
		if pv.Labels == nil {
			pv.Labels = map[string]string{}
		}
		pv.Labels[pick(g, zoneKey, v1.LabelFailureDomainBetaZone)] = pick(g, "z1", "z2", "z1__z3")
	}
	g.objects = append(g.objects, pv)
	return pv
}

// claim makes a claim in some state of its life.
func (g *generator) claim(name, namespace string, bound bool) *v1.PersistentVolumeClaim {
	class, mode := pick(g, classNames...), v1.PersistentVolumeFilesystem
	c := &v1.PersistentVolumeClaim{ObjectMeta: g.meta(name, namespace)}
	c.Spec = v1.PersistentVolumeClaimSpec{
		AccessModes:      []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
		Resources:        v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse(pick(g, "1Gi", "5Gi", "40Gi"))}},
		StorageClassName: &class, VolumeMode: &mode,
	}
	if g.chance(0.15) {
		c.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteOncePod}
	}
	c.Status.Phase = v1.ClaimPending
	if bound {
		pv := g.volume(class)
		pv.Spec.AccessModes = c.Spec.AccessModes
		pv.Spec.ClaimRef = &v1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name, UID: c.UID}
		pv.Status.Phase = v1.VolumeBound
		c.Spec.VolumeName = pv.Name
		c.Status.Phase = v1.ClaimBound
		if g.chance(0.95) {
			c.Annotations = map[string]string{"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
		}
		switch {
		case g.chance(0.05):
			c.Spec.VolumeName = "pv-gone"
		case g.chance(0.03):
			c.Status.Phase = v1.ClaimLost
		default:
			g.volumes.bound = append(g.volumes.bound, pv)
		}
	} else {
		if g.chance(0.2) {
			c.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"media": pick(g, "ssd", "hdd")}}
		}
		if g.chance(0.15) {
			c.Annotations = map[string]string{"volume.kubernetes.io/selected-node": g.nodes[g.IntN(len(g.nodes))].Name}
		}
	}
	if g.chance(0.04) {
		c.DeletionTimestamp = &created
		c.Finalizers = []string{"kubernetes.io/pvc-protection"}
	}
	g.objects = append(g.objects, c)
	return c
}

func (g *generator) useVolumes(p *v1.Pod, placed bool) {
	if g.family != "volumes" && g.family != "mixed" {
		return
	}
	for i := 0; g.about("volumes", 0) && i < 3; i++ {
		volume := v1.Volume{Name: fmt.Sprintf("v%d", i)}
		shared := g.volumes.claims[p.Namespace]
		switch {
		case g.chance(0.1):
			volume.EmptyDir = &v1.EmptyDirVolumeSource{}
		case g.chance(0.06):
			// Written on the pod itself: one writer at a time.
			volume.GCEPersistentDisk = &v1.GCEPersistentDiskVolumeSource{PDName: pick(g, "pd-1", "pd-2"), ReadOnly: g.chance(0.4)}
		case g.chance(0.1):
			volume.Ephemeral = &v1.EphemeralVolumeSource{VolumeClaimTemplate: &v1.PersistentVolumeClaimTemplate{
				Spec: v1.PersistentVolumeClaimSpec{AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce}}}}
			if placed || g.chance(0.7) {
				c := g.claim(p.Name+"-"+volume.Name, p.Namespace, placed || g.chance(0.4))
				if g.chance(0.85) {
					yes := true
					c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: p.UID, Controller: &yes, BlockOwnerDeletion: &yes}}
				}
			}
		case len(shared) > 0 && g.chance(0.3):
			volume.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: shared[g.IntN(len(shared))]}
		default:
			name := fmt.Sprintf("%s-p%d", p.Name, i)
			if placed || g.chance(0.95) {
				g.claim(name, p.Namespace, placed || g.chance(0.45))
			}
			if placed {
				g.volumes.claims[p.Namespace] = append(shared, name)
			}
			volume.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: name}
		}
		p.Spec.Volumes = append(p.Spec.Volumes, volume)
	}
}

// attachments are volumes that a node has attached, with a pod there or without.
func (g *generator) attachments() {
	for i, pv := range g.volumes.bound {
		if pv.Spec.CSI == nil || !g.chance(0.3) {
			continue
		}
		name := pv.Name
		a := &storagev1.VolumeAttachment{ObjectMeta: g.meta(fmt.Sprintf("va-%d", i), "")}
		a.Spec = storagev1.VolumeAttachmentSpec{Attacher: pv.Spec.CSI.Driver, NodeName: g.nodes[g.IntN(len(g.nodes))].Name,
			Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &name}}
		a.Status.Attached = true
		g.objects = append(g.objects, a)
	}
}
