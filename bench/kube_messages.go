// Prints issuer_bridge/kube_api/messages.txt: the protobuf fields of the kinds that clients of Kubernetes send so,
// as the struct tags of k8s.io/api say. Run it in a module of its own: go mod init x && go get k8s.io/api && go run .
package main

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var roots = []any{
	core.ConfigMap{}, core.Event{}, core.Namespace{}, core.Pod{}, core.Secret{}, core.Service{}, core.ServiceAccount{},
	events.Event{}, networking.Ingress{}, coordination.Lease{}, meta.DeleteOptions{}, authentication.SelfSubjectReview{},
	authentication.TokenRequest{}, authentication.TokenReview{}, authorization.LocalSubjectAccessReview{},
	authorization.SelfSubjectAccessReview{}, authorization.SelfSubjectRulesReview{}, authorization.SubjectAccessReview{},
	rbac.ClusterRole{}, rbac.ClusterRoleBinding{}, rbac.Role{}, rbac.RoleBinding{},
}

// What JSON writes in a way of its own.
var scalars = map[string]string{
	"meta.v1.Time": "time", "meta.v1.MicroTime": "microtime", "meta.v1.FieldsV1": "json",
	"pkg.resource.Quantity": "quantity", "pkg.intstr.IntOrString": "intorstring",
}
var lines = map[string]string{}

func name(of reflect.Type) string {
	parts := strings.Split(of.PkgPath(), "/")
	return strings.Join(parts[max(len(parts)-2, 0):], ".") + "." + of.Name()
}

func code(of reflect.Type) string {
	if known, ok := scalars[strings.Replace(name(of), "util.", "pkg.", 1)]; ok {
		return known
	}
	if known, ok := scalars[strings.Replace(name(of), "api.", "pkg.", 1)]; ok {
		return known
	}
	switch of.Kind() {
	case reflect.Pointer:
		return code(of.Elem())
	case reflect.Map:
		if of.Elem().Kind() == reflect.Slice && of.Elem().Elem().Kind() == reflect.String {
			return "{}items"
		}
		return "{}" + code(of.Elem())
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + code(of.Elem())
	case reflect.Struct:
		walk(of)
		return name(of)
	case reflect.Bool:
		return "bool"
	case reflect.String:
		return "string"
	case reflect.Int32, reflect.Int64, reflect.Int:
		return "int"
	}
	panic(of.String())
}

func walk(of reflect.Type) {
	if _, seen := lines[name(of)]; seen {
		return
	}
	lines[name(of)] = ""
	lines[name(of)] = name(of) + strings.Join(fields(of), "")
}

func fields(of reflect.Type) (found []string) {
	for i := range of.NumField() {
		field := of.Field(i)
		json := strings.Split(field.Tag.Get("json"), ",")
		tag := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(tag) < 2 || json[0] == "-" {
			continue
		}
		if field.Anonymous && json[0] == "" && field.Type.Kind() == reflect.Struct {
			// JSON has the fields of an embedded struct at its own level, protobuf has a message.
			walk(field.Type)
			found = append(found, " "+tag[1]+"::"+name(field.Type))
			continue
		}
		kept := ""
		if field.Type.Kind() == reflect.Pointer || (len(json) < 2 && field.Type.Kind() != reflect.Struct) {
			kept = "!"
		}
		found = append(found, " "+tag[1]+":"+json[0]+":"+code(field.Type)+kept)
	}
	return
}

func main() {
	for _, root := range roots {
		walk(reflect.TypeOf(root))
	}
	names := []string{}
	for name := range lines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(lines[name])
	}
}
