{{- define "gravel.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "gravel.host" -}}
{{ include "gravel.name" . }}.{{ .Release.Namespace }}.svc.cluster.local
{{- end -}}

{{- define "gravel.selector" -}}
app.kubernetes.io/name: gravel
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gravel.labels" -}}
{{ include "gravel.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- /* The address of its DNS as cert-manager wants it; IPv6 is in brackets. */ -}}
{{- define "gravel.nameserver" -}}
{{- if contains ":" .Values.dns.address }}[{{ .Values.dns.address }}]{{ else }}{{ .Values.dns.address }}{{ end }}:53
{{- end -}}

{{- define "gravel.stanza" -}}
{{ .Values.zone }}:53 {
    errors
    forward . {{ .Values.dns.address }}
}
{{- end -}}

{{- /* What a schema says less clearly. */ -}}
{{- define "gravel.check" -}}
{{- range $part := list "clusterIssuer" "webhook" "bridge" "state" -}}
{{- if and $.Values.pebble.enabled (get $.Values $part).enabled -}}
{{- fail (printf "pebble.enabled goes without %s.enabled: what stands in for Pebble has nothing of it" $part) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.caBundle (not .Values.seed) -}}
{{- fail "caBundle goes with the seed that it follows from: `gravel manifest values` prints both" -}}
{{- end -}}
{{- end -}}

{{- /*
All that is secret, as a JSON object; the same in every template of a render, and, on a cluster, in every upgrade.
Everything but the TLS CA follows from the seed, as in gravel/cluster_manifests.py.
*/ -}}
{{- define "gravel.keys" -}}
{{- if not (hasKey .Values "keys") -}}
{{- $name := include "gravel.name" . -}}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace $name).data | default dict -}}
{{- $seed := .Values.seed | default (get $kept "seed" | b64dec) | default (printf "1%s" (randNumeric 18)) -}}
{{- $keys := dict "seed" $seed "caBundle" .Values.caBundle "caCert" "" "caKey" "" -}}
{{- $_ := set $keys "managementToken" (printf "gravel management token %s" $seed | sha256sum | trunc 32) -}}
{{- $_ := set $keys "tsigSecret" (printf "gravel TSIG key %s" $seed | sha256sum | trunc 32 | b64enc) -}}
{{- if not .Values.caBundle -}}
{{- $ca := (lookup "v1" "Secret" .Release.Namespace (printf "%s-tls-ca" $name)).data -}}
{{- if $ca -}}
{{- $_ := set $keys "caCert" (index $ca "tls.crt" | b64dec) -}}
{{- $_ := set $keys "caKey" (index $ca "tls.key" | b64dec) -}}
{{- else -}}
{{- $made := genCA "gravel TLS CA" 3650 -}}
{{- $_ := set $keys "caCert" $made.Cert -}}
{{- $_ := set $keys "caKey" $made.Key -}}
{{- end -}}
{{- $_ := set $keys "caBundle" ($keys.caCert | b64enc) -}}
{{- end -}}
{{- $_ := set .Values "keys" $keys -}}
{{- end -}}
{{- .Values.keys | toJson -}}
{{- end -}}
