package fitcases

import (
	"fmt"
	"strings"

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
	"gce": {"kubernetes.io/gce-pd", false}, "cinder": {"kubernetes.io/cinder", false},
	"vsphere": {"kubernetes.io/vsphere-volume", false}, "azure": {"kubernetes.io/azure-disk", false},
}

var classNames = []string{"disk", "files", "cap", "local", "now", "ebs", "disk", "cap", "local", "ebs", "gce", "cinder", "vsphere", "azure"}

// inTree are the names of plugins whose work CSI does on a node, and their
// drivers with the labels that they give a node.
var inTree = []struct{ plugin, driver, zoneKey string }{
	{"kubernetes.io/aws-ebs", "ebs.csi.aws.com", "topology.ebs.csi.aws.com/zone"},
	{"kubernetes.io/gce-pd", "pd.csi.storage.gke.io", "topology.gke.io/zone"},
	{"kubernetes.io/cinder", "cinder.csi.openstack.org", "topology.cinder.csi.openstack.org/zone"},
	{"kubernetes.io/azure-disk", "disk.csi.azure.com", "topology.disk.csi.azure.com/zone"},
	{"kubernetes.io/portworx-volume", "pxd.portworx.com", ""},
	{"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com", ""},
}

func (g *generator) makeVolumes() {
	g.volumes = &volumes{claims: map[string][]string{}}
	if g.family != "volumes" && g.family != "mixed" {
		return
	}
	made := map[string]bool{}
	for _, name := range classNames {
		if made[name] {
			continue
		}
		made[name] = true
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
		drivers := []string{"disk.csi.example.com", "files.csi.example.com", "cap.csi.example.com"}
		var migrated []string
		for _, it := range inTree {
			if g.chance(0.7) {
				migrated = append(migrated, it.plugin)
			}
			drivers = append(drivers, it.driver)
			// A driver labels the nodes that it runs on.
			if zone, ok := n.Labels[zoneKey]; ok && it.zoneKey != "" && g.chance(0.8) {
				n.Labels[it.zoneKey] = zone
			}
		}
		c.Annotations = map[string]string{v1.MigratedPluginsAnnotationKey: strings.Join(migrated, ",")}
		for _, driver := range drivers {
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
		pv := g.volume(pick(g, "local", "local", "disk", "gce"))
		switch {
		case g.chance(0.1): // meant for a claim by its name
			pv.Spec.ClaimRef = &v1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: pick(g, namespaces...), Name: fmt.Sprintf("new-%02d-p%d", g.IntN(3), g.IntN(2))}
		case g.chance(0.05):
			pv.DeletionTimestamp = &created
			pv.Finalizers = []string{"kubernetes.io/pv-protection"}
		case g.chance(0.05):
			pv.Status.Phase = pick(g, v1.VolumeReleased, v1.VolumePending)
		}
		g.volumes.free = append(g.volumes.free, pv)
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
	if g.chance(0.06) {
		block := v1.PersistentVolumeBlock
		pv.Spec.VolumeMode = &block
	}
	if g.chance(0.06) {
		gold := "gold"
		pv.Spec.VolumeAttributesClassName = &gold
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
		pv.Spec.AWSElasticBlockStore = &v1.AWSElasticBlockStoreVolumeSource{VolumeID: fmt.Sprintf(pick(g, "vol-%d", "aws://z1/vol-%d", "aws:///vol-%d"), v.count)}
		if g.chance(0.3) {
			in(pick(g, zoneKey, v1.LabelFailureDomainBetaZone), pick(g, "z1", "z2"))
		}
	case "gce":
		pv.Spec.GCEPersistentDisk = &v1.GCEPersistentDiskVolumeSource{PDName: fmt.Sprintf("pd-%d", v.count)}
		if g.chance(0.3) {
			in(pick(g, zoneKey, hostKey), pick(g, "z1", "z2", "node-00"))
		}
	case "cinder":
		pv.Spec.Cinder = &v1.CinderPersistentVolumeSource{VolumeID: fmt.Sprintf("vol-%d", v.count)}
	case "azure":
		pv.Spec.AzureDisk = g.azureDisk(v.count)
	case "vsphere":
		pv.Spec.VsphereVolume = &v1.VsphereVirtualDiskVolumeSource{VolumePath: fmt.Sprintf("[ds] %d", v.count)}
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
	switch {
	case g.chance(0.15):
		c.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteOncePod}
	case g.chance(0.08):
		c.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce, v1.ReadOnlyMany}
	}
	if g.chance(0.04) {
		block := v1.PersistentVolumeBlock
		c.Spec.VolumeMode = &block
	}
	if g.chance(0.04) {
		gold := "gold"
		c.Spec.VolumeAttributesClassName = &gold
	}
	if g.chance(0.04) { // from before there was a field for it
		c.Spec.StorageClassName = nil
		c.Annotations = map[string]string{v1.BetaStorageClassAnnotation: class}
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
			c.Annotations = annotated(c.Annotations, "pv.kubernetes.io/bind-completed", "yes")
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
			c.Annotations = annotated(c.Annotations, "volume.kubernetes.io/selected-node", g.nodes[g.IntN(len(g.nodes))].Name)
		}
	}
	if g.chance(0.04) {
		c.DeletionTimestamp = &created
		c.Finalizers = []string{"kubernetes.io/pvc-protection"}
	}
	g.objects = append(g.objects, c)
	return c
}

func annotated(annotations map[string]string, key, value string) map[string]string {
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	return annotations
}

// azureDisk is a managed one most of the time; of the others the driver knows
// nothing.
func (g *generator) azureDisk(number int) *v1.AzureDiskVolumeSource {
	kind := pick(g, v1.AzureManagedDisk, v1.AzureManagedDisk, v1.AzureManagedDisk, v1.AzureSharedBlobDisk)
	return &v1.AzureDiskVolumeSource{DiskName: "d", DataDiskURI: fmt.Sprintf("/subscriptions/s/disks/%d", number), Kind: &kind}
}

// inline is a volume that is written on the pod itself.
func (g *generator) inline() v1.VolumeSource {
	readOnly, number := g.chance(0.4), g.IntN(3)
	switch g.IntN(7) {
	case 0:
		return v1.VolumeSource{AWSElasticBlockStore: &v1.AWSElasticBlockStoreVolumeSource{VolumeID: fmt.Sprintf("vol-%d", number), ReadOnly: readOnly}}
	case 1:
		return v1.VolumeSource{RBD: &v1.RBDVolumeSource{CephMonitors: []string{pick(g, "m1", "m2"), pick(g, "m3", "m4")}, RBDPool: pick(g, "", "rbd", "a"), RBDImage: pick(g, "i", "j"), ReadOnly: readOnly}}
	case 2:
		return v1.VolumeSource{ISCSI: &v1.ISCSIVolumeSource{TargetPortal: pick(g, "p1", "p2"), IQN: fmt.Sprintf("iqn.%d", number), ReadOnly: readOnly}}
	case 3:
		return v1.VolumeSource{Cinder: &v1.CinderVolumeSource{VolumeID: fmt.Sprintf("vol-%d", number)}}
	case 4:
		return v1.VolumeSource{AzureDisk: g.azureDisk(number)}
	case 5:
		return v1.VolumeSource{PortworxVolume: &v1.PortworxVolumeSource{VolumeID: fmt.Sprintf("px-%d", number)}}
	}
	return v1.VolumeSource{GCEPersistentDisk: &v1.GCEPersistentDiskVolumeSource{PDName: fmt.Sprintf("pd-%d", number), ReadOnly: readOnly}}
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
		case g.chance(0.15):
			volume.VolumeSource = g.inline()
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
