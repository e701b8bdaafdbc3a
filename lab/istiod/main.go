// Command lab-istiod runs Istio's control plane from a directory of Kubernetes manifests, without Kubernetes.
//
// pilot-discovery since 1.30 dereferences a nil Kubernetes client at start; upstream's own tests inject the in-memory
// fake client (pilot/pkg/bootstrap/server_test.go), and so does this program. Everything else is istiod as released.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"unsafe"

	"istio.io/istio/pilot/pkg/bootstrap"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/log"
)

func main() {
	configDir := flag.String("config-dir", "", "directory of Kubernetes manifests, watched")
	meshConfig := flag.String("mesh-config", "", "mesh configuration file, watched")
	domain := flag.String("domain", "cluster.local", "DNS domain suffix of the mesh")
	flag.Parse()
	if err := run(*configDir, *meshConfig, *domain); err != nil {
		fmt.Fprintln(os.Stderr, "lab-istiod:", err)
		os.Exit(1)
	}
}

func run(configDir, meshConfig, domain string) error {
	if configDir == "" || meshConfig == "" {
		return fmt.Errorf("--config-dir and --mesh-config are required")
	}
	if err := log.Configure(log.DefaultOptions()); err != nil {
		return fmt.Errorf("configuring the log: %w", err)
	}
	args := bootstrap.NewPilotArgs(func(p *bootstrap.PilotArgs) {
		p.Namespace = "istio-system"
		p.MeshConfigFile = meshConfig
		p.RegistryOptions.FileDir = configDir
		p.RegistryOptions.Registries = nil
		p.RegistryOptions.KubeOptions.DomainSuffix = domain
		p.RegistryOptions.KubeOptions.ClusterID = "Kubernetes"
		p.ServerOptions = bootstrap.DiscoveryServerOptions{
			HTTPAddr:       ":8080",
			GRPCAddr:       ":15010",
			SecureGRPCAddr: ":15012",
			MonitoringAddr: ":15014",
		}
		// The introspection port would be one more listener that nobody uses.
		p.CtrlZOptions = nil
	})
	server, err := bootstrap.NewServer(args, injectFakeClient)
	if err != nil {
		return fmt.Errorf("creating istiod: %w", err)
	}
	stop := make(chan struct{})
	if err := server.Start(stop); err != nil {
		return fmt.Errorf("starting istiod: %w", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	close(stop)
	server.WaitUntilCompletion()
	return nil
}

// injectFakeClient sets the unexported field; no exported option reaches it.
func injectFakeClient(s *bootstrap.Server) {
	field := reflect.ValueOf(s).Elem().FieldByName("kubeClient")
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(kube.NewFakeClient()))
}
